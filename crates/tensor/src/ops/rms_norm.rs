//! Root-mean-square normalisation.

use crate::door::Calls;
use crate::norm::{Norm, Sets, last_dims};
use crate::op::unwrap;
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use crate::{DType, Tensor};

impl Tensor {
    /// x / √(Σ x² / n + eps) · weight over the last dimensions, whose sizes `normalized_shape` repeats; the weight has
    /// that shape. Without `eps` it is the distance of 1 to the next number of the dtype, as in PyTorch.
    /// [`torch.nn.functional.rms_norm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rms_norm.html);
    /// [Zhang and Sennrich, 2019](https://arxiv.org/abs/1910.07467).
    ///
    /// # Panics
    /// If `normalized_shape` is empty or not the input's last sizes, the weight has another shape, or the dtypes are not
    /// the same float type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let y = tensor![3.0, -3.0].rms_norm(2, None, None).to_vec::<f32>();
    /// assert!((y[0] - 1.0).abs() < 1e-6 && (y[1] + 1.0).abs() < 1e-6);
    /// ```
    #[track_caller]
    pub fn rms_norm(
        &self,
        normalized_shape: impl Into<Shape>,
        weight: Option<&Tensor>,
        eps: Option<f64>,
    ) -> Tensor {
        let shape = normalized_shape.into();
        let block = unwrap(last_dims("rms_norm", self, &shape));
        let smallest = if self.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        let norm = Norm::new("rms_norm", block, Sets::RootMeanSquare(block[1]), eps.unwrap_or(smallest));
        norm.apply(self, weight, None, &shape)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.rms_norm", |a| {
    let (x, shape): (Tensor, Vec<usize>) = (a.get("input")?, a.get("normalized_shape")?);
    let (weight, eps): (Option<Tensor>, Option<f64>) = (a.opt("weight")?, a.opt("eps")?);
    a.done(x.rms_norm(shape, weight.as_ref(), eps))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.rms_norm(x0, [5], x1)", [normal(0, &[2, 3, 5]), normal(1, &[5])], |x| {
            x[0].rms_norm(5, Some(&x[1]), None)
        }),
        sample("F.rms_norm(x0, [3, 2], x1, 0.1)", [normal(2, &[2, 3, 2]), normal(3, &[3, 2])], |x| {
            x[0].rms_norm([3, 2], Some(&x[1]), Some(0.1))
        }),
        sample("F.rms_norm(x0.t(), [3])", [normal(4, &[3, 4])], |x| x[0].t().rms_norm(3, None, None)),
    ]
}
