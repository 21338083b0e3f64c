//! Deep learning in Rust with the semantics of PyTorch: dynamic autograd, modules, optimisers and data loaders,
//! in one crate without native dependencies.
//!
//! ```
//! use flambeau::prelude::*;
//!
//! #[derive(Module)]
//! struct Net {
//!     fc1: Linear,
//!     fc2: Linear,
//! }
//!
//! impl Forward for Net {
//!     fn forward(&self, x: &Tensor) -> Tensor {
//!         let x = self.fc1.call(x).relu();
//!         self.fc2.call(&x) // logits
//!     }
//! }
//!
//! let model = Net { fc1: Linear::new(2, 16), fc2: Linear::new(16, 2) };
//! let mut optimizer = SGD::new(model.parameters(), 0.1).momentum(0.9);
//! let loss_fn = CrossEntropyLoss::default();
//! let (x, y) = (tensor![[0.0, 1.0], [1.0, 0.0]], tensor![1, 0]);
//! for _ in 0..20 {
//!     let loss = loss_fn.call(&model.call(&x), &y);
//!     optimizer.zero_grad();
//!     loss.backward();
//!     optimizer.step();
//! }
//! assert_eq!(model.call(&x).argmax(1, false).to_vec::<i64>(), [1, 0]);
//! ```
//!
//! The parts: [`Tensor`] and [`autograd`], the op table [`ops`], modules and losses [`nn`], optimisers [`optim`],
//! data sets and loaders [`data`], a trainer and its parts [`train`], files [`io`]. [`prelude`] brings what a training program needs.
//!
//! Cargo features, off by default, for data that need more crates: `image` (folders of PNG, JPEG, WebP and BMP), `csv`,
//! `parquet`, `tar` (streams of shards), `npz` (NumPy's archives), `download` (fetching known sets).

/// The README's program is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeProgram;

pub use flambeau_data as data;
pub use flambeau_io as io;
pub use flambeau_nn as nn;
pub use flambeau_optim as optim;
pub use flambeau_tensor::*;
pub use flambeau_train as train;

/// What a training program needs, in one `use`.
pub mod prelude {
    pub use crate::data::transforms::{self, Transform};
    pub use crate::data::{
        BatchSampler, ConcatDataset, DataLoader, Dataset, DistributedSampler, GroupKFold, IterableDataset,
        KFold, LeakCheck, RandomSampler, Sampler, SealedTestSet, SequentialSampler, StratifiedKFold,
        StreamLoader, Subset, SubsetRandomSampler, TensorDataset, WeightedRandomSampler, cross_validate,
        default_collate, random_split, stratified_split,
    };
    pub use crate::nn::layers::*;
    pub use crate::nn::losses::*;
    pub use crate::nn::{
        Buffer, Forward, Hooks, Module, Parameter, StateDict, Training, functional, init, summary,
    };
    pub use crate::optim::*;
    pub use crate::train::{
        AUROC, Accuracy, Average, Checkpoint, CheckpointStore, ConfusionMatrix, EarlyStopping, Event, Every,
        F1Score, JsonLines, Logger, MeanAbsoluteError, MeanMetric, MeanSquaredError, Metric, Precision,
        R2Score, Recall, RunFolder, Trainer,
    };
    pub use crate::{
        DType, Device, Error, Padding, Result, Tensor, manual_seed, no_grad, set_num_threads, tensor,
    };
}
