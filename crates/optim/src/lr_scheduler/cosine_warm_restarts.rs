//! Half cosine waves, one after the other.

use super::{Progress, Schedule, started};
use crate::Optimizer;
use std::f64::consts::PI;

/// As [`CosineAnnealingLR`](super::CosineAnnealingLR), but starts again from the top after `t_0` epochs, then after
/// `t_mult` times as many, and so on.
///
/// ```
/// use flambeau_optim::{LRScheduler, SGD, CosineAnnealingWarmRestarts};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = CosineAnnealingWarmRestarts::new(&mut optimizer, 2).t_mult(2);
/// (0..6).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(scheduler.get_last_lr(), [1.0]);
/// ```
/// Loshchilov & Hutter, 2016, <https://arxiv.org/abs/1608.03983>.
/// [`torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.html).
#[derive(Clone, Debug)]
pub struct CosineAnnealingWarmRestarts {
    progress: Progress,
    t_0: i64,
    t_mult: i64,
    eta_min: f64,
}

impl CosineAnnealingWarmRestarts {
    /// With equal waves, down to 0.
    ///
    /// # Panics
    /// If `t_0` is 0.
    #[track_caller]
    pub fn new(optimizer: &mut dyn Optimizer, t_0: usize) -> CosineAnnealingWarmRestarts {
        assert!(t_0 > 0, "CosineAnnealingWarmRestarts: t_0 is 0; it must be at least 1");
        let (progress, t_0) = (Progress::new(optimizer), t_0 as i64);
        started(CosineAnnealingWarmRestarts { progress, t_0, t_mult: 1, eta_min: 0.0 }, optimizer)
    }

    /// The factor from one wave's length to the next. Default: 1.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn t_mult(mut self, t_mult: usize) -> CosineAnnealingWarmRestarts {
        assert!(t_mult > 0, "CosineAnnealingWarmRestarts: t_mult is 0; it must be at least 1");
        self.t_mult = t_mult as i64;
        self
    }

    /// The smallest learning rate. Default: 0.
    pub fn eta_min(mut self, eta_min: f64) -> CosineAnnealingWarmRestarts {
        self.eta_min = eta_min;
        self
    }
}

impl Schedule for CosineAnnealingWarmRestarts {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, _: &[f64], initial: bool) -> Vec<f64> {
        let (mut at, mut length) = (self.progress.last_epoch, self.t_0);
        if self.t_mult == 1 {
            at %= length;
        }
        while at >= length {
            at -= length;
            length = length.saturating_mul(self.t_mult);
        }
        let wave = 1.0 + (PI * at as f64 / length as f64).cos();
        let eta_min = self.eta_min;
        let next = |&base: &f64| if initial { base } else { eta_min + (base - eta_min) * wave / 2.0 };
        self.progress.base_lrs.iter().map(next).collect()
    }
}
