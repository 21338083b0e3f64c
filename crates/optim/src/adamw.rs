//! Adam with decoupled weight decay.

use crate::adam::{AdamOptions, AdamStep};
use crate::{Optim, Rule};
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};

/// Adam with weight decay that is decoupled from the gradient: the default for transformers.
///
/// With the gradient g of a parameter p, at step t
///
/// 1. g ← −g if `maximize`; p ← p − lr · weight_decay · p
/// 2. m ← β₁·m + (1 − β₁)·g; v ← β₂·v + (1 − β₂)·g²
/// 3. m̂ = m / (1 − β₁ᵗ); v̂ = v / (1 − β₂ᵗ), with `amsgrad` of the largest v so far
/// 4. p ← p − lr · m̂ / (√v̂ + eps)
///
/// [`Adam`](crate::Adam) adds weight_decay · p to g, where √v̂ divides it again: parameters with large gradients
/// decay less. Here all decay at one rate. The options are Adam's; weight_decay is 0.01 unless set.
/// [`torch.optim.AdamW`](https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html); Loshchilov & Hutter,
/// [Decoupled Weight Decay Regularization](https://arxiv.org/abs/1711.05101), 2017.
///
/// ```
/// use flambeau_optim::{AdamW, Optimizer};
/// use flambeau_tensor::tensor;
/// let w = tensor![8.0].requires_grad_();
/// let mut optimizer = AdamW::new([&w], 0.5).weight_decay(0.25);
/// w.sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [8.0 - 0.5 * 0.25 * 8.0 - 0.5]);
/// ```
pub type AdamW = Optim<AdamWOptions>;

/// The settings of [`AdamW`]: Adam's, with weight decay that is decoupled and 0.01 unless set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdamWOptions(pub AdamOptions);

impl Default for AdamWOptions {
    fn default() -> Self {
        AdamWOptions(AdamOptions { weight_decay: 1e-2, decoupled_weight_decay: true, ..Default::default() })
    }
}

impl Deref for AdamWOptions {
    type Target = AdamOptions;
    fn deref(&self) -> &AdamOptions {
        &self.0
    }
}

impl DerefMut for AdamWOptions {
    fn deref_mut(&mut self) -> &mut AdamOptions {
        &mut self.0
    }
}

impl AsMut<AdamOptions> for AdamWOptions {
    fn as_mut(&mut self) -> &mut AdamOptions {
        &mut self.0
    }
}

impl Rule for AdamWOptions {
    const NAME: &'static str = "AdamW";
    const TENSORS: &'static [&'static str] = AdamOptions::TENSORS;
    type Step = AdamStep;
    crate::step::compiled_here!();

    fn tensors(&self) -> Vec<(&'static str, f64)> {
        self.0.tensors()
    }

    fn step(&self, numbers: &mut [f64], first: bool) -> AdamStep {
        self.0.step(numbers, first)
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }

    fn lr_mut(&mut self) -> &mut f64 {
        self.0.lr_mut()
    }

    fn momentum_mut(&mut self) -> Option<&mut f64> {
        self.0.momentum_mut()
    }
}
