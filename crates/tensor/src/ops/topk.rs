//! The largest or smallest elements.

use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, distinct, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, sort};
use smallvec::smallvec;

/// The positions of `torch.topk`.
struct TopK {
    k: usize,
    dim: usize,
    largest: bool,
}

impl Op for TopK {
    fn name(&self) -> &'static str {
        "topk"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let mut shape = x[0].shape_ref().clone();
        if let Some(size) = shape.get_mut(self.dim) {
            *size = self.k;
        }
        Ok(Output::New(shape, DType::I64))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_all!(x.dtype(), T => {
            sort::topk(self.largest, self.k, x.view::<T>().slice(), block, out[0].slice());
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

impl Tensor {
    /// The `k` largest elements along a dimension in descending order, or the smallest in ascending order, and their
    /// positions (`i64`). NaN counts as largest.
    /// [`torch.topk`](https://docs.pytorch.org/docs/stable/generated/torch.topk.html), always sorted.
    ///
    /// # Panics
    /// If the dimension is out of range or has fewer than `k` elements, or the dtype is bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (values, positions) = tensor![3.0, 1.0, 2.0].topk(2, 0, true);
    /// assert_eq!((values.to_vec::<f32>(), positions.to_vec::<i64>()), (vec![3.0, 2.0], vec![0, 2]));
    /// ```
    #[track_caller]
    pub fn topk(&self, k: usize, dim: isize, largest: bool) -> (Tensor, Tensor) {
        ensure!(self.dtype() != DType::Bool, "topk", "of bools; convert them with to_dtype(DType::U8)");
        let d = unwrap(normalize_dim("topk", dim, self.shape()));
        let size = self.shape().get(d).copied().unwrap_or(1);
        ensure!(
            k <= size,
            "topk",
            "k is {k}; along dimension {dim} of size {size} (shape {:?}) it must be at most the size",
            self.shape()
        );
        let k = if self.ndim() == 0 { 1 } else { k };
        let positions = apply(TopK { k, dim: d, largest }, &[&self.detach()]);
        (self.gather(dim, &positions), positions)
    }
}

pub(crate) const CALLS: Calls = &[("topk", |a| {
    let (x, k, dim, largest): (Tensor, _, _, _) =
        (a.get("input")?, a.get("k")?, a.or("dim", -1)?, a.or("largest", true)?);
    // Without, the order would be free; it is always sorted.
    a.or("sorted", true)?;
    a.done(x.topk(k, dim, largest))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.topk(2)", [distinct(0, &[3, 4])], |x| x[0].topk(2, -1, true)),
        sample("x0.topk(2, 0, largest=False)", [distinct(1, &[3, 4])], |x| x[0].topk(2, 0, false)),
        sample("x0.t().topk(3, 0, True, True)", [distinct(2, &[2, 5])], |x| x[0].t().topk(3, 0, true)),
        sample("x0.topk(1)", [distinct(3, &[])], |x| x[0].topk(1, -1, true)),
    ]
}
