//! Pasting a part of one image into another.

use flambeau_tensor::Tensor;

use super::draw;
use super::mix_up::{check_alpha, mixed, probabilities};

const OP: &str = "CutMix";

/// Pastes a rectangle of the image before into each image of a batch, the same rectangle for all, and mixes their
/// targets by its area. Its area is about 1 − λ of the image's, with λ from Beta(α, α). The targets become class
/// probabilities (N, K), which cross-entropy takes.
///
/// It is used as [`MixUp`](super::MixUp) is:
/// ```
/// use flambeau_data::transforms::CutMix;
/// use flambeau_tensor::{Tensor, tensor};
///
/// let (x, y) = CutMix::new().num_classes(2).call(&Tensor::rand([2, 1, 8, 8]), &tensor![0, 1]);
/// assert_eq!((x.shape(), y.shape()), (&[2, 1, 8, 8][..], &[2, 2][..]));
/// ```
///
/// Source: [`torchvision.transforms.v2.CutMix`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.CutMix.html);
/// Yun et al. 2019, <https://arxiv.org/abs/1905.04899>
#[derive(Clone, Copy, Debug)]
pub struct CutMix {
    alpha: f64,
    num_classes: Option<usize>,
}

impl CutMix {
    /// With α = 1: every λ is as likely as any other.
    pub fn new() -> Self {
        CutMix { alpha: 1.0, num_classes: None }
    }

    /// Both parameters of the Beta distribution of λ.
    ///
    /// # Panics
    /// If it is not above 0.
    #[track_caller]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = check_alpha(OP, alpha);
        self
    }

    /// The number of classes K, where targets are class indices.
    pub fn num_classes(mut self, num_classes: usize) -> Self {
        self.num_classes = Some(num_classes);
        self
    }

    /// Mixes a batch of images (N, C, H, W), `f32`, and its targets: class indices (N), or probabilities (N, K).
    ///
    /// # Panics
    /// If they have other shapes or types, or a class index is not below K.
    #[track_caller]
    pub fn call(&self, x: &Tensor, y: &Tensor) -> (Tensor, Tensor) {
        let y = probabilities(OP, x, y, self.num_classes);
        let [height, width] = [x.shape()[2], x.shape()[3]];
        let half = 0.5 * (1.0 - draw::beta(self.alpha)).max(0.0).sqrt();
        // Around a point anywhere, as far as the image goes.
        let span = |n: usize| {
            let (middle, reach) = (draw::below(n), (half * n as f64) as usize);
            middle.saturating_sub(reach)..(middle + reach).min(n)
        };
        let columns = span(width);
        let rows = span(height);
        let out = x.detach().copy();
        let before = x.detach().contiguous();
        let size = x.numel() / x.shape()[0];
        if size > 0 {
            let (before, mut out) = (before.view::<f32>(), out.slice_mut::<f32>());
            // The first image's neighbour is the last.
            let neighbours = std::iter::once(&before[before.len() - size..]).chain(before.chunks_exact(size));
            for (out, from) in out.chunks_exact_mut(size).zip(neighbours) {
                for (out, from) in out
                    .chunks_exact_mut(width)
                    .zip(from.chunks_exact(width))
                    .enumerate()
                    .filter_map(|(row, pair)| rows.contains(&(row % height)).then_some(pair))
                {
                    out[columns.clone()].copy_from_slice(&from[columns.clone()]);
                }
            }
        }
        let area = (columns.len() * rows.len()) as f64 / ((width * height).max(1)) as f64;
        (out, mixed(&y, 1.0 - area))
    }
}

impl Default for CutMix {
    fn default() -> Self {
        Self::new()
    }
}
