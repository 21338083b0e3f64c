//! Optimisers: from gradients to new parameters, with PyTorch's rules and defaults.
//!
//! This crate knows tensors and their gradients, not modules: it is given the parameters.

mod sgd;

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
}
