//! Data for flambeau: data sets, strict splits, and loaders that turn them into batches.
//!
//! A [`Dataset`] answers "give me item i" with an input and a target; [`random_split`] cuts one into parts that never
//! overlap; a [`DataLoader`] walks over one in batches, in an order that depends only on its seed and the epoch.
//! Data that have no index are an [`IterableDataset`], and a [`StreamLoader`] walks over them.
//!
//! [`transforms`] change images on their way, at random if wanted.
//!
//! Training, validation and test data never mix: [`SealedTestSet`] opens once, [`LeakCheck`] finds items that are in
//! more than one part, and [`cross_validate`] chooses between settings without the test set.
//!
//! ```
//! use flambeau_data::{DataLoader, SealedTestSet, digits, random_split};
//!
//! let [train, val, test] = random_split(digits(), [0.6, 0.2, 0.2], 0)?;
//! let test = SealedTestSet::new(test);
//! let train_loader = DataLoader::new(train, 64)?.shuffle(true).seed(0);
//! let val_loader = DataLoader::new(val, 256)?;
//! for (x, y) in &train_loader {
//!     assert_eq!(x.shape()[1..], [1, 8, 8]);
//!     assert_eq!(x.shape()[0], y.shape()[0]);
//! }
//! # let _ = (val_loader, test);
//! # Ok::<(), flambeau_tensor::Error>(())
//! ```
//!
//! This crate knows tensors, files and indices. It must not know modules, gradients, optimisers, terminals or the network.

mod cache;
mod concat_dataset;
mod dataset;
mod digits;
mod idx;
mod item;
mod loader;
mod map;
mod mnist;
mod samplers;
mod split;
mod subset;
mod tensor_dataset;
pub mod transforms;

pub use cache::Cache;
pub use concat_dataset::ConcatDataset;
pub use dataset::{Dataset, default_collate};
pub use digits::digits;
pub use flambeau_tensor::raise;
pub use idx::read_idx;
pub use loader::{Batches, DataLoader, IterableDataset, LoaderState, StreamBatches, StreamLoader};
pub use map::Map;
pub use mnist::{MnistSplit, load_mnist};
pub use samplers::{
    BatchSampler, DistributedSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler,
    WeightedRandomSampler,
};
pub use split::{
    CrossValidation, Duplicate, Fold, GroupKFold, KFold, LeakCheck, LeakReport, Overlap, SealedTestSet,
    SplitSize, StratifiedKFold, cross_validate, random_split, stratified_split,
};
pub use subset::Subset;
pub use tensor_dataset::TensorDataset;
