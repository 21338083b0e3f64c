//! Rprop: resilient backpropagation.

use crate::rule::{descent, require};
use crate::{Optim, Rule, Update};
use flambeau_kernels::Float;
use serde::{Deserialize, Serialize};

/// Rprop: a step size for each element, which the sign of the gradient alone changes; for full batches.
///
/// With the gradient g of a parameter p and the previous one g₀, at each step
///
/// 1. g ← −g if `maximize`
/// 2. η ← min(η·η₊, largest) where g·g₀ > 0; η ← max(η·η₋, smallest) and g ← 0 where g·g₀ < 0
/// 3. p ← p − sign(g) · η; g₀ ← g
///
/// η starts at lr; η₋, η₊ are `etas`, and smallest and largest are `step_sizes`. A learning rate that is set later has no
/// effect on parameters that have taken a step.
/// [`torch.optim.Rprop`](https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html); Riedmiller & Braun, [A
/// direct adaptive method for faster backpropagation learning](https://doi.org/10.1109/ICNN.1993.298623), 1993.
///
/// ```
/// use flambeau_optim::{Optimizer, Rprop};
/// use flambeau_tensor::tensor;
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = Rprop::new([&w], 0.25).etas((0.5, 2.0));
/// for _ in 0..2 {
///     optimizer.zero_grad();
///     (&w * &w).sum().backward();
///     optimizer.step(); // by 0.25, then by 0.5
/// }
/// assert_eq!(w.to_vec::<f32>(), [0.25, -1.25]);
/// ```
pub type Rprop = Optim<RpropOptions>;

/// The settings of [`Rprop`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RpropOptions {
    /// Learning rate. Default: 1e-2.
    pub lr: f64,
    /// Factors η₋ and η₊ of the step sizes. Default: (0.5, 1.2).
    pub etas: (f64, f64),
    /// The smallest and the largest step size. Default: (1e-6, 50).
    pub step_sizes: (f64, f64),
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

impl Default for RpropOptions {
    fn default() -> Self {
        RpropOptions { lr: 1e-2, etas: (0.5, 1.2), step_sizes: (1e-6, 50.0), maximize: false }
    }
}

impl Rprop {
    /// Factors η₋ and η₊ of the step sizes. Default: (0.5, 1.2).
    ///
    /// # Panics
    /// Unless 0 < η₋ < 1 < η₊.
    #[track_caller]
    pub fn etas(self, etas: (f64, f64)) -> Self {
        self.with(|o| o.etas = etas)
    }

    /// The smallest and the largest step size. Default: (1e-6, 50).
    ///
    /// # Panics
    /// If one is negative or not finite.
    #[track_caller]
    pub fn step_sizes(self, step_sizes: (f64, f64)) -> Self {
        self.with(|o| o.step_sizes = step_sizes)
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for RpropOptions {
    const NAME: &'static str = "Rprop";
    const TENSORS: &'static [&'static str] = &["prev", "step_size"];
    type Step = RpropStep;
    crate::step::compiled_here!();

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        vec![("prev", 0.0), ("step_size", self.lr)]
    }

    fn step(&self, numbers: &mut [f64], _first: bool) -> RpropStep {
        numbers[0] += 1.0;
        RpropStep { etas: self.etas, step_sizes: self.step_sizes, maximize: self.maximize }
    }

    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("the first of etas", &self.etas.0, f64::MIN_POSITIVE..1.0)?;
        require("the second of etas", &self.etas.1, 1.0 + f64::EPSILON..)?;
        require("the first of step_sizes", &self.step_sizes.0, 0.0..)?;
        require("the second of step_sizes", &self.step_sizes.1, 0.0..)
    }

    fn lr_mut(&mut self) -> &mut f64 {
        &mut self.lr
    }
}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct RpropStep {
    etas: (f64, f64),
    step_sizes: (f64, f64),
    maximize: bool,
}

impl Update for RpropStep {
    const STATES: [usize; 2] = [2, 2];

    #[inline(always)]
    fn update<T: Float, const N: usize>(self, p: T, grad: T, mut state: [T; N]) -> (T, [T; N]) {
        let g = descent(grad, p, self.maximize, 0.0);
        let (zero, one) = (T::lit(0.0), T::lit(1.0));
        let same = g * state[0];
        let turned = same < zero;
        let factor = if turned { T::lit(self.etas.0) } else { one };
        let factor = if same > zero { T::lit(self.etas.1) } else { factor };
        let (low, high) = (T::lit(self.step_sizes.0), T::lit(self.step_sizes.1));
        let size = state[1] * factor;
        let size = if size < low { low } else { size };
        let size = if size > high { high } else { size };
        let g = if turned { zero } else { g };
        let step = if g > zero { size } else { zero };
        let step = if g < zero { -size } else { step };
        (state[0], state[1]) = (g, size);
        (p - step, state)
    }
}
