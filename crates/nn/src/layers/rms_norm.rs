use flambeau_tensor::{Shape, Tensor};

use super::batch_norm::affine_parameters;
use super::python::{boolean, float, tuple};
use crate::{Forward, Module, Parameter};

/// Root-mean-square normalisation: `y = x / √(E[x²] + eps) · weight` over the last dimensions of each sample.
///
/// Shapes: the input is `[…, normalized_shape]`, the output has the input's; `weight` (ones) has `normalized_shape`.
///
/// ```
/// use flambeau_nn::{Forward, RMSNorm};
/// use flambeau_tensor::Tensor;
///
/// let y = RMSNorm::new([2, 3]).call(&Tensor::full([2, 2, 3], 5.0_f32));
/// assert!(y.to_vec::<f32>().iter().all(|y| (y - 1.0).abs() < 1e-5));
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input's last sizes are not `normalized_shape`.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html>; Zhang and Sennrich 2019,
/// <https://arxiv.org/abs/1910.07467>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct RMSNorm {
    /// `normalized_shape`, with `elementwise_affine`
    pub weight: Option<Parameter>,
    #[module(skip)]
    normalized_shape: Shape,
    eps: Option<f64>,
}

impl RMSNorm {
    /// Over the last dimensions, which have these sizes: with a weight and the dtype's smallest `eps`.
    pub fn new(normalized_shape: impl Into<Shape>) -> Self {
        let norm = RMSNorm { weight: None, normalized_shape: normalized_shape.into(), eps: None };
        norm.elementwise_affine(true)
    }

    /// What is added to the mean square; by default, or with `None`, the distance of 1 to the dtype's next number.
    #[must_use]
    pub fn eps(mut self, eps: impl Into<Option<f64>>) -> Self {
        self.eps = eps.into();
        self
    }

    /// Whether there is a weight; with one by default.
    #[must_use]
    pub fn elementwise_affine(mut self, affine: bool) -> Self {
        [self.weight, _] = affine_parameters(&self.normalized_shape, affine, false);
        self
    }

    fn options(&self) -> String {
        let (shape, eps) = (tuple(&self.normalized_shape), self.eps.map_or("None".into(), float));
        format!("{shape}, eps={eps}, elementwise_affine={}", boolean(self.weight.is_some()))
    }
}

impl Forward for RMSNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.rms_norm(&self.normalized_shape, self.weight.as_deref(), self.eps)
    }
}
