//! The data sets that the program knows, and how each is split.

use clap::ValueEnum;
use flambeau::data::{
    Dataset, MnistSplit, SealedTestSet, Subset, TensorDataset, digits, load_mnist, random_split,
};
use flambeau::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{MAX_PIXELS, MAX_SIZE};

/// Where Debian's package dataset-fashion-mnist puts the files.
const DEBIAN_FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";
const FASHION: [&str; 10] =
    ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// A data set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DatasetName {
    /// 1,797 handwritten digits of 8×8 pixels, part of the program
    Digits,
    /// 70,000 handwritten digits of 28×28 pixels
    Mnist,
    /// 70,000 pieces of clothing of 28×28 pixels
    FashionMnist,
}

impl DatasetName {
    /// As the user writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            DatasetName::Digits => "digits",
            DatasetName::Mnist => "mnist",
            DatasetName::FashionMnist => "fashion-mnist",
        }
    }

    pub(crate) fn classes(self) -> Vec<String> {
        match self {
            DatasetName::Digits | DatasetName::Mnist => (0..10).map(|d| d.to_string()).collect(),
            DatasetName::FashionMnist => FASHION.map(str::to_owned).to_vec(),
        }
    }

    fn missing(self) -> &'static str {
        match self {
            DatasetName::FashionMnist => {
                "missing; name the folder with fashion-mnist's four IDX files, or apt-get install dataset-fashion-mnist"
            }
            _ => "missing; name the folder with mnist's four IDX files",
        }
    }

    /// Enough for the validation accuracy to stop rising.
    pub(crate) fn default_epochs(self) -> usize {
        match self {
            DatasetName::Digits => 30,
            DatasetName::Mnist | DatasetName::FashionMnist => 10,
        }
    }

    /// Where it is looked for if the user names no folder: in the folder that FLAMBEAU_DATA names, and where the system
    /// keeps it.
    pub(crate) fn places(self) -> Vec<PathBuf> {
        let own = std::env::var_os("FLAMBEAU_DATA").filter(|folder| !folder.is_empty());
        let own = own.map(|folder| Path::new(&folder).join(self.name()));
        let system = (self == DatasetName::FashionMnist).then(|| PathBuf::from(DEBIAN_FASHION_MNIST));
        if self == DatasetName::Digits { Vec::new() } else { own.into_iter().chain(system).collect() }
    }

    /// The folder to read from: what the user gave, or one of [`places`](Self::places).
    pub(crate) fn folder(self, given: Option<PathBuf>) -> Result<Option<PathBuf>> {
        match (self, given) {
            (DatasetName::Digits, None) => Ok(None),
            (DatasetName::Digits, Some(dir)) => Err(Error::config(
                "--data-dir",
                format!("{} is not needed: the digits are part of the program; leave it out", dir.display()),
            )),
            (_, Some(dir)) => Ok(Some(dir)),
            (_, None) => match self.places().into_iter().find(|place| place.is_dir()) {
                Some(place) => Ok(Some(place)),
                None => Err(Error::config("--data-dir", self.missing())),
            },
        }
    }
}

/// The images of training and validation, without the test images: those of the official training files, or of the split
/// that `flambeau train` makes.
pub(crate) fn training_data(dataset: DatasetName, given: Option<PathBuf>) -> Result<Arc<dyn Dataset>> {
    match dataset.folder(given)? {
        None => {
            let splits = load(dataset, None, 0)?;
            Ok(Arc::new(splits.train.concat(splits.val)))
        }
        Some(folder) => Ok(Arc::new(load_mnist(folder, MnistSplit::Train)?)),
    }
}

/// Training, validation and test data that share no image.
#[derive(Debug)]
pub(crate) struct Splits {
    pub(crate) train: Subset,
    pub(crate) val: Subset,
    pub(crate) test: SealedTestSet<Subset>,
    /// Channels, height and width.
    pub(crate) input: [usize; 3],
}

/// Loads a data set, whole and checked, so that a damaged test file shows before the training and not after.
pub(crate) fn load(dataset: DatasetName, folder: Option<&Path>, seed: u64) -> Result<Splits> {
    match folder {
        None => {
            let data = digits();
            let input = image_shape(&data);
            let [train, val, test] = random_split(data, [0.6, 0.2, 0.2], seed)?;
            Ok(Splits { train, val, test: SealedTestSet::new(test), input })
        }
        Some(folder) => load_folder(dataset, folder, seed),
    }
}

/// The official test images, and a sixth of the training images (10,000 of 60,000) for validation.
fn load_folder(dataset: DatasetName, folder: &Path, seed: u64) -> Result<Splits> {
    let data = load_mnist(folder, MnistSplit::Train)?;
    let test = load_mnist(folder, MnistSplit::Test)?;
    let input = image_shape(&data);
    if image_shape(&test) != input {
        return Err(Error::file(
            folder,
            format!(
                "the training images have shape {input:?} and the test images {:?}; all four files must come from {}",
                image_shape(&test),
                dataset.name()
            ),
        ));
    }
    let [_, height, width] = input;
    if height.max(width) > MAX_SIZE || height * width > MAX_PIXELS {
        return Err(Error::file(
            folder,
            format!(
                "holds images of {height}×{width}; this network takes up to {MAX_SIZE} a side and {MAX_PIXELS} pixels"
            ),
        ));
    }
    let total = data.len();
    let val = (total / 6).max(1);
    if total < 2 {
        return Err(Error::file(folder, "holds 1 training image; at least 2 are needed, one for validation"));
    }
    let [train, val] = random_split(data, [total - val, val], seed)?;
    let everything = (0..test.len()).collect();
    Ok(Splits { train, val, test: SealedTestSet::new(Subset::new(test, everything)?), input })
}

fn image_shape(data: &TensorDataset) -> [usize; 3] {
    match *data.inputs().shape() {
        [_, channels, height, width] => [channels, height, width],
        // Both readers promise four dimensions.
        ref shape => unreachable!("images of shape {shape:?}"),
    }
}
