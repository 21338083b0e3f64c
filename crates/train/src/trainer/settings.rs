//! What a trainer is told.

use super::{Event, Every, Trainer};
use crate::{CheckpointStore, EarlyStopping, Logger, Metric, RunFolder};
use flambeau_nn::Module;
use flambeau_optim::{EMA, LRScheduler, PlateauMode, ReduceLROnPlateau};
use flambeau_tensor::Result;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// # Settings
impl<'a, M: Module> Trainer<'a, M> {
    /// Ends after so many epochs in all.
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.limit = Every::Epochs(epochs);
        self
    }

    /// Ends after so many steps of the optimiser in all, in the middle of an epoch too.
    pub fn steps(mut self, steps: u64) -> Self {
        self.limit = Every::Steps(steps);
        self
    }

    /// How many batches make a step (default: 1). Their losses are weighted by their sizes, so that the step is that of
    /// one batch as large as all of them; what is left over at the end of an epoch makes a smaller one.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn accumulate(mut self, batches: usize) -> Self {
        assert!(batches > 0, "Trainer: accumulate is 0; a step needs at least 1 batch");
        self.accumulate = batches;
        self
    }

    /// Scales the gradients down to this norm where it is larger (see
    /// [`clip_grad_norm_`](flambeau_nn::utils::clip_grad_norm_)).
    ///
    /// # Panics
    /// If it is negative or NaN.
    #[track_caller]
    pub fn clip_grad_norm(mut self, max_norm: f64) -> Self {
        assert!(max_norm >= 0.0, "Trainer: clip_grad_norm is {max_norm}; it must be at least 0");
        self.clip_norm = Some(max_norm);
        self
    }

    /// Limits each element of the gradients (see [`clip_grad_value_`](flambeau_nn::utils::clip_grad_value_)).
    ///
    /// # Panics
    /// If it is negative or NaN.
    #[track_caller]
    pub fn clip_grad_value(mut self, clip_value: f64) -> Self {
        assert!(clip_value >= 0.0, "Trainer: clip_grad_value is {clip_value}; it must be at least 0");
        self.clip_value = Some(clip_value);
        self
    }

    /// Steps a scheduler after each so many epochs or steps. Several work on the same learning rates in this order.
    ///
    /// # Panics
    /// If it is every 0.
    #[track_caller]
    pub fn scheduler(mut self, scheduler: impl LRScheduler + 'a, every: Every) -> Self {
        self.schedulers.push((Box::new(scheduler), every.checked("a scheduler")));
        self
    }

    /// Steps this one with the [monitored](Self::monitor) value after each evaluation.
    pub fn plateau(mut self, plateau: ReduceLROnPlateau) -> Self {
        self.plateau = Some(plateau);
        self
    }

    /// When to evaluate (default: after each epoch). The losses and metrics of the training data are means since the
    /// last evaluation; they are there without validation data, too.
    ///
    /// An evaluation costs a forward pass over all validation data. The notes' network on the digits, 1437 to train on in
    /// batches of 64 and 360 to validate on (one thread of an AMD EPYC; `examples/overhead.rs` of this crate):
    ///
    /// | layers | by hand | never evaluated | every epoch | every 5 steps | every step |
    /// |---|---|---|---|---|---|
    /// | 64-200-200-10 | 24.1 ms an epoch | 24.1 | 25.6 | 32.5 | 61.2 |
    /// | 784-200-200-10 | 58.9 | 58.7 | 61.7 | 74.9 | 129.9 |
    ///
    /// Evaluated after each batch, a training takes more than twice as long and learns nothing by it.
    ///
    /// # Panics
    /// If it is every 0.
    #[track_caller]
    pub fn evaluate_every(mut self, every: Every) -> Self {
        self.evaluate_every = every.checked("an evaluation");
        self
    }

    /// Measures this of the validation data, as `val/NAME`.
    pub fn metric(mut self, metric: impl Metric<Value = f64> + 'static) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// Measures this of the training data too, as `train/NAME`: of each batch before its step, in training mode.
    pub fn train_metric(mut self, metric: impl Metric<Value = f64> + 'static) -> Self {
        self.train_metrics.push(Box::new(metric));
        self
    }

    /// By which value an evaluation is judged, and which way it gets better (default: `val/loss`, down): for
    /// [`early_stopping`](Self::early_stopping), [`plateau`](Self::plateau) and the best weights. Of evaluations with
    /// equal values, the one with the lower `val/loss` is the best.
    pub fn monitor(mut self, name: &str, mode: PlateauMode) -> Self {
        self.monitor = (name.to_owned(), mode);
        self
    }

    /// Ends the training by this. If it keeps the best weights, the model has them in the end.
    pub fn early_stopping(mut self, early_stopping: EarlyStopping) -> Self {
        self.early_stopping = Some(early_stopping);
        self
    }

    /// Keeps a running mean of the weights, updated after each step. The means are what is evaluated and what is kept as
    /// best, and the model has them in the end.
    pub fn ema(mut self, ema: EMA) -> Self {
        self.ema = Some(ema);
        self
    }

    /// Logs the values of each evaluation, the learning rate and the epoch.
    pub fn logger(mut self, logger: impl Logger + 'a) -> Self {
        self.loggers.push(Box::new(logger));
        self
    }

    /// Also logs every so many steps the loss of the step, as `train/step_loss`.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn log_every(mut self, steps: u64) -> Self {
        assert!(steps > 0, "Trainer: log_every is 0; it must be at least 1");
        self.log_every = Some(steps);
        self
    }

    /// Calls this with what happens: for a progress bar, a plot, a rule of one's own. An error ends the training.
    pub fn callback(mut self, callback: impl FnMut(&Event<'_>) -> Result<()> + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Keeps checkpoints in this folder, and one at the end; the log `metrics.jsonl`; and in `best.safetensors` the
    /// weights of the best evaluation. [`checkpoints`](Self::checkpoints) changes which are kept.
    ///
    /// # Errors
    /// As [`RunFolder::checkpoints`] and [`RunFolder::metrics`].
    ///
    /// # Panics
    /// If it is every 0.
    #[track_caller]
    pub fn run_folder(mut self, run: RunFolder, every: Every) -> Result<Self> {
        let every = every.checked("a checkpoint");
        let store = run.checkpoints()?;
        self.loggers.push(Box::new(run.metrics()?));
        self.run = Some((run, store, every));
        Ok(self)
    }

    /// Changes which checkpoints are kept: `|store| store.keep_last(3).keep_best(1, PlateauMode::Min)`. Their metric is
    /// the monitored value. Does nothing without a run folder.
    pub fn checkpoints(mut self, change: impl FnOnce(CheckpointStore) -> CheckpointStore) -> Self {
        self.run = self.run.map(|(run, store, every)| (run, change(store), every));
        self
    }

    /// Ends the training after the step that is under way, once the flag is set: a checkpoint is written, and
    /// [`fit`](Self::fit) gives [`Outcome::Interrupted`](crate::Outcome::Interrupted).
    pub fn stop_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = flag;
        self
    }
}
