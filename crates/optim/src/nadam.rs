//! NAdam: Adam with Nesterov momentum.

use crate::rule::{descent, require, require_betas};
use crate::{Optim, Rule, Update};
use flambeau_kernels::optim::FlushToZero;
use flambeau_kernels::{Float, Num};
use serde::{Deserialize, Serialize};

/// NAdam: Adam with Nesterov momentum, which grows with time.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p, or with `decoupled_weight_decay` p ← p − lr · weight_decay · p
/// 2. μₜ = β₁·(1 − ½·0.96^(t·momentum_decay)), and the same at t + 1; Π = μ₁·μ₂·…·μₜ
/// 3. m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²
/// 4. m̂ = μₜ₊₁·m / (1 − Π·μₜ₊₁) + (1 − μₜ)·g / (1 − Π); v̂ = v / (1 − β₂ᵗ)
/// 5. p ← p − lr · m̂ / (√v̂ + eps)
///
/// [`torch.optim.NAdam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html); Dozat, [Incorporating
/// Nesterov Momentum into Adam](https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ), 2016.
///
/// ```
/// use flambeau_optim::{NAdam, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = NAdam::new([&w], 0.1);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert!(w.to_vec::<f32>()[0] < 1.0 && w.to_vec::<f32>()[1] > -2.0);
/// ```
pub type NAdam = Optim<NAdamOptions>;

/// The settings of [`NAdam`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NAdamOptions {
    /// Learning rate. Default: 2e-3.
    pub lr: f64,
    /// Decay rates β₁ and β₂ of the running means. Default: (0.9, 0.999).
    pub betas: (f64, f64),
    /// Added to the denominator. Default: 1e-8.
    pub eps: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// How fast the momentum grows. Default: 4e-3.
    pub momentum_decay: f64,
    /// Shrinks the parameter by lr · weight_decay instead of changing the gradient. Default: off.
    pub decoupled_weight_decay: bool,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for NAdamOptions {
    fn default() -> Self {
        NAdamOptions {
            lr: 2e-3,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            momentum_decay: 4e-3,
            decoupled_weight_decay: false,
            maximize: false,
        }
    }
}

impl NAdam {
    /// The decay rates β₁ and β₂. Default: (0.9, 0.999).
    ///
    /// # Panics
    /// If one is outside 0..1.
    #[track_caller]
    pub fn betas(self, betas: (f64, f64)) -> Self {
        self.with(|o| o.betas = betas)
    }

    /// What is added to the denominator. Default: 1e-8.
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

    /// How fast the momentum grows. Default: 4e-3.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum_decay(self, momentum_decay: f64) -> Self {
        self.with(|o| o.momentum_decay = momentum_decay)
    }

    /// Shrinks the parameter by lr · weight_decay instead of changing the gradient. Default: off.
    pub fn decoupled_weight_decay(self, decoupled_weight_decay: bool) -> Self {
        self.with(|o| o.decoupled_weight_decay = decoupled_weight_decay)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for NAdamOptions {
    const NAME: &'static str = "NAdam";
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];
    type Step = NAdamStep;
    crate::step::compiled_here!();

    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("step", 0.0), ("mu_product", 1.0)]
    }

    fn step(&self, numbers: &mut [f64], _first: bool) -> NAdamStep {
        let (beta1, beta2) = self.betas;
        let momentum = |t: f64| beta1 * (1.0 - 0.5 * 0.96_f64.pow(t * self.momentum_decay));
        let t = numbers[0] + 1.0;
        let (mu, next) = (momentum(t), momentum(t + 1.0));
        let product = numbers[1] * mu;
        (numbers[0], numbers[1]) = (t, product);
        let (decay, shrink) = match self.decoupled_weight_decay {
            true => (0.0, self.lr * self.weight_decay),
            false => (self.weight_decay, 0.0),
        };
        NAdamStep {
            beta1,
            beta2,
            keep: 1.0 - shrink,
            weight_decay: decay,
            grad_size: self.lr * (1.0 - mu) / (1.0 - product),
            mean_size: self.lr * next / (1.0 - product * next),
            correction: (1.0 - beta2.pow(t)).recip(),
            eps: self.eps,
            tiny: FlushToZero::beside(self.eps),
            maximize: self.maximize,
        }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require_betas(self.betas)?;
        require("eps", &self.eps, 0.0..)?;
        require("weight_decay", &self.weight_decay, 0.0..)?;
        require("momentum_decay", &self.momentum_decay, 0.0..)
    }

    fn lr_mut(&mut self) -> &mut f64 {
        &mut self.lr
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.betas.0)
    }
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct NAdamStep {
    beta1: f64,
    beta2: f64,
    /// What decoupled weight decay leaves of the parameter.
    keep: f64,
    weight_decay: f64,
    grad_size: f64,
    mean_size: f64,
    /// 1/(1 − β₂ᵗ)
    correction: f64,
    eps: f64,
    tiny: FlushToZero,
    maximize: bool,
}

impl Update for NAdamStep {
    const STATES: [usize; 2] = [2, 2];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let p = p * T::lit(self.keep);
        let g = descent(grad, p, self.maximize, self.weight_decay);
        state[0] = self.tiny.mean(state[0], g, self.beta1);
        state[1] = self.tiny.mean_square(state[1], g, self.beta2);
        let d = T::lit(self.grad_size) * g + T::lit(self.mean_size) * state[0];
        let root = (state[1] * T::lit(self.correction)).sqrt();
        (p - self.tiny.flush(d) / (root + T::lit(self.eps)), state)
    }
}
