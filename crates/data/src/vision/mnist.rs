//! MNIST and the sets in its form: IDX files of images and of labels in one folder.

use flambeau_tensor::{DType, Error, Result, Tensor};
use std::path::{Path, PathBuf};

use super::{ImageDataset, Split};
use crate::read_idx;

const DIGITS: &str = "0123456789";
const FASHION: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];
const KUZUSHIJI: [&str; 10] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
/// The small letters that look unlike their capitals, and so have a class of their own in the merged splits.
const UNMERGED: &str = "abdefghnqrt";

/// MNIST: 70,000 handwritten digits of 28×28 pixels, in 10 classes.
///
/// The folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or `t10k-…` for the test part, each plain
/// or with `.gz`; `train-images.idx3-ubyte` is found too. The items are as in every [`ImageDataset`]: `f32` of shape
/// `[1, 28, 28]` from 0 to 1.
///
/// Source: Y. LeCun, C. Cortes and C. Burges, <http://yann.lecun.com/exdb/mnist/>;
/// [`torchvision.datasets.MNIST`](https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.MNIST.html).
///
/// # Errors
/// [`Error::File`], naming the file, what was found and the fix, if a file is missing, is not a valid
/// [IDX file](read_idx) of the right shape, if images and labels differ in number, or a label is outside of the classes.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, Split, mnist};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // One image of 1×2 pixels, and its label.
/// std::fs::write(
///     folder.join("t10k-images-idx3-ubyte"),
///     [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255],
/// )?;
/// std::fs::write(folder.join("t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 7])?;
///
/// let test = mnist(folder, Split::Test)?;
/// let (x, y) = test.get(0);
/// assert_eq!(x.shape(), [1, 1, 2]);
/// assert_eq!(x.to_vec::<f32>(), [0.0, 1.0]);
/// assert_eq!(test.classes()[y.item::<i64>() as usize], "7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn mnist(folder: impl AsRef<Path>, split: Split) -> Result<ImageDataset> {
    read(folder.as_ref(), split.mnist_stem(), characters(DIGITS), false)
}

/// Fashion-MNIST: 70,000 pieces of clothing of 28×28 pixels, in 10 classes. Files and items as for [`mnist`].
///
/// Debian and Ubuntu ship its files: `apt-get install dataset-fashion-mnist` puts them into
/// `/usr/share/datasets/fashion-mnist`.
///
/// Source: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
/// Algorithms", 2017, <https://arxiv.org/abs/1708.07747>;
/// [`torchvision.datasets.FashionMNIST`](https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.FashionMNIST.html).
///
/// # Errors
/// As for [`mnist`].
///
/// ```
/// use flambeau_data::{Split, fashion_mnist};
///
/// let error = fashion_mnist("no/such/folder", Split::Train).unwrap_err().to_string();
/// assert!(error.starts_with("no/such/folder: no such folder"));
/// ```
pub fn fashion_mnist(folder: impl AsRef<Path>, split: Split) -> Result<ImageDataset> {
    read(folder.as_ref(), split.mnist_stem(), FASHION.map(str::to_owned).to_vec(), false)
}

/// Kuzushiji-MNIST: 70,000 cursive Japanese characters of 28×28 pixels, in 10 classes. Files and items as for
/// [`mnist`].
///
/// Source: T. Clanuwat and others, "Deep Learning for Classical Japanese Literature", 2018,
/// <https://arxiv.org/abs/1812.01718>;
/// [`torchvision.datasets.KMNIST`](https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.KMNIST.html).
///
/// # Errors
/// As for [`mnist`].
///
/// ```
/// use flambeau_data::{Split, kmnist};
/// assert!(kmnist("no/such/folder", Split::Train).is_err());
/// ```
pub fn kmnist(folder: impl AsRef<Path>, split: Split) -> Result<ImageDataset> {
    read(folder.as_ref(), split.mnist_stem(), KUZUSHIJI.map(str::to_owned).to_vec(), false)
}

/// Which of EMNIST's six sets of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EMnistSplit {
    /// 814,255 images in 62 unequal classes: digits, capitals, small letters.
    ByClass,
    /// The same in 47 classes: small letters that look like their capitals share a class with them.
    ByMerge,
    /// 131,600 images in the same 47 classes, equally many in each.
    Balanced,
    /// 145,600 images in 26 classes: letters, capital or small. The labels run from 1.
    Letters,
    /// 280,000 images of digits.
    Digits,
    /// 70,000 images of digits, made to fit MNIST.
    Mnist,
}

impl EMnistSplit {
    /// Its name, as in the files' names.
    pub fn name(self) -> &'static str {
        match self {
            EMnistSplit::ByClass => "byclass",
            EMnistSplit::ByMerge => "bymerge",
            EMnistSplit::Balanced => "balanced",
            EMnistSplit::Letters => "letters",
            EMnistSplit::Digits => "digits",
            EMnistSplit::Mnist => "mnist",
        }
    }

    fn classes(self) -> Vec<String> {
        match self {
            EMnistSplit::ByClass => characters(&[DIGITS, CAPITALS, LETTERS].concat()),
            EMnistSplit::ByMerge | EMnistSplit::Balanced => {
                characters(&[DIGITS, CAPITALS, UNMERGED].concat())
            }
            EMnistSplit::Letters => {
                std::iter::once("N/A".to_owned()).chain(LETTERS.chars().map(String::from)).collect()
            }
            EMnistSplit::Digits | EMnistSplit::Mnist => characters(DIGITS),
        }
    }
}

