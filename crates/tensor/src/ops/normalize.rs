//! Division by a norm.

use crate::Tensor;
use crate::door::Calls;
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// x / max(‖x‖ₚ, eps) along a dimension. PyTorch's defaults are p = 2, dim = 1 and eps = 1e-12.
    /// [`torch.nn.functional.normalize`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html).
    ///
    /// # Panics
    /// If the dimension is out of range or the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[3.0, 4.0], [0.0, 0.0]];
    /// assert_eq!(x.normalize(2.0, 1, 1e-12).to_vec::<f32>(), [0.6, 0.8, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn normalize(&self, p: f64, dim: isize, eps: f64) -> Tensor {
        self / self.norm_dim(p, dim, true).clamp_min(eps)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.normalize", |a| {
    let (x, p, dim): (Tensor, f64, isize) = (a.get("input")?, a.or("p", 2.0)?, a.or("dim", 1)?);
    let eps = a.or("eps", 1e-12)?;
    a.done(x.normalize(p, dim, eps))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.normalize(x0)", [normal(0, &[3, 4])], |x| x[0].normalize(2.0, 1, 1e-12)),
        sample("F.normalize(x0.t(), p=3.0, dim=0)", [normal(1, &[2, 5])], |x| {
            x[0].t().normalize(3.0, 0, 1e-12)
        }),
        sample("F.normalize(x0, p=1.0, dim=-1)", [normal(2, &[2, 2, 3])], |x| x[0].normalize(1.0, -1, 1e-12)),
        sample("F.normalize(x0, eps=100.0)", [normal(3, &[2, 3])], |x| x[0].normalize(2.0, 1, 100.0)),
        sample("F.normalize(x0 * 0)", [normal(4, &[2, 3])], |x| (&x[0] * 0.0).normalize(2.0, 1, 1e-12))
            .not_smooth(),
    ]
}
