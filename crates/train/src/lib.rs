//! The parts of a training: when to stop, what to measure, what to keep.
//!
//! Each part is a plain value that works in a loop written by hand.
//!
//! - [`EarlyStopping`] ends a training that no longer gets better.
//! - A [`Metric`] adds up over batches: [`Accuracy`], [`Precision`], [`Recall`], [`F1Score`], [`ConfusionMatrix`],
//!   [`AUROC`], [`MeanSquaredError`], [`MeanAbsoluteError`], [`R2Score`]; [`MeanMetric`] does so for losses.
//! - A [`Logger`] takes their numbers: [`JsonLines`], and `TensorBoard` with the feature `tensorboard`.
//! - A [`Checkpoint`] is a training as a file; a [`CheckpointStore`] keeps the newest and the best ones, and a
//!   [`RunFolder`] is all that a training leaves behind.
//!
//! [`Trainer`] is their composition, and does nothing that they cannot do without it.
//!
//! This crate knows models, optimisers and data sets. It must not know terminals, arguments or the network.

mod checkpoint;
#[cfg(feature = "config")]
pub mod config;
mod early_stopping;
mod loggers;
mod metrics;
mod run_folder;
mod test_set;
mod trainer;

pub use checkpoint::{Checkpoint, CheckpointStore, Recovered};
pub use early_stopping::{EarlyStopping, EarlyStoppingState};
#[cfg(feature = "tensorboard")]
pub use loggers::TensorBoard;
pub use loggers::{JsonLines, Logger, read_json_lines};
pub use metrics::{
    AUROC, Accuracy, Average, ConfusionMatrix, F1Score, MeanAbsoluteError, MeanError, MeanMetric,
    MeanSquaredError, Metric, PerClass, Precision, R2Score, Recall, single,
};
pub use run_folder::RunFolder;
pub use test_set::{OpenedTestSet, Opening};
pub use trainer::{Batch, Event, Every, Outcome, Report, StepOutput, Trainer};
