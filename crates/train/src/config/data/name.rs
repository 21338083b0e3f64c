//! The data sets that have a name, and where they are.

use super::super::text::suggest;
use flambeau_data::{EMnistSplit, KnownDataset, data_dir};
use flambeau_tensor::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where Debian's package dataset-fashion-mnist puts the files.
const DEBIAN_FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";
/// What the name of a folder of images begins with, and that of a table.
const FOLDER: &str = "folder:";
const CSV: &str = "csv:";

/// A data set by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DataName {
    /// `digits`: 1,797 handwritten digits of 8×8 pixels, part of the library.
    Digits,
    /// `mnist`: handwritten digits of 28×28 pixels.
    Mnist,
    /// `fashion-mnist`: pieces of clothing of 28×28 pixels.
    FashionMnist,
    /// `kmnist`: cursive Japanese characters of 28×28 pixels.
    KMnist,
    /// `emnist-balanced` and so on: handwritten digits and letters of 28×28 pixels.
    EMnist(EMnistSplit),
    /// `cifar10`: photographs of 32×32 pixels.
    Cifar10,
    /// `cifar100`: the same in 100 classes.
    Cifar100,
    /// `house-prices`: 2,000 invented houses and their [prices](flambeau_data::house_prices).
    HousePrices,
    /// `two-moons`: 1,000 points in [half circles](flambeau_data::two_moons), with noise of 0.1.
    TwoMoons,
    /// `spirals`: 1,000 points in three [spirals](flambeau_data::spirals), with noise of 0.02.
    Spirals,
    /// `blobs`: 1,000 points in three [clouds](flambeau_data::blobs) of deviation 1.
    Blobs,
    /// `folder:PATH`: images in a folder for each class, or in such folders below `train` and `test`.
    Folder(PathBuf),
    /// `csv:PATH`: a table with a line of names at its head.
    Csv(PathBuf),
}

impl From<DataName> for String {
    fn from(name: DataName) -> Self {
        name.name()
    }
}

impl TryFrom<String> for DataName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for DataName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        for (start, example, make) in [
            (FOLDER, "the folder's path, such as folder:pets", DataName::Folder as fn(PathBuf) -> DataName),
            (CSV, "the file's path, such as csv:houses.csv", DataName::Csv),
        ] {
            match text.strip_prefix(start) {
                Some("") => return Err(format!("{text} needs {example}")),
                Some(path) => return Ok(make(path.into())),
                None => {}
            }
        }
        DataName::KNOWN.iter().find(|known| known.name() == text).cloned().ok_or_else(|| {
            let names: Vec<String> = DataName::KNOWN.iter().map(DataName::name).collect();
            let near: Vec<&str> = names.iter().map(String::as_str).collect();
            let near = suggest(text, &near);
            let near = if near.contains("did you mean") { near + " There" } else { "; there".into() };
            let all = names.join(", ");
            format!(
                "no data set is called `{text}`{near} are {all}, folder:PATH for a folder of images and csv:PATH for a table"
            )
        })
    }
}

impl std::fmt::Display for DataName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl DataName {
    /// Those that have a name of their own.
    pub const KNOWN: &[DataName] = &[
        DataName::Digits,
        DataName::Mnist,
        DataName::FashionMnist,
        DataName::KMnist,
        DataName::EMnist(EMnistSplit::ByClass),
        DataName::EMnist(EMnistSplit::ByMerge),
        DataName::EMnist(EMnistSplit::Balanced),
        DataName::EMnist(EMnistSplit::Letters),
        DataName::EMnist(EMnistSplit::Digits),
        DataName::EMnist(EMnistSplit::Mnist),
        DataName::Cifar10,
        DataName::Cifar100,
        DataName::HousePrices,
        DataName::TwoMoons,
        DataName::Spirals,
        DataName::Blobs,
    ];

