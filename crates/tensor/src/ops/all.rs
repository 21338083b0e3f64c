//! Whether all, or any, elements are true: all, any.

use super::sum::Reduced;
use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Op, Output, apply, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::reduce;
use smallvec::smallvec;

/// `torch.all`, or `torch.any`, of bools.
struct Every {
    reduced: Reduced,
    all: bool,
}

impl Op for Every {
    fn name(&self) -> &'static str {
        if self.all { "all" } else { "any" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.reduced.shape(x[0].shape()), DType::Bool))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, block) = self.reduced.block(x[0]);
        let (x, out) = (x.view::<bool>(), out[0].slice());
        match self.all {
            true => reduce::reduce(reduce::Min, x.slice(), block, out),
            false => reduce::reduce(reduce::Max, x.slice(), block, out),
        }
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

#[track_caller]
fn every(x: &Tensor, reduced: Reduced, all: bool) -> Tensor {
    let flags = if x.dtype() == DType::Bool { x.clone() } else { x.ne(0) };
    let y = apply(Every { reduced, all }, &[&flags]);
    if x.dtype() == DType::U8 { y.to_dtype(DType::U8) } else { y }
}

impl Tensor {
    /// Whether no element is 0, 0-d; true if there are none. NaN is not 0. The result is `bool`, of `u8` `u8`.
    /// [`torch.all`](https://docs.pytorch.org/docs/stable/generated/torch.all.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert!(!tensor![1.0, 0.0].all().item::<bool>());
    /// ```
    #[track_caller]
    pub fn all(&self) -> Tensor {
        every(self, Reduced::all(self), true)
    }

    /// [`all`](Tensor::all) over the dimensions given (an empty list: all), which are removed, or stay with size 1 if
    /// `keepdim`.
    ///
    /// # Panics
    /// If a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 0.0], [2.0, 3.0]].all_dim(1, false).to_vec::<bool>(), [false, true]);
    /// ```
    #[track_caller]
    pub fn all_dim(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        every(self, unwrap(Reduced::new("all", self, &dims.into(), keepdim)), true)
    }

    /// Whether an element is not 0, 0-d; false if there are none. NaN is not 0. The result is `bool`, of `u8` `u8`.
    /// [`torch.any`](https://docs.pytorch.org/docs/stable/generated/torch.any.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert!(tensor![1.0, 0.0].any().item::<bool>());
    /// ```
    #[track_caller]
    pub fn any(&self) -> Tensor {
        every(self, Reduced::all(self), false)
    }

    /// [`any`](Tensor::any) over the dimensions given (an empty list: all), which are removed, or stay with size 1 if
    /// `keepdim`.
    ///
    /// # Panics
    /// If a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 0.0], [0.0, 0.0]].any_dim(1, false).to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn any_dim(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        every(self, unwrap(Reduced::new("any", self, &dims.into(), keepdim)), false)
    }
}

pub(crate) const CALLS: Calls = &[("all", |a| call(a, true)), ("any", |a| call(a, false))];

fn call(a: &mut Args<'_>, all: bool) -> Result<Vec<Tensor>> {
    let (x, dims, keepdim): (Tensor, Option<Dims>, bool) =
        (a.get("input")?, a.opt("dim")?, a.or("keepdim", false)?);
    let reduced = match dims {
        None => Reduced { keepdim, ..Reduced::all(&x) },
        // An empty list reduces nothing, other than in sums.
        Some(dims) if dims.0.is_empty() => Reduced { dims: smallvec![], keepdim },
        Some(dims) => Reduced::new(if all { "all" } else { "any" }, &x, &dims, keepdim)?,
    };
    a.done(every(&x, reduced, all))
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.all()", [normal(0, &[3, 4])], |x| x[0].all()),
        sample("(x0 > 0).any(1)", [normal(1, &[3, 2])], |x| x[0].gt(0.0).any_dim(1, false)),
        sample("x0.t().all(0)", [integers(2, 3, &[3, 4])], |x| x[0].t().all_dim(0, false)),
        sample("x0.any((0, -1), keepdim=True)", [integers(3, 2, &[2, 3, 2])], |x| {
            x[0].any_dim([0, -1], true)
        }),
        sample("x0.any()", [integers(4, 2, &[])], |x| x[0].any()),
        sample("x0.to(torch.uint8).all(0)", [integers(5, 3, &[2, 4])], |x| {
            x[0].to_dtype(DType::U8).all_dim(0, false)
        }),
        sample("x0[:0].all(), x0[:0].any()", [integers(6, 3, &[2, 4])], |x| {
            let none = x[0].narrow(0, 0, 0);
            (none.all(), none.any())
        }),
    ]
}
