//! Averaged stochastic gradient descent.

use crate::rule::{descent, require};
use crate::{Optim, Rule, Update};
use flambeau_kernels::{Float, Num};
use serde::{Deserialize, Serialize};

/// Averaged stochastic gradient descent: plain steps, and beside the parameters their mean from step t0 on.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; g ← g + weight_decay · p
/// 2. p ← p − lambd · η · p − η · g
/// 3. a ← a + μ·(p − a), or p while μ = 1
/// 4. η ← lr / (1 + lambd · lr · t)^alpha; μ ← 1 / max(1, t − t0)
///
/// η starts at lr and μ at 1. The mean a is `ax` in the state, as in PyTorch, and does not replace the parameter by itself.
/// [`torch.optim.ASGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html); Polyak & Juditsky,
/// [Acceleration of stochastic approximation by averaging](https://doi.org/10.1137/0330046), 1992.
///
/// ```
/// use flambeau_optim::{ASGD, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = ASGD::new([&w], 0.25).lambd(0.0);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.0]);
/// assert_eq!(optimizer.state_dict().state[&0]["ax"].to_vec::<f32>(), [0.5, -1.0]);
/// ```
pub type ASGD = Optim<AsgdOptions>;

/// The settings of [`ASGD`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AsgdOptions {
    /// Learning rate. Default: 1e-2.
    pub lr: f64,
    /// Decay term. Default: 1e-4.
    pub lambd: f64,
    /// Power with which the step size falls. Default: 0.75.
    pub alpha: f64,
    /// Step from which the mean is taken. Default: 1e6.
    pub t0: f64,
    /// L2 penalty. Default: 0.
    pub weight_decay: f64,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for AsgdOptions {
    fn default() -> Self {
        AsgdOptions { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weight_decay: 0.0, maximize: false }
    }
}

impl ASGD {
    /// Decay term. Default: 1e-4.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn lambd(self, lambd: f64) -> Self {
        self.with(|o| o.lambd = lambd)
    }

    /// Power with which the step size falls. Default: 0.75.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn alpha(self, alpha: f64) -> Self {
        self.with(|o| o.alpha = alpha)
    }

    /// Step from which the mean is taken. Default: 1e6.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn t0(self, t0: f64) -> Self {
        self.with(|o| o.t0 = t0)
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

impl Rule for AsgdOptions {
    const NAME: &'static str = "ASGD";
    const TENSORS: &'static [&'static str] = &["ax"];
    type Step = AsgdStep;
    crate::step::compiled_here!();

    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("step", 0.0), ("eta", self.lr), ("mu", 1.0)]
    }

    fn step(&self, numbers: &mut [f64], _first: bool) -> AsgdStep {
        let &[t, eta, mu] = &*numbers else { unreachable!("as many numbers as `numbers` names") };
        let t = t + 1.0;
        let next = self.lr / (1.0 + self.lambd * self.lr * t).pow(self.alpha);
        numbers.copy_from_slice(&[t, next, 1.0 / (t - self.t0).max(1.0)]);
        let &AsgdOptions { lambd, weight_decay, maximize, .. } = self;
        AsgdStep { eta, mu, keep: 1.0 - lambd * eta, weight_decay, maximize }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("lambd", &self.lambd, 0.0..)?;
        require("alpha", &self.alpha, 0.0..)?;
        require("t0", &self.t0, ..)?;
        require("weight_decay", &self.weight_decay, 0.0..)
    }

    fn lr_mut(&mut self) -> &mut f64 {
        &mut self.lr
    }
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AsgdStep {
    eta: f64,
    mu: f64,
    keep: f64,
    weight_decay: f64,
    maximize: bool,
}

impl Update for AsgdStep {
    const STATES: [usize; 2] = [1, 1];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, self.weight_decay);
        let p = p * T::lit(self.keep) - T::lit(self.eta) * g;
        state[0] = if self.mu == 1.0 { p } else { state[0] + T::lit(self.mu) * (p - state[0]) };
        (p, state)
    }
}
