use flambeau_tensor::{Shape, Tensor};

use super::batch_norm::affine_parameters;
use super::python::{boolean, float, tuple};
use crate::{Forward, Module, Parameter};

/// Layer normalisation: `y = (x - E[x]) / √(Var[x] + eps) · weight + bias` over the last dimensions of each sample.
///
/// Shapes: the input is `[…, normalized_shape]`, the output has the input's; `weight` (ones) and `bias` (zeros) have
/// `normalized_shape`.
///
/// ```
/// use flambeau_nn::{Forward, LayerNorm};
/// use flambeau_tensor::Tensor;
///
/// let norm = LayerNorm::new(10);
/// assert!(norm.call(&Tensor::randn([20, 5, 10])).mean().item::<f32>().abs() < 1e-5);
/// assert_eq!(LayerNorm::new([5, 10]).call(&Tensor::randn([20, 5, 10])).shape(), [20, 5, 10]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input's last sizes are not `normalized_shape`.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html>; Ba et al. 2016,
/// <https://arxiv.org/abs/1607.06450>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct LayerNorm {
    /// `normalized_shape`, with `elementwise_affine`
    pub weight: Option<Parameter>,
    /// `normalized_shape`, with `elementwise_affine` and `bias`
    pub bias: Option<Parameter>,
    #[module(skip)]
    normalized_shape: Shape,
    eps: f64,
}

impl LayerNorm {
    /// Over the last dimensions, which have these sizes: with `eps` 1e-5, weight and bias.
    pub fn new(normalized_shape: impl Into<Shape>) -> Self {
        let norm =
            LayerNorm { weight: None, bias: None, normalized_shape: normalized_shape.into(), eps: 1e-5 };
        norm.elementwise_affine(true)
    }

    /// What is added to the variance; 1e-5 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether there are a weight and a bias; both by default.
    #[must_use]
    pub fn elementwise_affine(mut self, affine: bool) -> Self {
        [self.weight, self.bias] = affine_parameters(&self.normalized_shape, affine, affine);
        self
    }

    /// Whether there is a bias beside the weight; by default as `elementwise_affine`.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        [_, self.bias] = affine_parameters(&self.normalized_shape, true, bias && self.weight.is_some());
        self
    }

    fn options(&self) -> String {
        let (shape, eps) = (tuple(&self.normalized_shape), float(self.eps));
        let [affine, bias] = [self.weight.is_some(), self.bias.is_some()].map(boolean);
        format!("{shape}, eps={eps}, elementwise_affine={affine}, bias={bias}")
    }
}

impl Forward for LayerNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.layer_norm(&self.normalized_shape, self.weight.as_deref(), self.bias.as_deref(), self.eps)
    }
}
