//! Adagrad.

use crate::rule::{descent, require};
use crate::{Optim, Rule, Update};
use flambeau_kernels::Float;
use serde::{Deserialize, Serialize};

/// Adagrad: steps divided by the root of the sum of all squared gradients so far, for rare features.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. v ← v + g², from initial_accumulator_value on
/// 3. p ← p − lr / (1 + (t − 1) · lr_decay) · g / (√v + eps)
///
/// [`torch.optim.Adagrad`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html); Duchi et al.,
/// [Adaptive Subgradient Methods for Online Learning and Stochastic
/// Optimization](https://jmlr.org/papers/v12/duchi11a.html), 2011.
///
/// ```
/// use flambeau_optim::{Adagrad, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = Adagrad::new([&w], 0.5);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.5]);
/// ```
pub type Adagrad = Optim<AdagradOptions>;

/// The settings of [`Adagrad`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdagradOptions {
    /// Learning rate. Default: 1e-2.
    pub lr: f64,
    /// Decay of the learning rate. Default: 0.
    pub lr_decay: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// What the sum of squares starts at. Default: 0.
    pub initial_accumulator_value: f64,
    /// Added to the denominator. Default: 1e-10.
    pub eps: f64,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for AdagradOptions {
    fn default() -> Self {
        AdagradOptions {
            lr: 1e-2,
            lr_decay: 0.0,
            weight_decay: 0.0,
            initial_accumulator_value: 0.0,
            eps: 1e-10,
            maximize: false,
        }
    }
}

impl Adagrad {
    /// Decay of the learning rate. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn lr_decay(self, lr_decay: f64) -> Self {
        self.with(|o| o.lr_decay = lr_decay)
    }

    /// The L2 penalty: weight_decay · p is added to the gradient. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// What the sum of squares starts at. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn initial_accumulator_value(self, initial_accumulator_value: f64) -> Self {
        self.with(|o| o.initial_accumulator_value = initial_accumulator_value)
    }

    /// What is added to the denominator. Default: 1e-10.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|o| o.eps = eps)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdagradOptions {
    const NAME: &'static str = "Adagrad";
    const TENSORS: &'static [&'static str] = &["sum"];
    type Step = AdagradStep;
    crate::step::compiled_here!();

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("sum", self.initial_accumulator_value)]
    }

    fn step(&self, numbers: &mut [f64], _first: bool) -> AdagradStep {
        numbers[0] += 1.0;
        let lr = self.lr / (1.0 + (numbers[0] - 1.0) * self.lr_decay);
        AdagradStep { lr, weight_decay: self.weight_decay, eps: self.eps, maximize: self.maximize }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("lr_decay", &self.lr_decay, 0.0..)?;
        require("weight_decay", &self.weight_decay, 0.0..)?;
        require("initial_accumulator_value", &self.initial_accumulator_value, 0.0..)?;
        require("eps", &self.eps, 0.0..)
    }

    fn lr_mut(&mut self) -> &mut f64 {
        &mut self.lr
    }
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AdagradStep {
    lr: f64,
    weight_decay: f64,
    eps: f64,
    maximize: bool,
}

impl Update for AdagradStep {
    const STATES: [usize; 2] = [1, 1];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, self.weight_decay);
        state[0] = state[0] + g * g;
        (p - T::lit(self.lr) * g / (state[0].sqrt() + T::lit(self.eps)), state)
    }
}
