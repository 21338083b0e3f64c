//! The data sets that the program knows, and where they are.

mod load;

use flambeau::data::{EMnistSplit, KnownDataset, data_dir};
use flambeau::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub(crate) use load::{Labelled, Splits, damaged, load, load_for_training, training_data};

/// Where Debian's package dataset-fashion-mnist puts the files.
const DEBIAN_FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";
/// What the name of a folder of images begins with.
const FOLDER: &str = "folder:";

/// A data set by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) enum DatasetName {
    Digits,
    Mnist,
    FashionMnist,
    KMnist,
    EMnist(EMnistSplit),
    Cifar10,
    Cifar100,
    /// A folder of folders of images.
    Folder(PathBuf),
}

/// Those that have a name of their own.
pub(crate) static KNOWN: [DatasetName; 12] = [
    DatasetName::Digits,
    DatasetName::Mnist,
    DatasetName::FashionMnist,
    DatasetName::KMnist,
    DatasetName::EMnist(EMnistSplit::ByClass),
    DatasetName::EMnist(EMnistSplit::ByMerge),
    DatasetName::EMnist(EMnistSplit::Balanced),
    DatasetName::EMnist(EMnistSplit::Letters),
    DatasetName::EMnist(EMnistSplit::Digits),
    DatasetName::EMnist(EMnistSplit::Mnist),
    DatasetName::Cifar10,
    DatasetName::Cifar100,
];

impl From<DatasetName> for String {
    fn from(name: DatasetName) -> Self {
        name.name()
    }
}

impl TryFrom<String> for DatasetName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl DatasetName {
    /// Understands what the user writes.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix(FOLDER) {
            Some("") => Err("needs the folder's path, such as folder:pets".into()),
            Some(path) => Ok(DatasetName::Folder(path.into())),
            None => KNOWN.iter().find(|known| known.name() == text).cloned().ok_or_else(|| {
                let names: Vec<String> = KNOWN.iter().map(DatasetName::name).collect();
                format!("there are {}, and folder:PATH for a folder of images", names.join(", "))
            }),
        }
    }

    /// As the user writes it.
    pub(crate) fn name(&self) -> String {
        match self {
            DatasetName::Digits => "digits".into(),
            DatasetName::EMnist(split) => format!("emnist-{}", split.name()),
            DatasetName::Folder(path) => format!("{FOLDER}{}", path.display()),
            DatasetName::Mnist => KnownDataset::Mnist.name().into(),
            DatasetName::FashionMnist => KnownDataset::FashionMnist.name().into(),
            DatasetName::KMnist => KnownDataset::KMnist.name().into(),
            DatasetName::Cifar10 => KnownDataset::Cifar10.name().into(),
            DatasetName::Cifar100 => KnownDataset::Cifar100.name().into(),
        }
    }

    /// As a part of a file's name.
    pub(crate) fn stem(&self) -> String {
        match self {
            DatasetName::Folder(path) => {
                path.file_name().map_or_else(|| "folder".into(), |name| name.to_string_lossy().into_owned())
            }
            _ => self.name(),
        }
    }

    /// What `flambeau data download` fetches for it.
    pub(crate) fn remote(&self) -> Option<KnownDataset> {
        match self {
            DatasetName::Digits | DatasetName::Folder(_) => None,
            DatasetName::Mnist => Some(KnownDataset::Mnist),
            DatasetName::FashionMnist => Some(KnownDataset::FashionMnist),
            DatasetName::KMnist => Some(KnownDataset::KMnist),
            DatasetName::EMnist(_) => Some(KnownDataset::EMnist),
            DatasetName::Cifar10 => Some(KnownDataset::Cifar10),
            DatasetName::Cifar100 => Some(KnownDataset::Cifar100),
        }
    }

    /// Enough for the validation accuracy to stop rising.
    pub(crate) fn default_epochs(&self) -> usize {
        match self {
            DatasetName::Digits => 30,
            _ => 10,
        }
    }

    /// Where it is looked for if the user names no folder: where `flambeau data download` puts it, and where the system
    /// keeps it.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let Some(set) = self.remote() else { return Vec::new() };
        let own = data_dir().ok().map(|folder| folder.join(set.name()));
        let system = (set == KnownDataset::FashionMnist).then(|| PathBuf::from(DEBIAN_FASHION_MNIST));
        own.into_iter().chain(system).collect()
    }

    /// The first of [`places`](Self::places) that is there, or better one that holds all files.
    pub(crate) fn place(&self) -> Option<PathBuf> {
        let whole = self.remote().zip(data_dir().ok()).and_then(|(set, folder)| set.find(folder));
        whole.or_else(|| self.places().into_iter().find(|place| place.is_dir()))
    }

    /// The folder to read from: what the user gave, the set's folder in that, or one of [`places`](Self::places).
    pub(crate) fn folder(&self, given: Option<PathBuf>) -> Result<Option<PathBuf>> {
        let needless = |dir: &Path, why: &str| {
            Err(Error::config("--data-dir", format!("{} is not needed: {why}; leave it out", dir.display())))
        };
        match (self, self.remote(), given) {
            (DatasetName::Folder(path), _, None) => Ok(Some(path.clone())),
            (_, Some(set), Some(dir)) => {
                let inner = dir.join(set.name());
                Ok(Some(if inner.is_dir() { inner } else { dir }))
            }
            (_, Some(set), None) => self.place().map(Some).ok_or_else(|| self.missing(set)),
            (_, None, None) => Ok(None),
            (DatasetName::Folder(_), None, Some(dir)) => needless(&dir, "folder: names the folder"),
            (_, None, Some(dir)) => needless(&dir, "the digits are part of the program"),
        }
    }

    fn missing(&self, set: KnownDataset) -> Error {
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
        Error::config("--data-dir", message)
    }
}
