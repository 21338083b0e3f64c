//! Left and right, above and below.

use flambeau_tensor::Tensor;

use super::image::{by_pixel, image, made};
use super::options::probability;
use super::{Transform, draw};

/// Swaps left and right with probability `p`.
///
/// ```
/// use flambeau_data::transforms::{RandomHorizontalFlip, Transform};
/// use flambeau_tensor::tensor;
/// assert_eq!(RandomHorizontalFlip::new(1.0).call(&tensor![[[1.0, 2.0]]]).to_vec::<f32>(), [2.0, 1.0]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomHorizontalFlip`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomHorizontalFlip.html)
#[derive(Clone, Copy, Debug)]
pub struct RandomHorizontalFlip {
    p: f64,
}

impl RandomHorizontalFlip {
    /// With probability `p`.
    ///
    /// # Panics
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomHorizontalFlip { p: probability("RandomHorizontalFlip", p) }
    }
}

impl Default for RandomHorizontalFlip {
    /// With probability 0.5.
    fn default() -> Self {
        RandomHorizontalFlip { p: 0.5 }
    }
}

impl Transform for RandomHorizontalFlip {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        if draw::chance(self.p) { horizontal_flip(image) } else { image.clone() }
    }
}

/// Swaps above and below with probability `p`.
///
/// ```
/// use flambeau_data::transforms::{RandomVerticalFlip, Transform};
/// use flambeau_tensor::tensor;
/// assert_eq!(RandomVerticalFlip::new(1.0).call(&tensor![[[1.0], [2.0]]]).to_vec::<f32>(), [2.0, 1.0]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomVerticalFlip`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomVerticalFlip.html)
#[derive(Clone, Copy, Debug)]
pub struct RandomVerticalFlip {
    p: f64,
}

impl RandomVerticalFlip {
    /// With probability `p`.
    ///
    /// # Panics
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomVerticalFlip { p: probability("RandomVerticalFlip", p) }
    }
}

impl Default for RandomVerticalFlip {
    /// With probability 0.5.
    fn default() -> Self {
        RandomVerticalFlip { p: 0.5 }
    }
}

impl Transform for RandomVerticalFlip {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        if draw::chance(self.p) { vertical_flip(image) } else { image.clone() }
    }
}

/// The image with left and right swapped.
#[track_caller]
pub fn horizontal_flip(x: &Tensor) -> Tensor {
    let shape = image("horizontal_flip", x);
    let width = shape[2].max(1);
    by_pixel!(x, T => made(x, shape, |x: &[T], out| {
        for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            out.iter_mut().zip(x.iter().rev()).for_each(|(o, x)| *o = *x);
        }
    }))
}

/// The image with above and below swapped.
#[track_caller]
pub fn vertical_flip(x: &Tensor) -> Tensor {
    let shape = image("vertical_flip", x);
    let (width, plane) = (shape[2].max(1), (shape[1] * shape[2]).max(1));
    by_pixel!(x, T => made(x, shape, |x: &[T], out| {
        for (out, x) in out.chunks_exact_mut(plane).zip(x.chunks_exact(plane)) {
            for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width).rev()) {
                out.copy_from_slice(x);
            }
        }
    }))
}
