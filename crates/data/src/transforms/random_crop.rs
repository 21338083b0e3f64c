//! A window somewhere on an image.

use flambeau_tensor::{Sizes, Tensor};

use super::crop::Window;
use super::image::{ensure, image};
use super::options::{Borders, Fill, PaddingMode, some_pixels};
use super::{Transform, draw};

const OP: &str = "RandomCrop";

/// Cuts out a window of a given size, every place on the image as likely as any other.
///
/// ```
/// use flambeau_data::transforms::{RandomCrop, Transform};
/// use flambeau_tensor::Tensor;
/// // Shifts by up to 2 pixels.
/// assert_eq!(RandomCrop::new(28).padding(2).call(&Tensor::zeros([1, 28, 28])).shape(), [1, 28, 28]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomCrop`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomCrop.html)
#[derive(Clone, Debug)]
pub struct RandomCrop {
    size: [usize; 2],
    padding: Borders,
    pad_if_needed: bool,
    fill: Fill,
    mode: PaddingMode,
}

impl RandomCrop {
    /// To a height and width, or a square.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(size: impl Sizes<2>) -> Self {
        RandomCrop {
            size: some_pixels(OP, size.sizes()),
            padding: Borders::default(),
            pad_if_needed: false,
            fill: Fill::default(),
            mode: PaddingMode::Constant,
        }
    }

    /// How much is added around the image first (default: nothing).
    pub fn padding(mut self, padding: impl Into<Borders>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Whether to pad an image that is too small (default: no, it is an error).
    pub fn pad_if_needed(mut self, pad_if_needed: bool) -> Self {
        self.pad_if_needed = pad_if_needed;
        self
    }

    /// The value of what is added in mode `Constant` (default: 0).
    pub fn fill(mut self, fill: impl Into<Fill>) -> Self {
        self.fill = fill.into();
        self
    }

    /// What is added (default: a constant).
    pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
        self.mode = mode;
        self
    }

    /// Where the window begins, on an image of `n` with so much padding before and after it.
    #[track_caller]
    fn start(&self, n: usize, size: usize, [before, after]: [usize; 2], what: &str) -> isize {
        let padded = before.saturating_add(n).saturating_add(after);
        let missing = size.saturating_sub(padded);
        ensure!(
            missing == 0 || self.pad_if_needed,
            OP,
            "a crop of {what} {size} does not fit an image of {n}, padded to {padded}; make the crop smaller, add padding, or set \
             pad_if_needed"
        );
        // An image that is too small is padded on both sides, so that it may lie anywhere in the window.
        let (before, padded) = (before.saturating_add(missing), padded.saturating_add(2 * missing));
        let offset = if padded > size { draw::below((padded - size).saturating_add(1)) } else { 0 };
        (offset as isize).saturating_sub_unsigned(before)
    }
}

impl Transform for RandomCrop {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let [_, h, w] = image(OP, x);
        let ([height, width], Borders { left, top, right, bottom }) = (self.size, self.padding);
        let top = self.start(h, height, [top, bottom], "height");
        let left = self.start(w, width, [left, right], "width");
        Window { top, left, height, width }.of(OP, x, self.mode, &self.fill)
    }
}
