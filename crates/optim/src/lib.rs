//! Optimisers: from gradients to new parameters, with PyTorch's rules and defaults.
//!
//! This crate knows tensors and their gradients, not modules: it is given the parameters.

pub mod lr_scheduler;
mod sgd;

pub use lr_scheduler::{
    AnnealStrategy, ChainedScheduler, ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR,
    CyclicMode, CyclicOptions, ExponentialLR, LRScheduler, LambdaLR, LinearLR, MultiStepLR, MultiplicativeLR,
    OneCycleLR, OneCycleOptions, PlateauMode, PolynomialLR, ReduceLROnPlateau, SequentialLR, StepLR,
    ThresholdMode,
};
pub use sgd::SGD;

/// What every optimiser does.
pub trait Optimizer {
    /// Changes each parameter that has a gradient.
    fn step(&mut self);

    /// Forgets the gradients of all parameters (PyTorch's `zero_grad(set_to_none=True)`).
    fn zero_grad(&self);

    /// The learning rate.
    fn lr(&self) -> f64;

    /// Sets the learning rate of the steps to come.
    fn set_lr(&mut self, lr: f64);

    /// The learning rate of each parameter group.
    fn lrs(&self) -> Vec<f64>;

    /// Sets the learning rate of each parameter group.
    ///
    /// # Panics
    /// If there are not as many as groups.
    fn set_lrs(&mut self, lrs: &[f64]);

    /// The learning rates that the groups had before the first scheduler; none before that. A scheduler sets them.
    fn initial_lrs(&self) -> Option<Vec<f64>>;

    /// Sets what [`initial_lrs`](Optimizer::initial_lrs) gives.
    ///
    /// # Panics
    /// If there are not as many as groups.
    fn set_initial_lrs(&mut self, lrs: &[f64]);

    /// The momentum of each parameter group, or β₁ in the Adam family; none for optimisers without.
    fn momentums(&self) -> Option<Vec<f64>>;

    /// Sets what [`momentums`](Optimizer::momentums) gives.
    ///
    /// # Panics
    /// If there are not as many as groups, or it gives none.
    fn set_momentums(&mut self, momentums: &[f64]);
}
