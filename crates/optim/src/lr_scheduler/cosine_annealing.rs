//! Half a cosine wave.

use super::{Progress, Schedule, started};
use crate::Optimizer;
use std::f64::consts::PI;

/// η_min + (lr − η_min) · (1 + cos(π · epoch / T_max)) / 2. Beyond `t_max` epochs the wave goes up again.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, CosineAnnealingLR};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = CosineAnnealingLR::new(&mut optimizer, 10);
/// (0..10).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [0.0]);
/// ```
/// Loshchilov & Hutter, 2016, <https://arxiv.org/abs/1608.03983>.
/// [`torch.optim.lr_scheduler.CosineAnnealingLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html).
#[derive(Clone, Debug)]
pub struct CosineAnnealingLR {
    progress: Progress,
    t_max: i64,
    eta_min: f64,
}

impl CosineAnnealingLR {
    /// Down to 0.
    ///
    /// # Panics
    /// If `t_max` is 0.
    #[track_caller]
    pub fn new(optimizer: &mut dyn Optimizer, t_max: usize) -> CosineAnnealingLR {
        assert!(t_max > 0, "CosineAnnealingLR: t_max is 0; it must be at least 1");
        let (progress, t_max) = (Progress::new(optimizer), t_max as i64);
        started(CosineAnnealingLR { progress, t_max, eta_min: 0.0 }, optimizer)
    }

    /// The smallest learning rate. Default: 0.
    pub fn eta_min(mut self, eta_min: f64) -> CosineAnnealingLR {
        self.eta_min = eta_min;
        self
    }
}

impl Schedule for CosineAnnealingLR {
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
        let (epoch, t_max, eta_min) = (self.progress.last_epoch, self.t_max, self.eta_min);
        let wave = |epoch: i64| 1.0 + (PI * epoch as f64 / t_max as f64).cos();
        let next = |(&lr, &base): (&f64, &f64)| {
            if (epoch - 1 - t_max) % (2 * t_max) == 0 {
                lr + (base - eta_min) * (1.0 - (PI / t_max as f64).cos()) / 2.0
            } else {
                wave(epoch) / wave(epoch - 1) * (lr - eta_min) + eta_min
            }
        };
        present.iter().zip(&self.progress.base_lrs).map(next).collect()
    }

    fn closed_rates(&self) -> Option<Vec<f64>> {
        let (epoch, eta_min) = (self.progress.last_epoch as f64, self.eta_min);
        let wave = 1.0 + (PI * epoch / self.t_max as f64).cos();
        Some(self.progress.base_lrs.iter().map(|lr| eta_min + (lr - eta_min) * wave / 2.0).collect())
    }
}
