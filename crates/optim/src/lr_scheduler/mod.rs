//! Learning rates that change over time, by PyTorch's formulas.
//!
//! A scheduler holds no reference to its optimiser: it is given it at construction, where it sets the first learning
//! rate, and at each [`step`](LRScheduler::step), which comes after the optimiser's. Most are [`Schedule`]s: a formula
//! that computes the next learning rates from the present ones, so that several may work on one optimiser.
//!
//! ```
//! use flambeau_optim::{LRScheduler, Optimizer, SGD, StepLR};
//! use flambeau_tensor::tensor;
//! let w = tensor![1.0, 2.0].requires_grad_();
//! let mut optimizer = SGD::new([&w], 0.1);
//! let mut scheduler = StepLR::new(&mut optimizer, 2).gamma(0.5);
//! for _ in 0..4 {
//!     (&w * &w).sum().backward();
//!     optimizer.step();
//!     optimizer.zero_grad();
//!     scheduler.step(&mut optimizer);
//! }
//! assert_eq!(scheduler.get_last_lr(), [0.025]);
//! ```

mod chained;
mod constant;
mod cosine_annealing;
mod cosine_warm_restarts;
mod cyclic;
mod exponential;
mod lambda;
mod linear;
mod multi_step;
mod multiplicative;
mod one_cycle;
mod plateau;
mod polynomial;
mod sequential;
mod step;

pub use chained::ChainedScheduler;
pub use constant::ConstantLR;
pub use cosine_annealing::CosineAnnealingLR;
pub use cosine_warm_restarts::CosineAnnealingWarmRestarts;
pub use cyclic::{CyclicLR, CyclicMode, CyclicOptions};
pub use exponential::ExponentialLR;
pub use lambda::LambdaLR;
pub use linear::LinearLR;
pub use multi_step::MultiStepLR;
pub use multiplicative::MultiplicativeLR;
pub use one_cycle::{AnnealStrategy, OneCycleLR, OneCycleOptions};
pub use plateau::{PlateauMode, ReduceLROnPlateau, ThresholdMode};
pub use polynomial::PolynomialLR;
pub use sequential::SequentialLR;
pub use step::StepLR;

use crate::Optimizer;
use flambeau_tensor::{Error, Result};
use std::collections::BTreeMap;

/// How far a scheduler has come: lists of numbers by name. Its settings are not part of it.
pub type SchedulerState = BTreeMap<String, Vec<f64>>;

/// What every scheduler but [`ReduceLROnPlateau`] does.
pub trait LRScheduler: Send {
    /// Goes on by one epoch (or batch, if so called) and sets the optimiser's learning rates.
    fn step(&mut self, optimizer: &mut dyn Optimizer);

    /// The learning rates set last, one for each parameter group.
    fn get_last_lr(&self) -> Vec<f64>;

    /// The number of steps so far.
    fn last_epoch(&self) -> i64;

    /// How far it has come.
    fn state_dict(&self) -> SchedulerState;

    /// Goes on from a saved state; the optimiser has a state of its own.
    ///
    /// # Errors
    /// If an entry is missing or of the wrong length.
    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()>;

    /// Sets the learning rates of this epoch, counted from 0, by the closed formula where there is one: how
    /// [`SequentialLR`] begins the next scheduler.
    fn step_to(&mut self, optimizer: &mut dyn Optimizer, epoch: i64);

    /// Takes back the step that construction made, but for the optimiser's learning rates.
    fn undo(&mut self);

    /// Makes the step that construction makes.
    fn initial_step(&mut self, optimizer: &mut dyn Optimizer);
}

/// A scheduler that is a formula. Implementing it gives [`LRScheduler`].
pub trait Schedule: Send {
    /// What it has in common with others.
    fn progress(&self) -> &Progress;
    /// The same, to be changed.
    fn progress_mut(&mut self) -> &mut Progress;

    /// The learning rates of [`Progress::last_epoch`], computed from the optimiser's present ones where the formula
    /// is recursive. `initial` at construction.
    fn rates(&self, present: &[f64], initial: bool) -> Vec<f64>;

    /// The same from the initial learning rates alone, if there is such a formula.
    fn closed_rates(&self) -> Option<Vec<f64>> {
        None
    }

    /// The momentums (β₁ of the Adam family) of the same epoch, for schedulers that change them.
    fn momentums(&self) -> Option<Vec<f64>> {
        None
    }
}

/// How far a [`Schedule`] has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The learning rates before the first scheduler.
    pub base_lrs: Vec<f64>,
    /// The number of steps; 0 at construction.
    pub last_epoch: i64,
    /// The learning rates set last.
    pub last_lr: Vec<f64>,
}

