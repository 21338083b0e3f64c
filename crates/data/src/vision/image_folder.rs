//! Images in folders named after their classes.

use flambeau_tensor::{Error, Result, Tensor, raise};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decode::{ImageReadMode, read};
use super::scaled;
use crate::Dataset;
use crate::idx::unreadable;

const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];

/// Images in a folder of folders, one a class: `root/cat/001.png`, `root/dog/x/y.jpg`.
///
/// The classes are the folders' names, sorted; within one, all PNG, JPEG, WebP and BMP files (by the ends of their
/// names), however deep, sorted by path. Hidden files are left out. Only names are read at first; an image is decoded
/// when its item is asked for.
///
/// An item is the image as `f32` of shape `[3, height, width]` from 0 to 1: the file's pixels, 0..=255 with channels
/// last, divided by 255 and moved to channels first; and its class as `i64` without dimensions. Images of different
/// sizes do not go into one batch: [`map`](Dataset::map) them to one size.
///
/// An empty or damaged image is an error that names the file when its item is asked for; [`check`](Self::check) looks
/// at all of them beforehand.
///
/// Source: [`torchvision.datasets.ImageFolder`](https://docs.pytorch.org/vision/stable/generated/torchvision.datasets.ImageFolder.html).
///
/// # Examples
/// ```no_run
/// use flambeau_data::{DataLoader, ImageFolder};
///
/// let data = ImageFolder::new("data/pets")?;
/// println!("{} images of {:?}", data.samples().len(), data.classes());
/// for (x, y) in &DataLoader::new(data, 32)?.shuffle(true).num_workers(2) {
///     println!("{:?} {:?}", x.shape(), y.shape());
/// }
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    samples: Arc<[(PathBuf, usize)]>,
    classes: Arc<[String]>,
    mode: ImageReadMode,
    orient: bool,
}

impl ImageFolder {
    /// The images below `root`.
    ///
    /// # Errors
    /// [`Error::File`], naming the folder, if it cannot be read, holds no class folder, or a class folder holds no image.
    pub fn new(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        let mut samples = Vec::new();
        let mut classes = Vec::new();
        for folder in visible(root)?.into_iter().filter(|path| path.is_dir()) {
            let before = samples.len();
            collect(&folder, classes.len(), &mut samples)?;
            if samples.len() == before {
                let message = format!(
                    "is a class folder without an image ({}); add some or remove it",
                    EXTENSIONS.map(|e| format!(".{e}")).join(", ")
                );
                return Err(Error::file(folder, message));
            }
            classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        if classes.is_empty() {
            return Err(Error::file(
                root,
                "holds no folders; it needs one for each class, with images in it",
            ));
        }
        let (samples, classes) = (samples.into(), classes.into());
        Ok(Self { samples, classes, mode: ImageReadMode::Rgb, orient: false })
    }

    /// Which channels the images have (default: [`ImageReadMode::Rgb`]).
    pub fn mode(mut self, mode: ImageReadMode) -> Self {
        self.mode = mode;
        self
    }

    /// Whether an image is turned as its EXIF note says (default: no, as in torchvision).
    pub fn apply_exif_orientation(mut self, apply: bool) -> Self {
        self.orient = apply;
        self
    }

    /// The classes' names, in the order of their numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The classes' numbers by name.
    pub fn class_to_idx(&self) -> BTreeMap<&str, usize> {
        self.classes.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect()
    }

    /// Each item's file and class.
    pub fn samples(&self) -> &[(PathBuf, usize)] {
        &self.samples
    }

    /// Decodes every image once and gives what is wrong with those that cannot be used.
    pub fn check(&self) -> Vec<Error> {
        self.samples.iter().filter_map(|(path, _)| read(path, self.mode, self.orient).err()).collect()
    }
}

/// What a folder holds, sorted, less hidden entries.
fn visible(folder: &Path) -> Result<Vec<PathBuf>> {
    let at = |error: std::io::Error| {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "no such folder; check the path".into(),
            std::io::ErrorKind::NotADirectory => "is not a folder".into(),
            _ => unreadable(&error),
        };
        Error::file(folder, message)
    };
    let entries = std::fs::read_dir(folder).map_err(at)?;
    let mut paths = entries.map(|entry| Ok(entry.map_err(at)?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|p| p.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

fn collect(folder: &Path, class: usize, samples: &mut Vec<(PathBuf, usize)>) -> Result<()> {
    for path in visible(folder)? {
        if path.is_dir() {
            collect(&path, class, samples)?;
        } else if is_image(&path) {
            samples.push((path, class));
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

impl Dataset for ImageFolder {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        assert!(index < self.len(), "item {index} of an ImageFolder of {} images", self.len());
        let (path, class) = &self.samples[index];
        let image = read(path, self.mode, self.orient).unwrap_or_else(|error| raise(error));
        (scaled(&image), Tensor::from_vec(vec![*class as i64], []))
    }
}
