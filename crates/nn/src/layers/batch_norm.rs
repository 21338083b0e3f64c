use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use flambeau_tensor::{BatchNormOptions, Error, Tensor, raise};

use super::python::{boolean, float};
use crate::{Buffer, Forward, Module, Parameter, Training};

/// Batch normalisation with `D` dimensions after the channels: [`BatchNorm1d`], [`BatchNorm2d`], [`BatchNorm3d`].
///
/// `y = (x - E[x]) / √(Var[x] + eps) · weight + bias` for each channel of `[N, C, …]`. In training mode mean and
/// variance are those of the batch, and the running ones follow them:
/// `running = (1 - momentum) · running + momentum · batch`, with the unbiased variance of the batch. In evaluation
/// mode the running ones are used.
///
/// Shapes: `[N, C]` or `[N, C, L]` for `BatchNorm1d`, `[N, C, H, W]` for `BatchNorm2d`, `[N, C, D, H, W]` for
/// `BatchNorm3d`; the output has the input's. `weight` (ones), `bias` (zeros), `running_mean` (zeros) and
/// `running_var` (ones) are `[C]`, `num_batches_tracked` is a number.
///
/// ```
/// use flambeau_nn::{BatchNorm2d, Forward, Module};
/// use flambeau_tensor::Tensor;
///
/// let norm = BatchNorm2d::new(3);
/// let y = norm.call(&Tensor::randn([8, 3, 4, 4]));
/// assert!(y.mean().item::<f32>().abs() < 1e-5);
/// norm.eval();
/// assert_eq!(norm.call(&Tensor::randn([1, 3, 4, 4])).shape(), [1, 3, 4, 4]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of dimensions or channels, and in training mode
/// when a channel has one value only.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html>; Ioffe and Szegedy 2015,
/// <https://arxiv.org/abs/1502.03167>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::settings, type_name = Self::name)]
pub struct BatchNorm<const D: usize> {
    /// `[C]`, with `affine`
    pub weight: Option<Parameter>,
    /// `[C]`, with `affine` and `bias`
    pub bias: Option<Parameter>,
    /// `[C]`, with `track_running_stats`
    pub running_mean: Option<Buffer>,
    /// `[C]`, with `track_running_stats`
    pub running_var: Option<Buffer>,
    /// How many batches the running statistics have seen, with `track_running_stats`.
    pub num_batches_tracked: Option<Buffer>,
    num_features: usize,
    eps: f64,
    #[module(skip)]
    momentum: Mutex<Option<f64>>,
    training: Training,
}

/// [`BatchNorm`] of `[N, C]` or `[N, C, L]`.
pub type BatchNorm1d = BatchNorm<1>;
/// [`BatchNorm`] of `[N, C, H, W]`.
pub type BatchNorm2d = BatchNorm<2>;
/// [`BatchNorm`] of `[N, C, D, H, W]`.
pub type BatchNorm3d = BatchNorm<3>;

impl<const D: usize> BatchNorm<D> {
    /// Of so many channels: with `eps` 1e-5, `momentum` 0.1, weight, bias and running statistics.
    pub fn new(num_features: usize) -> Self {
        let norm = BatchNorm {
            weight: None,
            bias: None,
            running_mean: None,
            running_var: None,
            num_batches_tracked: None,
            num_features,
            eps: 1e-5,
            momentum: Mutex::new(Some(0.1)),
            training: Training::new(),
        };
        norm.affine(true).track_running_stats(true)
    }

    /// What is added to the variance; 1e-5 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The share of a batch in the new running statistics, 0.1 by default; `None` averages all batches alike.
    #[must_use]
    pub fn momentum(self, momentum: impl Into<Option<f64>>) -> Self {
        self.set_momentum(momentum);
        self
    }

    /// [`momentum`](BatchNorm::momentum) of a layer that is part of a model already.
    pub fn set_momentum(&self, momentum: impl Into<Option<f64>>) {
        *self.momentum.lock().unwrap_or_else(PoisonError::into_inner) = momentum.into();
    }

    fn share(&self) -> Option<f64> {
        *self.momentum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are a weight and a bias; both by default.
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

    /// Whether there are running statistics, as by default. Without, those of the batch are used in both modes.
    #[must_use]
    pub fn track_running_stats(mut self, track: bool) -> Self {
        [self.running_mean, self.running_var, self.num_batches_tracked] = running(self.num_features, track);
        self
    }

    /// The number of channels.
    pub fn num_features(&self) -> usize {
        self.num_features
    }

    /// Sets the running statistics to those before the first batch.
    pub fn reset_running_stats(&self) {
        reset(&[&self.running_mean, &self.running_var, &self.num_batches_tracked]);
    }

    fn settings(&self) -> String {
        options(
            self.num_features,
            self.eps,
            self.share(),
            [self.weight.is_some(), self.bias.is_some(), self.running_mean.is_some()],
        )
    }

    fn name(&self) -> &'static str {
        match D {
            1 => "BatchNorm1d",
            2 => "BatchNorm2d",
            3 => "BatchNorm3d",
            _ => "BatchNorm",
        }
    }
}

