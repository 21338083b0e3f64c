//! Up and down again and again.

use super::{PerGroup, Progress, Schedule, started};
use crate::Optimizer;

/// How the height of [`CyclicLR`]'s cycles changes.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum CyclicMode {
    /// Not.
    #[default]
    Triangular,
    /// By half with each cycle.
    Triangular2,
    /// By this factor with each step.
    ExpRange(f64),
}

/// Options of [`CyclicLR`], with PyTorch's defaults.
#[derive(Clone, Copy, Debug)]
pub struct CyclicOptions {
    /// The steps up. Default: 2,000.
    pub step_size_up: usize,
    /// The steps down. Default: as many as up.
    pub step_size_down: Option<usize>,
    /// How the height changes. Default: not.
    pub mode: CyclicMode,
    /// Whether momentum goes the other way. Default: yes.
    pub cycle_momentum: bool,
    /// The momentum at the largest learning rate. Default: 0.8.
    pub base_momentum: f64,
    /// The momentum at the smallest learning rate. Default: 0.9.
    pub max_momentum: f64,
}

impl Default for CyclicOptions {
    fn default() -> Self {
        CyclicOptions {
            step_size_up: 2000,
            step_size_down: None,
            mode: CyclicMode::Triangular,
            cycle_momentum: true,
            base_momentum: 0.8,
            max_momentum: 0.9,
        }
    }
}

/// From base_lr in a line up to max_lr and down again, over and over; a step for each batch. Momentum goes the other
/// way.
///
/// ```
/// use flambeau_optim::{CyclicLR, CyclicOptions, LRScheduler, Optimizer, SGD};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 0.1).momentum(0.9);
/// let options = CyclicOptions { step_size_up: 2, ..Default::default() };
/// let mut scheduler = CyclicLR::new(&mut optimizer, 0.0, 1.0, options);
/// scheduler.step(&mut optimizer);
/// assert_eq!(optimizer.lrs(), [0.5]);
/// ```
/// [`torch.optim.lr_scheduler.CyclicLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html);
/// Smith, 2015, <https://arxiv.org/abs/1506.01186>.
#[derive(Clone, Debug)]
pub struct CyclicLR {
    progress: Progress,
    max_lrs: Vec<f64>,
    options: CyclicOptions,
}

impl CyclicLR {
    /// Sets the first learning rates and momentums.
    ///
    /// # Panics
    /// If there are no steps, or the optimiser has no momentum to change.
    #[track_caller]
    pub fn new(
        optimizer: &mut dyn Optimizer,
        base_lr: impl PerGroup,
        max_lr: impl PerGroup,
        options: CyclicOptions,
    ) -> CyclicLR {
        let steps = options.step_size_up > 0 && options.step_size_down != Some(0);
        assert!(steps, "CyclicLR: a step size is 0; it must be at least 1");
        let groups = optimizer.lrs().len();
        let (base_lrs, max_lrs) = (base_lr.per_group(groups), max_lr.per_group(groups));
        assert!(
            !options.cycle_momentum || optimizer.momentums().is_some(),
            "CyclicLR: the optimiser has no momentum; set cycle_momentum to false"
        );
        optimizer.set_lrs(&base_lrs);
        let progress = Progress { base_lrs, ..Progress::new(optimizer) };
        started(CyclicLR { progress, max_lrs, options }, optimizer)
    }

    /// How high in the range the present step is.
    fn height(&self) -> f64 {
        let (step, up) = (self.progress.last_epoch as f64, self.options.step_size_up as f64);
        let total = up + self.options.step_size_down.map_or(up, |down| down as f64);
        let ratio = up / total;
        let cycle = (1.0 + step / total).floor();
        let x = 1.0 + step / total - cycle;
        let height = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        height
            * match self.options.mode {
                CyclicMode::Triangular => 1.0,
                CyclicMode::Triangular2 => 1.0 / 2f64.powf(cycle - 1.0),
                CyclicMode::ExpRange(gamma) => gamma.powf(step),
            }
    }
}

impl Schedule for CyclicLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn rates(&self, _: &[f64], _: bool) -> Vec<f64> {
        let height = self.height();
        self.progress
            .base_lrs
            .iter()
            .zip(&self.max_lrs)
            .map(|(base, max)| base + (max - base) * height)
            .collect()
    }

    fn momentums(&self) -> Option<Vec<f64>> {
        let CyclicOptions { base_momentum: base, max_momentum: max, cycle_momentum, .. } = self.options;
        cycle_momentum.then(|| vec![max - (max - base) * self.height(); self.max_lrs.len()])
    }
}
