//! The middle of an image.

use flambeau_tensor::{Sizes, Tensor};

use super::Transform;
use super::crop::crop;
use super::image::{image, nearest};
use super::options::some_pixels;

/// Cuts out the middle. An image that is smaller is padded with 0 first.
///
/// ```
/// use flambeau_data::transforms::{CenterCrop, Transform};
/// use flambeau_tensor::Tensor;
/// assert_eq!(CenterCrop::new(24).call(&Tensor::zeros([1, 28, 28])).shape(), [1, 24, 24]);
/// assert_eq!(CenterCrop::new([30, 20]).call(&Tensor::zeros([1, 28, 28])).shape(), [1, 30, 20]);
/// ```
///
/// Source: [`torchvision.transforms.v2.CenterCrop`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.CenterCrop.html)
#[derive(Clone, Copy, Debug)]
pub struct CenterCrop {
    size: [usize; 2],
}

impl CenterCrop {
    /// To a height and width, or a square.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(size: impl Sizes<2>) -> Self {
        CenterCrop { size: some_pixels("CenterCrop", size.sizes()) }
    }
}

impl Transform for CenterCrop {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        center_crop(image, self.size)
    }
}

/// The middle of an image; see [`CenterCrop`].
#[track_caller]
pub fn center_crop(x: &Tensor, size: impl Sizes<2>) -> Tensor {
    let [height, width] = size.sizes();
    let [_, h, w] = image("CenterCrop", x);
    // Rounds as PyTorch does: padding down, the place of a crop to even.
    let start = |n: usize, size: usize| match size > n {
        true => -(((size - n) / 2) as isize),
        false => nearest((n - size) as f32 / 2.0) as isize,
    };
    crop(x, start(h, height), start(w, width), height, width)
}
