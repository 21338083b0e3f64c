//! Filling parameters in place, without recording gradients. Each function returns the tensor it filled.
//!
//! A layer of `fan_in` inputs keeps the variance of what passes through it when its weights have variance
//! `gain² / fan_in`; with `fan_out` it keeps that of the gradients. The gain makes up for what the activation
//! after it takes away.
//!
//! ```
//! use flambeau_nn::{Linear, init};
//! use init::{FanMode, Nonlinearity};
//!
//! let layer = Linear::new(784, 200);
//! init::kaiming_normal_(&layer.weight, FanMode::FanIn, Nonlinearity::ReLU);
//! init::zeros_(layer.bias.as_ref().unwrap());
//! ```
//!
//! Source: <https://docs.pytorch.org/docs/stable/nn.init.html>; Glorot & Bengio 2010,
//! <https://proceedings.mlr.press/v9/glorot10a.html> (Xavier); He et al. 2015,
//! <https://arxiv.org/abs/1502.01852> (Kaiming)

mod structured;

use flambeau_tensor::{Tensor, no_grad};

pub use structured::{dirac_, eye_, orthogonal_, sparse_, trunc_normal_};

/// Which way variance is kept: forwards (`fan_in`, PyTorch's default) or backwards (`fan_out`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FanMode {
    /// By the number of inputs of each output: keeps the variance of activations.
    #[default]
    FanIn,
    /// By the number of outputs of each input: keeps the variance of gradients.
    FanOut,
}

/// The activation that follows a layer, for its gain.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// None.
    Linear,
    /// [`Sigmoid`](crate::Sigmoid)
    Sigmoid,
    /// [`Tanh`](crate::Tanh)
    Tanh,
    /// [`ReLU`](crate::ReLU)
    ReLU,
    /// [`LeakyReLU`](crate::LeakyReLU) with its slope below zero, which PyTorch calls `a`.
    LeakyReLU(f64),
    /// The self-normalising exponential unit. With 1 instead of its gain, as [`Nonlinearity::Linear`] gives,
    /// networks normalise themselves.
    SELU,
}

impl Default for Nonlinearity {
    /// `LeakyReLU(0.0)`, as PyTorch's initialisers have it: the gain of a ReLU.
    fn default() -> Self {
        Nonlinearity::LeakyReLU(0.0)
    }
}

/// What a layer's standard deviation is multiplied by to make up for the activation after it.
///
/// | activation | gain |
/// |---|---|
/// | linear, sigmoid | 1 |
/// | tanh | 5/3 |
/// | ReLU | √2 |
/// | leaky ReLU | √(2 / (1 + slope²)) |
/// | SELU | 3/4 |
///
/// ```
/// use flambeau_nn::init::{Nonlinearity, calculate_gain};
///
/// assert_eq!(calculate_gain(Nonlinearity::Tanh), 5.0 / 3.0);
/// assert_eq!(calculate_gain(Nonlinearity::default()), 2.0_f64.sqrt());
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain>
pub fn calculate_gain(nonlinearity: Nonlinearity) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Sigmoid => 1.0,
        Nonlinearity::Tanh => 5.0 / 3.0,
        Nonlinearity::ReLU => 2.0_f64.sqrt(),
        Nonlinearity::LeakyReLU(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
        Nonlinearity::SELU => 0.75,
    }
}

/// `U(-b, b)` with `b = gain · √(3 / fan)`. PyTorch's defaults are those of the arguments' types.
///
/// # Panics
/// When the tensor has fewer than two dimensions.
///
/// ```
/// use flambeau_nn::init::{FanMode, Nonlinearity, kaiming_uniform_};
/// use flambeau_tensor::Tensor;
///
/// let weight = kaiming_uniform_(&Tensor::zeros([200, 6]), FanMode::FanIn, Nonlinearity::ReLU);
/// assert!(weight.to_vec::<f32>().iter().all(|weight| weight.abs() <= 1.0));
/// ```
#[track_caller]
pub fn kaiming_uniform_(tensor: &Tensor, mode: FanMode, nonlinearity: Nonlinearity) -> Tensor {
    let bound = 3.0_f64.sqrt() * kaiming_std(tensor, mode, nonlinearity);
    uniform_(tensor, -bound, bound)
}

/// `N(0, std²)` with `std = gain / √fan`. PyTorch's defaults are those of the arguments' types.
///
/// # Panics
/// When the tensor has fewer than two dimensions.
///
/// ```
/// use flambeau_nn::{Linear, init};
///
/// let layer = Linear::new(784, 200);
/// init::kaiming_normal_(&layer.weight, init::FanMode::FanIn, init::Nonlinearity::ReLU);
/// ```
#[track_caller]
pub fn kaiming_normal_(tensor: &Tensor, mode: FanMode, nonlinearity: Nonlinearity) -> Tensor {
    normal_(tensor, 0.0, kaiming_std(tensor, mode, nonlinearity))
}

