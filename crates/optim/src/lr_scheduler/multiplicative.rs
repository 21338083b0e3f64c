//! The present learning rate times a function.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// From an epoch to a factor.
type Function = Box<dyn Fn(usize) -> f64 + Send + Sync>;

/// Multiplies the learning rates by `f(epoch)` every epoch.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, MultiplicativeLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = MultiplicativeLR::new(&mut optimizer, |_| 0.5);
/// (0..3).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.125]);
/// ```
///
/// [`torch.optim.lr_scheduler.MultiplicativeLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiplicativeLR.html).
pub struct MultiplicativeLR {
    progress: Progress,
    functions: Vec<Function>,
}

impl MultiplicativeLR {
    /// With one function for all parameter groups.
    pub fn new(
        optimizer: &mut dyn Optimizer,
        f: impl Fn(usize) -> f64 + Send + Sync + 'static,
    ) -> MultiplicativeLR {
        let progress = Progress::new(optimizer);
        started(MultiplicativeLR { progress, functions: vec![Box::new(f)] }, optimizer)
    }

    /// With a function for each parameter group.
    ///
    /// # Panics
    /// If there are not as many as groups.
    #[track_caller]
    pub fn per_group(optimizer: &mut dyn Optimizer, functions: Vec<Function>) -> MultiplicativeLR {
        let progress = Progress::new(optimizer);
        let (given, groups) = (functions.len(), progress.base_lrs.len());
        assert!(
            given == groups && groups > 0,
            "MultiplicativeLR: {given} functions for {groups} parameter groups"
        );
        started(MultiplicativeLR { progress, functions }, optimizer)
    }

    fn factor(&self, group: usize, epoch: usize) -> f64 {
        self.functions[group.min(self.functions.len() - 1)](epoch)
    }
}

impl Schedule for MultiplicativeLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        if initial {
            return present.to_vec();
        }
        let epoch = self.progress.last_epoch.max(0) as usize;
        present.iter().enumerate().map(|(i, lr)| lr * self.factor(i, epoch)).collect()
    }
}
