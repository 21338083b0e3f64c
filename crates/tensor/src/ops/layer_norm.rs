//! Layer normalisation.

use crate::Tensor;
use crate::door::Calls;
use crate::norm::{Norm, Sets, last_dims};
use crate::op::unwrap;
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// (x − mean) / √(var + eps) · weight + bias over the last dimensions, whose sizes `normalized_shape` repeats; weight
    /// and bias have that shape. The variance is Σ (x − mean)² / n. PyTorch's default `eps` is 1e-5.
    /// [`torch.nn.functional.layer_norm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html);
    /// [Ba, Kiros and Hinton, 2016](https://arxiv.org/abs/1607.06450).
    ///
    /// # Panics
    /// If `normalized_shape` is empty or not the input's last sizes, weight or bias have another shape, or the dtypes are
    /// not the same float type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let y = tensor![[1.0, 3.0], [10.0, 50.0]].layer_norm(2, None, None, 1e-5).to_vec::<f32>();
    /// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, e)| (y - e).abs() < 1e-4));
    /// ```
    #[track_caller]
    pub fn layer_norm(
        &self,
        normalized_shape: impl Into<Shape>,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Tensor {
        let shape = normalized_shape.into();
        let block = unwrap(last_dims("layer_norm", self, &shape));
        Norm::new("layer_norm", block, Sets::Groups(block[1]), eps).apply(self, weight, bias, &shape)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.layer_norm", |a| {
    let (x, shape): (Tensor, Vec<usize>) = (a.get("input")?, a.get("normalized_shape")?);
    let (weight, bias): (Option<Tensor>, Option<Tensor>) = (a.opt("weight")?, a.opt("bias")?);
    let eps = a.or("eps", 1e-5)?;
    a.done(x.layer_norm(shape, weight.as_ref(), bias.as_ref(), eps))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let affine = |shape: &[usize], last: &[usize]| [normal(0, shape), normal(1, last), normal(2, last)];
    vec![
        sample("F.layer_norm(x0, [5], x1, x2)", affine(&[2, 3, 5], &[5]), |x| {
            x[0].layer_norm(5, Some(&x[1]), Some(&x[2]), 1e-5)
        }),
        sample("F.layer_norm(x0, [3, 2], x1, x2, 0.1)", affine(&[2, 3, 2], &[3, 2]), |x| {
            x[0].layer_norm([3, 2], Some(&x[1]), Some(&x[2]), 0.1)
        }),
        sample("F.layer_norm(x0, [40], None, x2)", affine(&[40], &[40]), |x| {
            x[0].layer_norm(40, None, Some(&x[2]), 1e-5)
        }),
        sample("F.layer_norm(x0.t(), [3])", [normal(3, &[3, 4])], |x| {
            x[0].t().layer_norm(3, None, None, 1e-5)
        }),
        sample("F.layer_norm(torch.round(x0 * 4) + 1e4, [64])", [normal(4, &[2, 64])], |x| {
            ((&x[0] * 4.0).round() + 1e4).layer_norm(64, None, None, 1e-5)
        })
        .not_smooth(),
    ]
}