impl Progress {
    /// Before the first step.
    pub fn new(optimizer: &mut dyn Optimizer) -> Progress {
        let base_lrs = optimizer.initial_lrs().unwrap_or_else(|| {
            let lrs = optimizer.lrs();
            optimizer.set_initial_lrs(&lrs);
            lrs
        });
        Progress { base_lrs, last_epoch: -1, last_lr: optimizer.lrs() }
    }
}

/// A schedule at its first step.
fn started<S: Schedule>(mut schedule: S, optimizer: &mut dyn Optimizer) -> S {
    schedule.initial_step(optimizer);
    schedule
}

fn set<S: Schedule + ?Sized>(schedule: &mut S, optimizer: &mut dyn Optimizer, rates: Vec<f64>) {
    optimizer.set_lrs(&rates);
    schedule.progress_mut().last_lr = rates;
    if let Some(momentums) = schedule.momentums() {
        optimizer.set_momentums(&momentums);
    }
}

impl<S: Schedule> LRScheduler for S {
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        self.progress_mut().last_epoch += 1;
        let rates = self.rates(&optimizer.lrs(), false);
        set(self, optimizer, rates);
    }

    fn get_last_lr(&self) -> Vec<f64> {
        self.progress().last_lr.clone()
    }

    fn last_epoch(&self) -> i64 {
        self.progress().last_epoch
    }

    fn state_dict(&self) -> SchedulerState {
        let Progress { base_lrs, last_epoch, last_lr } = self.progress();
        [
            ("base_lrs", base_lrs.clone()),
            ("last_epoch", vec![*last_epoch as f64]),
            ("last_lr", last_lr.clone()),
        ]
        .map(|(name, values)| (name.to_owned(), values))
        .into()
    }

    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        let groups = self.progress().base_lrs.len();
        let (base_lrs, last_lr) = (list(state, "base_lrs", groups)?, list(state, "last_lr", groups)?);
        let last_epoch = number(state, "last_epoch")? as i64;
        *self.progress_mut() = Progress { base_lrs, last_epoch, last_lr };
        Ok(())
    }

    fn step_to(&mut self, optimizer: &mut dyn Optimizer, epoch: i64) {
        self.progress_mut().last_epoch = epoch;
        let rates = self.closed_rates().unwrap_or_else(|| self.rates(&optimizer.lrs(), false));
        set(self, optimizer, rates);
    }

    fn undo(&mut self) {
        self.progress_mut().last_epoch -= 1;
    }

    fn initial_step(&mut self, optimizer: &mut dyn Optimizer) {
        self.progress_mut().last_epoch += 1;
        let rates = self.rates(&optimizer.lrs(), true);
        set(self, optimizer, rates);
    }
}

/// An entry of a state.
fn list(state: &SchedulerState, name: &str, len: usize) -> Result<Vec<f64>> {
    match state.get(name) {
        Some(values) if values.len() == len => Ok(values.clone()),
        Some(values) => Err(Error::op(
            "load_state_dict",
            format!("the scheduler's {name} has {} numbers; it must have {len}", values.len()),
        )),
        None => Err(Error::op("load_state_dict", format!("the scheduler's state has no {name}"))),
    }
}

fn number(state: &SchedulerState, name: &str) -> Result<f64> {
    list(state, name, 1).map(|values| values[0])
}

/// The states of several schedulers in one, their names after their positions.
fn joined(schedulers: &[Box<dyn LRScheduler>]) -> SchedulerState {
    let states = schedulers.iter().map(|scheduler| scheduler.state_dict()).enumerate();
    states.flat_map(|(i, s)| s.into_iter().map(move |(name, v)| (format!("{i}.{name}"), v))).collect()
}

fn load_joined(schedulers: &mut [Box<dyn LRScheduler>], state: &SchedulerState) -> Result<()> {
    for (i, scheduler) in schedulers.iter_mut().enumerate() {
        let prefix = format!("{i}.");
        let own =
            state.iter().filter_map(|(name, v)| Some((name.strip_prefix(&prefix)?.to_owned(), v.clone())));
        scheduler.load_state_dict(&own.collect())?;
    }
    Ok(())
}

/// A number for each parameter group, or one for all.
pub trait PerGroup {
    /// One for each of so many groups.
    ///
    /// # Panics
    /// If a list has another length.
    fn per_group(self, groups: usize) -> Vec<f64>;
}
impl PerGroup for f64 {
    fn per_group(self, groups: usize) -> Vec<f64> {
        vec![self; groups]
    }
}
impl PerGroup for Vec<f64> {
    #[track_caller]
    fn per_group(self, groups: usize) -> Vec<f64> {
        assert!(self.len() == groups, "{} numbers for {groups} parameter groups", self.len());
        self
    }
}
impl<const N: usize> PerGroup for [f64; N] {
    #[track_caller]
    fn per_group(self, groups: usize) -> Vec<f64> {
        self.to_vec().per_group(groups)
    }
}
