//! How each data set is read and split.

use super::{DataConfig, DataName, Splits, Task};
use flambeau_data::transforms::{Compose, Transform};
use flambeau_data::{
    Cifar100Labels, CsvOptions, Dataset, ImageDataset, ImageFolder, ImageReadMode, SealedTestSet, Split,
    Subset, TensorDataset, blobs, cifar10, cifar100, digits, emnist, fashion_mnist, house_prices, kmnist,
    mnist, random_split, read_csv, read_image, spirals, two_moons,
};
use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{Error, Result, Tensor, try_call};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a folder of images that are held in memory.
const MAX_BYTES: usize = 2 << 30;
/// Items of the toy sets.
const HOUSES: usize = 2000;
const POINTS: usize = 1000;

/// Items, and what their targets and inputs are called.
pub struct Labelled {
    /// The items.
    pub data: Arc<dyn Dataset>,
    /// The classes; none where numbers are learnt.
    pub classes: Vec<String>,
    /// The columns of a table.
    pub features: Vec<String>,
}

impl std::fmt::Debug for Labelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Labelled({} items of {} classes)", self.data.len(), self.classes.len())
    }
}

impl From<ImageDataset> for Labelled {
    fn from(data: ImageDataset) -> Self {
        Labelled { classes: data.classes().to_vec(), data: Arc::new(data), features: vec![] }
    }
}