/// `U(-b, b)` with `b = gain · √(6 / (fan_in + fan_out))`. PyTorch's default gain is 1.
///
/// # Panics
/// When the tensor has fewer than two dimensions.
///
/// ```
/// use flambeau_nn::{Linear, init};
///
/// let layer = Linear::new(784, 200);
/// init::xavier_uniform_(&layer.weight, init::calculate_gain(init::Nonlinearity::Tanh));
/// ```
#[track_caller]
pub fn xavier_uniform_(tensor: &Tensor, gain: f64) -> Tensor {
    let bound = 3.0_f64.sqrt() * xavier_std(tensor, gain);
    uniform_(tensor, -bound, bound)
}

/// `N(0, std²)` with `std = gain · √(2 / (fan_in + fan_out))`. PyTorch's default gain is 1.
///
/// # Panics
/// When the tensor has fewer than two dimensions.
///
/// ```
/// use flambeau_nn::{Linear, init};
///
/// init::xavier_normal_(&Linear::new(784, 200).weight, 1.0);
/// ```
#[track_caller]
pub fn xavier_normal_(tensor: &Tensor, gain: f64) -> Tensor {
    normal_(tensor, 0.0, xavier_std(tensor, gain))
}

/// `U(low, high)`. PyTorch's defaults are 0 and 1.
///
/// ```
/// use flambeau_tensor::Tensor;
///
/// let tensor = flambeau_nn::init::uniform_(&Tensor::zeros([9]), 2.0, 3.0);
/// assert!(tensor.to_vec::<f32>().iter().all(|value| (2.0..=3.0).contains(value)));
/// ```
#[track_caller]
pub fn uniform_(tensor: &Tensor, low: f64, high: f64) -> Tensor {
    in_place(tensor, || tensor.uniform_(low, high))
}

/// `N(mean, std²)`. PyTorch's defaults are 0 and 1.
///
/// ```
/// use flambeau_tensor::Tensor;
///
/// let tensor = flambeau_nn::init::normal_(&Tensor::zeros([3]), 5.0, 0.0);
/// assert_eq!(tensor.to_vec::<f32>(), [5.0; 3]);
/// ```
#[track_caller]
pub fn normal_(tensor: &Tensor, mean: f64, std: f64) -> Tensor {
    in_place(tensor, || tensor.normal_(mean, std))
}

/// `value` everywhere.
///
/// ```
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(flambeau_nn::init::constant_(&Tensor::zeros([2]), 0.5).to_vec::<f32>(), [0.5, 0.5]);
/// ```
#[track_caller]
pub fn constant_(tensor: &Tensor, value: f64) -> Tensor {
    in_place(tensor, || tensor.fill_(value))
}

/// Zero everywhere.
///
/// ```
/// use flambeau_nn::{Linear, init};
///
/// let layer = Linear::new(3, 2);
/// assert_eq!(init::zeros_(&layer.weight).to_vec::<f32>(), [0.0; 6]);
/// ```
#[track_caller]
pub fn zeros_(tensor: &Tensor) -> Tensor {
    constant_(tensor, 0.0)
}

/// One everywhere.
///
/// ```
/// use flambeau_nn::{Linear, init};
///
/// let layer = Linear::new(3, 2);
/// assert_eq!(init::ones_(&layer.weight).to_vec::<f32>(), [1.0; 6]);
/// ```
#[track_caller]
pub fn ones_(tensor: &Tensor) -> Tensor {
    constant_(tensor, 1.0)
}

/// Fills without recording, and gives back the very tensor, whatever `fill` returns.
#[track_caller]
fn in_place<R>(tensor: &Tensor, fill: impl FnOnce() -> R) -> Tensor {
    no_grad(fill);
    tensor.clone()
}

fn kaiming_std(tensor: &Tensor, mode: FanMode, nonlinearity: Nonlinearity) -> f64 {
    let (fan_in, fan_out) = fans(tensor);
    let fan = match mode {
        FanMode::FanIn => fan_in,
        FanMode::FanOut => fan_out,
    };
    calculate_gain(nonlinearity) / root(fan)
}

fn xavier_std(tensor: &Tensor, gain: f64) -> f64 {
    let (fan_in, fan_out) = fans(tensor);
    gain * 2.0_f64.sqrt() / root(fan_in + fan_out)
}

/// A tensor without elements has a fan of 0 and nothing to fill; it is no reason for infinite bounds.
fn root(fan: usize) -> f64 {
    (fan.max(1) as f64).sqrt()
}

/// How many inputs an output has and how many outputs an input: of a weight `[out, in, kernel…]` the `in` and
/// `out` times the size of the kernel.
#[track_caller]
fn fans(tensor: &Tensor) -> (usize, usize) {
    let &[outputs, inputs, ref kernel @ ..] = tensor.shape() else {
        let shape = tensor.shape();
        panic!(
            "init: a tensor of shape {shape:?} has no fan_in and fan_out, which take two dimensions; \
             fill a bias with zeros_ or uniform_"
        );
    };
    let kernel: usize = kernel.iter().product();
    (inputs * kernel, outputs * kernel)
}
