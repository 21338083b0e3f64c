//! RMSprop.

use crate::rule::{descent, require};
use crate::{Optim, Rule, Update};
use flambeau_kernels::Float;
use flambeau_kernels::optim::FlushToZero;
use serde::{Deserialize, Serialize};

/// RMSprop: steps divided by the root of a running mean of the squared gradient.
///
/// With the gradient g of a parameter p, at each step
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. v ← α·v + (1 − α)·g²
/// 3. s = √v + eps; if `centered`, a ← α·a + (1 − α)·g and s = √(v − a²) + eps
/// 4. p ← p − lr · g / s; with momentum μ: b ← μ·b + g / s, p ← p − lr · b
///
/// As in PyTorch, eps is added after the root.
/// [`torch.optim.RMSprop`](https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html); Hinton, [lecture
/// 6](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf), 2012; Graves, [Generating Sequences With
/// Recurrent Neural Networks](https://arxiv.org/abs/1308.0850), 2013 (`centered`).
///
/// ```
/// use flambeau_optim::{Optimizer, RMSprop};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = RMSprop::new([&w], 0.25).alpha(0.75).eps(0.0);
/// (&w * &w).sum().backward();
/// optimizer.step(); // g / √(0.25 g²) = ±2
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.5]);
/// ```
pub type RMSprop = Optim<RmsPropOptions>;

/// The settings of [`RMSprop`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsPropOptions {
    /// Learning rate. Default: 1e-2.
    pub lr: f64,
    /// Decay rate α of the running means. Default: 0.99.
    pub alpha: f64,
    /// Added to the denominator. Default: 1e-8.
    pub eps: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// Momentum factor μ; 0 keeps no buffer. Default: 0.
    pub momentum: f64,
    /// Divides by the standard deviation instead of the root mean square. Default: off.
    pub centered: bool,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for RmsPropOptions {
    fn default() -> Self {
        RmsPropOptions {
            lr: 1e-2,
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
            maximize: false,
        }
    }
}

impl RMSprop {
    /// Decay rate α of the running means. Default: 0.99.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn alpha(self, alpha: f64) -> Self {
        self.with(|o| o.alpha = alpha)
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

    /// Momentum factor μ; 0 keeps no buffer. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum(self, momentum: f64) -> Self {
        self.with(|o| o.momentum = momentum)
    }

    /// Divides by the standard deviation instead of the root mean square. Default: off.
    pub fn centered(self, centered: bool) -> Self {
        self.with(|o| o.centered = centered)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for RmsPropOptions {
    const NAME: &'static str = "RMSprop";
    const TENSORS: &'static [&'static str] = &["square_avg", "grad_avg", "momentum_buffer"];
    type Step = RmsPropStep;
    crate::step::compiled_here!();

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        let kept = [true, self.centered, self.momentum > 0.0];
        Self::TENSORS.iter().zip(kept).filter(|(_, kept)| *kept).map(|(name, _)| (*name, 0.0)).collect()
    }

    fn step(&self, numbers: &mut [f64], _first: bool) -> RmsPropStep {
        numbers[0] += 1.0;
        let &RmsPropOptions { lr, alpha, eps, weight_decay, momentum, centered, maximize } = self;
        let tiny = FlushToZero::beside(eps);
        RmsPropStep { lr, alpha, eps, tiny, weight_decay, momentum, centered, maximize }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("alpha", &self.alpha, 0.0..)?;
        require("eps", &self.eps, 0.0..)?;
        require("weight_decay", &self.weight_decay, 0.0..)?;
        require("momentum", &self.momentum, 0.0..)
    }

    fn lr_mut(&mut self) -> &mut f64 {
        &mut self.lr
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct RmsPropStep {
    lr: f64,
    alpha: f64,
    eps: f64,
    tiny: FlushToZero,
    weight_decay: f64,
    momentum: f64,
    centered: bool,
    maximize: bool,
}

impl Update for RmsPropStep {
    const STATES: [usize; 2] = [1, 3];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, self.weight_decay);
        let mut s = self.tiny.mean_square(state[0], g, self.alpha);
        state[0] = s;
        if N > 1 && self.centered {
            state[1] = self.tiny.mean(state[1], g, self.alpha);
            s = s - state[1] * state[1];
        }
        let mut d = self.tiny.flush(g) / (s.sqrt() + T::lit(self.eps));
        if N > 1 && self.momentum > 0.0 {
            // The last of the two or three.
            state[N - 1] = T::lit(self.momentum) * state[N - 1] + d;
            d = state[N - 1];
        }
        (p - T::lit(self.lr) * d, state)
    }
}
