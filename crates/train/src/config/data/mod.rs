//! Data by name.

mod input;
mod load;
mod measure;
mod name;
mod transforms;

pub use load::Labelled;
pub use measure::{Facts, Moments};
pub use name::DataName;
pub use transforms::{Interpolation, Padding, PaddingModeName, RangeConfig, TransformConfig};

pub(super) use measure::Scaling;

use super::Config;
use flambeau_data::transforms::Compose;
use flambeau_data::{DataLoader, Dataset, SealedTestSet, Subset};
use flambeau_tensor::Result;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Which data, how they are split, and what is done to them.
///
/// Images are numbers from 0 to 1 when they come to the transforms, and are normalised after these. Of
/// [`transforms`](Self::transforms), validation and test items see those that draw nothing (`Resize`, `CenterCrop`, `Pad`,
/// `Grayscale`), or [`eval_transforms`](Self::eval_transforms) where these are given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The data set.
    pub name: DataName,
    /// The folder with its files, or with a folder of its name that holds them (default: where [`DataName::places`] says).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// The column of a table that is learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The columns of a table that it is learnt from (default: all others). They hold numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// What a table's target is (default: what the loss is for).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The share of the items that are validated on (default: 0.2; a sixth where the set has a test set of its own).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<f64>,
    /// The share of the items that are tested on (default: 0.2). A set with a test set of its own has no use for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
    /// Whether each channel of an image, or column of a table, is shifted and scaled to mean 0 and deviation 1 over the training
    /// items, and so are numbers to be learnt (default: yes).
    #[serde(default = "yes")]
    pub normalize: bool,
    /// What is done to training images, each time anew.
    #[serde(default, deserialize_with = "transforms", skip_serializing_if = "Vec::is_empty")]
    pub transforms: Vec<TransformConfig>,
    /// What is done to other images.
    #[serde(default, deserialize_with = "eval_transforms", skip_serializing_if = "Option::is_none")]
    pub eval_transforms: Option<Vec<TransformConfig>>,
    /// What the training found in its data: [`Config::measure`] writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
}

/// What is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

fn yes() -> bool {
    true
}

fn transforms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TransformConfig>, D::Error> {
    super::text::each_named(deserializer, "data.transforms, transform", "name")
}

fn eval_transforms<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<TransformConfig>>, D::Error> {
    super::text::each_named(deserializer, "data.eval_transforms, transform", "name").map(Some)
}

/// Data that share no item.
#[derive(Debug)]
pub struct Splits {
    /// To train on.
    pub train: Subset,
    /// To choose by.
    pub val: Subset,
    /// To report at last.
    pub test: SealedTestSet<Subset>,
    /// The shape of an input, after the transforms.
    pub input: Vec<usize>,
    /// The shape of an input before them; empty if there may be several.
    pub item: Vec<usize>,
    /// The classes' names; none where numbers are learnt.
    pub classes: Vec<String>,
    /// The columns' names, of a table.
    pub features: Vec<String>,
}

impl DataConfig {
    /// A data set with the defaults.
    pub fn new(name: DataName) -> Self {
        DataConfig {
            name,
            dir: None,
            target: None,
            features: None,
            task: None,
            val: None,
            test: None,
            normalize: true,
            transforms: vec![],
            eval_transforms: None,
            facts: None,
        }
    }

    /// What training images go through, if anything.
    pub(super) fn train_transform(&self) -> Result<Option<Arc<Compose>>> {
        transforms::compose("data.transforms", self.transforms.iter())
    }

    /// What other images go through, if anything.
    pub(super) fn eval_transform(&self) -> Result<Option<Arc<Compose>>> {
        match &self.eval_transforms {
            Some(given) => transforms::compose("data.eval_transforms", given.iter()),
            None => transforms::compose(
                "data.transforms",
                self.transforms.iter().filter(|transform| !transform.is_random()),
            ),
        }
    }
}

/// Items a batch where nothing is learnt.
const EVAL_BATCH: usize = 500;

impl Config {
    /// Loads the data and splits them by the [`seed`](Config::seed). What a table's target is follows from the loss, unless
    /// [`DataConfig::task`] says it.
    ///
    /// # Errors
    /// As [`DataConfig::load`].
    pub fn load(&self) -> Result<Splits> {
        let mut data = self.data.clone();
        data.task.get_or_insert(self.loss.task());
        data.load(self.seed)
    }

    /// Loaders of the training and the validation data.
    ///
    /// # Errors
    /// [`Error::Config`](flambeau_tensor::Error::Config) as of [`DataLoader::new`].
    pub fn loaders(&self, splits: &Splits) -> Result<(DataLoader, DataLoader)> {
        Ok((self.train_loader(splits.train.clone())?, self.eval_loader(splits.val.clone())?))
    }

    /// A loader of data to be trained on: transformed, in batches, and shuffled.
    ///
    /// # Errors
    /// [`Error::Config`](flambeau_tensor::Error::Config) as of [`DataLoader::new`], or if a transform cannot be made.
    pub fn train_loader(&self, data: impl Dataset + 'static) -> Result<DataLoader> {
        let loader = match self.data.train_transform()? {
            Some(transform) => DataLoader::new(data.transform(transform), self.batch_size),
            None => DataLoader::new(data, self.batch_size),
        };
        Ok(loader?.shuffle(true).seed(self.seed).num_workers(self.num_workers))
    }

    /// A loader of other data, in large batches and in order.
    ///
    /// # Errors
    /// As [`train_loader`](Self::train_loader).
    pub fn eval_loader(&self, data: impl Dataset + 'static) -> Result<DataLoader> {
        let loader = match self.data.eval_transform()? {
            Some(transform) => DataLoader::new(data.transform(transform), EVAL_BATCH),
            None => DataLoader::new(data, EVAL_BATCH),
        };
        Ok(loader?.seed(self.seed).num_workers(self.num_workers))
    }
}
