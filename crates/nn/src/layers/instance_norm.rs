use flambeau_tensor::{InstanceNormOptions, Tensor};

use super::batch_norm::{affine_parameters, check_dims, options, reset, running};
use crate::{Buffer, Forward, Module, Parameter, Training};

/// Instance normalisation with `D` dimensions after the channels: [`InstanceNorm1d`], [`InstanceNorm2d`],
/// [`InstanceNorm3d`].
///
/// `y = (x - E[x]) / √(Var[x] + eps) · weight + bias` for each channel of each sample of `[N, C, …]`. With
/// `track_running_stats` running statistics follow those of the inputs in training mode, and are used in evaluation
/// mode: `running = (1 - momentum) · running + momentum · (mean over the samples)`.
///
/// Shapes: `[N, C, L]`, `[N, C, H, W]` or `[N, C, D, H, W]`, or without `N`; the output has the input's. `weight`
/// (ones), `bias` (zeros), `running_mean` (zeros) and `running_var` (ones) are `[C]`.
///
/// ```
/// use flambeau_nn::{Forward, InstanceNorm2d, Module};
/// use flambeau_tensor::Tensor;
///
/// let norm = InstanceNorm2d::new(3);
/// assert!(norm.call(&Tensor::randn([2, 3, 4, 4])).mean().item::<f32>().abs() < 1e-5);
/// assert_eq!(norm.num_parameters(), 0);
/// assert_eq!(InstanceNorm2d::new(3).affine(true).num_parameters(), 6);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of dimensions, or of channels where there are
/// parameters or running statistics, or one value only for each channel.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html>; Ulyanov et al. 2016,
/// <https://arxiv.org/abs/1607.08022>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::settings, type_name = Self::name)]
pub struct InstanceNorm<const D: usize> {
    /// `[C]`, with `affine`
    pub weight: Option<Parameter>,
    /// `[C]`, with `affine` and `bias`
    pub bias: Option<Parameter>,
    /// `[C]`, with `track_running_stats`
    pub running_mean: Option<Buffer>,
    /// `[C]`, with `track_running_stats`
    pub running_var: Option<Buffer>,
    /// With `track_running_stats`; stays 0, as in PyTorch.
    pub num_batches_tracked: Option<Buffer>,
    num_features: usize,
    eps: f64,
    momentum: f64,
    training: Training,
}

/// [`InstanceNorm`] of `[N, C, L]` or `[C, L]`.
pub type InstanceNorm1d = InstanceNorm<1>;
/// [`InstanceNorm`] of `[N, C, H, W]` or `[C, H, W]`.
pub type InstanceNorm2d = InstanceNorm<2>;
/// [`InstanceNorm`] of `[N, C, D, H, W]` or `[C, D, H, W]`.
pub type InstanceNorm3d = InstanceNorm<3>;

impl<const D: usize> InstanceNorm<D> {
    /// Of so many channels: with `eps` 1e-5, without parameters and running statistics.
    pub fn new(num_features: usize) -> Self {
        InstanceNorm {
            weight: None,
            bias: None,
            running_mean: None,
            running_var: None,
            num_batches_tracked: None,
            num_features,
            eps: 1e-5,
            momentum: 0.1,
            training: Training::new(),
        }
    }

    /// What is added to the variance; 1e-5 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The share of an input in the new running statistics; 0.1 by default.
    #[must_use]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether there are a weight and a bias; neither by default.
    #[must_use]
    pub fn affine(mut self, affine: bool) -> Self {
        [self.weight, self.bias] = affine_parameters(&[self.num_features], affine, affine);
        self
    }

    /// Whether there is a bias beside the weight; by default as `affine`.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        [_, self.bias] = affine_parameters(&[self.num_features], true, bias && self.weight.is_some());
        self
    }

    /// Whether there are running statistics; not by default.
    #[must_use]
    pub fn track_running_stats(mut self, track: bool) -> Self {
        [self.running_mean, self.running_var, self.num_batches_tracked] = running(self.num_features, track);
        self
    }

    /// The number of channels.
    pub fn num_features(&self) -> usize {
        self.num_features
    }

    /// Sets the running statistics to those before the first input.
    pub fn reset_running_stats(&self) {
        reset(&[&self.running_mean, &self.running_var, &self.num_batches_tracked]);
    }

    fn settings(&self) -> String {
        options(
            self.num_features,
            self.eps,
            Some(self.momentum),
            [self.weight.is_some(), self.bias.is_some(), self.running_mean.is_some()],
        )
    }

    fn name(&self) -> &'static str {
        match D {
            1 => "InstanceNorm1d",
            2 => "InstanceNorm2d",
            3 => "InstanceNorm3d",
            _ => "InstanceNorm",
        }
    }
}

impl<const D: usize> Forward for InstanceNorm<D> {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        check_dims("instance_norm", self.type_name(), input, D + 1..=D + 2);
        let (mean, var) = (self.running_mean.as_deref(), self.running_var.as_deref());
        let options = InstanceNormOptions {
            use_input_stats: self.training.get() || mean.is_none(),
            momentum: self.momentum,
            eps: self.eps,
        };
        let norm =
            |x: &Tensor| x.instance_norm(mean, var, self.weight.as_deref(), self.bias.as_deref(), options);
        if input.ndim() == D + 1 { norm(&input.unsqueeze(0)).squeeze(0) } else { norm(input) }
    }
}
