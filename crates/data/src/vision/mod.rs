//! Labelled images, and readers of the known sets.

mod cifar;
#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "image")]
mod image_folder;
mod mnist;

use flambeau_tensor::{DType, Error, Result, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Dataset, TensorDataset};

pub use cifar::{Cifar100Labels, cifar10, cifar100};
#[cfg(feature = "image")]
#[cfg_attr(not(any(feature = "parquet", feature = "tar")), allow(unused_imports))]
pub(crate) use decode::decode;
#[cfg(feature = "image")]
pub use decode::{ImageReadMode, decode_image, read_image};
#[cfg(feature = "image")]
pub use image_folder::ImageFolder;
pub use mnist::{EMnistSplit, emnist, fashion_mnist, kmnist, mnist};

/// Which of the two official parts of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// The training images, to be split again for validation.
    Train,
    /// The test images, to be looked at once, at the end: see [`SealedTestSet`](crate::SealedTestSet).
    Test,
}

impl Split {
    /// How the names of MNIST's files begin.
    fn mnist_stem(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "t10k",
        }
    }
}

/// Labelled images held in memory as bytes, a quarter of what they take as `f32`.
///
/// An item is the image as `f32` of shape `[channels, height, width]` from 0 to 1 (the stored 0..=255 divided by 255,
/// done when the item is asked for) and its class as `i64` without dimensions. [`images`](Self::images) gives the
/// bytes as they are.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, ImageDataset};
/// use flambeau_tensor::{Tensor, tensor};
///
/// // Two images of 1 channel and 1×2 pixels.
/// let images = Tensor::from_vec(vec![0_u8, 255, 51, 102], [2, 1, 1, 2]);
/// let data = ImageDataset::new(images, tensor![1, 0], vec!["cat".into(), "dog".into()])?;
/// assert_eq!(data.get(1).0.to_vec::<f32>(), [0.2, 0.4]);
/// assert_eq!(data.class_to_idx()["dog"], 1);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageDataset {
    images: Tensor,
    targets: Tensor,
    classes: Arc<[String]>,
}

impl ImageDataset {
    /// Images as `u8` of shape `[n, channels, height, width]`, their classes as `i64` of shape `[n]`, and the classes'
    /// names.
    ///
    /// # Errors
    /// [`Error::Config`] if a tensor has another dtype or shape, or a target is outside of the classes.
    pub fn new(images: Tensor, targets: Tensor, classes: Vec<String>) -> Result<Self> {
        let fits = images.dtype() == DType::U8
            && targets.dtype() == DType::I64
            && images.shape().len() == 4
            && targets.shape() == &images.shape()[..1];
        if !fits {
            let message = format!(
                "takes U8 images of shape [n, channels, height, width] and I64 targets of shape [n], not {:?} {:?} and {:?} {:?}",
                images.dtype(),
                images.shape(),
                targets.dtype(),
                targets.shape()
            );
            return Err(Error::config("ImageDataset", message));
        }
        let inside = |&target: &i64| usize::try_from(target).is_ok_and(|t| t < classes.len());
        if let Some((index, target)) =
            targets.to_vec::<i64>().into_iter().enumerate().find(|(_, t)| !inside(t))
        {
            let message = format!("target {index} is {target}, but there are {} classes", classes.len());
            return Err(Error::config("ImageDataset", message));
        }
        Ok(Self { images, targets, classes: classes.into() })
    }

    /// All images, `u8` of shape `[n, channels, height, width]`.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// All classes, `i64` of shape `[n]`.
    pub fn targets(&self) -> &Tensor {
        &self.targets
    }

    /// The classes' names, in the order of their numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The classes' numbers by name.
    pub fn class_to_idx(&self) -> BTreeMap<&str, usize> {
        self.classes.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect()
    }

    /// All items as two tensors, the images `f32` from 0 to 1: four times the memory.
    ///
    /// # Errors
    /// None that [`ImageDataset::new`] did not rule out.
    pub fn to_tensor_dataset(&self) -> Result<TensorDataset> {
        TensorDataset::new(scaled(&self.images), self.targets.clone())
    }
}

/// 0..=255 to 0..=1.
pub(crate) fn scaled(images: &Tensor) -> Tensor {
    images.to_dtype(DType::F32) / 255.0
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.images.shape()[0]
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        assert!(index < self.len(), "item {index} of an ImageDataset of {} items", self.len());
        (scaled(&self.images.select(0, index as isize)), self.targets.select(0, index as isize))
    }

    fn batch(&self, indices: &[usize]) -> (Tensor, Tensor) {
        let indices = Tensor::from_vec(indices.iter().map(|&i| i as i64).collect(), [indices.len()]);
        (scaled(&self.images.index_select(0, &indices)), self.targets.index_select(0, &indices))
    }
}
