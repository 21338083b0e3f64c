//! Exponential linear units.

use flambeau_tensor::Tensor;

use super::super::Place;
use crate::{Forward, Module};

/// The exponential linear unit: `y = x` if `x > 0`, else `alpha · (eˣ - 1)`.
///
/// ```
/// use flambeau_nn::{ELU, Forward};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(ELU::new(0.5).call(&tensor![-1000.0, 2.0]).to_vec::<f32>(), [-0.5, 2.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ELU.html>;
/// Clevert et al. 2015,
/// <https://arxiv.org/abs/1511.07289>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct ELU {
    alpha: f64,
}

impl ELU {
    /// Going down to `-alpha`.
    pub fn new(alpha: f64) -> Self {
        ELU { alpha }
    }

    fn options(&self) -> String {
        format!("alpha={:?}", self.alpha)
    }
}

impl Default for ELU {
    /// With `alpha` 1.
    fn default() -> Self {
        ELU::new(1.0)
    }
}

impl Forward for ELU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.elu(self.alpha)
    }
}

/// The self-normalising exponential linear unit: `y = scale · x` if `x > 0`, else `scale · alpha · (eˣ - 1)`, with the `alpha`
/// and `scale` that keep mean 0 and variance 1 from layer to layer. Initialise the weights with variance `1 / fan_in`
/// ([`kaiming_normal_`](crate::init::kaiming_normal_) for [`Linear`](crate::init::Nonlinearity::Linear)), and drop with
/// [`AlphaDropout`](crate::AlphaDropout).
///
/// ```
/// use flambeau_nn::{Forward, SELU};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(SELU::default().call(&tensor![0.0, 1.0]).to_vec::<f32>(), [0.0, 1.050701]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.SELU.html>;
/// Klambauer et al. 2017,
/// <https://arxiv.org/abs/1706.02515>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct SELU {
    place: Place,
}

impl Forward for SELU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.selu()
    }
}

/// An exponential linear unit with a derivative without jump for any `alpha`: `y = x` if `x > 0`, else
/// `alpha · (e^(x / alpha) - 1)`.
///
/// ```
/// use flambeau_nn::{CELU, Forward};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(CELU::new(0.5).call(&tensor![-1000.0, 2.0]).to_vec::<f32>(), [-0.5, 2.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.CELU.html>;
/// Barron 2017, <https://arxiv.org/abs/1704.07483>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct CELU {
    alpha: f64,
}

impl CELU {
    /// Going down to `-alpha`.
    ///
    /// # Panics
    /// If `alpha` is 0.
    #[track_caller]
    pub fn new(alpha: f64) -> Self {
        assert!(alpha != 0.0, "CELU: alpha is 0, by which the input is divided");
        CELU { alpha }
    }

    fn options(&self) -> String {
        format!("alpha={:?}", self.alpha)
    }
}

impl Default for CELU {
    /// With `alpha` 1.
    fn default() -> Self {
        CELU::new(1.0)
    }
}

impl Forward for CELU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.celu(self.alpha)
    }
}
