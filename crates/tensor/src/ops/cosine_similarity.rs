//! The cosine of the angle between vectors.

use crate::Tensor;
use crate::door::Calls;
use crate::op::{ensure, unwrap};
use crate::pointwise::result_type;
use crate::shape::broadcast_shape;
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// x · y / (max(‖x‖₂, eps) · max(‖y‖₂, eps)) along a dimension of both, broadcast; the dimension is removed. The
    /// gradient of a norm is as if it were not raised to `eps`. PyTorch's defaults are dim = 1 and eps = 1e-8.
    /// [`torch.nn.functional.cosine_similarity`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, the dimension is out of range, or neither dtype is a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (x, y) = (tensor![[3.0, 4.0], [1.0, 0.0]], tensor![[6.0, 8.0], [0.0, 2.0]]);
    /// assert_eq!(x.cosine_similarity(&y, 1, 1e-8).to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn cosine_similarity(&self, other: &Tensor, dim: isize, eps: f64) -> Tensor {
        let op = "cosine_similarity";
        let dtype = result_type(&[self, other]);
        ensure!(
            dtype.is_float(),
            op,
            "of tensors of {} and {}; convert one with to_dtype",
            self.dtype(),
            other.dtype()
        );
        let shape = unwrap(broadcast_shape(op, &[self, other]));
        let unit = |x: &Tensor| {
            let x = x.to_dtype(dtype).expand(&shape);
            let norm = x.norm_dim(2.0, dim, true);
            let raised = &norm - norm.detach() + eps;
            &x / Tensor::where_(&norm.lt(eps), &raised, &norm)
        };
        (unit(self) * unit(other)).sum_dim(dim, false)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.cosine_similarity", |a| {
    let (x, y): (Tensor, Tensor) = (a.get("x1")?, a.get("x2")?);
    let (dim, eps) = (a.or("dim", 1)?, a.or("eps", 1e-8)?);
    a.done(x.cosine_similarity(&y, dim, eps))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let pair = |a: &[usize], b: &[usize]| [normal(0, a), normal(1, b)];
    vec![
        sample("F.cosine_similarity(x0, x1)", pair(&[3, 4], &[3, 4]), |x| {
            x[0].cosine_similarity(&x[1], 1, 1e-8)
        }),
        sample("F.cosine_similarity(x0.t(), x1, dim=0)", pair(&[2, 3], &[3, 1]), |x| {
            x[0].t().cosine_similarity(&x[1], 0, 1e-8)
        }),
        sample("F.cosine_similarity(x0, x1, dim=-1)", pair(&[5], &[2, 5]), |x| {
            x[0].cosine_similarity(&x[1], -1, 1e-8)
        }),
        sample("F.cosine_similarity(x0, x1, eps=2.5)", pair(&[4, 5], &[4, 5]), |x| {
            x[0].cosine_similarity(&x[1], 1, 2.5)
        })
        .not_smooth(),
        sample("F.cosine_similarity(x0 * 0, x1)", pair(&[2, 3], &[2, 3]), |x| {
            (&x[0] * 0.0).cosine_similarity(&x[1], 1, 1e-8)
        })
        .not_smooth(),
    ]
}
