//! Means over dimensions.

use super::sum::Reduced;
use crate::Tensor;
use crate::door::Calls;
use crate::op::{check_float, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, normal, sample};

#[track_caller]
fn mean(x: &Tensor, dims: Dims, keepdim: bool) -> Tensor {
    unwrap(check_float("mean", x));
    let reduced = unwrap(Reduced::new("mean", x, &dims, keepdim));
    let count: f64 = reduced.dims.iter().map(|&d| x.shape()[d] as f64).product();
    x.sum_dim(dims, keepdim) / count
}

impl Tensor {
    /// Σ x / n over all n elements, 0-d; NaN if there are none.
    /// [`torch.mean`](https://docs.pytorch.org/docs/stable/generated/torch.mean.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 6.0].mean().item::<f32>(), 3.0);
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Tensor {
        mean(self, Dims::all(), false)
    }

    /// The mean over the dimensions given (an empty list: all), which are removed, or stay with size 1 if `keepdim`.
    ///
    /// # Panics
    /// If the dtype is not a floating-point type, or a dimension is out of range or appears twice.
    #[track_caller]
    pub fn mean_dim(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        mean(self, dims.into(), keepdim)
    }
}

pub(crate) const CALLS: Calls = &[("mean", |a| {
    let (x, dims, keepdim): (Tensor, Dims, bool) =
        (a.get("input")?, a.or("dim", Dims::all())?, a.or("keepdim", false)?);
    let x = a.key("dtype")?.map_or(x.clone(), |dtype| x.to_dtype(dtype));
    a.done(x.mean_dim(dims, keepdim))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.mean()", [normal(0, &[3, 4])], |x| x[0].mean()),
        sample("x0.mean((0, -1))", [normal(1, &[2, 3, 4])], |x| x[0].mean_dim([0, -1], false)),
        sample("x0.mean(1, keepdim=True)", [normal(2, &[2, 3])], |x| x[0].mean_dim(1, true)),
    ]
}
