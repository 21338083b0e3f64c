//! The sets whose addresses are known.

use flambeau_tensor::{Error, Result};
use std::path::{Path, PathBuf};

use super::{Checksum, Downloader, Progress, RemoteFile, unpack};

/// Where Debian's package dataset-fashion-mnist puts the files.
const DEBIAN_FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";

/// A data set that can be fetched.
///
/// The addresses and checksums are those of torchvision for MNIST, Fashion-MNIST, KMNIST and EMNIST, and of
/// <https://www.cs.toronto.edu/~kriz/cifar.html> for the binary CIFAR sets. All of them publish MD5 alone.
///
/// # Examples
/// ```no_run
/// use flambeau_data::{Downloader, KnownDataset, Split, cifar10, data_dir};
///
/// let folder = KnownDataset::Cifar10.fetch(&Downloader::new(), data_dir()?, &mut |_| ())?;
/// let train = cifar10(folder, Split::Train)?;
/// # let _ = train;
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KnownDataset {
    /// For [`mnist`](crate::mnist): 12 MB.
    Mnist,
    /// For [`fashion_mnist`](crate::fashion_mnist): 31 MB.
    FashionMnist,
    /// For [`kmnist`](crate::kmnist): 21 MB.
    KMnist,
    /// For [`emnist`](crate::emnist), all six splits: 562 MB.
    EMnist,
    /// For [`cifar10`](crate::cifar10): 170 MB.
    Cifar10,
    /// For [`cifar100`](crate::cifar100): 169 MB.
    Cifar100,
}

