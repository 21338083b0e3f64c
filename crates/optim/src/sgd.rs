//! Stochastic gradient descent.

use crate::rule::{descent, require};
use crate::{Optim, Rule, Update};
use flambeau_kernels::Float;
use serde::{Deserialize, Serialize};

/// Stochastic gradient descent with momentum, Nesterov momentum and an L2 penalty.
///
/// With the gradient g of a parameter p, at each step
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. with momentum μ: b ← g at the first step, then b ← μ·b + (1 − dampening)·g; g ← g + μ·b if `nesterov`, else b
/// 3. p ← p − lr · g
///
/// The steady step under momentum is lr / (1 − μ) · g: at μ = 0.9 ten times as long. `weight_decay` is the
/// gradient of weight_decay/2 · Σp², and applies to every parameter given, biases too.
/// [`torch.optim.SGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html);
/// Sutskever et al., [On the importance of initialization and momentum in deep
/// learning](https://proceedings.mlr.press/v28/sutskever13.html), 2013.
///
/// ```
/// use flambeau_optim::{Optimizer, SGD};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, 2.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 0.1).momentum(0.9);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.8, 1.6]);
/// ```
pub type SGD = Optim<SgdOptions>;

/// The settings of [`SGD`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SgdOptions {
    /// Learning rate. Default: 1e-3.
    pub lr: f64,
    /// Momentum factor μ; 0 keeps no buffer. Default: 0.
    pub momentum: f64,
    /// Dampening of the gradient that enters the momentum buffer. Default: 0.
    pub dampening: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// Nesterov momentum; it needs a momentum and no dampening. Default: off.
    pub nesterov: bool,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for SgdOptions {
    fn default() -> Self {
        SgdOptions {
            lr: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            maximize: false,
        }
    }
}

impl SGD {
    /// The momentum factor μ. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn momentum(self, momentum: f64) -> SGD {
        self.with(|o| o.momentum = momentum)
    }

    /// Dampening of the gradient that enters the momentum buffer. Default: 0.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn dampening(self, dampening: f64) -> SGD {
        self.with(|o| o.dampening = dampening)
    }

    /// The L2 penalty: weight_decay · p is added to the gradient. Default: 0.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn weight_decay(self, weight_decay: f64) -> SGD {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// Nesterov momentum; set the momentum first. Default: off.
    ///
    /// # Panics
    /// If there is no momentum, or dampening.
    #[track_caller]
    pub fn nesterov(self, nesterov: bool) -> SGD {
        self.with(|o| o.nesterov = nesterov)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> SGD {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for SgdOptions {
    const NAME: &'static str = "SGD";
    const TENSORS: &'static [&'static str] = &["momentum_buffer"];
    type Step = SgdStep;
    crate::step::compiled_here!();

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        if self.momentum == 0.0 { vec![] } else { vec![("momentum_buffer", 0.0)] }
    }

    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![]
    }

    fn step(&self, _numbers: &mut [f64], first: bool) -> SgdStep {
        // The first gradient enters the buffer, which is 0, undamped.
        let damp = if first { 1.0 } else { 1.0 - self.dampening };
        let &SgdOptions { lr, momentum, weight_decay, nesterov, maximize, .. } = self;
        SgdStep { lr, momentum, damp, weight_decay, nesterov, maximize }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("momentum", &self.momentum, 0.0..)?;
        require("dampening", &self.dampening, ..)?;
        require("weight_decay", &self.weight_decay, 0.0..)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let SgdOptions { momentum, dampening, .. } = self;
            return Err(format!(
                "Nesterov momentum needs a momentum and no dampening; they are {momentum} and {dampening}"
            ));
        }
        Ok(())
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
pub struct SgdStep {
    lr: f64,
    momentum: f64,
    damp: f64,
    weight_decay: f64,
    nesterov: bool,
    maximize: bool,
}

impl Update for SgdStep {
    const STATES: [usize; 2] = [0, 1];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, self.weight_decay);
        let momentum = T::lit(self.momentum);
        let mut d = g;
        if N > 0 {
            state[0] = momentum * state[0] + T::lit(self.damp) * g;
            d = if self.nesterov { g + momentum * state[0] } else { state[0] };
        }
        (p - T::lit(self.lr) * d, state)
    }
}
