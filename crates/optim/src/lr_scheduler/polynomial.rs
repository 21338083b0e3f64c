//! Polynomial decay to 0.

use super::{Progress, Schedule, started};
use crate::Optimizer;

/// lr · (1 − epoch / total_iters)^power over `total_iters` epochs (PyTorch: 5), then 0.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, PolynomialLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = PolynomialLR::new(&mut optimizer, 4).power(2.0);
/// (0..2).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.25]);
/// ```
///
/// [`torch.optim.lr_scheduler.PolynomialLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.PolynomialLR.html).
#[derive(Clone, Debug)]
pub struct PolynomialLR {
    progress: Progress,
    total_iters: i64,
    power: f64,
}

impl PolynomialLR {
    /// With power 1.
    pub fn new(optimizer: &mut dyn Optimizer, total_iters: usize) -> PolynomialLR {
        let (progress, total_iters) = (Progress::new(optimizer), total_iters as i64);
        started(PolynomialLR { progress, total_iters, power: 1.0 }, optimizer)
    }

    /// The exponent. Default: 1.
    pub fn power(mut self, power: f64) -> PolynomialLR {
        self.power = power;
        self
    }
}

impl Schedule for PolynomialLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64> {
        let (epoch, total) = (self.progress.last_epoch, self.total_iters);
        if initial || epoch > total {
            return present.to_vec();
        }
        let left = |epoch: i64| 1.0 - epoch as f64 / total as f64;
        let factor = (left(epoch) / left(epoch - 1)).powf(self.power);
        present.iter().map(|lr| lr * factor).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let (epoch, total) = (self.progress.last_epoch, self.total_iters);
        let factor = (1.0 - total.min(epoch) as f64 / total as f64).powf(self.power);
        Some(self.progress.base_lrs.iter().map(|lr| lr * factor).collect())
    }
}
