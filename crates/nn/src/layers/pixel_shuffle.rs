use flambeau_tensor::Tensor;

use crate::{Forward, Module};

/// Makes an image `r` times as large from `r²` as many channels, `r` being the `upscale_factor`.
///
/// Shapes: `[…, C · r², H, W]` becomes `[…, C, H · r, W · r]`.
///
/// ```
/// use flambeau_nn::{Forward, PixelShuffle};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(PixelShuffle::new(3).call(&Tensor::zeros([1, 9, 4, 4])).shape(), [1, 1, 12, 12]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when `r²` does not divide the channels.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html>; Shi et al. 2016,
/// <https://arxiv.org/abs/1609.05158>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct PixelShuffle {
    upscale_factor: usize,
}

impl PixelShuffle {
    /// By a factor.
    pub fn new(upscale_factor: usize) -> Self {
        PixelShuffle { upscale_factor }
    }

    fn options(&self) -> String {
        format!("upscale_factor={}", self.upscale_factor)
    }
}

impl Forward for PixelShuffle {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pixel_shuffle(self.upscale_factor)
    }
}

/// The inverse of [`PixelShuffle`]: `[…, C, H · r, W · r]` becomes `[…, C · r², H, W]`.
///
/// ```
/// use flambeau_nn::{Forward, PixelUnshuffle};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(PixelUnshuffle::new(3).call(&Tensor::zeros([1, 1, 12, 12])).shape(), [1, 9, 4, 4]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the factor does not divide height and width.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct PixelUnshuffle {
    downscale_factor: usize,
}

impl PixelUnshuffle {
    /// By a factor.
    pub fn new(downscale_factor: usize) -> Self {
        PixelUnshuffle { downscale_factor }
    }

    fn options(&self) -> String {
        format!("downscale_factor={}", self.downscale_factor)
    }
}

impl Forward for PixelUnshuffle {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pixel_unshuffle(self.downscale_factor)
    }
}
