//! Smaller for some epochs.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// Multiplies the learning rates by `factor` for the first `total_iters` epochs (PyTorch: 1/3 and 5).
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, ConstantLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = ConstantLR::new(&mut optimizer, 0.5, 3);
/// (0..2).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.5]);
/// ```
///
/// [`torch.optim.lr_scheduler.ConstantLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ConstantLR.html).
#[derive(Clone, Debug)]
pub struct ConstantLR {
    progress: Progress,
    factor: f64,
    total_iters: i64,
}

impl ConstantLR {
    /// Sets the first learning rates.
    ///
    /// # Panics
    /// If the factor is not within 0 to 1.
    #[track_caller]
    pub fn new(optimizer: &mut dyn Optimizer, factor: f64, total_iters: usize) -> ConstantLR {
        assert!((0.0..=1.0).contains(&factor), "ConstantLR: the factor is {factor}; it must be from 0 to 1");
        let progress = Progress::new(optimizer);
        started(ConstantLR { progress, factor, total_iters: total_iters as i64 }, optimizer)
    }
}

impl Schedule for ConstantLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        let factor = match self.progress.last_epoch {
            0 => self.factor,
            epoch if epoch == self.total_iters && !initial => 1.0 / self.factor,
            _ => 1.0,
        };
        present.iter().map(|lr| lr * factor).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let over = self.progress.last_epoch >= self.total_iters;
        let factor = self.factor + f64::from(u8::from(over)) * (1.0 - self.factor);
        Some(self.progress.base_lrs.iter().map(|lr| lr * factor).collect())
    }
}
