//! Adam, and the options that it shares with AdamW.

use crate::rule::{descent, require, require_betas};
use crate::{Optim, Rule, Update};
use flambeau_kernels::optim::{FlushToZero, maximum};
use flambeau_kernels::{Float, Num};
use serde::{Deserialize, Serialize};

/// Adam: steps scaled by running means of the gradient and of its square.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²
/// 3. m̂ = m / (1 − β₁ᵗ); v̂ = v / (1 − β₂ᵗ), with `amsgrad` of the largest v so far
/// 4. p ← p − lr · m̂ / (√v̂ + eps)
///
/// With `decoupled_weight_decay` the penalty leaves the gradient alone, as in [`AdamW`](crate::AdamW).
/// [`torch.optim.Adam`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html); Kingma & Ba, [Adam: A
/// Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980), 2014; Reddi et al., [On the Convergence of
/// Adam and Beyond](https://openreview.net/forum?id=ryQu7f-RZ), 2018 (`amsgrad`).
///
/// ```
/// use flambeau_optim::{Adam, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = Adam::new([&w], 0.5).betas((0.9, 0.99));
/// (&w * &w).sum().backward();
/// optimizer.step(); // at first by lr, whatever the gradient's size
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.5]);
/// ```
pub type Adam = Optim<AdamOptions>;

/// The settings of [`Adam`], and within [`AdamWOptions`](crate::AdamWOptions) those of AdamW.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamOptions {
    /// Learning rate. Default: 1e-3.
    pub lr: f64,
    /// Decay rates β₁ and β₂ of the running means. Default: (0.9, 0.999).
    pub betas: (f64, f64),
    /// Added to the denominator. Default: 1e-8.
    pub eps: f64,
    /// L2 penalty. Default: 0; 0.01 for AdamW.
    pub weight_decay: f64,
    /// Divides by the largest mean square so far. Default: off.
    pub amsgrad: bool,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
    /// Shrinks the parameter by lr · weight_decay instead of changing the gradient. Default: off; on for AdamW.
    pub decoupled_weight_decay: bool,
}

impl Default for AdamOptions {
    fn default() -> Self {
        AdamOptions {
            lr: 1e-3,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            amsgrad: false,
            maximize: false,
            decoupled_weight_decay: false,
        }
    }
}

impl AsMut<AdamOptions> for AdamOptions {
    fn as_mut(&mut self) -> &mut AdamOptions {
        self
    }
}

/// Of Adam and AdamW.
impl<R: Rule + AsMut<AdamOptions>> Optim<R> {
    /// The decay rates β₁ and β₂. Default: (0.9, 0.999).
    ///
    /// # Panics
    /// If one is outside 0..1.
    #[track_caller]
    pub fn betas(self, betas: (f64, f64)) -> Self {
        self.with(|o| o.as_mut().betas = betas)
    }

    /// What is added to the denominator. Default: 1e-8.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|o| o.as_mut().eps = eps)
    }

    /// The L2 penalty. Default: 0; 0.01 for AdamW.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.as_mut().weight_decay = weight_decay)
    }

    /// Divides by the largest mean square so far. Default: off.
    pub fn amsgrad(self, amsgrad: bool) -> Self {
        self.with(|o| o.as_mut().amsgrad = amsgrad)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.as_mut().maximize = maximize)
    }

    /// Shrinks the parameter instead of changing the gradient. Default: off; on for AdamW.
    pub fn decoupled_weight_decay(self, decoupled: bool) -> Self {
        self.with(|o| o.as_mut().decoupled_weight_decay = decoupled)
    }
}

impl Rule for AdamOptions {
    const NAME: &'static str = "Adam";
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];
    type Step = AdamStep;
    crate::step::compiled_here!();

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        let kept = if self.amsgrad { 3 } else { 2 };
        Self::TENSORS[..kept].iter().map(|name| (*name, 0.0)).collect()
    }

    fn step(&self, numbers: &mut [f64], _first: bool) -> AdamStep {
        numbers[0] += 1.0;
        let (beta1, beta2) = self.betas;
        let decay = if self.decoupled_weight_decay { 0.0 } else { self.weight_decay };
        let shrink = if self.decoupled_weight_decay { self.lr * self.weight_decay } else { 0.0 };
        AdamStep {
            maximize: self.maximize,
            weight_decay: decay,
            keep: 1.0 - shrink,
            beta1,
            beta2,
            step_size: self.lr / (1.0 - beta1.pow(numbers[0])),
            correction: (1.0 - beta2.pow(numbers[0])).sqrt().recip(),
            eps: self.eps,
            tiny: FlushToZero::beside(self.eps),
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
pub struct AdamStep {
    maximize: bool,
    weight_decay: f64,
    /// What decoupled weight decay leaves of the parameter.
    keep: f64,
    beta1: f64,
    beta2: f64,
    step_size: f64,
    /// 1/√(1 − β₂ᵗ): to multiply by it instead of dividing saves a third of the time.
    correction: f64,
    eps: f64,
    tiny: FlushToZero,
}

impl Update for AdamStep {
    const STATES: [usize; 2] = [2, 3];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let p = p * T::lit(self.keep);
        let g = descent(grad, p, self.maximize, self.weight_decay);
        let mut denominator = T::lit(1.0);
        if N >= 2 {
            state[0] = self.tiny.mean(state[0], g, self.beta1);
            state[1] = self.tiny.mean_square(state[1], g, self.beta2);
            denominator = state[1];
        }
        if N == 3 {
            state[2] = maximum(state[2], state[1]);
            denominator = state[2];
        }
        let denominator = denominator.sqrt() * T::lit(self.correction) + T::lit(self.eps);
        (p - self.tiny.flush(T::lit(self.step_size) * state[0]) / denominator, state)
    }
}
