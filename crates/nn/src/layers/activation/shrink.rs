//! Activations that cut or shift what is near zero.

use flambeau_tensor::Tensor;

use super::super::Place;
use crate::{Forward, Module};

/// Moves its input towards zero: `y = x - lambd` if `x > lambd`, `x + lambd` if `x < -lambd`, else 0.
///
/// ```
/// use flambeau_nn::{Forward, Softshrink};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Softshrink::default().call(&tensor![-2.0, 0.3, 1.0]).to_vec::<f32>(), [-1.5, 0.0, 0.5]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softshrink.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Softshrink {
    lambd: f64,
}

impl Softshrink {
    /// By `lambd`.
    ///
    /// # Panics
    /// If `lambd` is negative.
    #[track_caller]
    pub fn new(lambd: f64) -> Self {
        assert!(lambd >= 0.0, "Softshrink: lambd is {lambd}; it must be at least 0");
        Softshrink { lambd }
    }

    fn options(&self) -> String {
        format!("{:?}", self.lambd)
    }
}

impl Default for Softshrink {
    /// With `lambd` 0.5.
    fn default() -> Self {
        Softshrink::new(0.5)
    }
}

impl Forward for Softshrink {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.softshrink(self.lambd)
    }
}

/// Sets what is near zero to zero: `y = x` if `|x| > lambd`, else 0.
///
/// ```
/// use flambeau_nn::{Forward, Hardshrink};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Hardshrink::default().call(&tensor![-2.0, 0.3, 1.0]).to_vec::<f32>(), [-2.0, 0.0, 1.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Hardshrink {
    lambd: f64,
}

impl Hardshrink {
    /// Up to `lambd`.
    pub fn new(lambd: f64) -> Self {
        Hardshrink { lambd }
    }

    fn options(&self) -> String {
        format!("{:?}", self.lambd)
    }
}

impl Default for Hardshrink {
    /// With `lambd` 0.5.
    fn default() -> Self {
        Hardshrink::new(0.5)
    }
}

impl Forward for Hardshrink {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.hardshrink(self.lambd)
    }
}

/// What [`Tanh`](crate::Tanh) takes away: `y = x - tanh x`.
///
/// ```
/// use flambeau_nn::{Forward, Tanhshrink};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Tanhshrink::default().call(&tensor![0.0, 40.0]).to_vec::<f32>(), [0.0, 39.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Tanhshrink {
    place: Place,
}

impl Forward for Tanhshrink {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.tanhshrink()
    }
}

/// Puts a value in the place of what is small: `y = x` if `x > threshold`, else `value`.
///
/// ```
/// use flambeau_nn::{Forward, Threshold};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Threshold::new(0.1, 20.0).call(&tensor![0.0, 0.5]).to_vec::<f32>(), [20.0, 0.5]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Threshold.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Threshold {
    threshold: f64,
    value: f64,
}

impl Threshold {
    /// The two.
    pub fn new(threshold: f64, value: f64) -> Self {
        Threshold { threshold, value }
    }

    fn options(&self) -> String {
        format!("threshold={:?}, value={:?}", self.threshold, self.value)
    }
}

impl Forward for Threshold {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.threshold(self.threshold, self.value)
    }
}
