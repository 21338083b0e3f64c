//! Softmax and its logarithm.

use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, normal, sample};
use crate::{Error, Result, Tensor};
use flambeau_kernels::{dispatch_float, softmax};
use smallvec::smallvec;

/// `torch.softmax` along a dimension, or its logarithm.
struct Softmax {
    dim: usize,
    log: bool,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        if self.log { "log_softmax" } else { "softmax" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        if !x[0].dtype().is_float() {
            return Err(Error::op(
                self.name(),
                format!("of a tensor of {}; convert it with to_dtype", x[0].dtype()),
            ));
        }
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_float!(x.dtype(), T => softmax::softmax(self.log, x.view::<T>().slice(), block, out[0].slice()));
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::OUTPUT
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (g, y, dim) = (ctx.grad(), ctx.output(), self.dim as isize);
        smallvec![Some(match self.log {
            true => g - y.exp() * g.sum_dim(dim, true),
            false => &y * (g - (g * &y).sum_dim(dim, true)),
        })]
    }
}

impl Tensor {
    /// exp(xᵢ) / Σⱼ exp(xⱼ) along a dimension, computed from xᵢ − max x so that it cannot overflow.
    /// [`torch.softmax`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html).
    ///
    /// # Panics
    /// If the dimension is out of range or the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1000.0, 1000.0].softmax(0).to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    #[track_caller]
    pub fn softmax(&self, dim: isize) -> Tensor {
        apply(Softmax { dim: unwrap(normalize_dim("softmax", dim, self.ndim())), log: false }, &[self])
    }

    /// xᵢ − log Σⱼ exp(xⱼ) along a dimension: the logarithm of [`softmax`](Tensor::softmax) without its loss of
    /// precision.
    /// [`torch.nn.functional.log_softmax`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html).
    ///
    /// # Panics
    /// As `softmax`.
    #[track_caller]
    pub fn log_softmax(&self, dim: isize) -> Tensor {
        apply(Softmax { dim: unwrap(normalize_dim("log_softmax", dim, self.ndim())), log: true }, &[self])
    }
}

pub(crate) const CALLS: Calls = &[("softmax", |a| call(a, false)), ("log_softmax", |a| call(a, true))];

fn call(a: &mut Args<'_>, log: bool) -> Result<Vec<Tensor>> {
    let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dim")?);
    let x = a.key("dtype")?.map_or(x.clone(), |dtype| x.to_dtype(dtype));
    a.done(if log { x.log_softmax(dim) } else { x.softmax(dim) })
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.softmax(x0, 1)", [normal(0, &[3, 4])], |x| x[0].softmax(1)),
        sample("torch.softmax(x0, 0)", [normal(1, &[3, 4])], |x| x[0].softmax(0)),
        sample("torch.softmax(x0 * 300, -1)", [normal(2, &[2, 40])], |x| (&x[0] * 300.0).softmax(-1)),
        sample("torch.log_softmax(x0, 1)", [normal(3, &[2, 3, 4])], |x| x[0].log_softmax(1)),
        sample("torch.log_softmax(x0 * 100, -1)", [normal(4, &[2, 40])], |x| (&x[0] * 100.0).log_softmax(-1)),
    ]
}