/// EMNIST: handwritten digits and letters of 28×28 pixels.
///
/// The folder holds `emnist-letters-train-images-idx3-ubyte`, `emnist-letters-train-labels-idx1-ubyte` and so on for
/// the other splits and `test`, each plain or with `.gz`. The files store each image transposed; here it stands
/// upright, as in MNIST (torchvision leaves it lying). As there, the labels of [`Letters`](EMnistSplit::Letters) run
/// from 1 and class 0 is called "N/A", so a network needs 27 outputs.
///
/// Source: G. Cohen and others, "EMNIST: an extension of MNIST to handwritten letters", 2017,
/// <https://arxiv.org/abs/1702.05373>;
/// [`torchvision.datasets.EMNIST`](https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.EMNIST.html).
///
/// # Errors
/// As for [`mnist`].
///
/// ```
/// use flambeau_data::{EMnistSplit, Split, emnist};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # let image = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255];
/// # std::fs::write(folder.join("emnist-letters-train-images-idx3-ubyte"), image)?;
/// # std::fs::write(folder.join("emnist-letters-train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 26])?;
/// let train = emnist(folder, EMnistSplit::Letters, Split::Train)?;
/// assert_eq!(train.classes()[26], "z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn emnist(folder: impl AsRef<Path>, classes: EMnistSplit, split: Split) -> Result<ImageDataset> {
    let part = match split {
        Split::Train => "train",
        Split::Test => "test",
    };
    read(folder.as_ref(), &format!("emnist-{}-{part}", classes.name()), classes.classes(), true)
}

fn characters(names: &str) -> Vec<String> {
    names.chars().map(String::from).collect()
}

/// Reads the images and labels whose files' names begin with `stem`.
fn read(folder: &Path, stem: &str, classes: Vec<String>, transposed: bool) -> Result<ImageDataset> {
    let images_path = find(folder, stem, "images", "idx3")?;
    let labels_path = find(folder, stem, "labels", "idx1")?;

    let labels = read_idx(&labels_path)?;
    let &[count] = expect(&labels, &labels_path, "labels")?;
    if let Some(message) = labels_outside(&labels.to_vec::<u8>(), classes.len()) {
        return Err(Error::file(labels_path, message));
    }

    let images = read_idx(&images_path)?;
    let &[n, height, width] = expect(&images, &images_path, "images")?;
    if n != count {
        return Err(Error::file(
            images_path,
            format!(
                "holds {n} images, but {} holds {count} labels; both must come from the same set",
                labels_path.display()
            ),
        ));
    }
    if images.numel() == 0 {
        return Err(Error::file(
            images_path,
            format!("holds no pixels (shape [{n}, {height}, {width}]); get the file again"),
        ));
    }
    let images = images.unsqueeze(1);
    let images = if transposed { images.transpose(2, 3).contiguous() } else { images };
    ImageDataset::new(images, labels.to_dtype(DType::I64), classes)
}

/// What is wrong with labels that must be below `classes`.
pub(super) fn labels_outside(labels: &[u8], classes: usize) -> Option<String> {
    let (index, label) = labels.iter().enumerate().find(|&(_, &l)| usize::from(l) >= classes)?;
    Some(format!(
        "label {index} (counted from 0) is {label}, but labels run from 0 to {}; get the file again",
        classes - 1
    ))
}

/// The shape of a tensor that must hold unsigned bytes in `RANK` dimensions.
fn expect<'a, const RANK: usize>(tensor: &'a Tensor, path: &Path, what: &str) -> Result<&'a [usize; RANK]> {
    match <&[usize; RANK]>::try_from(tensor.shape()) {
        Ok(shape) if tensor.dtype() == DType::U8 => Ok(shape),
        _ => Err(Error::file(
            path,
            format!(
                "holds {:?} values in {} dimensions, but {what} are unsigned bytes in {RANK}; check that it is the right file",
                tensor.dtype(),
                tensor.shape().len()
            ),
        )),
    }
}

fn find(folder: &Path, stem: &str, what: &str, idx: &str) -> Result<PathBuf> {
    let usual = format!("{stem}-{what}-{idx}-ubyte");
    let dotted = format!("{stem}-{what}.{idx}-ubyte");
    if !folder.is_dir() {
        let message = if folder.exists() { "is not a folder" } else { "no such folder" };
        return Err(Error::file(folder, format!("{message}; name the one that holds {usual} or {usual}.gz")));
    }
    [usual.clone(), format!("{usual}.gz"), dotted.clone(), format!("{dotted}.gz")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
        .ok_or_else(|| {
            Error::file(
                folder,
                format!("holds neither {usual} nor {usual}.gz; put the data set's files there"),
            )
        })
}
