//! [`Optimizer`], what a training loop, a schedule or a checkpoint asks of every optimiser.

use crate::OptimizerState;
use flambeau_tensor::{Error, Result, Tensor, enable_grad};
use std::path::Path;

/// What every optimiser does.
pub trait Optimizer: Send {
    /// Changes each parameter that has a gradient.
    ///
    /// # Panics
    /// If a parameter's memory is in use, or its gradient has another dtype or shape; for
    /// [`LBFGS`](crate::LBFGS), which needs [`step_with`](Optimizer::step_with).
    fn step(&mut self);

    /// Calls a closure that clears the gradients, computes the loss and calls `backward`, then makes a step; gives
    /// the loss. PyTorch's `step(closure)`; [`LBFGS`](crate::LBFGS) calls it several times.
    ///
    /// # Panics
    /// As [`step`](Optimizer::step).
    fn step_with(&mut self, closure: &mut dyn FnMut() -> Tensor) -> Tensor {
        let loss = enable_grad(&mut *closure);
        self.step();
        loss
    }

    /// All parameters, group after group: what gradient clipping takes.
    fn params(&self) -> Vec<Tensor>;

    /// Forgets the gradients of all parameters (PyTorch's `zero_grad(set_to_none=True)`).
    fn zero_grad(&self) {
        self.params().iter().for_each(Tensor::zero_grad);
    }

    /// The learning rate of the first group.
    fn lr(&self) -> f64 {
        self.lrs().first().copied().unwrap_or_default()
    }

    /// Sets the learning rate of all groups for the steps to come.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    fn set_lr(&mut self, lr: f64) {
        self.set_lrs(&vec![lr; self.lrs().len()]);
    }

    /// The learning rate of each group.
    fn lrs(&self) -> Vec<f64>;

    /// Sets the learning rate of each group.
    ///
    /// # Panics
    /// If there is not one for each group, or one is negative or not finite.
    fn set_lrs(&mut self, lrs: &[f64]);

    /// The learning rates before the first scheduler, which sets them; none before that. They are part of the
    /// [`state_dict`](Optimizer::state_dict).
    fn initial_lrs(&self) -> Option<Vec<f64>>;

    /// Sets what [`initial_lrs`](Optimizer::initial_lrs) gives.
    ///
    /// # Panics
    /// If there is not one for each group.
    fn set_initial_lrs(&mut self, lrs: &[f64]);

    /// The momentum of each group, or its β₁; `None` for optimisers without.
    fn momentums(&self) -> Option<Vec<f64>>;

    /// Sets the momentum, or β₁, of each group.
    ///
    /// # Panics
    /// If the optimiser has none, there is not one for each group, or one is out of range.
    fn set_momentums(&mut self, momentums: &[f64]);

    /// What the optimiser knows. The tensors share their values with it.
    fn state_dict(&self) -> OptimizerState;

    /// Goes on from what another optimiser of the same kind, for the same parameters, knew. The values are copied.
    ///
    /// # Errors
    /// [`Error::StateDict`] when the groups, the shapes or the names do not fit; nothing is changed then.
    fn load_state_dict(&mut self, dict: &OptimizerState) -> Result<()>;

    /// Writes the `state_dict` to a safetensors file, as a whole or not at all. On a `dyn Optimizer` use
    /// `state_dict().save(path)`.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        self.state_dict().save(path)
    }

    /// Reads a file that [`save`](Optimizer::save) wrote.
    ///
    /// # Errors
    /// [`Error::File`] when the file is missing or corrupt, [`Error::StateDict`] when it does not fit. Nothing is
    /// changed then.
    fn load(&mut self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        let path = path.as_ref();
        match self.load_state_dict(&OptimizerState::load(path)?) {
            Err(Error::StateDict(message)) => Err(Error::StateDict(format!("{}: {message}", path.display()))),
            other => other,
        }
    }
}
