//! Adadelta.

use crate::rule::{descent, require};
use crate::{Optim, Rule, Update};
use flambeau_kernels::Float;
use flambeau_kernels::optim::FlushToZero;
use serde::{Deserialize, Serialize};

/// Adadelta: steps in the parameter's own units, from running means of squared gradients and of squared steps.
///
/// With the gradient g of a parameter p, at each step
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. v ← ρ·v + (1 − ρ)·g²
/// 3. d = √(u + eps) / √(v + eps) · g
/// 4. u ← ρ·u + (1 − ρ)·d²; p ← p − lr · d
///
/// [`torch.optim.Adadelta`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html), whose learning rate
/// is 1; Zeiler, [ADADELTA: An Adaptive Learning Rate Method](https://arxiv.org/abs/1212.5701), 2012.
///
/// ```
/// use flambeau_optim::{Adadelta, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = Adadelta::new([&w], 1.0).rho(0.75).eps(1.0);
/// (&w * &w).sum().backward();
/// optimizer.step(); // d = 2 / √(1 + 1) for the first
/// assert!((w.to_vec::<f32>()[0] - (1.0 - 2.0_f32.sqrt())).abs() < 1e-6);
/// ```
pub type Adadelta = Optim<AdadeltaOptions>;

/// The settings of [`Adadelta`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdadeltaOptions {
    /// Learning rate. Default: 1.
    pub lr: f64,
    /// Decay rate ρ of the running means. Default: 0.9.
    pub rho: f64,
    /// Added under the roots. Default: 1e-6.
    pub eps: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for AdadeltaOptions {
    fn default() -> Self {
        AdadeltaOptions { lr: 1.0, rho: 0.9, eps: 1e-6, weight_decay: 0.0, maximize: false }
    }
}

impl Adadelta {
    /// Decay rate ρ of the running means. Default: 0.9.
    ///
    /// # Panics
    /// If it is outside 0..=1.
    #[track_caller]
    pub fn rho(self, rho: f64) -> Self {
        self.with(|o| o.rho = rho)
    }

    /// What is added under the roots. Default: 1e-6.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|o| o.eps = eps)
    }

    /// The L2 penalty: weight_decay · p is added to the gradient. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdadeltaOptions {
    const NAME: &'static str = "Adadelta";
    const TENSORS: &'static [&'static str] = &["square_avg", "acc_delta"];
    type Step = AdadeltaStep;
    crate::step::compiled_here!();

    fn step(&self, numbers: &mut [f64], _first: bool) -> AdadeltaStep {
        numbers[0] += 1.0;
        let &AdadeltaOptions { lr, rho, eps, weight_decay, maximize } = self;
        AdadeltaStep { lr, rho, eps, tiny: FlushToZero::beside(eps), weight_decay, maximize }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("rho", &self.rho, 0.0..=1.0)?;
        require("eps", &self.eps, 0.0..)?;
        require("weight_decay", &self.weight_decay, 0.0..)
    }

    fn lr_mut(&mut self) -> &mut f64 {
        &mut self.lr
    }
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AdadeltaStep {
    lr: f64,
    rho: f64,
    eps: f64,
    tiny: FlushToZero,
    weight_decay: f64,
    maximize: bool,
}

impl Update for AdadeltaStep {
    const STATES: [usize; 2] = [2, 2];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, self.weight_decay);
        let eps = T::lit(self.eps);
        state[0] = self.tiny.mean_square(state[0], g, self.rho);
        let d = (state[1] + eps).sqrt() / (state[0] + eps).sqrt() * g;
        state[1] = self.tiny.mean_square(state[1], d, self.rho);
        (p - T::lit(self.lr) * d, state)
    }
}
