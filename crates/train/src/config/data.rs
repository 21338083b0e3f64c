//! Data by name.

use super::Config;
use flambeau_data::{
    DataLoader, Dataset, SealedTestSet, Split, Subset, digits, fashion_mnist, mnist, random_split,
};
use flambeau_tensor::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which data, and how they are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The data set.
    pub name: DataName,
    /// The folder that it is in, where it is not part of the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// The share of the items that are validated on (default: 0.2).
    #[serde(default = "fifth")]
    pub val: f64,
    /// The share of the items that are tested on, for a data set that has no test set of its own (default: 0.2).
    #[serde(default = "fifth")]
    pub test: f64,
}

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataName {
    /// 1,797 handwritten digits of 8×8 pixels, part of the library.
    Digits,
    /// 70,000 handwritten digits of 28×28 pixels.
    Mnist,
    /// 70,000 pieces of clothing of 28×28 pixels.
    FashionMnist,
}

fn fifth() -> f64 {
    0.2
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
    /// The shape of an input.
    pub input: Vec<usize>,
}

impl DataConfig {
    /// Loads the data and splits them by this seed.
    ///
    /// # Errors
    /// [`Error::Config`] if the shares make no sense or the folder is missing; [`Error::File`] if a file in it cannot be
    /// read.
    pub fn load(&self, seed: u64) -> Result<Splits> {
        let shares = [("data.val", self.val), ("data.test", self.test)];
        for (name, share) in shares {
            if !(share > 0.0 && share < 1.0) {
                return Err(Error::config(name, format!("is {share}; it is a share, between 0 and 1")));
            }
        }
        if self.name == DataName::Digits {
            let rest = 1.0 - self.val - self.test;
            if rest <= 0.0 {
                return Err(Error::config(
                    "data.val",
                    "and data.test leave nothing to train on; together they must be below 1",
                ));
            }
            let [train, val, test] = random_split(digits(), [rest, self.val, self.test], seed)?;
            return Ok(Splits::new(train, val, test));
        }
        let Some(dir) = &self.dir else {
            return Err(Error::config("data.dir", "is missing; name the folder with the four IDX files"));
        };
        let read = |part| match self.name {
            DataName::FashionMnist => fashion_mnist(dir, part),
            _ => mnist(dir, part),
        };
        let [train, val] = random_split(read(Split::Train)?, [1.0 - self.val, self.val], seed)?;
        let test = read(Split::Test)?;
        let all = (0..test.len()).collect();
        Ok(Splits::new(train, val, Subset::new(test, all)?))
    }
}

impl Splits {
    fn new(train: Subset, val: Subset, test: Subset) -> Self {
        let input = train.get(0).0.shape().to_vec();
        Splits { train, val, test: SealedTestSet::new(test), input }
    }
}

/// Items a batch where nothing is learnt.
const EVAL_BATCH: usize = 500;

impl Config {
    /// Loaders of the training and the validation data.
    ///
    /// # Errors
    /// [`Error::Config`] as of [`DataLoader::new`].
    pub fn loaders(&self, splits: &Splits) -> Result<(DataLoader, DataLoader)> {
        Ok((self.train_loader(splits.train.clone())?, self.eval_loader(splits.val.clone())?))
    }

    /// A loader of data to train on: shuffled, in batches of [`batch_size`](Config::batch_size).
    ///
    /// # Errors
    /// [`Error::Config`] as of [`DataLoader::new`].
    pub fn train_loader(&self, data: Subset) -> Result<DataLoader> {
        let loader = DataLoader::new(data, self.batch_size)?.shuffle(true).seed(self.seed);
        Ok(loader.num_workers(self.num_workers))
    }

    /// A loader of data to evaluate on.
    ///
    /// # Errors
    /// [`Error::Config`] as of [`DataLoader::new`].
    pub fn eval_loader(&self, data: Subset) -> Result<DataLoader> {
        Ok(DataLoader::new(data, EVAL_BATCH)?.seed(self.seed).num_workers(self.num_workers))
    }
}
