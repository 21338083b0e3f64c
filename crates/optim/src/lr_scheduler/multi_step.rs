//! Steps down at given epochs.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// Multiplies the learning rates by `gamma` at each of the epochs in `milestones`.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, MultiStepLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = MultiStepLR::new(&mut optimizer, [1, 3]).gamma(0.5);
/// (0..5).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.25]);
/// ```
///
/// [`torch.optim.lr_scheduler.MultiStepLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html).
#[derive(Clone, Debug)]
pub struct MultiStepLR {
    progress: Progress,
    milestones: Vec<i64>,
    gamma: f64,
}

impl MultiStepLR {
    /// With `gamma` 0.1. An epoch may be given several times.
    pub fn new(optimizer: &mut dyn Optimizer, milestones: impl IntoIterator<Item = usize>) -> MultiStepLR {
        let milestones = milestones.into_iter().map(|epoch| epoch as i64).collect();
        let progress = Progress::new(optimizer);
        started(MultiStepLR { progress, milestones, gamma: 0.1 }, optimizer)
    }

    /// The factor. Default: 0.1.
    pub fn gamma(mut self, gamma: f64) -> MultiStepLR {
        self.gamma = gamma;
        self
    }
}

impl Schedule for MultiStepLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        // The first step comes before `gamma` is set.
        let hits =
            self.milestones.iter().filter(|&&epoch| epoch == self.progress.last_epoch && !initial).count();
        let factor = if hits == 0 { 1.0 } else { self.gamma.powf(hits as f64) };
        present.iter().map(|lr| lr * factor).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let past = self.milestones.iter().filter(|&&epoch| epoch <= self.progress.last_epoch).count();
        Some(self.progress.base_lrs.iter().map(|lr| lr * self.gamma.powf(past as f64)).collect())
    }
}
