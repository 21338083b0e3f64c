//! RAdam: Adam with a rectified variance.

use crate::rule::{descent, require, require_betas};
use crate::{Optim, Rule, Update};
use flambeau_kernels::optim::FlushToZero;
use flambeau_kernels::{Float, Num};
use serde::{Deserialize, Serialize};

/// RAdam: Adam that does without the second moment while too few steps have been seen to know it, a warm-up of its own.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p, or with `decoupled_weight_decay` p ← p − lr · weight_decay · p
/// 2. m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²; m̂ = m / (1 − β₁ᵗ)
/// 3. ρ∞ = 2 / (1 − β₂) − 1; ρₜ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ)
/// 4. if ρₜ > 5: r = √((ρₜ − 4)(ρₜ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρₜ)), p ← p − lr · m̂ · r · √(1 − β₂ᵗ) / (√v + eps);
///    else p ← p − lr · m̂
///
/// [`torch.optim.RAdam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html); Liu et al., [On the
/// Variance of the Adaptive Learning Rate and Beyond](https://arxiv.org/abs/1908.03265), 2019.
///
/// ```
/// use flambeau_optim::{Optimizer, RAdam};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = RAdam::new([&w], 0.25);
/// (&w * &w).sum().backward();
/// optimizer.step(); // plain momentum at first
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.0]);
/// ```
pub type RAdam = Optim<RAdamOptions>;

/// The settings of [`RAdam`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RAdamOptions {
    /// Learning rate. Default: 1e-3.
    pub lr: f64,
    /// Decay rates β₁ and β₂ of the running means. Default: (0.9, 0.999).
    pub betas: (f64, f64),
    /// Added to the denominator. Default: 1e-8.
    pub eps: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// Shrinks the parameter by lr · weight_decay instead of changing the gradient. Default: off.
    pub decoupled_weight_decay: bool,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for RAdamOptions {
    fn default() -> Self {
        RAdamOptions {
            lr: 1e-3,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled_weight_decay: false,
            maximize: false,
        }
    }
}

impl RAdam {
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

    /// Shrinks the parameter by lr · weight_decay instead of changing the gradient. Default: off.
    pub fn decoupled_weight_decay(self, decoupled_weight_decay: bool) -> Self {
        self.with(|o| o.decoupled_weight_decay = decoupled_weight_decay)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for RAdamOptions {
    const NAME: &'static str = "RAdam";
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];
    type Step = RAdamStep;
    crate::step::compiled_here!();

    fn step(&self, numbers: &mut [f64], _first: bool) -> RAdamStep {
        numbers[0] += 1.0;
        let (t, (beta1, beta2)) = (numbers[0], self.betas);
        let power = beta2.pow(t);
        let longest = 2.0 / (1.0 - beta2) - 1.0;
        let length = longest - 2.0 * t * power / (1.0 - power);
        let rectified = (length > 5.0).then(|| {
            let ratio =
                (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
            (ratio * (1.0 - power)).sqrt()
        });
        let (decay, shrink) = match self.decoupled_weight_decay {
            true => (0.0, self.lr * self.weight_decay),
            false => (self.weight_decay, 0.0),
        };
        RAdamStep {
            beta1,
            beta2,
            keep: 1.0 - shrink,
            weight_decay: decay,
            step_size: self.lr / (1.0 - beta1.pow(t)) * rectified.unwrap_or(1.0),
            adaptive: rectified.is_some(),
            eps: self.eps,
            tiny: FlushToZero::beside(self.eps),
            maximize: self.maximize,
        }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require_betas(self.betas)?;
        require("eps", &self.eps, 0.0..)?;
        require("weight_decay", &self.weight_decay, 0.0..)
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
pub struct RAdamStep {
    beta1: f64,
    beta2: f64,
    /// What decoupled weight decay leaves of the parameter.
    keep: f64,
    weight_decay: f64,
    step_size: f64,
    /// Whether the second moment is known well enough.
    adaptive: bool,
    eps: f64,
    tiny: FlushToZero,
    maximize: bool,
}

impl Update for RAdamStep {
    const STATES: [usize; 2] = [2, 2];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let p = p * T::lit(self.keep);
        let g = descent(grad, p, self.maximize, self.weight_decay);
        state[0] = self.tiny.mean(state[0], g, self.beta1);
        state[1] = self.tiny.mean_square(state[1], g, self.beta2);
        let d = T::lit(self.step_size) * state[0];
        if !self.adaptive {
            return (p - d, state);
        }
        (p - self.tiny.flush(d) / (state[1].sqrt() + T::lit(self.eps)), state)
    }
}
