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
//! Toy sets, made and not read: [`two_moons`], [`spirals`], [`blobs`], [`noisy_polynomial`], [`house_prices`].
//!
//! Readers of known sets: [`mnist`], [`fashion_mnist`], [`kmnist`], [`emnist`], [`cifar10`], [`cifar100`], and the
//! embedded [`digits`]. Of these, the tests read Fashion-MNIST's real files where Debian's package
//! `dataset-fashion-mnist` has put them; the other readers are tested on files written in their formats.
//!
//! Cargo features, all off by default, each with the crates that it needs:
//! - `image`: `ImageFolder` and `decode_image`, for PNG, JPEG, WebP and BMP;
//! - `csv`: `read_csv`;
//! - `parquet`: `read_parquet` and `ParquetImages`, image sets as hubs ship them;
//! - `tar`: `WebDataset`, a stream of tar shards, for data larger than memory;
//! - `download`: `KnownDataset` and `Downloader`.
//!
//! Pixels are bytes from 0 to 255 in the files. Where a reader gives images as items, it divides them by 255 and, if the
//! file has the channels last, moves them to channels first; each says so. Nothing is normalised unless asked for.
//!
//! This crate knows tensors, files and indices. It must not know modules, gradients, optimisers, terminals, or, but for the
//! feature `download`, the network.

mod cache;
mod concat_dataset;
mod dataset;
mod digits;
#[cfg(feature = "download")]
mod download;
mod idx;
mod item;
mod loader;
mod map;
mod samplers;
mod split;
mod subset;
#[cfg(any(feature = "csv", feature = "parquet"))]
mod table;
mod tensor_dataset;
mod toy;
pub mod transforms;
mod vision;
#[cfg(feature = "tar")]
mod web_dataset;

pub use cache::Cache;
pub use concat_dataset::ConcatDataset;
pub use dataset::{Dataset, default_collate};
pub use digits::digits;
#[cfg(feature = "download")]
pub use download::{Checksum, Downloader, KnownDataset, Progress, RemoteFile, data_dir};
pub use flambeau_tensor::raise;
pub use idx::read_idx;
pub use loader::{Batches, DataLoader, IterableDataset, LoaderState, StreamBatches, StreamLoader};
pub use map::Map;
pub use samplers::{
    BatchSampler, DistributedSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler,
    WeightedRandomSampler,
};
pub use split::{
    CrossValidation, Duplicate, Fold, GroupKFold, KFold, LeakCheck, LeakReport, Overlap, SealedTestSet,
    SplitSize, StratifiedKFold, cross_validate, random_split, stratified_split,
};
pub use subset::Subset;
#[cfg(any(feature = "csv", feature = "parquet"))]
pub use table::Table;
#[cfg(feature = "csv")]
pub use table::{CsvOptions, read_csv};
#[cfg(feature = "parquet")]
pub use table::{ParquetImages, read_parquet};
pub use tensor_dataset::TensorDataset;
pub use toy::{blobs, house_prices, noisy_polynomial, spirals, two_moons};
pub use vision::{
    Cifar100Labels, EMnistSplit, ImageDataset, Split, cifar10, cifar100, emnist, fashion_mnist, kmnist, mnist,
};
#[cfg(feature = "image")]
pub use vision::{ImageFolder, ImageReadMode, decode_image, read_image};
#[cfg(feature = "tar")]
pub use web_dataset::{Sample, WebDataset};
