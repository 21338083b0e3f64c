//! Rectified linear units.

use flambeau_tensor::Tensor;

use super::super::Place;
use crate::{Forward, Module, Parameter, init};

/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct ReLU {
    place: Place,
}

impl Forward for ReLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.relu()
    }

    fn is_relu(&self) -> bool {
        true
    }
}

/// A rectified linear unit with a ceiling: `y = min(max(0, x), 6)`.
///
/// ```
/// use flambeau_nn::{Forward, ReLU6};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(ReLU6::default().call(&tensor![-1.0, 2.0, 9.0]).to_vec::<f32>(), [0.0, 2.0, 6.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html>;
/// Howard et al. 2017, <https://arxiv.org/abs/1704.04861>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct ReLU6 {
    place: Place,
}

impl Forward for ReLU6 {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.relu6()
    }
}

/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct LeakyReLU {
    negative_slope: f64,
}

impl LeakyReLU {
    /// With the given slope below zero.
    pub fn new(negative_slope: f64) -> Self {
        LeakyReLU { negative_slope }
    }

    fn options(&self) -> String {
        format!("negative_slope={:?}", self.negative_slope)
    }
}

impl Default for LeakyReLU {
    /// With `negative_slope` 0.01.
    fn default() -> Self {
        LeakyReLU::new(0.01)
    }
}

impl Forward for LeakyReLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.leaky_relu(self.negative_slope)
    }
}

/// A rectified linear unit whose slope below zero is learnt: `y = x` if `x > 0`, else `weight · x`.
///
/// Shapes: any with one slope; with one for each channel the input is `[N, C, …]`. `weight` is `[num_parameters]`. Weight
/// decay pulls the slopes to zero, that is, to [`ReLU`]: leave them out of it.
///
/// ```
/// use flambeau_nn::{Forward, PReLU};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(PReLU::default().call(&tensor![-4.0, 2.0]).to_vec::<f32>(), [-1.0, 2.0]);
/// assert_eq!(PReLU::new(16).init(0.1).weight.shape(), [16]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when `num_parameters` is neither 1 nor the number of channels.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.PReLU.html>; He et al. 2015,
/// <https://arxiv.org/abs/1502.01852>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct PReLU {
    /// `[num_parameters]`
    pub weight: Parameter,
}

impl PReLU {
    /// With `num_parameters` slopes: one for all, or one for each channel.
    pub fn new(num_parameters: usize) -> Self {
        PReLU { weight: Parameter::new(Tensor::full([num_parameters], 0.25_f32)) }
    }

    /// The slopes before training; 0.25 by default.
    #[must_use]
    pub fn init(self, init: f64) -> Self {
        init::constant_(&self.weight, init);
        self
    }

    fn options(&self) -> String {
        format!("num_parameters={}", self.weight.numel())
    }
}

impl Default for PReLU {
    /// With one slope.
    fn default() -> Self {
        PReLU::new(1)
    }
}

impl Forward for PReLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.prelu(&self.weight)
    }
}