impl Labelled {
    /// Points of the plane, or the houses.
    fn toy(data: TensorDataset, classes: usize, features: &[&str]) -> Self {
        Labelled {
            data: Arc::new(data),
            classes: (0..classes).map(|class| class.to_string()).collect(),
            features: features.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

impl DataConfig {
    /// Loads the data, whole and checked, and splits them by this seed: a damaged test file shows before the training and not
    /// after it. The images of a folder are held in memory and must have one size, unless there is a transform that gives
    /// them one; then they are read when they are asked for.
    ///
    /// # Errors
    /// [`Error::Config`] if the settings make no sense or the data are nowhere; [`Error::File`] if a file cannot be read, or
    /// there are too few items to split.
    pub fn load(&self, seed: u64) -> Result<Splits> {
        let all = self.transforms.iter().chain(self.eval_transforms.iter().flatten());
        self.split(seed, !all.into_iter().any(super::TransformConfig::sets_size))
    }

    /// Loads and splits the data as [`load`](Self::load) does, but reads the images of a folder when they are asked for,
    /// whatever their sizes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_as_is(&self, seed: u64) -> Result<Splits> {
        self.split(seed, false)
    }

    /// The items of training and validation, without the test items, of seed 0: those of the official training files, or of
    /// the split.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn training_data(&self) -> Result<Labelled> {
        let folder = self.name.folder(self.dir.as_deref())?;
        if self.has_test_part(folder.as_deref()) {
            return self.read(folder.as_deref(), Split::Train, false);
        }
        let Splits { train, val, classes, features, .. } = self.load_as_is(0)?;
        Ok(Labelled { data: Arc::new(train.concat(val)), classes, features })
    }

    /// What is wrong with the images of a folder that cannot be used.
    ///
    /// # Errors
    /// [`Error::File`] if the folder itself cannot be read.
    pub fn damaged(&self) -> Result<Vec<Error>> {
        let DataName::Folder(root) = &self.name else { return Ok(Vec::new()) };
        let mut errors = image_folder(root, Split::Train)?.check();
        if self.has_test_part(Some(root)) {
            errors.extend(image_folder(root, Split::Test)?.check());
        }
        Ok(errors)
    }

    fn has_test_part(&self, folder: Option<&Path>) -> bool {
        match (&self.name, folder) {
            (DataName::Folder(_), Some(root)) => root.join("train").is_dir() && root.join("test").is_dir(),
            (name, _) => name.remote().is_some(),
        }
    }

    /// The items of one official part, or all if there are none.
    fn read(&self, folder: Option<&Path>, part: Split, hold: bool) -> Result<Labelled> {
        let folder = folder.unwrap_or(Path::new(""));
        let images = match &self.name {
            DataName::Digits => {
                let classes = (0..10).map(|digit| digit.to_string()).collect();
                return Ok(Labelled { data: Arc::new(digits()), classes, features: vec![] });
            }
            DataName::HousePrices => {
                let columns = ["area", "rooms", "age", "distance"];
                return Ok(Labelled::toy(house_prices(HOUSES, 0), 0, &columns));
            }
            DataName::TwoMoons => return Ok(Labelled::toy(two_moons(POINTS, 0.1, 0), 2, &["x", "y"])),
            DataName::Spirals => return Ok(Labelled::toy(spirals(POINTS, 3, 0.02, 0), 3, &["x", "y"])),
            DataName::Blobs => return Ok(Labelled::toy(blobs(POINTS, 3, 1.0, 0), 3, &["x", "y"])),
            DataName::Csv(path) => return self.read_table(path),
            DataName::Folder(root) => {
                let images = image_folder(root, part)?;
                if !hold {
                    let classes = images.classes().to_vec();
                    return Ok(Labelled { data: Arc::new(images), classes, features: vec![] });
                }
                hold_in_memory(&images, root)
            }
            DataName::Mnist => mnist(folder, part),
            DataName::FashionMnist => fashion_mnist(folder, part),
            DataName::KMnist => kmnist(folder, part),
            DataName::EMnist(classes) => emnist(folder, *classes, part),
            DataName::Cifar10 => cifar10(folder, part),
            DataName::Cifar100 => cifar100(folder, part, Cifar100Labels::Fine),
        };
        images.map(Labelled::from)
    }

    fn read_table(&self, path: &Path) -> Result<Labelled> {
        let table = read_csv(path, CsvOptions::default())?;
        let columns = table.columns();
        let Some(target) = self.target.as_deref() else {
            let message = format!("is missing; name the column to be learnt, one of {columns:?}");
            return Err(Error::config("data.target", message));
        };
        let features: Vec<&str> = match &self.features {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => columns.into_iter().filter(|name| *name != target).collect(),
        };
        if features.is_empty() || features.contains(&target) {
            let message =
                format!("are {features:?}; name at least one column that is not the target {target:?}");
            return Err(Error::config("data.features", message));
        }
        let task = match self.task {
            Some(task) => task,
            // Whole numbers and words are classes, numbers with a fraction are not.
            None if table.numbers(&[target]).is_ok() && table.integers(target).is_err() => Task::Regression,
            None => Task::Classification,
        };
        let (data, classes) = match task {
            Task::Regression => (table.regression(&features, target)?, vec![]),
            Task::Classification => table.classification(&features, target)?,
        };
        let features = features.into_iter().map(str::to_owned).collect();
        Ok(Labelled { data: Arc::new(data), classes, features })
    }

    /// Where the data are, for messages.
    fn at(&self, folder: Option<&Path>) -> PathBuf {
        match (&self.name, folder) {
            (DataName::Csv(path), _) => path.clone(),
            (name, None) => name.name().into(),
            (_, Some(folder)) => folder.to_owned(),
        }
    }

    fn shares(&self) -> Result<()> {
        for (name, share) in [("data.val", self.val), ("data.test", self.test)] {
            if let Some(share) = share.filter(|share| !(*share > 0.0 && *share < 1.0)) {
                return Err(Error::config(name, format!("is {share}; it is a share, between 0 and 1")));
            }
        }
        Ok(())
    }

    /// The official test items, and a share of the training items for validation; or shares of all for both.
    fn split(&self, seed: u64, hold: bool) -> Result<Splits> {
        self.shares()?;
        let folder = self.name.folder(self.dir.as_deref())?;
        let folder = folder.as_deref();
        let at = self.at(folder);
        let Labelled { data, classes, features } = self.read(folder, Split::Train, hold)?;
        let total = data.len();
        let official = self.has_test_part(folder);
        let need = if official { 2 } else { 5 };
        if total < need {
            let s = if total == 1 { "" } else { "s" };
            let message = format!("holds {total} training item{s}; at least {need} are needed to split them");
            return Err(Error::file(at, message));
        }
        let items = |share: f64| ((share * total as f64).round() as usize).max(1);
        let val = items(self.val.unwrap_or(if official { 1.0 / 6.0 } else { 0.2 }));
        let held_back = if official { 0 } else { items(self.test.unwrap_or(0.2)) };
        if val + held_back >= total {
            let message =
                format!("and data.test leave nothing of {total} items to train on; make them smaller");
            return Err(Error::config("data.val", message));
        }
        let [input, item] = self.shapes(&*data, &at, hold)?;
        let rest = total - val - held_back;
        if !official {
            let [train, val, test] = random_split(data, [rest, val, held_back], seed)?;
            let test = SealedTestSet::new(test);
            return Ok(Splits { train, val, test, input, item, classes, features });
        }
        let test = self.read(folder, Split::Test, hold)?;
        if test.classes != classes {
            let message = format!("has the classes {classes:?} in train, but {:?} in test", test.classes);
            return Err(Error::file(at, message));
        }
        let tested = self.shapes(&*test.data, &at, hold)?;
        if tested != [input.clone(), item.clone()] {
            let message = format!(
                "the training images have shape {item:?} and the test images {:?}; all files must come from {}",
                tested[1],
                self.name.name()
            );
            return Err(Error::file(at, message));
        }
        let [train, val] = random_split(data, [rest, val], seed)?;
        let everything = (0..test.data.len()).collect();
        let test = SealedTestSet::new(Subset::new(test.data, everything)?);
        Ok(Splits { train, val, test, input, item, classes, features })
    }

    /// The shapes of an input after the transforms and before them. The latter is empty if there may be several.
    fn shapes(&self, data: &dyn Dataset, at: &Path, hold: bool) -> Result<[Vec<usize>; 2]> {
        let several = !hold && matches!(self.name, DataName::Folder(_));
        let (train, eval) = (self.train_transform()?, self.eval_transform()?);
        let (x, _) = try_call(|| data.get(0))?;
        let item = if several { vec![] } else { x.shape().to_vec() };
        if (train.is_some() || eval.is_some()) && x.ndim() != 3 {
            let message = format!("are for images, and {} holds items of shape {item:?}", at.display());
            return Err(Error::config("data.transforms", message));
        }
        let shape = |transform: Option<Arc<Compose>>| {
            let shape = || transform.map_or_else(|| x.shape().to_vec(), |t| t.call(&x).shape().to_vec());
            fork_rng(0, || try_call(shape)).map_err(|e| Error::config("data.transforms", e.to_string()))
        };
        let (trained, input) = (shape(train)?, shape(eval)?);
        if trained != input {
            let message = format!(
                "make training images of shape {trained:?} and others of {input:?}; give `data.eval_transforms` that end with the same"
            );
            return Err(Error::config("data.transforms", message));
        }
        Ok([input, item])
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
                "is an image of {height}×{width}, but {first} is one of {h}×{w}; give a transform that makes them one, such as Resize with size = [{h}, {w}]"
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
