//! Steps down at regular intervals.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// Multiplies the learning rates by `gamma` every `step_size` epochs.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, StepLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = StepLR::new(&mut optimizer, 2).gamma(0.5);
/// (0..5).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.25]);
/// ```
///
/// [`torch.optim.lr_scheduler.StepLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html).
#[derive(Clone, Debug)]
pub struct StepLR {
    progress: Progress,
    step_size: i64,
    gamma: f64,
}

impl StepLR {
    /// With `gamma` 0.1.
    ///
    /// # Panics
    /// If `step_size` is 0.
    #[track_caller]
    pub fn new(optimizer: &mut dyn Optimizer, step_size: usize) -> StepLR {
        assert!(step_size > 0, "StepLR: the step size is 0; it must be at least 1");
        let progress = Progress::new(optimizer);
        started(StepLR { progress, step_size: step_size as i64, gamma: 0.1 }, optimizer)
    }

    /// The factor. Default: 0.1.
    pub fn gamma(mut self, gamma: f64) -> StepLR {
        self.gamma = gamma;
        self
    }
}

impl Schedule for StepLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        let epoch = self.progress.last_epoch;
        let factor = if initial || epoch == 0 || epoch % self.step_size != 0 { 1.0 } else { self.gamma };
        present.iter().map(|lr| lr * factor).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let factor = self.gamma.powf((self.progress.last_epoch / self.step_size) as f64);
        Some(self.progress.base_lrs.iter().map(|lr| lr * factor).collect())
    }
}