impl KnownDataset {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Mnist, Self::FashionMnist, Self::KMnist, Self::EMnist, Self::Cifar10, Self::Cifar100];

    /// The name of its folder below [`data_dir`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::KMnist => "kmnist",
            Self::EMnist => "emnist",
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
        }
    }

    /// The files to be fetched.
    pub fn files(self) -> Vec<RemoteFile> {
        let idx = |mirrors: &[&str], md5: [&str; 4]| {
            let parts = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];
            let files = parts.iter().zip(md5).map(|(part, md5)| {
                let name = format!("{part}-ubyte.gz");
                file(mirrors.iter().map(|mirror| format!("{mirror}{name}")).collect(), name.clone(), md5)
            });
            files.collect()
        };
        let one = |url: &str, md5| {
            let name = url.rsplit('/').next().unwrap_or(url).to_owned();
            vec![file(vec![url.to_owned()], name, md5)]
        };
        match self {
            Self::Mnist => idx(
                &[
                    "https://ossci-datasets.s3.amazonaws.com/mnist/",
                    "https://storage.googleapis.com/cvdf-datasets/mnist/",
                    "http://yann.lecun.com/exdb/mnist/",
                ],
                [
                    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                    "d53e105ee54ea40749a09fcbcd1e9432",
                    "9fb629c4189551a2d022fa330f9573f3",
                    "ec29112dd5afa0611ce80d1b7f02629c",
                ],
            ),
            Self::FashionMnist => idx(
                &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
                [
                    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    "25c81989df183df01b3e8a0aad5dffbe",
                    "bef4ecab320f06d8554ea6380940ec79",
                    "bb300cfdad3c16e7a12a480ee83cd310",
                ],
            ),
            Self::KMnist => idx(
                &["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
                [
                    "bdb82020997e1d708af4cf47b453dcf7",
                    "e144d726b3acfaa3e44228e80efcd344",
                    "5c965bf0a639b31b8f53240b1b52f4d7",
                    "7320c461ea6c1c855c0b718fb2a4b134",
                ],
            ),
            Self::EMnist => one(
                "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
                "58c8d27c78d21e728a6bc7b3cc06412e",
            ),
            Self::Cifar10 => one(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "c32a1d4ab5d03f1284b67883e8d87530",
            ),
            Self::Cifar100 => one(
                "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
                "03b5dce01913d631647c71ecec9e9cb8",
            ),
        }
    }

    /// What an archive's entries are called that the readers want.
    fn unpacked(self) -> Vec<String> {
        match self {
            Self::Mnist | Self::FashionMnist | Self::KMnist => Vec::new(),
            Self::EMnist => {
                let splits = ["byclass", "bymerge", "balanced", "letters", "digits", "mnist"];
                let name = |split| {
                    ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"]
                        .map(|part| format!("emnist-{split}-{part}-ubyte.gz"))
                };
                splits.into_iter().flat_map(name).collect()
            }
            Self::Cifar10 => {
                let train = (1..=5).map(|i| format!("data_batch_{i}.bin"));
                train.chain(["test_batch.bin".to_owned()]).collect()
            }
            Self::Cifar100 => vec!["train.bin".to_owned(), "test.bin".to_owned()],
        }
    }

    /// Makes sure that the set is in its folder below `data_dir`, and gives that folder. Archives are unpacked, and removed
    /// then. What is there already is not fetched again.
    ///
    /// # Errors
    /// As for [`Downloader::fetch`], and if an archive lacks a file.
    pub fn fetch(
        self,
        downloader: &Downloader,
        data_dir: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf> {
        self.fetch_from(&self.files(), downloader, data_dir, progress)
    }

    /// As [`fetch`](Self::fetch), with other addresses or checksums than those of [`files`](Self::files), such as a mirror's.
    ///
    /// # Errors
    /// As for [`fetch`](Self::fetch).
    ///
    /// ```no_run
    /// use flambeau_data::{Downloader, KnownDataset, data_dir};
    ///
    /// let mut files = KnownDataset::Mnist.files();
    /// for file in &mut files {
    ///     file.urls = vec![format!("https://mirror.example.org/mnist/{}", file.name)];
    /// }
    /// KnownDataset::Mnist.fetch_from(&files, &Downloader::new(), data_dir()?, &mut |_| ())?;
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn fetch_from(
        self,
        files: &[RemoteFile],
        downloader: &Downloader,
        data_dir: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf> {
        let folder = data_dir.as_ref().join(self.name());
        let unpacked = self.unpacked();
        // Each was written as a whole or not at all.
        if !unpacked.is_empty() && unpacked.iter().all(|name| folder.join(name).is_file()) {
            return Ok(folder);
        }
        for file in files {
            let path = downloader.fetch(file, &folder, progress)?;
            if !unpacked.is_empty() {
                unpack::unpack(&path, &folder, &unpacked)?;
                std::fs::remove_file(&path)
                    .map_err(|error| Error::file(&path, format!("cannot be removed: {error}")))?;
            }
        }
        Ok(folder)
    }

    /// The folder that holds the set already: below `data_dir`, or where the system keeps it.
    pub fn find(self, data_dir: impl AsRef<Path>) -> Option<PathBuf> {
        let folder = data_dir.as_ref().join(self.name());
        let names: Vec<String> = match self.unpacked() {
            names if names.is_empty() => self.files().into_iter().map(|file| file.name).collect(),
            names => names,
        };
        let system = (self == Self::FashionMnist).then(|| PathBuf::from(DEBIAN_FASHION_MNIST));
        let holds = |folder: &PathBuf| {
            let there = |name: &String| {
                folder.join(name).is_file() || folder.join(name.trim_end_matches(".gz")).is_file()
            };
            names.iter().all(there)
        };
        [Some(folder), system].into_iter().flatten().find(holds)
    }
}

fn file(urls: Vec<String>, name: String, md5: &str) -> RemoteFile {
    RemoteFile { name, urls, checksum: Checksum::Md5(md5.to_owned()) }
}

/// The folder for data sets: that of the environment variable `FLAMBEAU_DATA`, or else `flambeau` in the user's cache folder
/// (`$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`). It need not exist.
///
/// # Errors
/// [`Error::Config`] if the variable is not set and the user has no home.
///
/// ```
/// let folder = flambeau_data::data_dir()?;
/// assert!(!folder.as_os_str().is_empty());
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn data_dir() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("FLAMBEAU_DATA") {
        return Ok(folder);
    }
    let home = || std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let cache = if cfg!(windows) {
        variable("LOCALAPPDATA").or_else(|| Some(home()?.join("AppData/Local")))
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches"))
    } else {
        variable("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(home()?.join(".cache")))
    };
    let missing =
        || Error::config("FLAMBEAU_DATA", "is not set, and the user has no home; set it to a folder");
    Ok(cache.ok_or_else(missing)?.join("flambeau"))
}

#[cfg(test)]
mod tests;