    /// As a file has it.
    pub fn name(&self) -> String {
        match self {
            DataName::Digits => "digits".into(),
            DataName::EMnist(split) => format!("emnist-{}", split.name()),
            DataName::Mnist => KnownDataset::Mnist.name().into(),
            DataName::FashionMnist => KnownDataset::FashionMnist.name().into(),
            DataName::KMnist => KnownDataset::KMnist.name().into(),
            DataName::Cifar10 => KnownDataset::Cifar10.name().into(),
            DataName::Cifar100 => KnownDataset::Cifar100.name().into(),
            DataName::HousePrices => "house-prices".into(),
            DataName::TwoMoons => "two-moons".into(),
            DataName::Spirals => "spirals".into(),
            DataName::Blobs => "blobs".into(),
            DataName::Folder(path) => format!("{FOLDER}{}", path.display()),
            DataName::Csv(path) => format!("{CSV}{}", path.display()),
        }
    }

    /// As a part of a file's name.
    pub fn stem(&self) -> String {
        let part = match self {
            DataName::Folder(path) => path.file_name(),
            DataName::Csv(path) => path.file_stem(),
            _ => return self.name(),
        };
        part.map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
    }

    /// What fetches it, if anything does.
    pub fn remote(&self) -> Option<KnownDataset> {
        match self {
            DataName::Mnist => Some(KnownDataset::Mnist),
            DataName::FashionMnist => Some(KnownDataset::FashionMnist),
            DataName::KMnist => Some(KnownDataset::KMnist),
            DataName::EMnist(_) => Some(KnownDataset::EMnist),
            DataName::Cifar10 => Some(KnownDataset::Cifar10),
            DataName::Cifar100 => Some(KnownDataset::Cifar100),
            _ => None,
        }
    }

    /// Whether its items are images.
    pub fn holds_images(&self) -> bool {
        matches!(self, DataName::Digits | DataName::Folder(_)) || self.remote().is_some()
    }

    /// Whether its images have three channels.
    pub(super) fn is_colour(&self) -> bool {
        matches!(self, DataName::Cifar10 | DataName::Cifar100 | DataName::Folder(_))
    }

    /// Where it is looked for if no folder is named: where it is downloaded to, and where the system keeps it.
    pub fn places(&self) -> Vec<PathBuf> {
        let Some(set) = self.remote() else { return Vec::new() };
        let own = data_dir().ok().map(|folder| folder.join(set.name()));
        let system = (set == KnownDataset::FashionMnist).then(|| PathBuf::from(DEBIAN_FASHION_MNIST));
        own.into_iter().chain(system).collect()
    }

    /// The first of [`places`](Self::places) that is there, or better one that holds all files.
    pub fn place(&self) -> Option<PathBuf> {
        let whole = self.remote().zip(data_dir().ok()).and_then(|(set, folder)| set.find(folder));
        whole.or_else(|| self.places().into_iter().find(|place| place.is_dir()))
    }

    /// The folder to read from: the given one, the set's folder in that, or one of [`places`](Self::places).
    ///
    /// # Errors
    /// [`Error::Config`] if it is nowhere, or the set needs no folder and one is given.
    pub fn folder(&self, given: Option<&Path>) -> Result<Option<PathBuf>> {
        let Some(set) = self.remote() else {
            let why = match self {
                DataName::Folder(_) => "folder: names the folder",
                DataName::Csv(_) => "csv: names the file",
                _ => "the set is part of the library",
            };
            let needless = |dir: &Path| {
                Error::config("data.dir", format!("{} is not needed: {why}; leave it out", dir.display()))
            };
            return match (self, given) {
                (_, Some(dir)) => Err(needless(dir)),
                (DataName::Folder(path), None) => Ok(Some(path.clone())),
                (_, None) => Ok(None),
            };
        };
        match given {
            Some(dir) => {
                let inner = dir.join(set.name());
                Ok(Some(if inner.is_dir() { inner } else { dir.to_owned() }))
            }
            None => self.place().map(Some).ok_or_else(|| missing(set)),
        }
    }
}

fn missing(set: KnownDataset) -> Error {
    let files = match set {
        KnownDataset::Cifar10 | KnownDataset::Cifar100 => "binary files",
        KnownDataset::EMnist => "IDX files",
        _ => "four IDX files",
    };
    let debian = match set {
        KnownDataset::FashionMnist => ", or apt-get install dataset-fashion-mnist",
        _ => "",
    };
    let set = set.name();
    let message = format!(
        "missing; fetch the set with `flambeau data download {set}`, or name the folder with its {files}{debian}"
    );
    Error::config("data.dir", message)
}
