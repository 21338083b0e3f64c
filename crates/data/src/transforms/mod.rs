//! Transforms of images: what is done to each before a model sees it, with torchvision v2's names, defaults and results.
//!
//! An image is a tensor of shape `[C, H, W]`, `u8` from 0 to 255 or `f32` from 0 to 1; a batch `[N, C, H, W]` is
//! transformed image by image, each with a draw of its own (in torchvision, a batch shares one). [`ToTensor`] makes such
//! images of `[H, W, C]` bytes. No gradient flows through a transform.
//!
//! ```
//! use flambeau_data::transforms::{Compose, Normalize, RandomCrop, RandomHorizontalFlip, RandomRotation};
//! use flambeau_data::{DataLoader, Dataset, digits};
//!
//! let augment = Compose::new((
//!     RandomRotation::new(15.0),
//!     RandomCrop::new(8).padding(1),
//!     RandomHorizontalFlip::new(0.5),
//!     Normalize::new([0.305], [0.376]),
//! ));
//! let loader = DataLoader::new(digits().transform(augment), 64)?.shuffle(true).num_workers(2);
//! for (x, _y) in &loader {
//!     assert_eq!(x.shape()[1..], [1, 8, 8]);
//! }
//! # Ok::<(), flambeau_tensor::Error>(())
//! ```
//!
//! What is drawn comes from the generator of the thread that transforms: outside of loaders the one that
//! [`manual_seed`](flambeau_tensor::manual_seed) seeds, in a loader one seeded with the loader's seed, the epoch and the
//! item's index. So a loader's images do not depend on the number of its workers, and differ from epoch to epoch.
//!
//! [`MixUp`] and [`CutMix`] mix the images of a batch and give class probabilities as targets, which cross-entropy
//! takes. [`functional`] has the operations themselves, with parameters that the caller chooses.
//!
//! Parameters that make no sense panic where the transform is made, images that do not fit where it is called; the
//! message names the value and the fix, and [`try_call`](flambeau_tensor::try_call) gives it as an error.
//!
//! Source: [`torchvision.transforms.v2`](https://docs.pytorch.org/vision/stable/transforms.html).

mod affine;
mod center_crop;
mod color_jitter;
mod compose;
mod crop;
mod cut_mix;
mod draw;
mod flip;
mod gaussian_blur;
mod grayscale;
mod image;
mod mix_up;
mod normalize;
mod options;
mod pad;
mod random_affine;
mod random_crop;
mod random_erasing;
mod random_resized_crop;
mod random_rotation;
mod resize;
mod to_tensor;

use flambeau_tensor::Tensor;

use crate::Dataset;

pub use center_crop::CenterCrop;
pub use color_jitter::ColorJitter;
pub use compose::{Compose, Lambda, TransformTuple};
pub use cut_mix::CutMix;
pub use flip::{RandomHorizontalFlip, RandomVerticalFlip};
pub use gaussian_blur::GaussianBlur;
pub use grayscale::{Grayscale, RandomGrayscale};
pub use mix_up::MixUp;
pub use normalize::Normalize;
pub use options::{Borders, Fill, InterpolationMode, PaddingMode, Range, ResizeSize};
pub use pad::Pad;
pub use random_affine::RandomAffine;
pub use random_crop::RandomCrop;
pub use random_erasing::RandomErasing;
pub use random_resized_crop::RandomResizedCrop;
pub use random_rotation::RandomRotation;
pub use resize::Resize;
pub use to_tensor::ToTensor;

/// The operations behind the transforms, on one image, with parameters that the caller chooses.
///
/// Source: [`torchvision.transforms.v2.functional`](https://docs.pytorch.org/vision/stable/transforms.html#functionals).
pub mod functional {
    pub use super::affine::{AffineOptions, RotateOptions, affine, rotate};
    pub use super::center_crop::center_crop;
    pub use super::color_jitter::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation};
    pub use super::crop::crop;
    pub use super::flip::{horizontal_flip, vertical_flip};
    pub use super::gaussian_blur::gaussian_blur;
    pub use super::grayscale::rgb_to_grayscale;
    pub use super::normalize::normalize;
    pub use super::pad::pad;
    pub use super::random_erasing::erase;
    pub use super::resize::{ResizeOptions, resize};
}

/// Something that is done to an image. One writes [`forward`](Self::forward) and uses [`call`](Self::call).
///
/// ```
/// use flambeau_data::transforms::Transform;
/// use flambeau_tensor::{Tensor, tensor};
///
/// struct Invert;
///
/// impl Transform for Invert {
///     fn forward(&self, image: &Tensor) -> Tensor {
///         1.0 - image
///     }
/// }
///
/// assert_eq!(Invert.call(&tensor![[[0.0, 0.25]]]).to_vec::<f32>(), [1.0, 0.75]);
/// ```
pub trait Transform: Send + Sync {
    /// Transforms one image.
    fn forward(&self, image: &Tensor) -> Tensor;

    /// Transforms an image, or each image of a batch, which has four dimensions.
    ///
    /// # Panics
    /// If the image is none that the transform takes, or the transformed images of a batch differ in shape.
    #[track_caller]
    fn call(&self, images: &Tensor) -> Tensor {
        if images.ndim() != 4 {
            return self.forward(images);
        }
        image::each(images, |image| self.forward(image))
    }
}

impl<T: Transform + ?Sized> Transform for Box<T> {
    fn forward(&self, image: &Tensor) -> Tensor {
        (**self).forward(image)
    }
}

impl<T: Transform + ?Sized> Transform for std::sync::Arc<T> {
    fn forward(&self, image: &Tensor) -> Tensor {
        (**self).forward(image)
    }
}

/// Another data set's items with a transform applied to each input; made by [`Dataset::transform`].
#[derive(Clone, Debug)]
pub struct Transformed<D, T> {
    dataset: D,
    transform: T,
}

impl<D, T> Transformed<D, T> {
    pub(crate) fn new(dataset: D, transform: T) -> Self {
        Self { dataset, transform }
    }
}

impl<D: Dataset, T: Transform> Dataset for Transformed<D, T> {
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        let (x, y) = self.dataset.get(index);
        (self.transform.call(&x), y)
    }

    fn origin(&self, index: usize) -> Option<(usize, usize)> {
        self.dataset.origin(index)
    }
}
