//! What a trainer tells.

use flambeau_tensor::Error;
use std::path::Path;

/// What happens in a training, for callbacks.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// It begins, or goes on after so many steps and epochs.
    Start {
        /// Steps done.
        step: u64,
        /// Epochs done.
        epoch: u64,
    },
    /// A step was made.
    Step {
        /// Steps done.
        step: u64,
        /// Epochs done before this one.
        epoch: u64,
        /// Batches of the epoch done.
        batch: u64,
        /// Batches in an epoch.
        batches: u64,
        /// Items of this step.
        items: usize,
        /// Their mean loss, before the step.
        loss: f64,
        /// The learning rate of the first group in this step.
        lr: f64,
    },
    /// The model was evaluated.
    Evaluation {
        /// Steps done.
        step: u64,
        /// Epochs done, with the one whose end it is.
        epoch: u64,
        /// `train/loss`, `val/loss` and so on.
        values: &'e [(String, f64)],
        /// Whether the monitored value is the best so far.
        best: bool,
    },
    /// An epoch ended.
    Epoch {
        /// Steps done.
        step: u64,
        /// Epochs done.
        epoch: u64,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: &'e Path,
    },
    /// A damaged checkpoint was passed over.
    Damaged {
        /// What is wrong with which file.
        error: &'e Error,
    },
    /// It ended.
    End {
        /// Why.
        outcome: Outcome,
    },
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs or steps are done.
    Finished,
    /// [`EarlyStopping`](crate::EarlyStopping) said so.
    EarlyStopped,
    /// The stop flag was set; it can go on.
    Interrupted,
}

/// What a training came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Why it ended.
    pub outcome: Outcome,
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// The best monitored value; none if there was no evaluation.
    pub best: Option<f64>,
    /// After which step it was.
    pub best_step: Option<u64>,
    /// The values of the last evaluation.
    pub values: Vec<(String, f64)>,
}
