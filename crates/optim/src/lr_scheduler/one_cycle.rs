//! One cycle up and down.

use super::{PerGroup, Progress, Schedule, started};
use crate::Optimizer;
use std::f64::consts::PI;

/// The curve between two learning rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AnnealStrategy {
    /// Half a cosine wave.
    #[default]
    Cos,
    /// A line.
    Linear,
}

/// Options of [`OneCycleLR`], with PyTorch's defaults.
#[derive(Clone, Copy, Debug)]
pub struct OneCycleOptions {
    /// The part of the steps in which the learning rate rises. Default: 0.3.
    pub pct_start: f64,
    /// The curve. Default: cosine.
    pub anneal_strategy: AnnealStrategy,
    /// Whether momentum goes the other way. Default: yes.
    pub cycle_momentum: bool,
    /// The momentum at the largest learning rate. Default: 0.85.
    pub base_momentum: f64,
    /// The momentum at the start and end. Default: 0.95.
    pub max_momentum: f64,
    /// max_lr over the first learning rate. Default: 25.
    pub div_factor: f64,
    /// The first learning rate over the last. Default: 10,000.
    pub final_div_factor: f64,
    /// Whether it falls to the first learning rate as fast as it rose, before it falls on to the last. Default: no.
    pub three_phase: bool,
}

impl Default for OneCycleOptions {
    fn default() -> Self {
        OneCycleOptions {
            pct_start: 0.3,
            anneal_strategy: AnnealStrategy::Cos,
            cycle_momentum: true,
            base_momentum: 0.85,
            max_momentum: 0.95,
            div_factor: 25.0,
            final_div_factor: 1e4,
            three_phase: false,
        }
    }
}

/// From max_lr / div_factor up to max_lr and down to a small fraction of the first, over `total_steps` steps: one for
/// each batch, not each epoch. Momentum goes the other way.
///
/// ```
/// use flambeau_optim::{LRScheduler, OneCycleLR, OneCycleOptions, Optimizer, SGD};
/// # let w = flambeau_tensor::tensor![1.0].requires_grad_();
/// let mut optimizer = SGD::new([&w], 0.1).momentum(0.9);
/// let mut scheduler = OneCycleLR::new(&mut optimizer, 1.0, 10, OneCycleOptions::default());
/// assert!((optimizer.lrs()[0] - 1.0 / 25.0).abs() < 1e-12);
/// (0..2).for_each(|_| scheduler.step(&mut optimizer));
/// assert_eq!(optimizer.lrs(), [1.0]);
/// ```
/// [`torch.optim.lr_scheduler.OneCycleLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html);
/// Smith & Topin, 2017, <https://arxiv.org/abs/1708.07120>.
#[derive(Clone, Debug)]
pub struct OneCycleLR {
    progress: Progress,
    max_lrs: Vec<f64>,
    total_steps: usize,
    options: OneCycleOptions,
}

impl OneCycleLR {
    /// Sets the first learning rates and momentums. `total_steps` is epochs · batches of one.
    ///
    /// # Panics
    /// If there are no steps, `pct_start` is not within 0 to 1, or the optimiser has no momentum to change.
    #[track_caller]
    pub fn new(
        optimizer: &mut dyn Optimizer,
        max_lr: impl PerGroup,
        total_steps: usize,
        options: OneCycleOptions,
    ) -> OneCycleLR {
        assert!(total_steps > 0, "OneCycleLR: total_steps is 0; it must be at least 1");
        let share = options.pct_start;
        assert!((0.0..=1.0).contains(&share), "OneCycleLR: pct_start is {share}; it must be from 0 to 1");
        let max_lrs = max_lr.per_group(optimizer.lrs().len());
        assert!(
            !options.cycle_momentum || optimizer.momentums().is_some(),
            "OneCycleLR: the optimiser has no momentum; set cycle_momentum to false"
        );
        let first: Vec<f64> = max_lrs.iter().map(|lr| lr / options.div_factor).collect();
        optimizer.set_initial_lrs(&first);
        let progress = Progress::new(optimizer);
        started(OneCycleLR { progress, max_lrs, total_steps, options }, optimizer)
    }

    /// Where the present step is: `(start, end, part of the way)`, by the numbers of the phases' corners.
    fn place(&self) -> (usize, f64) {
        let (step, total) = (self.progress.last_epoch as f64, self.total_steps as f64);
        let share = self.options.pct_start;
        let ends = match self.options.three_phase {
            true => vec![share * total - 1.0, 2.0 * share * total - 2.0, total - 1.0],
            false => vec![share * total - 1.0, total - 1.0],
        };
        let phase = ends[..ends.len() - 1].iter().position(|&end| step <= end).unwrap_or(ends.len() - 1);
        let start = if phase == 0 { 0.0 } else { ends[phase - 1] };
        (phase, (step - start) / (ends[phase] - start))
    }

    fn between(&self, corners: [f64; 4]) -> f64 {
        let (phase, part) = self.place();
        // Two phases skip the third corner.
        let path = if self.options.three_phase { [0, 1, 2, 3] } else { [0, 1, 3, 3] };
        let (start, end) = (corners[path[phase]], corners[path[phase + 1]]);
        match self.options.anneal_strategy {
            AnnealStrategy::Cos => end + (start - end) / 2.0 * ((PI * part).cos() + 1.0),
            AnnealStrategy::Linear => (end - start) * part + start,
        }
    }
}

impl Schedule for OneCycleLR {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn progress_mut(&mut self) -> &mut Progress {
        &mut self.progress
    }

    /// # Panics
    /// Beyond `total_steps`.
    fn rates(&self, _: &[f64], _: bool) -> Vec<f64> {
        assert!(
            self.progress.last_epoch <= self.total_steps as i64,
            "OneCycleLR: step {} of {}; it is called once a batch, for total_steps batches in all",
            self.progress.last_epoch,
            self.total_steps
        );
        let rate = |(&first, &max): (&f64, &f64)| {
            self.between([first, max, first, first / self.options.final_div_factor])
        };
        self.progress.base_lrs.iter().zip(&self.max_lrs).map(rate).collect()
    }

    fn momentums(&self) -> Option<Vec<f64>> {
        let OneCycleOptions { base_momentum: base, max_momentum: max, cycle_momentum, .. } = self.options;
        cycle_momentum.then(|| vec![self.between([max, base, max, max]); self.max_lrs.len()])
    }
}
