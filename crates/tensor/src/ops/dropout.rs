//! Dropout.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure};
use crate::testing::{Sample, normal, sample};
use crate::{DType, Error, Result, Tensor, random};
use flambeau_kernels::{dispatch_float, dropout};
use smallvec::smallvec;

/// Dropout with the mask of one place in a seed's stream: the backward pass computes it again.
#[derive(Clone, Copy)]
struct Dropout {
    p: f64,
    stream: random::Stream,
}

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        if !x[0].dtype().is_float() {
            return Err(Error::op(
                "dropout",
                format!("of a tensor of {}; convert it with to_dtype", x[0].dtype()),
            ));
        }
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let random::Stream { seed, offset } = self.stream;
        dispatch_float!(x.dtype(), T => dropout::dropout(x.view::<T>().slice(), self.p, seed, offset, out[0].slice()));
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(*self, &[ctx.grad()]))]
    }
}

impl Tensor {
    /// In training, sets each element to 0 with probability p and multiplies the others with 1/(1 − p), so that
    /// the expected value stays; in evaluation, the input itself. PyTorch's default p is 0.5.
    /// [`torch.nn.functional.dropout`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html);
    /// Srivastava et al., 2014.
    ///
    /// # Panics
    /// If p is not between 0 and 1, or the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let y = Tensor::ones([1000]).dropout(0.5, true);
    /// assert!(y.to_vec::<f32>().iter().all(|&v| v == 0.0 || v == 2.0));
    /// ```
    #[track_caller]
    pub fn dropout(&self, p: f64, training: bool) -> Tensor {
        ensure!((0.0..=1.0).contains(&p), "dropout", "p is a probability from 0 to 1, not {p}");
        if !training || p == 0.0 {
            return self.clone();
        }
        apply(Dropout { p, stream: random::reserve(self.numel(), DType::F32) }, &[self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.dropout", |a| {
    let (x, p, training): (Tensor, f64, bool) = (a.get("input")?, a.or("p", 0.5)?, a.or("training", true)?);
    a.or("inplace", false)?;
    a.done(x.dropout(p, training))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let fixed =
        |x: &[Tensor]| apply(Dropout { p: 0.4, stream: random::Stream { seed: 3, offset: 0 } }, &[&x[0]]);
    vec![
        sample("F.dropout(x0, 0.3, training=False)", [normal(0, &[3, 4])], |x| x[0].dropout(0.3, false)),
        sample("F.dropout(x0, 1.0)", [normal(0, &[3, 4])], |x| x[0].dropout(1.0, true)),
        // PyTorch's random numbers are others: the mask is spelled out.
        sample(
            "x0 * torch.tensor([[1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]]) / 0.6",
            [normal(1, &[3, 4])],
            fixed,
        ),
    ]
}
