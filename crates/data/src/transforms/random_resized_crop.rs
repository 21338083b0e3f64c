//! A random part, brought to one size.

use flambeau_tensor::{Sizes, Tensor};

use super::crop::crop;
use super::image::{ensure, image};
use super::options::{InterpolationMode, some_pixels};
use super::random_erasing::{ratio, rectangle};
use super::resize::{ResizeOptions, resize};
use super::{Transform, draw};

const OP: &str = "RandomResizedCrop";

/// Cuts out a part of random area, aspect ratio and place, and resizes it.
///
/// ```
/// use flambeau_data::transforms::{RandomResizedCrop, Transform};
/// use flambeau_tensor::Tensor;
/// let transform = RandomResizedCrop::new(16).scale((0.5, 1.0));
/// assert_eq!(transform.call(&Tensor::zeros([3, 40, 30])).shape(), [3, 16, 16]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomResizedCrop`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomResizedCrop.html);
/// Szegedy et al. 2014, <https://arxiv.org/abs/1409.4842>
#[derive(Clone, Debug)]
pub struct RandomResizedCrop {
    scale: [f64; 2],
    ratio: [f64; 2],
    options: ResizeOptions,
    size: [usize; 2],
}

impl RandomResizedCrop {
    /// To a height and width, or a square.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(size: impl Sizes<2>) -> Self {
        RandomResizedCrop {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            options: ResizeOptions::default(),
            size: some_pixels(OP, size.sizes()),
        }
    }

    /// The range of the part of the area (default: 0.08 to 1).
    ///
    /// # Panics
    /// If that is no range above 0 up to 1.
    #[track_caller]
    pub fn scale(mut self, (low, high): (f64, f64)) -> Self {
        ensure!(
            0.0 < low && low <= high && high <= 1.0,
            OP,
            "scale from {low} to {high}; it needs 0 < low ≤ high ≤ 1"
        );
        self.scale = [low, high];
        self
    }

    /// The range of the aspect ratio, width by height (default: 3/4 to 4/3).
    ///
    /// # Panics
    /// If that is no range above 0.
    #[track_caller]
    pub fn ratio(mut self, (low, high): (f64, f64)) -> Self {
        self.ratio = ratio(OP, low, high);
        self
    }

    /// How pixels between pixels are found (default: bilinear).
    pub fn interpolation(mut self, mode: InterpolationMode) -> Self {
        self.options.interpolation = mode;
        self
    }

    /// Whether a pixel is a mean over all that it covers (default: yes).
    pub fn antialias(mut self, antialias: bool) -> Self {
        self.options.antialias = antialias;
        self
    }

    /// Top, left, height and width.
    fn window(&self, [height, width]: [usize; 2]) -> [usize; 4] {
        for _ in 0..10 {
            let [w, h] = rectangle(height * width, self.scale, self.ratio);
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                return [draw::below(height - h + 1), draw::below(width - w + 1), h, w];
            }
        }
        // The largest part in the middle that has a ratio of the range.
        let (shape, [low, high]) = (width as f64 / height as f64, self.ratio);
        let part = |length: f64, most: usize| (length.round_ties_even() as usize).clamp(1, most);
        let (h, w) = match shape {
            _ if shape < low => (part(width as f64 / low, height), width),
            _ if shape > high => (height, part(height as f64 * high, width)),
            _ => (height, width),
        };
        [(height - h) / 2, (width - w) / 2, h, w]
    }
}

impl Transform for RandomResizedCrop {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let [_, height, width] = image(OP, x);
        ensure!(height > 0 && width > 0, OP, "an image of shape {:?} has no pixels; leave it out", x.shape());
        let [top, left, h, w] = self.window([height, width]);
        let x = crop(x, top as isize, left as isize, h, w);
        resize(&x, self.size, &self.options)
    }
}
