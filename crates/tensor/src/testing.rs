//! What the op table is checked with: samples, and gradients against finite differences.

use crate::autograd::{BackwardOptions, grad};
use crate::{DType, Tensor, no_grad, random};
use flambeau_kernels::rng;

/// A call of an op, from which come its gradient checks, its recorded PyTorch values and its benchmarks.
pub struct Sample {
    /// The same call in PyTorch, with inputs x0, x1, …; `F` is `torch.nn.functional`.
    pub torch: &'static str,
    /// The inputs; floats are `f64`.
    pub inputs: Vec<Tensor>,
    /// The call.
    pub call: Call,
    /// Whether the call has a derivative there that differences can find: not at ties, and not through `detach`.
    pub smooth: bool,
}

impl Sample {
    /// A sample whose gradients are compared with PyTorch's alone.
    pub fn not_smooth(self) -> Sample {
        Sample { smooth: false, ..self }
    }
}

/// A call of an op on its inputs.
pub type Call = Box<dyn Fn(&[Tensor]) -> Vec<Tensor> + Send + Sync>;

/// One output or several.
pub trait IntoOutputs {
    /// As a list.
    fn into_outputs(self) -> Vec<Tensor>;
}
impl IntoOutputs for Tensor {
    fn into_outputs(self) -> Vec<Tensor> {
        vec![self]
    }
}
impl IntoOutputs for (Tensor, Tensor) {
    fn into_outputs(self) -> Vec<Tensor> {
        vec![self.0, self.1]
    }
}
impl IntoOutputs for Vec<Tensor> {
    fn into_outputs(self) -> Vec<Tensor> {
        self
    }
}

/// A [`Sample`].
pub fn sample<R: IntoOutputs>(
    torch: &'static str,
    inputs: impl IntoIterator<Item = Tensor>,
    call: impl Fn(&[Tensor]) -> R + Send + Sync + 'static,
) -> Sample {
    Sample {
        torch,
        inputs: inputs.into_iter().collect(),
        call: Box::new(move |x| call(x).into_outputs()),
        smooth: true,
    }
}

/// Normal random numbers in f64, the same on every call; the seed makes inputs differ.
pub fn normal(seed: u64, shape: &[usize]) -> Tensor {
    let n = shape.iter().product::<usize>() as u64;
    Tensor::from_vec((0..n).map(|i| rng::normal_f64(seed + 1000, i)).collect(), shape)
}

/// As [`normal`], but uniform between 0.2 and 2: for logarithms, roots and powers.
pub fn positive(seed: u64, shape: &[usize]) -> Tensor {
    let n = shape.iter().product::<usize>() as u64;
    Tensor::from_vec((0..n).map(|i| 0.2 + 1.8 * rng::uniform_f64(seed + 2000, i)).collect(), shape)
}

/// Integers from 0 to below `high`, i64.
pub fn integers(seed: u64, high: u64, shape: &[usize]) -> Tensor {
    let n = shape.iter().product::<usize>() as u64;
    Tensor::from_vec((0..n).map(|i| rng::below(seed + 3000, i, high) as i64).collect(), shape)
}

/// The numbers 0 to n − 1 in a random order, spread so that no two are close: for maxima without ties.
pub fn distinct(seed: u64, shape: &[usize]) -> Tensor {
    let n = shape.iter().product::<usize>();
    let order = random::permutation(seed, 0, n);
    Tensor::from_vec(order.into_iter().map(|i| i as f64 * 0.3 - 1.0).collect(), shape)
}

/// Fixed weights that make a scalar of an output, so that no gradient cancels.
fn cotangent(like: &Tensor) -> Tensor {
    normal(77, like.shape())
}

/// Checks the gradient of every `f64` input of `f` against central differences (`torch.autograd.gradcheck`),
/// and with `second` the gradient of that gradient too (`gradgradcheck`).
///
/// # Errors
/// The first input and element whose gradient differs by more than 1e-5 + 1e-4·|expected|.
pub fn gradcheck(
    f: &dyn Fn(&[Tensor]) -> Vec<Tensor>,
    inputs: &[Tensor],
    second: bool,
) -> Result<(), String> {
    // A scalar of all floating-point outputs.
    let scalar = |x: &[Tensor]| {
        let outputs = f(x).into_iter().filter(|y| y.dtype().is_float());
        outputs.map(|y| (&y * cotangent(&y)).sum()).reduce(|a, b| a + b)
    };
    check("first", &scalar, inputs)?;
    if second {
        let gradient = |x: &[Tensor]| {
            let y = scalar(x).filter(Tensor::requires_grad)?;
            let wrt: Vec<&Tensor> = x.iter().filter(|x| x.requires_grad()).collect();
            let options = BackwardOptions { create_graph: true, ..Default::default() };
            let gradients = grad(&[&y], &wrt, &options).ok()?.into_iter().flatten();
            gradients.filter(Tensor::requires_grad).map(|g| (&g * cotangent(&g)).sum()).reduce(|a, b| a + b)
        };
        check("second", &gradient, inputs)?;
    }
    Ok(())
}

fn check(order: &str, f: &dyn Fn(&[Tensor]) -> Option<Tensor>, inputs: &[Tensor]) -> Result<(), String> {
    let leaves = |values: &[Tensor]| -> Vec<Tensor> {
        let leaf =
            |x: &Tensor| if x.dtype() == DType::F64 { x.copy().detach().requires_grad_() } else { x.clone() };
        values.iter().map(leaf).collect()
    };
    let x = leaves(inputs);
    let Some(y) = f(&x).filter(Tensor::requires_grad) else { return Ok(()) };
    let floats: Vec<usize> = (0..x.len()).filter(|&i| x[i].requires_grad()).collect();
    let wrt: Vec<&Tensor> = floats.iter().map(|&i| &x[i]).collect();
    let analytic = grad(&[&y], &wrt, &BackwardOptions::default()).map_err(|e| e.to_string())?;
    let step = 1e-6;
    for (&i, analytic) in floats.iter().zip(analytic) {
        let base = inputs[i].to_vec::<f64>();
        let analytic = analytic.map_or(vec![0.0; base.len()], |g| g.to_vec::<f64>());
        for (e, &analytic) in analytic.iter().enumerate() {
            let at = |delta: f64| {
                let mut values = inputs.to_vec();
                let mut moved = base.clone();
                moved[e] += delta;
                values[i] = Tensor::from_vec(moved, inputs[i].shape());
                // The second order needs a graph to differentiate; the first would only waste it.
                let run = || f(&leaves(&values)).map_or(0.0, |y| y.item::<f64>());
                if order == "first" { no_grad(run) } else { run() }
            };
            let numeric = (at(step) - at(-step)) / (2.0 * step);
            let error = (numeric - analytic).abs();
            if error.is_nan() || error > 1e-5 + 1e-4 * numeric.abs() {
                return Err(format!(
                    "{order} gradient of input {i} (shape {:?}) at element {e}: {analytic}, by differences {numeric}",
                    inputs[i].shape()
                ));
            }
        }
    }
    Ok(())
}
