//! The initial learning rate times a function.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// From an epoch to a factor.
type Function = Box<dyn Fn(usize) -> f64 + Send + Sync>;

/// The initial learning rates times `f(epoch)`.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, LambdaLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = LambdaLR::new(&mut optimizer, |epoch| 0.5f64.powi(epoch as i32));
/// (0..3).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.125]);
/// ```
///
/// [`torch.optim.lr_scheduler.LambdaLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LambdaLR.html).
pub struct LambdaLR {
    progress: Progress,
    functions: Vec<Function>,
}

impl LambdaLR {
    /// With one function for all parameter groups.
    pub fn new(optimizer: &mut dyn Optimizer, f: impl Fn(usize) -> f64 + Send + Sync + 'static) -> LambdaLR {
        let progress = Progress::new(optimizer);
        started(LambdaLR { progress, functions: vec![Box::new(f)] }, optimizer)
    }

    /// With a function for each parameter group.
    ///
    /// # Panics
    /// If there are not as many as groups.
    #[track_caller]
    pub fn per_group(optimizer: &mut dyn Optimizer, functions: Vec<Function>) -> LambdaLR {
        let progress = Progress::new(optimizer);
        let (given, groups) = (functions.len(), progress.base_lrs.len());
        assert!(given == groups && groups > 0, "LambdaLR: {given} functions for {groups} parameter groups");
        started(LambdaLR { progress, functions }, optimizer)
    }

    fn factor(&self, group: usize, epoch: usize) -> f64 {
        self.functions[group.min(self.functions.len() - 1)](epoch)
    }
}

impl Schedule for LambdaLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, _: &[f64], _: bool) -> Vec<f64> {
        let epoch = self.progress.last_epoch.max(0) as usize;
        self.progress.base_lrs.iter().enumerate().map(|(i, lr)| lr * self.factor(i, epoch)).collect()
    }
}
