//! Adamax: Adam with the infinity norm.

use crate::rule::{descent, require, require_betas};
use crate::{Optim, Rule, Update};
use flambeau_kernels::optim::{FlushToZero, maximum};
use flambeau_kernels::{Float, Num};
use serde::{Deserialize, Serialize};

/// Adamax: Adam with the largest gradient, decaying, in place of the root mean square.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. m ← β₁·m + (1 − β₁)·g; u ← max(β₂·u, |g| + eps)
/// 3. p ← p − lr / (1 − β₁ᵗ) · m / u
///
/// [`torch.optim.Adamax`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html); Kingma & Ba, [Adam: A
/// Method for Stochastic Optimization](https://arxiv.org/abs/1412.6980), 2014.
///
/// ```
/// use flambeau_optim::{Adamax, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = Adamax::new([&w], 0.5).eps(0.0);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.5]);
/// ```
pub type Adamax = Optim<AdamaxOptions>;

/// The settings of [`Adamax`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamaxOptions {
    /// Learning rate. Default: 2e-3.
    pub lr: f64,
    /// Decay rates β₁ and β₂ of the running means. Default: (0.9, 0.999).
    pub betas: (f64, f64),
    /// Added to the size of the gradient. Default: 1e-8.
    pub eps: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for AdamaxOptions {
    fn default() -> Self {
        AdamaxOptions { lr: 2e-3, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, maximize: false }
    }
}

impl Adamax {
    /// The decay rates β₁ and β₂. Default: (0.9, 0.999).
    ///
    /// # Panics
    /// If one is outside 0..1.
    #[track_caller]
    pub fn betas(self, betas: (f64, f64)) -> Self {
        self.with(|o| o.betas = betas)
    }

    /// What is added to the size of the gradient. Default: 1e-8.
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

impl Rule for AdamaxOptions {
    const NAME: &'static str = "Adamax";
    const TENSORS: &'static [&'static str] = &["exp_avg", "exp_inf"];
    type Step = AdamaxStep;
    crate::step::compiled_here!();

    fn step(&self, numbers: &mut [f64], _first: bool) -> AdamaxStep {
        numbers[0] += 1.0;
        let &AdamaxOptions { lr, betas: (beta1, beta2), eps, weight_decay, maximize } = self;
        AdamaxStep {
            step_size: lr / (1.0 - beta1.pow(numbers[0])),
            beta1,
            beta2,
            eps,
            tiny: FlushToZero::beside(eps),
            weight_decay,
            maximize,
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
pub struct AdamaxStep {
    step_size: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    tiny: FlushToZero,
    weight_decay: f64,
    maximize: bool,
}

impl Update for AdamaxStep {
    const STATES: [usize; 2] = [2, 2];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, self.weight_decay);
        state[0] = self.tiny.mean(state[0], g, self.beta1);
        state[1] = maximum(T::lit(self.beta2) * state[1], g.abs() + T::lit(self.eps));
        (p - self.tiny.flush(T::lit(self.step_size) * state[0]) / state[1], state)
    }
}
