//! Smaller steps once a metric no longer gets better.

use super::{PerGroup, SchedulerState, list, number};
use crate::Optimizer;
use flambeau_tensor::Result;

/// Which way a metric gets better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlateauMode {
    /// Down, as a loss.
    Min,
    /// Up, as accuracy.
    Max,
}

/// What a threshold is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdMode {
    /// The best metric.
    Rel,
    /// Itself.
    Abs,
}

/// Multiplies the learning rates by `factor` once a metric has not improved for more than `patience` epochs in a row:
/// at the (patience + 1)-th bad one. Give it a metric of validation data, not of training.
///
/// ```
/// use flambeau_optim::{Optimizer, ReduceLROnPlateau, SGD};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 1.0);
/// let mut scheduler = ReduceLROnPlateau::new(&optimizer).factor(0.5).patience(1);
/// [0.9, 0.8, 0.8, 0.8].map(|loss| scheduler.step(loss, &mut optimizer));
/// assert_eq!(optimizer.lrs(), [0.5]);
/// ```
/// [`torch.optim.lr_scheduler.ReduceLROnPlateau`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html).
#[derive(Clone, Debug)]
pub struct ReduceLROnPlateau {
    mode: PlateauMode,
    factor: f64,
    patience: usize,
    threshold: f64,
    threshold_mode: ThresholdMode,
    cooldown: usize,
    min_lrs: Vec<f64>,
    eps: f64,
    /// None before the first step.
    best: Option<f64>,
    num_bad_epochs: usize,
    cooldown_counter: usize,
    last_epoch: i64,
    last_lr: Vec<f64>,
}

impl ReduceLROnPlateau {
    /// With PyTorch's defaults.
    pub fn new(optimizer: &dyn Optimizer) -> ReduceLROnPlateau {
        let last_lr = optimizer.lrs();
        ReduceLROnPlateau {
            mode: PlateauMode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lrs: vec![0.0; last_lr.len()],
            eps: 1e-8,
            best: None,
            num_bad_epochs: 0,
            cooldown_counter: 0,
            last_epoch: 0,
            last_lr,
        }
    }

    /// Which way the metric gets better. Default: down.
    pub fn mode(mut self, mode: PlateauMode) -> ReduceLROnPlateau {
        self.mode = mode;
        self
    }

    /// The factor. Default: 0.1.
    ///
    /// # Panics
    /// If it is not below 1.
    #[track_caller]
    pub fn factor(mut self, factor: f64) -> ReduceLROnPlateau {
        assert!(factor < 1.0, "ReduceLROnPlateau: the factor is {factor}; it must be below 1");
        self.factor = factor;
        self
    }

    /// The epochs without improvement that are tolerated. Default: 10.
    pub fn patience(mut self, patience: usize) -> ReduceLROnPlateau {
        self.patience = patience;
        self
    }

    /// How much better a metric must be to count. Default: 1e-4.
    pub fn threshold(mut self, threshold: f64) -> ReduceLROnPlateau {
        self.threshold = threshold;
        self
    }

    /// Whether the threshold is a part of the best metric or a number by itself. Default: a part.
    pub fn threshold_mode(mut self, mode: ThresholdMode) -> ReduceLROnPlateau {
        self.threshold_mode = mode;
        self
    }

    /// The epochs after a reduction that do not count as bad. Default: 0.
    pub fn cooldown(mut self, cooldown: usize) -> ReduceLROnPlateau {
        self.cooldown = cooldown;
        self
    }

    /// The smallest learning rate, one for each parameter group or one for all. Default: 0.
    ///
    /// # Panics
    /// If there are not as many as groups.
    #[track_caller]
    pub fn min_lr(mut self, min_lr: impl PerGroup) -> ReduceLROnPlateau {
        self.min_lrs = min_lr.per_group(self.min_lrs.len());
        self
    }

    /// Changes of at most this are not made. Default: 1e-8.
    pub fn eps(mut self, eps: f64) -> ReduceLROnPlateau {
        self.eps = eps;
        self
    }

    /// Looks at this epoch's metric, and lowers the learning rates if it is time.
    ///
    /// # Panics
    /// If the optimiser has another number of parameter groups than before.
    #[track_caller]
    pub fn step(&mut self, metric: f64, optimizer: &mut dyn Optimizer) {
        self.last_epoch += 1;
        if self.is_better(metric) {
            self.best = Some(metric);
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.num_bad_epochs = 0;
        }
        if self.num_bad_epochs > self.patience {
            let mut lrs = optimizer.lrs();
            let (groups, known) = (lrs.len(), self.min_lrs.len());
            assert!(
                groups == known,
                "ReduceLROnPlateau: {groups} parameter groups, {known} when it was made"
            );
            for (lr, min) in lrs.iter_mut().zip(&self.min_lrs) {
                let next = (*lr * self.factor).max(*min);
                if *lr - next > self.eps {
                    *lr = next;
                }
            }
            optimizer.set_lrs(&lrs);
            (self.cooldown_counter, self.num_bad_epochs) = (self.cooldown, 0);
        }
        self.last_lr = optimizer.lrs();
    }

    fn is_better(&self, metric: f64) -> bool {
        let (t, rel) = (self.threshold, self.threshold_mode == ThresholdMode::Rel);
        match self.mode {
            PlateauMode::Min => {
                let best = self.best.unwrap_or(f64::INFINITY);
                metric < if rel { best * (1.0 - t) } else { best - t }
            }
            PlateauMode::Max => {
                let best = self.best.unwrap_or(f64::NEG_INFINITY);
                metric > if rel { best * (t + 1.0) } else { best + t }
            }
        }
    }

    /// The learning rates after the last step, one for each parameter group.
    pub fn get_last_lr(&self) -> Vec<f64> {
        self.last_lr.clone()
    }

    /// The number of steps so far.
    pub fn last_epoch(&self) -> i64 {
        self.last_epoch
    }

    /// How far it has come.
    pub fn state_dict(&self) -> SchedulerState {
        let entries = [
            ("best", self.best.into_iter().collect()),
            ("num_bad_epochs", vec![self.num_bad_epochs as f64]),
            ("cooldown_counter", vec![self.cooldown_counter as f64]),
            ("last_epoch", vec![self.last_epoch as f64]),
            ("last_lr", self.last_lr.clone()),
        ];
        entries.map(|(name, values)| (name.to_owned(), values)).into()
    }

    /// Goes on from a saved state; the optimiser has a state of its own.
    ///
    /// # Errors
    /// If an entry is missing or of the wrong length.
    pub fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        let bad = number(state, "num_bad_epochs")? as usize;
        let cooldown = number(state, "cooldown_counter")? as usize;
        let epoch = number(state, "last_epoch")? as i64;
        let last_lr = list(state, "last_lr", self.min_lrs.len())?;
        self.best = state.get("best").and_then(|best| best.first().copied());
        (self.num_bad_epochs, self.cooldown_counter) = (bad, cooldown);
        (self.last_epoch, self.last_lr) = (epoch, last_lr);
        Ok(())
    }
}
