//! Smooth relatives of ReLU.

use flambeau_tensor::{Approximate, Tensor};

use super::super::Place;
use crate::{Forward, Module};

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

/// The Gaussian error linear unit: `y = x · Φ(x)` with the normal distribution's `Φ`, or its approximation by a hyperbolic
/// tangent.
///
/// ```
/// use flambeau_nn::{Forward, GELU};
/// use flambeau_tensor::{Approximate, tensor};
///
/// assert_eq!(GELU::default().call(&tensor![0.0, 40.0]).to_vec::<f32>(), [0.0, 40.0]);
/// assert_eq!(GELU::new(Approximate::Tanh).call(&tensor![0.0, 40.0]).to_vec::<f32>(), [0.0, 40.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html>;
/// Hendrycks and Gimpel 2016,
/// <https://arxiv.org/abs/1606.08415>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct GELU {
    #[module(skip)]
    approximate: Approximate,
}

impl GELU {
    /// Exact, or approximate.
    pub fn new(approximate: Approximate) -> Self {
        GELU { approximate }
    }

    fn options(&self) -> String {
        let approximate = match self.approximate {
            Approximate::None => "none",
            Approximate::Tanh => "tanh",
        };
        format!("approximate='{approximate}'")
    }
}

impl Default for GELU {
    /// The exact one.
    fn default() -> Self {
        GELU::new(Approximate::None)
    }
}

impl Forward for GELU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.gelu(self.approximate)
    }
}

/// The sigmoid linear unit, also called swish: `y = x / (1 + e⁻ˣ)`.
///
/// ```
/// use flambeau_nn::{Forward, SiLU};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(SiLU::default().call(&tensor![0.0, 40.0]).to_vec::<f32>(), [0.0, 40.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.SiLU.html>;
/// Elfwing et al. 2017,
/// <https://arxiv.org/abs/1702.03118>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct SiLU {
    place: Place,
}

impl Forward for SiLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.silu()
    }
}

/// Mish: `y = x · tanh(log(1 + eˣ))`.
///
/// ```
/// use flambeau_nn::{Forward, Mish};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Mish::default().call(&tensor![0.0, 40.0]).to_vec::<f32>(), [0.0, 40.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Mish.html>;
/// Misra 2019, <https://arxiv.org/abs/1908.08681>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Mish {
    place: Place,
}

impl Forward for Mish {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.mish()
    }
}

/// [`SiLU`] with a piecewise straight sigmoid: `y = x · min(max(0, x + 3), 6) / 6`.
///
/// ```
/// use flambeau_nn::{Forward, Hardswish};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Hardswish::default().call(&tensor![-4.0, 1.5, 4.0]).to_vec::<f32>(), [0.0, 1.125, 4.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardswish.html>;
/// Howard et al. 2019,
/// <https://arxiv.org/abs/1905.02244>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Hardswish {
    place: Place,
}

impl Forward for Hardswish {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.hardswish()
    }
}
