//! The training loop.

mod event;
mod fit;
mod judge;
mod modes;
mod settings;
mod state;
mod step;

pub use event::{Event, Outcome, Report};

use crate::{CheckpointStore, EarlyStopping, Logger, MeanMetric, Metric, RunFolder};
use flambeau_data::LoaderState;
use flambeau_nn::Module;
use flambeau_optim::{EMA, LRScheduler, Optimizer, PlateauMode, ReduceLROnPlateau};
use flambeau_tensor::{Result, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Inputs and targets, as a [`DataLoader`](flambeau_data::DataLoader) gives them.
pub type Batch = (Tensor, Tensor);

type StepFn<'a, M> = Box<dyn FnMut(&M, &Batch) -> StepOutput + 'a>;
type Measure = Box<dyn Metric<Value = f64>>;
type Callback<'a> = Box<dyn FnMut(&Event<'_>) -> Result<()> + 'a>;

/// What a model makes of a batch: its mean loss, and its output where metrics want one. Made of a loss, or of a pair
/// (loss, output).
pub struct StepOutput {
    loss: Tensor,
    output: Option<Tensor>,
}

impl From<Tensor> for StepOutput {
    fn from(loss: Tensor) -> Self {
        StepOutput { loss, output: None }
    }
}

impl From<(Tensor, Tensor)> for StepOutput {
    fn from((loss, output): (Tensor, Tensor)) -> Self {
        StepOutput { loss, output: Some(output) }
    }
}

/// How often something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// After each so many passes over the training data.
    Epochs(u64),
    /// After each so many steps of the optimiser.
    Steps(u64),
}

impl Every {
    #[track_caller]
    fn checked(self, what: &str) -> Self {
        let (Every::Epochs(n) | Every::Steps(n)) = self;
        assert!(n > 0, "Trainer: {what} every 0; it must be at least 1");
        self
    }

    fn steps(self, step: u64) -> bool {
        matches!(self, Every::Steps(n) if step.is_multiple_of(n))
    }

    fn epochs(self, epoch: u64) -> bool {
        matches!(self, Every::Epochs(n) if epoch.is_multiple_of(n))
    }
}

/// A training loop made of this crate's parts: what one would write by hand, and the care that one would forget.
///
/// [`fit`](Self::fit) walks over the training data until the epochs or steps are done, [`EarlyStopping`] ends it, or
/// its [stop flag](Self::stop_flag) is set. Each step clears the gradients, computes the loss of a batch by the function
/// given to [`new`](Self::new), goes backward, clips, and steps. The model is in training mode in it, in evaluation mode
/// while it is evaluated (without gradients and with [`EMA`]'s means, if there is one), and in its former mode after it.
///
/// # Examples
/// ```
/// use flambeau_data::{DataLoader, digits, random_split};
/// use flambeau_nn::{CrossEntropyLoss, Flatten, Forward, Linear, Module, ReLU, Sequential};
/// use flambeau_optim::{PlateauMode, SGD};
/// use flambeau_train::{Accuracy, EarlyStopping, Event, Every, Trainer};
///
/// # fn main() -> flambeau_tensor::Result<()> {
/// flambeau_tensor::manual_seed(0);
/// let [train, val] = random_split(digits(), [0.8, 0.2], 0)?;
/// let train = DataLoader::new(train, 64)?.shuffle(true);
/// let val = DataLoader::new(val, 256)?;
///
/// let model = Sequential::new((Flatten::default(), Linear::new(64, 32), ReLU::default(), Linear::new(32, 10)));
/// let optimizer = SGD::new(model.parameters(), 0.1).momentum(0.9);
/// let loss_fn = CrossEntropyLoss::default();
/// let mut trainer = Trainer::new(&model, optimizer, |model, (x, y)| {
///     let logits = model.call(x);
///     (loss_fn.call(&logits, y), logits)
/// })
/// .epochs(5)
/// .metric(Accuracy::new())
/// .monitor("val/accuracy", PlateauMode::Max)
/// .early_stopping(EarlyStopping::new(3).mode(PlateauMode::Max).restore_best_weights(&model))
/// .callback(|event| {
///     if let Event::Evaluation { epoch, values, .. } = event {
///         println!("epoch {epoch}: {values:?}"); // or a progress bar
///     }
///     Ok(())
/// });
/// let report = trainer.fit(&train, Some(&val))?;
/// assert!(report.best.unwrap() > 0.9);
/// # Ok(())
/// # }
/// ```
///
/// # Going on
/// With a [`run_folder`](Self::run_folder) it writes checkpoints, and [`resume`](Self::resume) goes on from the
/// newest one. The weights are then, bit for bit, those of a training that was never interrupted, on any number of
/// threads, wherever it was killed: what had been done after the checkpoint is done once more. When the stop flag is
/// set (by a handler of SIGTERM, say), it finishes its step and writes a checkpoint, so that no step is lost.
/// ```
/// # use flambeau_data::{DataLoader, digits};
/// # use flambeau_nn::{CrossEntropyLoss, Flatten, Forward, Linear, Module, Sequential};
/// # use flambeau_optim::SGD;
/// use flambeau_train::{Every, RunFolder, Trainer};
///
/// # fn main() -> flambeau_tensor::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().join("run");
/// let run = |steps| {
///     flambeau_tensor::manual_seed(0);
///     let train = DataLoader::new(digits(), 64)?.shuffle(true);
///     let model = Sequential::new((Flatten::default(), Linear::new(64, 10)));
///     let loss_fn = CrossEntropyLoss::default();
///     let mut trainer = Trainer::new(&model, SGD::new(model.parameters(), 0.1), |model, (x, y)| {
///         loss_fn.call(&model.call(x), y)
///     })
///     .steps(steps)
///     .run_folder(RunFolder::open(&folder)?, Every::Steps(10))?;
///     let resumed = trainer.resume()?;
///     trainer.fit(&train, None)?;
///     flambeau_tensor::Result::Ok((resumed, model.parameters()[0].to_vec::<f32>()))
/// };
/// run(33)?;
/// let (from, weights) = run(50)?;
/// assert_eq!(from, Some(33));
/// # std::fs::remove_dir_all(&folder).unwrap();
/// assert_eq!(run(50)?, (None, weights)); // the folder was removed: from the start
/// # Ok(())
/// # }
/// ```
///
/// # Divergence
/// A loss that is NaN or infinite ends the training with [`Error::Diverged`](flambeau_tensor::Error::Diverged), before
/// it reaches the weights. The batch is then computed once more in [anomaly
/// mode](flambeau_tensor::autograd::detect_anomaly), with the same random numbers, and the error names the operation
/// that gave the first such number. No checkpoint of weights that are not finite is ever written, so the newest one is
/// good.
pub struct Trainer<'a, M> {
    model: &'a M,
    optimizer: Box<dyn Optimizer + 'a>,
    step: StepFn<'a, M>,
    limit: Every,
    accumulate: usize,
    pub(crate) clip_norm: Option<f64>,
    clip_value: Option<f64>,
    pub(crate) schedulers: Vec<(Box<dyn LRScheduler + 'a>, Every)>,
    pub(crate) plateau: Option<ReduceLROnPlateau>,
    evaluate_every: Every,
    pub(crate) metrics: Vec<Measure>,
    pub(crate) train_metrics: Vec<Measure>,
    monitor: (String, PlateauMode),
    pub(crate) early_stopping: Option<EarlyStopping>,
    pub(crate) ema: Option<EMA>,
    loggers: Vec<Box<dyn Logger + 'a>>,
    log_every: Option<u64>,
    callbacks: Vec<Callback<'a>>,
    run: Option<(RunFolder, CheckpointStore, Every)>,
    stop: Arc<AtomicBool>,
    progress: Progress,
    train_loss: MeanMetric,
    /// The values of the last evaluation.
    values: Vec<(String, f64)>,
    best: Option<f64>,
    /// The validation loss of that evaluation.
    best_loss: f64,
    /// Where the training data go on, if not at the beginning of an epoch.
    loader: Option<LoaderState>,
}

