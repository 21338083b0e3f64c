//! A line from one factor to another.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// Multiplies the learning rates by a factor that goes from `start_factor` to `end_factor` in a line over `total_iters`
/// epochs (PyTorch: 1/3, 1 and 5): a warm-up.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, LinearLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = LinearLR::new(&mut optimizer, 0.5, 1.0, 4);
/// (0..2).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.75]);
/// ```
///
/// [`torch.optim.lr_scheduler.LinearLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html).
#[derive(Clone, Debug)]
pub struct LinearLR {
    progress: Progress,
    start_factor: f64,
    end_factor: f64,
    total_iters: i64,
}

impl LinearLR {
    /// Sets the first learning rates.
    ///
    /// # Panics
    /// If a factor is not within 0 to 1, or the first is 0.
    #[track_caller]
    pub fn new(
        optimizer: &mut dyn Optimizer,
        start_factor: f64,
        end_factor: f64,
        total_iters: usize,
    ) -> LinearLR {
        let start = start_factor > 0.0 && start_factor <= 1.0;
        assert!(start, "LinearLR: start_factor is {start_factor}; it must be above 0 and at most 1");
        assert!(
            (0.0..=1.0).contains(&end_factor),
            "LinearLR: end_factor is {end_factor}; it must be from 0 to 1"
        );
        let (progress, total_iters) = (Progress::new(optimizer), total_iters as i64);
        started(LinearLR { progress, start_factor, end_factor, total_iters }, optimizer)
    }
}

impl Schedule for LinearLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        let (epoch, total, start) = (self.progress.last_epoch, self.total_iters, self.start_factor);
        let rise = self.end_factor - start;
        let factor = match epoch {
            0 => start,
            _ if initial || epoch > total => 1.0,
            _ => 1.0 + rise / (total as f64 * start + (epoch - 1) as f64 * rise),
        };
        // The last factor towards 0 may be −1e-16.
        present.iter().map(|lr| lr * factor.max(0.0)).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let rise = self.end_factor - self.start_factor;
        let part = self.total_iters.min(self.progress.last_epoch) as f64;
        let factor = self.start_factor + rise * part / self.total_iters as f64;
        Some(self.progress.base_lrs.iter().map(|lr| lr * factor).collect())
    }
}
