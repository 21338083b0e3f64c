//! The largest or smallest elements.

use super::sort::order;
use crate::door::Calls;
use crate::op::{ensure, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, distinct, sample};
use crate::{DType, Tensor};

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
        let positions = order(self, d, largest);
        let positions = if self.ndim() == 0 { positions } else { positions.narrow(dim, 0, k).contiguous() };
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