impl<const D: usize> Forward for BatchNorm<D> {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        self.normalize(input, false)
    }

    #[track_caller]
    fn forward_relu(&self, input: &Tensor) -> Option<Tensor> {
        Some(self.normalize(input, true))
    }

    fn scale_and_shift(&self, ndim: usize) -> Option<[Tensor; 2]> {
        let (mean, var) = (self.running_mean.as_deref()?, self.running_var.as_deref()?);
        if self.training.get() || !dims::<D>().contains(&ndim) {
            return None;
        }
        let rstd = (var + self.eps).rsqrt();
        let scale = self.weight.as_deref().map_or_else(|| rstd.clone(), |weight| weight * &rstd);
        let shift = mean * &scale;
        let shift = self.bias.as_deref().map_or_else(|| -&shift, |bias| bias - &shift);
        Some([scale, shift])
    }
}

/// How many dimensions an input may have.
fn dims<const D: usize>() -> RangeInclusive<usize> {
    if D == 1 { 2..=3 } else { D + 2..=D + 2 }
}

impl<const D: usize> BatchNorm<D> {
    #[track_caller]
    fn normalize(&self, input: &Tensor, relu: bool) -> Tensor {
        check_dims("batch_norm", self.type_name(), input, dims::<D>());
        let training = self.training.get();
        let tracked = self.num_batches_tracked.as_ref().filter(|_| training);
        let batches = tracked.map_or(0, |tracked| tracked.item::<i64>().saturating_add(1));
        let momentum = match self.share() {
            Some(momentum) => momentum,
            None if batches > 0 => 1.0 / batches as f64,
            None => 0.0,
        };
        let without = self.running_mean.is_none() && self.running_var.is_none();
        let options = BatchNormOptions { training: training || without, momentum, eps: self.eps };
        let (mean, var) = (self.running_mean.as_deref(), self.running_var.as_deref());
        let (weight, bias) = (self.weight.as_deref(), self.bias.as_deref());
        let output = if relu {
            input.batch_norm_relu([mean, var], [weight, bias], options)
        } else {
            input.batch_norm(mean, var, weight, bias, options)
        };
        if let Some(tracked) = tracked {
            tracked.modify(|count: &mut [i64]| count.fill(batches));
        }
        output
    }
}

/// A batch norm of any number of dimensions.
pub(crate) trait RunningStatistics {
    /// Begins statistics that are the plain mean over all batches to come, and gives the momentum that this replaces.
    fn average_anew(&self) -> Option<f64>;
    /// Sets the momentum.
    fn set_momentum(&self, momentum: Option<f64>);
}

impl<const D: usize> RunningStatistics for BatchNorm<D> {
    fn average_anew(&self) -> Option<f64> {
        self.reset_running_stats();
        let before = self.share();
        BatchNorm::set_momentum(self, None);
        before
    }

    fn set_momentum(&self, momentum: Option<f64>) {
        BatchNorm::set_momentum(self, momentum);
    }
}

/// The module as a batch norm, if it is one.
pub(crate) fn running_statistics(module: &dyn Module) -> Option<&dyn RunningStatistics> {
    fn of<const D: usize>(module: &dyn Module) -> Option<&dyn RunningStatistics> {
        module.downcast_ref::<BatchNorm<D>>().map(|norm| norm as _)
    }
    of::<1>(module).or_else(|| of::<2>(module)).or_else(|| of::<3>(module))
}

/// A weight of ones and a bias of zeros, where wanted.
pub(super) fn affine_parameters(shape: &[usize], weight: bool, bias: bool) -> [Option<Parameter>; 2] {
    [weight.then(|| Parameter::new(Tensor::ones(shape))), bias.then(|| Parameter::new(Tensor::zeros(shape)))]
}

/// `running_mean`, `running_var` and `num_batches_tracked`, if wanted.
pub(super) fn running(num_features: usize, track: bool) -> [Option<Buffer>; 3] {
    let tensors = [Tensor::zeros([num_features]), Tensor::ones([num_features]), Tensor::scalar(0_i64)];
    tensors.map(|tensor| track.then(|| Buffer::new(tensor)))
}

/// Sets what [`running`] made to what it was.
pub(super) fn reset(buffers: &[&Option<Buffer>; 3]) {
    for (buffer, value) in buffers.iter().zip([0.0, 1.0, 0.0]) {
        if let Some(buffer) = buffer {
            buffer.fill_(value);
        }
    }
}

/// As PyTorch prints it.
pub(super) fn options(num_features: usize, eps: f64, momentum: Option<f64>, has: [bool; 3]) -> String {
    let (eps, momentum) = (float(eps), momentum.map_or("None".into(), float));
    let [affine, bias, track] = has.map(boolean);
    format!(
        "{num_features}, eps={eps}, momentum={momentum}, affine={affine}, bias={bias}, track_running_stats={track}"
    )
}

/// Refuses an input of another number of dimensions.
#[track_caller]
pub(super) fn check_dims(op: &'static str, module: &str, input: &Tensor, ndim: RangeInclusive<usize>) {
    if !ndim.contains(&input.ndim()) {
        let (least, most) = ndim.into_inner();
        let wanted = if least == most { format!("{least}") } else { format!("{least} or {most}") };
        let message =
            format!("{module} takes inputs of {wanted} dimensions, but got one of shape {:?}", input.shape());
        raise(Error::op(op, message));
    }
}
