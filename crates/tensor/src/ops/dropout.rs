//! Dropout: of elements, of whole channels, and for self-normalising networks.

use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Op, Output, apply, check_float, ensure, unwrap};
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use crate::{DType, Result, Tensor, random};
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
        check_float("dropout", x[0])?;
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

    /// [`dropout`](Tensor::dropout) of whole channels: of an input (N, C, …), usually (N, C, H, W), each of the N · C maps
    /// is set to 0 or kept as a whole. Neighbouring pixels are alike, so that one dropped alone would not be missed.
    /// [`torch.nn.functional.dropout2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html);
    /// Tompson et al. 2015, <https://arxiv.org/abs/1411.4280>.
    ///
    /// # Panics
    /// If there are fewer than two dimensions, p is not between 0 and 1, or the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let y = Tensor::ones([2, 50, 3, 3]).dropout2d(0.5, true);
    /// assert!(y.to_vec::<f32>().chunks(9).all(|map| map.iter().all(|&v| v == map[0])));
    /// ```
    #[track_caller]
    pub fn dropout2d(&self, p: f64, training: bool) -> Tensor {
        check("dropout2d", self, p);
        let shape = self.shape();
        ensure!(shape.len() >= 2, "dropout2d", "an input of shape {shape:?}; it takes (N, C, …)");
        if !training || p == 0.0 {
            return self.clone();
        }
        let maps: Shape = shape[..2].iter().copied().chain(vec![1; shape.len() - 2]).collect();
        self * Tensor::full_as(1.0, maps, self.dtype()).dropout(p, true)
    }

    /// Dropout that keeps mean 0 and variance 1, for networks with [`selu`](Tensor::selu): in training, each element
    /// becomes SELU's lower limit α' = −1.7581 with probability p, and all are then scaled by a = 1 / √((1 − p)(1 + p α'²))
    /// and shifted by −a p α'; in evaluation, the input itself. PyTorch's default p is 0.5.
    /// [`torch.nn.functional.alpha_dropout`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.alpha_dropout.html);
    /// Klambauer et al. 2017, <https://arxiv.org/abs/1706.02515>.
    ///
    /// # Panics
    /// If p is not between 0 and 1, or the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let x = Tensor::randn([10_000]);
    /// let y = x.alpha_dropout(0.3, true);
    /// assert!(y.mean().item::<f32>().abs() < 0.1 && (y.square().mean().item::<f32>() - 1.0).abs() < 0.1);
    /// ```
    #[track_caller]
    pub fn alpha_dropout(&self, p: f64, training: bool) -> Tensor {
        check("alpha_dropout", self, p);
        if !training || p == 0.0 {
            return self.clone();
        }
        if p == 1.0 {
            return self * 0.0;
        }
        alpha(self, p, |x| x.dropout(p, true))
    }
}

/// Refuses what no dropout takes.
#[track_caller]
fn check(op: &'static str, x: &Tensor, p: f64) {
    ensure!((0.0..=1.0).contains(&p), op, "p is a probability from 0 to 1, not {p}");
    unwrap(check_float(op, x));
}

/// Alpha dropout by plain dropout of x − α'.
fn alpha(x: &Tensor, p: f64, dropout: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    const LIMIT: f64 = -1.758_099_340_847_376_6;
    // Over √(1 − p) instead of times 1 − p: dropout has divided by 1 − p.
    let scale = ((1.0 - p) / (1.0 + p * LIMIT * LIMIT)).sqrt();
    (dropout(&(x - LIMIT)) + LIMIT) * scale
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.dropout", |a| call(a, 0.5, true, Tensor::dropout)),
    ("nn.functional.dropout2d", |a| call(a, 0.5, true, Tensor::dropout2d)),
    // By itself, this one is in evaluation mode.
    ("nn.functional.alpha_dropout", |a| call(a, 0.5, false, Tensor::alpha_dropout)),
];

fn call(
    a: &mut Args<'_>,
    p: f64,
    training: bool,
    f: fn(&Tensor, f64, bool) -> Tensor,
) -> Result<Vec<Tensor>> {
    let (x, p, training): (Tensor, f64, bool) = (a.get("input")?, a.or("p", p)?, a.or("training", training)?);
    a.or("inplace", false)?;
    a.done(f(&x, p, training))
}

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
        sample("F.dropout2d(x0, 0.3, training=False)", [normal(2, &[2, 3, 2, 2])], |x| {
            x[0].dropout2d(0.3, false)
        }),
        sample("F.dropout2d(x0, 1.0)", [normal(2, &[2, 3, 2, 2])], |x| x[0].dropout2d(1.0, true)),
        sample("F.alpha_dropout(x0, 0.3)", [normal(3, &[4])], |x| x[0].alpha_dropout(0.3, false)),
        sample("F.alpha_dropout(x0, 1.0, True)", [normal(3, &[4])], |x| x[0].alpha_dropout(1.0, true)),
        // The formula of PyTorch's source with the same mask as above.
        sample(
            "(lambda m, s, k: (x0 * m + (m - 1) * k + k * 0.4) * s)(torch.tensor([[1, 0, 1, 1], [0, 1, 0, 1], \
             [1, 1, 1, 0]]).double(), ((1.7580993408473766 ** 2 * 0.4 + 1) * 0.6) ** -0.5, 1.7580993408473766)",
            [normal(1, &[3, 4])],
            move |x| alpha(&x[0], 0.4, |x| fixed(std::slice::from_ref(x))),
        ),
    ]
}
