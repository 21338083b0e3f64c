//! Exponential decay.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// Multiplies the learning rates by `gamma` every epoch.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, ExponentialLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = ExponentialLR::new(&mut optimizer, 0.5);
/// (0..3).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.125]);
/// ```
///
/// [`torch.optim.lr_scheduler.ExponentialLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html).
#[derive(Clone, Debug)]
pub struct ExponentialLR {
    progress: Progress,
    gamma: f64,
}

impl ExponentialLR {
    /// With this factor.
    pub fn new(optimizer: &mut dyn Optimizer, gamma: f64) -> ExponentialLR {
        let progress = Progress::new(optimizer);
        started(ExponentialLR { progress, gamma }, optimizer)
    }
}

impl Schedule for ExponentialLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        present.iter().map(|lr| if initial { *lr } else { lr * self.gamma }).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let factor = self.gamma.powf(self.progress.last_epoch as f64);
        Some(self.progress.base_lrs.iter().map(|lr| lr * factor).collect())
    }
}
