//! The k-th smallest element.

use super::sum::Reduced;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, distinct, integers, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, sort};
use smallvec::smallvec;

/// The positions of `torch.kthvalue`, with a dimension of size 1.
struct Kth {
    k: usize,
    reduced: Reduced,
}

impl Op for Kth {
    fn name(&self) -> &'static str {
        "kthvalue"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.reduced.shape(x[0].shape()), DType::I64))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, block) = self.reduced.block(x[0]);
        dispatch_all!(x.dtype(), T => {
            sort::kth(self.k - 1, x.view::<T>().slice(), block, out[0].slice());
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

impl Tensor {
    /// The `k`-th smallest elements along a dimension, counted from 1, and their positions (`i64`). NaN counts as
    /// largest.
    /// [`torch.kthvalue`](https://docs.pytorch.org/docs/stable/generated/torch.kthvalue.html).
    ///
    /// # Panics
    /// If the dimension is out of range, `k` is 0 or more than its size, or the dtype is bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (value, position) = tensor![3.0, 1.0, 2.0].kthvalue(2, 0, false);
    /// assert_eq!((value.item::<f32>(), position.item::<i64>()), (2.0, 2));
    /// ```
    #[track_caller]
    pub fn kthvalue(&self, k: usize, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        ensure!(self.dtype() != DType::Bool, "kthvalue", "of bools; convert them with to_dtype(DType::U8)");
        let reduced = unwrap(Reduced::new("kthvalue", self, &Dims::from(dim), keepdim));
        let size = reduced.dims.first().map_or(1, |&d| self.shape()[d]);
        ensure!(
            (1..=size).contains(&k),
            "kthvalue",
            "k is {k}; along dimension {dim} of size {size} (shape {:?}) it must be from 1 to the size",
            self.shape()
        );
        kth(self, k, reduced)
    }
}

/// The k-th smallest elements of a dimension that has as many, for k from 1.
#[track_caller]
pub(crate) fn kth(x: &Tensor, k: usize, reduced: Reduced) -> (Tensor, Tensor) {
    let Some(&dim) = reduced.dims.first() else {
        return (x.copy(), Tensor::full((), 0i64));
    };
    let shape = reduced.shape(x.shape());
    let position = apply(Kth { k, reduced: Reduced { keepdim: true, ..reduced } }, &[&x.detach()]);
    let value = x.gather(dim as isize, &position);
    (value.reshape(&shape), position.reshape(&shape))
}

pub(crate) const CALLS: Calls = &[("kthvalue", |a| {
    let (x, k, dim, keepdim): (Tensor, _, _, _) =
        (a.get("input")?, a.get("k")?, a.or("dim", -1)?, a.or("keepdim", false)?);
    a.done(x.kthvalue(k, dim, keepdim))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.kthvalue(2)", [distinct(0, &[3, 4])], |x| x[0].kthvalue(2, -1, false)),
        sample("x0.kthvalue(3, 0, keepdim=True)", [distinct(1, &[3, 4])], |x| x[0].kthvalue(3, 0, true)),
        sample("x0.transpose(0, 1).kthvalue(1, 1)", [distinct(2, &[2, 3, 2])], |x| {
            x[0].transpose(0, 1).kthvalue(1, 1, false)
        }),
        sample("x0.kthvalue(1)", [distinct(3, &[])], |x| x[0].kthvalue(1, -1, false)),
        sample("x0.kthvalue(4)[0]", [integers(4, 9, &[2, 7])], |x| x[0].kthvalue(4, -1, false).0),
    ]
}
