use flambeau_tensor::Tensor;

use super::batch_norm::affine_parameters;
use super::python::{boolean, float};
use crate::{Forward, Module, Parameter};

/// Group normalisation: `y = (x - E[x]) / √(Var[x] + eps) · weight + bias` over each group of neighbouring channels of
/// each sample.
///
/// Shapes: the input is `[N, C, …]`, the output has the input's; `weight` (ones) and `bias` (zeros) are `[C]`.
///
/// ```
/// use flambeau_nn::{Forward, GroupNorm};
/// use flambeau_tensor::Tensor;
///
/// let norm = GroupNorm::new(3, 6);
/// assert!(norm.call(&Tensor::randn([20, 6, 10, 10])).mean().item::<f32>().abs() < 1e-5);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of channels.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html>; Wu and He 2018,
/// <https://arxiv.org/abs/1803.08494>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct GroupNorm {
    /// `[C]`, with `affine`
    pub weight: Option<Parameter>,
    /// `[C]`, with `affine` and `bias`
    pub bias: Option<Parameter>,
    num_groups: usize,
    num_channels: usize,
    eps: f64,
}

impl GroupNorm {
    /// Of so many groups of so many channels in all: with `eps` 1e-5, weight and bias.
    ///
    /// # Panics
    /// If the groups do not divide the channels.
    #[track_caller]
    pub fn new(num_groups: usize, num_channels: usize) -> Self {
        assert!(
            num_groups > 0 && num_channels.is_multiple_of(num_groups),
            "GroupNorm: num_groups must divide num_channels, but got {num_groups} and {num_channels}"
        );
        GroupNorm { weight: None, bias: None, num_groups, num_channels, eps: 1e-5 }.affine(true)
    }

    /// What is added to the variance; 1e-5 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether there are a weight and a bias; both by default.
    #[must_use]
    pub fn affine(mut self, affine: bool) -> Self {
        [self.weight, self.bias] = affine_parameters(&[self.num_channels], affine, affine);
        self
    }

    /// Whether there is a bias beside the weight; by default as `affine`.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        [_, self.bias] = affine_parameters(&[self.num_channels], true, bias && self.weight.is_some());
        self
    }

    fn options(&self) -> String {
        let [affine, bias] = [self.weight.is_some(), self.bias.is_some()].map(boolean);
        let (groups, channels, eps) = (self.num_groups, self.num_channels, float(self.eps));
        format!("{groups}, {channels}, eps={eps}, affine={affine}, bias={bias}")
    }
}

impl Forward for GroupNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.group_norm(self.num_groups, self.weight.as_deref(), self.bias.as_deref(), self.eps)
    }
}