/// How far a training has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// Steps done.
    step: u64,
    /// Epochs done, with all that belongs to their end.
    epoch: u64,
    /// The batches of an epoch are done, and not yet what belongs to its end.
    epoch_done: bool,
    /// An evaluation is due.
    evaluation_due: bool,
    /// The step of the last one.
    evaluated: Option<u64>,
    /// The step of the best one.
    best_step: Option<u64>,
}

impl<'a, M: Module> Trainer<'a, M> {
    /// A loop that trains `model` with `optimizer` on the losses that `step` gives, each the mean over its batch.
    ///
    /// Without more it runs for one epoch and evaluates after each. `step` gives the loss, or (loss, output) where
    /// there are metrics. An [`LBFGS`](flambeau_optim::LBFGS), which calls the model several times a step, wants a loop
    /// by hand.
    pub fn new<R: Into<StepOutput>>(
        model: &'a M,
        optimizer: impl Optimizer + 'a,
        step: impl FnMut(&M, &Batch) -> R + 'a,
    ) -> Self {
        Trainer::boxed(model, Box::new(optimizer), step)
    }

    pub(crate) fn boxed<R: Into<StepOutput>>(
        model: &'a M,
        optimizer: Box<dyn Optimizer + 'a>,
        mut step: impl FnMut(&M, &Batch) -> R + 'a,
    ) -> Self {
        Trainer {
            model,
            optimizer,
            step: Box::new(move |model, batch| step(model, batch).into()),
            limit: Every::Epochs(1),
            accumulate: 1,
            clip_norm: None,
            clip_value: None,
            schedulers: vec![],
            plateau: None,
            evaluate_every: Every::Epochs(1),
            metrics: vec![],
            train_metrics: vec![],
            monitor: ("val/loss".into(), PlateauMode::Min),
            early_stopping: None,
            ema: None,
            loggers: vec![],
            log_every: None,
            callbacks: vec![],
            run: None,
            stop: Arc::default(),
            progress: Progress::default(),
            train_loss: MeanMetric::new(),
            values: vec![],
            best: None,
            best_loss: f64::INFINITY,
            loader: None,
        }
    }

    /// The model.
    pub fn model(&self) -> &'a M {
        self.model
    }

    /// The optimiser.
    pub fn optimizer(&self) -> &dyn Optimizer {
        &*self.optimizer
    }

    /// The steps done so far.
    pub fn step_count(&self) -> u64 {
        self.progress.step
    }

    /// The epochs done so far.
    pub fn epoch_count(&self) -> u64 {
        self.progress.epoch
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn emit(&mut self, event: &Event<'_>) -> Result<()> {
        self.callbacks.iter_mut().try_for_each(|callback| callback(event))
    }
}

impl<M> std::fmt::Debug for Trainer<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("limit", &self.limit)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
