//! How each data set is read and split.

use flambeau::data::{
    Cifar100Labels, Dataset, ImageDataset, ImageFolder, ImageReadMode, SealedTestSet, Split, Subset, cifar10,
    cifar100, digits, emnist, fashion_mnist, kmnist, mnist, random_split, read_image,
};
use flambeau::{Error, Result, Tensor, try_call};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DatasetName;
use crate::config::{MAX_PIXELS, MAX_SIZE};

/// Pixels of a folder of images that are held in memory for a training.
const MAX_BYTES: usize = 2 << 30;

/// Images and the names of their classes.
pub(crate) struct Labelled {
    pub(crate) data: Arc<dyn Dataset>,
    pub(crate) classes: Vec<String>,
}

impl From<ImageDataset> for Labelled {
    fn from(data: ImageDataset) -> Self {
        Labelled { classes: data.classes().to_vec(), data: Arc::new(data) }
    }
}

/// Training, validation and test data that share no image.
#[derive(Debug)]
pub(crate) struct Splits {
    pub(crate) train: Subset,
    pub(crate) val: Subset,
    pub(crate) test: SealedTestSet<Subset>,
    pub(crate) classes: Vec<String>,
    /// Channels, height and width of the first training image.
    pub(crate) input: [usize; 3],
}

/// The images of training and validation, without the test images: those of the official training files, or of the split
/// that `flambeau train` makes.
pub(crate) fn training_data(name: &DatasetName, given: Option<PathBuf>) -> Result<Labelled> {
    let folder = name.folder(given)?;
    if has_test_part(name, folder.as_deref()) {
        return read(name, folder.as_deref(), Split::Train, false);
    }
    let Splits { train, val, classes, .. } = load(name, folder.as_deref(), 0)?;
    Ok(Labelled { data: Arc::new(train.concat(val)), classes })
}

/// Loads a data set, whole and checked, so that a damaged test file shows before the training and not after. The images of
/// a folder are read when they are asked for, and may differ in size.
pub(crate) fn load(name: &DatasetName, folder: Option<&Path>, seed: u64) -> Result<Splits> {
    split(name, folder, seed, false)
}

/// Loads a data set for the network of `flambeau train`: all images in memory, and of one size.
pub(crate) fn load_for_training(name: &DatasetName, folder: Option<&Path>, seed: u64) -> Result<Splits> {
    split(name, folder, seed, true)
}

/// What is wrong with the images of a folder that cannot be used.
pub(crate) fn damaged(name: &DatasetName) -> Result<Vec<Error>> {
    let DatasetName::Folder(root) = name else { return Ok(Vec::new()) };
    let mut errors = image_folder(root, Split::Train)?.check();
    if has_test_part(name, Some(root)) {
        errors.extend(image_folder(root, Split::Test)?.check());
    }
    Ok(errors)
}

fn has_test_part(name: &DatasetName, folder: Option<&Path>) -> bool {
    match (name, folder) {
        (DatasetName::Digits, _) | (_, None) => false,
        (DatasetName::Folder(_), Some(root)) => root.join("train").is_dir() && root.join("test").is_dir(),
        _ => true,
    }
}

/// The images of a folder: those of its folders `train` and `test` if it has both.
fn image_folder(root: &Path, part: Split) -> Result<ImageFolder> {
    let (train, test) = (root.join("train"), root.join("test"));
    match part {
        _ if !(train.is_dir() && test.is_dir()) => ImageFolder::new(root),
        Split::Train => ImageFolder::new(train),
        Split::Test => ImageFolder::new(test),
    }
}

/// The images of one official part, or all if there are none.
fn read(name: &DatasetName, folder: Option<&Path>, part: Split, hold: bool) -> Result<Labelled> {
    let Some(folder) = folder else {
        let classes = (0..10).map(|digit| digit.to_string()).collect();
        return Ok(Labelled { data: Arc::new(digits()), classes });
    };
    let data = match name {
        DatasetName::Folder(root) => {
            let images = image_folder(root, part)?;
            if !hold {
                let classes = images.classes().to_vec();
                return Ok(Labelled { data: Arc::new(images), classes });
            }
            hold_in_memory(&images, root)
        }
        DatasetName::Digits | DatasetName::Mnist => mnist(folder, part),
        DatasetName::FashionMnist => fashion_mnist(folder, part),
        DatasetName::KMnist => kmnist(folder, part),
        DatasetName::EMnist(classes) => emnist(folder, *classes, part),
        DatasetName::Cifar10 => cifar10(folder, part),
        DatasetName::Cifar100 => cifar100(folder, part, Cifar100Labels::Fine),
    };
    data.map(Labelled::from)
}

