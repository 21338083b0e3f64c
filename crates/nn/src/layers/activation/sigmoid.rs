//! Sigmoids: from one bound to another.

use flambeau_tensor::Tensor;

use super::super::Place;
use crate::{Forward, Module};

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

/// The logarithm of [`Sigmoid`], without overflow: `y = -log(1 + e⁻ˣ)`.
///
/// ```
/// use flambeau_nn::{Forward, LogSigmoid};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(LogSigmoid::default().call(&tensor![-1000.0, 1000.0]).to_vec::<f32>(), [-1000.0, 0.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct LogSigmoid {
    place: Place,
}

impl Forward for LogSigmoid {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.logsigmoid()
    }
}

/// A slow sigmoid: `y = x / (1 + |x|)`.
///
/// ```
/// use flambeau_nn::{Forward, Softsign};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Softsign::default().call(&tensor![-1.0, 3.0]).to_vec::<f32>(), [-0.5, 0.75]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softsign.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Softsign {
    place: Place,
}

impl Forward for Softsign {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.softsign()
    }
}

/// [`Sigmoid`] in three straight pieces: `y = min(max(0, x + 3), 6) / 6`.
///
/// ```
/// use flambeau_nn::{Forward, Hardsigmoid};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Hardsigmoid::default().call(&tensor![-4.0, 0.0, 4.0]).to_vec::<f32>(), [0.0, 0.5, 1.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Hardsigmoid {
    place: Place,
}

impl Forward for Hardsigmoid {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.hardsigmoid()
    }
}

/// [`Tanh`] in three straight pieces: `y = min(max(min_val, x), max_val)`.
///
/// ```
/// use flambeau_nn::{Forward, Hardtanh};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Hardtanh::default().call(&tensor![-3.0, 0.5, 3.0]).to_vec::<f32>(), [-1.0, 0.5, 1.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Hardtanh {
    min_val: f64,
    max_val: f64,
}

impl Hardtanh {
    /// Between the two.
    ///
    /// # Panics
    /// If `min_val` is above `max_val`.
    #[track_caller]
    pub fn new(min_val: f64, max_val: f64) -> Self {
        assert!(min_val <= max_val, "Hardtanh: min_val {min_val} is above max_val {max_val}");
        Hardtanh { min_val, max_val }
    }

    fn options(&self) -> String {
        format!("min_val={:?}, max_val={:?}", self.min_val, self.max_val)
    }
}

impl Default for Hardtanh {
    /// Between -1 and 1.
    fn default() -> Self {
        Hardtanh::new(-1.0, 1.0)
    }
}

impl Forward for Hardtanh {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.hardtanh(self.min_val, self.max_val)
    }
}
