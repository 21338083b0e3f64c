//! Activations as layers. None has parameters, and all but the softmaxes work number by number; the output has
//! the input's shape.

use flambeau_tensor::Tensor;

use super::Place;
use crate::{Forward, Module};

/// Passes its input on: `y = x`.
///
/// ```
/// use flambeau_nn::{Forward, Identity};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![-1.0_f32, 2.0], [2]);
/// assert_eq!(Identity::default().call(&x).to_vec::<f32>(), [-1.0, 2.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Identity.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Identity {
    place: Place,
}

impl Forward for Identity {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.clone()
    }
}

/// The rectified linear unit: `y = max(0, x)`.
///
/// ```
/// use flambeau_nn::{Forward, ReLU};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![-1.0_f32, 2.0], [2]);
/// assert_eq!(ReLU::default().call(&x).to_vec::<f32>(), [0.0, 2.0]);
/// ```
///
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
}

/// A rectified linear unit that lets a little through below zero: `y = x` if `x > 0`, else
/// `negative_slope · x`.
///
/// ```
/// use flambeau_nn::{Forward, LeakyReLU};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![-4.0_f32, 2.0], [2]);
/// assert_eq!(LeakyReLU::new(0.25).call(&x).to_vec::<f32>(), [-1.0, 2.0]);
/// ```
///
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

/// The logistic function: `y = 1 / (1 + e⁻ˣ)`.
///
/// ```
/// use flambeau_nn::{Forward, Sigmoid};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(Sigmoid::default().call(&Tensor::zeros([1])).to_vec::<f32>(), [0.5]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Sigmoid {
    place: Place,
}

impl Forward for Sigmoid {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.sigmoid()
    }
}

/// The hyperbolic tangent: `y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)`.
///
/// ```
/// use flambeau_nn::{Forward, Tanh};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(Tanh::default().call(&Tensor::zeros([1])).to_vec::<f32>(), [0.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanh.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Tanh {
    place: Place,
}

impl Forward for Tanh {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.tanh()
    }
}

/// A smooth rectified linear unit: `y = log(1 + e^(beta · x)) / beta`, and `y = x` where `beta · x > threshold`.
///
/// ```
/// use flambeau_nn::{Forward, Softplus};
/// use flambeau_tensor::Tensor;
///
/// let y = Softplus::default().call(&Tensor::zeros([1])).to_vec::<f32>();
/// assert!((y[0] - 2.0_f32.ln()).abs() < 1e-6);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softplus.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Softplus {
    beta: f64,
    threshold: f64,
}

impl Softplus {
    /// With the given sharpness, and the value of `beta · x` above which it is the identity.
    pub fn new(beta: f64, threshold: f64) -> Self {
        Softplus { beta, threshold }
    }

    fn options(&self) -> String {
        format!("beta={:?}, threshold={:?}", self.beta, self.threshold)
    }
}

impl Default for Softplus {
    /// With `beta` 1 and `threshold` 20.
    fn default() -> Self {
        Softplus::new(1.0, 20.0)
    }
}

impl Forward for Softplus {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.softplus(self.beta, self.threshold)
    }
}

/// Makes positive numbers that sum to one along a dimension: `yᵢ = e^xᵢ / Σⱼ e^xⱼ`.
///
/// [`CrossEntropyLoss`](crate::CrossEntropyLoss) contains it: a network trained with that ends in logits, without
/// this layer.
///
/// ```
/// use flambeau_nn::{Forward, Softmax};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(Softmax::new(-1).call(&Tensor::zeros([1, 4])).to_vec::<f32>(), [0.25; 4]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the dimension is out of range.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Softmax {
    dim: isize,
}

impl Softmax {
    /// Along `dim`; a negative one counts from the end. (PyTorch guesses when it is left out, and warns.)
    pub fn new(dim: isize) -> Self {
        Softmax { dim }
    }

    fn options(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for Softmax {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.softmax(self.dim)
    }
}

/// The logarithm of [`Softmax`], computed without overflow: `yᵢ = xᵢ - log Σⱼ e^xⱼ`.
///
/// ```
/// use flambeau_nn::{Forward, LogSoftmax};
/// use flambeau_tensor::Tensor;
///
/// let y = LogSoftmax::new(-1).call(&Tensor::zeros([1, 4])).to_vec::<f32>();
/// assert!((y[0] + 4.0_f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the dimension is out of range.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct LogSoftmax {
    dim: isize,
}

impl LogSoftmax {
    /// Along `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Self {
        LogSoftmax { dim }
    }

    fn options(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for LogSoftmax {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.log_softmax(self.dim)
    }
}