/// Decodes all images, which must have one size.
fn hold_in_memory(images: &ImageFolder, root: &Path) -> Result<ImageDataset> {
    let total = images.samples().len();
    let (mut pixels, mut targets, mut size) = (Vec::new(), Vec::with_capacity(total), None);
    for (path, class) in images.samples() {
        let image = read_image(path, ImageReadMode::Rgb)?;
        let &[channels, height, width] = image.shape() else { continue };
        let (first, shape) = size.get_or_insert((path, [channels, height, width]));
        if *shape != [channels, height, width] {
            let ([_, h, w], first) = (*shape, first.display());
            let message = format!(
                "is an image of {height}×{width}, but {first} is one of {h}×{w}; this network takes images of one size: resize them"
            );
            return Err(Error::file(path, message));
        }
        let bytes = image.numel().saturating_mul(total);
        if bytes > MAX_BYTES {
            let message = format!(
                "holds {total} images of {height}×{width}, {bytes} bytes, and at most {MAX_BYTES} are held in memory; make the images smaller"
            );
            return Err(Error::file(root, message));
        }
        pixels.reserve_exact(if pixels.is_empty() { bytes } else { 0 });
        pixels.extend(image.to_vec::<u8>());
        targets.push(*class as i64);
    }
    let [channels, height, width] = size.map_or([0; 3], |(_, shape)| shape);
    let images_shape = [targets.len(), channels, height, width];
    let classes = images.classes().to_vec();
    ImageDataset::new(
        Tensor::from_vec(pixels, images_shape),
        Tensor::from_vec(targets, [images_shape[0]]),
        classes,
    )
}

/// The official test images, and a sixth of the training images (10,000 of 60,000) for validation; or, without official test
/// images, a fifth of all for each.
fn split(name: &DatasetName, folder: Option<&Path>, seed: u64, hold: bool) -> Result<Splits> {
    let at = folder.unwrap_or(Path::new("digits"));
    let Labelled { data, classes } = read(name, folder, Split::Train, hold)?;
    let total = data.len();
    let few = |need: usize| {
        let s = if total == 1 { "" } else { "s" };
        Err(Error::file(
            at,
            format!("holds {total} training image{s}; at least {need} are needed to split them"),
        ))
    };
    // A folder's images may have any size, unless they are learnt from.
    let checked = hold || !matches!(name, DatasetName::Folder(_));
    let input = if checked { image_shape(&*data, at)? } else { [0; 3] };
    if !has_test_part(name, folder) {
        if total < 5 {
            return few(5);
        }
        let [train, val, test] = random_split(data, [0.6, 0.2, 0.2], seed)?;
        return Ok(Splits { train, val, test: SealedTestSet::new(test), classes, input });
    }
    let test = read(name, folder, Split::Test, hold)?;
    if test.classes != classes {
        let message = format!("has the classes {classes:?} in train, but {:?} in test", test.classes);
        return Err(Error::file(at, message));
    }
    let test = test.data;
    if checked && image_shape(&*test, at)? != input {
        let message = format!(
            "the training images have shape {input:?} and the test images {:?}; all files must come from {}",
            image_shape(&*test, at)?,
            name.name()
        );
        return Err(Error::file(at, message));
    }
    if total < 2 {
        return few(2);
    }
    let val = (total / 6).max(1);
    let [train, val] = random_split(data, [total - val, val], seed)?;
    let everything = (0..test.len()).collect();
    Ok(Splits { train, val, test: SealedTestSet::new(Subset::new(test, everything)?), classes, input })
}

/// The shape of the first image, which the network must be able to take.
fn image_shape(data: &dyn Dataset, at: &Path) -> Result<[usize; 3]> {
    let (x, _) = try_call(|| data.get(0))?;
    let Ok([channels, height, width]) = <[usize; 3]>::try_from(x.shape()) else {
        return Err(Error::file(at, format!("holds items of shape {:?}, not images", x.shape())));
    };
    if height.max(width) > MAX_SIZE || height * width > MAX_PIXELS {
        let message = format!(
            "holds images of {height}×{width}; this network takes up to {MAX_SIZE} a side and {MAX_PIXELS} pixels"
        );
        return Err(Error::file(at, message));
    }
    Ok([channels, height, width])
}
