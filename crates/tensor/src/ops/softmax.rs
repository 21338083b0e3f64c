//! Softmax, its logarithm, and softmin.

use super::index_select::around;
use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, check_float, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::dispatch_float;
use flambeau_kernels::softmax::{self, Softmax as Kind};
use smallvec::smallvec;

/// `torch.softmax` along a dimension, or its logarithm.
struct Softmax {
    dim: usize,
    kind: Kind,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        if self.kind == Kind::Log { "log_softmax" } else { "softmax" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        check_float(self.name(), x[0])?;
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_float!(x.dtype(), T => softmax::softmax(self.kind, x.view::<T>().slice(), block, out[0].slice()));
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::OUTPUT
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (g, y, dim) = (ctx.grad(), ctx.output(), self.dim as isize);
        if is_grad_enabled() {
            return smallvec![Some(match self.kind {
                Kind::Log => g - y.exp() * g.sum_dim(dim, true),
                _ => &y * (g - (g * &y).sum_dim(dim, true)),
            })];
        }
        let (g, block) = (g.contiguous(), around(y.shape(), self.dim));
        smallvec![Some(Tensor::compute(y.shape(), y.dtype(), |out| {
            dispatch_float!(y.dtype(), T => {
                softmax::backward(self.kind, g.view::<T>().slice(), y.view::<T>().slice(), block, out.slice());
            });
        }))]
    }
}

impl Tensor {
    /// exp(xᵢ) / Σⱼ exp(xⱼ) along a dimension, computed from xᵢ − max x so that it cannot overflow. PyTorch's argument
    /// `dtype` is `x.to_dtype(dtype).softmax(dim)`.
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
        apply(
            Softmax { dim: unwrap(normalize_dim("softmax", dim, self.shape())), kind: Kind::Plain },
            &[self],
        )
    }

    /// [`softmax`](Tensor::softmax), but zeros where everything is −∞ instead of NaN.
    #[track_caller]
    pub(crate) fn safe_softmax(&self, dim: isize) -> Tensor {
        apply(Softmax { dim: unwrap(normalize_dim("softmax", dim, self.shape())), kind: Kind::Safe }, &[self])
    }

    /// The softmax of −x: exp(−xᵢ) / Σⱼ exp(−xⱼ) along a dimension.
    /// [`torch.nn.functional.softmin`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softmin.html).
    ///
    /// # Panics
    /// As [`softmax`](Tensor::softmax).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1000.0].softmin(0).to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn softmin(&self, dim: isize) -> Tensor {
        (-self).softmax(dim)
    }

    /// xᵢ − log Σⱼ exp(xⱼ) along a dimension: the logarithm of [`softmax`](Tensor::softmax) without its loss of
    /// precision.
    /// [`torch.nn.functional.log_softmax`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html).
    ///
    /// # Panics
    /// As `softmax`.
    #[track_caller]
    pub fn log_softmax(&self, dim: isize) -> Tensor {
        apply(
            Softmax { dim: unwrap(normalize_dim("log_softmax", dim, self.shape())), kind: Kind::Log },
            &[self],
        )
    }
}

pub(crate) const CALLS: Calls = &[
    ("softmax", |a| call(a, false, Tensor::softmax)),
    ("log_softmax", |a| call(a, false, Tensor::log_softmax)),
    ("nn.functional.softmax", |a| call(a, true, Tensor::softmax)),
    ("nn.functional.log_softmax", |a| call(a, true, Tensor::log_softmax)),
    ("nn.functional.softmin", |a| call(a, true, Tensor::softmin)),
];

fn call(a: &mut Args<'_>, functional: bool, f: fn(&Tensor, isize) -> Tensor) -> Result<Vec<Tensor>> {
    let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dim")?);
    if functional {
        // How far up a warning points; it stands before the dtype.
        a.or("_stacklevel", 3_i64)?;
    }
    let x = a.opt("dtype")?.map_or(x.clone(), |dtype| x.to_dtype(dtype));
    a.done(f(&x, dim))
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.softmax(x0, 1)", [normal(0, &[3, 4])], |x| x[0].softmax(1)),
        sample("torch.softmax(x0, 0)", [normal(1, &[3, 4])], |x| x[0].softmax(0)),
        sample("torch.softmax(x0 * 300, -1)", [normal(2, &[2, 40])], |x| (&x[0] * 300.0).softmax(-1)),
        sample("torch.log_softmax(x0, 1)", [normal(3, &[2, 3, 4])], |x| x[0].log_softmax(1)),
        sample("torch.log_softmax(x0 * 100, -1)", [normal(4, &[2, 40])], |x| (&x[0] * 100.0).log_softmax(-1)),
        sample("F.softmin(x0, 1)", [normal(5, &[3, 4])], |x| x[0].softmin(1)),
        sample("F.softmin(x0.t() * 300, 0)", [normal(6, &[3, 4])], |x| (x[0].t() * 300.0).softmin(0)),
        sample("torch.softmax(x0, 0)", [normal(7, &[])], |x| x[0].softmax(0)),
        sample("F.softmax(x0, 0, dtype=torch.float64)", [integers(8, 9, &[6])], |x| {
            x[0].to_dtype(DType::F64).softmax(0)
        }),
        sample("torch.log_softmax(x0, 1)", [normal(9, &[2, 70, 3])], |x| x[0].log_softmax(1)),
    ]
}
