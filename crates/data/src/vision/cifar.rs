//! CIFAR-10 and CIFAR-100 in their binary form.

use flambeau_tensor::{Error, Result, Tensor};
use std::io::Read;
use std::path::Path;

use super::mnist::labels_outside;
use super::{ImageDataset, Split};
use crate::idx::{open, unreadable};

const PIXELS: usize = 3 * 32 * 32;
const CIFAR10: &str = "airplane automobile bird cat deer dog frog horse ship truck";
const COARSE: &str = "aquatic_mammals fish flowers food_containers fruit_and_vegetables \
    household_electrical_devices household_furniture insects large_carnivores large_man-made_outdoor_things \
    large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals non-insect_invertebrates people \
    reptiles small_mammals trees vehicles_1 vehicles_2";
const FINE: &str = "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly \
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur \
    dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard \
    lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear \
    pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark \
    shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone \
    television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm";

/// CIFAR-10: 60,000 colour photographs of 32×32 pixels, in 10 classes.
///
/// The folder holds `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` of the "binary version", or the folder
/// `cifar-10-batches-bin` with them, as the archive unpacks. The files store channels first, as the items have it: `f32`
/// of shape `[3, 32, 32]` from 0 to 1 (see [`ImageDataset`]).
///
/// Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
/// <https://www.cs.toronto.edu/~kriz/cifar.html>;
/// [`torchvision.datasets.CIFAR10`](https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.CIFAR10.html).
///
/// # Errors
/// [`Error::File`], naming the file, if one is missing or empty, is no whole number of records, or holds a label outside
/// of the classes.
///
/// ```
/// use flambeau_data::{Split, cifar10};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // A label and 3×32×32 pixels.
/// std::fs::write(folder.join("test_batch.bin"), [vec![9], vec![128; 3072]].concat())?;
/// let test = cifar10(folder, Split::Test)?;
/// assert_eq!(test.images().shape(), [1, 3, 32, 32]);
/// assert_eq!(test.classes()[9], "truck");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cifar10(folder: impl AsRef<Path>, split: Split) -> Result<ImageDataset> {
    let files: &[&str] = match split {
        Split::Train => &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
        ],
        Split::Test => &["test_batch.bin"],
    };
    read(folder.as_ref(), "cifar-10-batches-bin", files, &[CIFAR10], 0)
}

/// Which of CIFAR-100's two labels is the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cifar100Labels {
    /// 100 classes: apple, aquarium_fish, …
    Fine,
    /// 20 superclasses of five each: aquatic_mammals, fish, …
    Coarse,
}

/// CIFAR-100: 60,000 colour photographs of 32×32 pixels, in 100 classes or 20 superclasses.
///
/// The folder holds `train.bin` and `test.bin` of the "binary version", or the folder `cifar-100-binary` with them. Items
/// and source as for [`cifar10`].
///
/// # Errors
/// As for [`cifar10`].
///
/// ```
/// use flambeau_data::{Cifar100Labels, Split, cifar100};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // The coarse label, the fine one, and 3×32×32 pixels.
/// std::fs::write(folder.join("test.bin"), [vec![1, 73], vec![128; 3072]].concat())?;
/// let test = cifar100(folder, Split::Test, Cifar100Labels::Fine)?;
/// assert_eq!(test.classes()[test.targets().to_vec::<i64>()[0] as usize], "shark");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cifar100(folder: impl AsRef<Path>, split: Split, labels: Cifar100Labels) -> Result<ImageDataset> {
    let file = match split {
        Split::Train => "train.bin",
        Split::Test => "test.bin",
    };
    let wanted = match labels {
        Cifar100Labels::Coarse => 0,
        Cifar100Labels::Fine => 1,
    };
    read(folder.as_ref(), "cifar-100-binary", &[file], &[COARSE, FINE], wanted)
}

/// Reads files of records: one label of each kind, then the pixels.
fn read(folder: &Path, inner: &str, files: &[&str], kinds: &[&str], wanted: usize) -> Result<ImageDataset> {
    if !folder.is_dir() {
        let message = if folder.exists() { "is not a folder" } else { "no such folder" };
        return Err(Error::file(folder, format!("{message}; name the one that holds {}", files[0])));
    }
    let inner = folder.join(inner);
    let folder = if inner.is_dir() { inner.as_path() } else { folder };
    let kinds: Vec<Vec<String>> =
        kinds.iter().map(|names| names.split_whitespace().map(str::to_owned).collect()).collect();
    let size = kinds.len() + PIXELS;
    let (mut images, mut targets) = (Vec::new(), Vec::new());
    for file in files {
        let path = folder.join(file);
        let mut bytes = Vec::new();
        let whole = open(&path).and_then(|mut file| file.read_to_end(&mut bytes));
        whole.map_err(|e| Error::file(&path, unreadable(&e)))?;
        if bytes.is_empty() {
            return Err(Error::file(path, "is empty; get the file again"));
        }
        if !bytes.len().is_multiple_of(size) {
            let message = format!(
                "holds {} bytes, not a multiple of the {size} of a record; get the file again, in the binary version",
                bytes.len()
            );
            return Err(Error::file(path, message));
        }
        for (kind, classes) in kinds.iter().enumerate() {
            let labels: Vec<u8> = bytes.chunks_exact(size).map(|record| record[kind]).collect();
            if let Some(message) = labels_outside(&labels, classes.len()) {
                return Err(Error::file(path, message));
            }
            if kind == wanted {
                targets.extend(labels.into_iter().map(i64::from));
            }
        }
        images.reserve(bytes.len());
        bytes.chunks_exact(size).for_each(|record| images.extend_from_slice(&record[kinds.len()..]));
    }
    let n = targets.len();
    let classes = kinds.into_iter().nth(wanted).unwrap_or_default();
    ImageDataset::new(Tensor::from_vec(images, [n, 3, 32, 32]), Tensor::from_vec(targets, [n]), classes)
}
