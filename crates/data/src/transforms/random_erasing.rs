//! Erasing a rectangle.

use flambeau_tensor::Tensor;

use super::image::{Pixel, by_pixel, changed, ensure, image};
use super::options::{Fill, probability};
use super::{Transform, draw};

const OP: &str = "RandomErasing";

/// Erases a rectangle of random place, area and aspect ratio with probability `p`.
///
/// ```
/// use flambeau_data::transforms::{RandomErasing, Transform};
/// use flambeau_tensor::Tensor;
/// let x = RandomErasing::new(1.0).scale((0.2, 0.2)).ratio((1.0, 1.0)).call(&Tensor::ones([1, 28, 28]));
/// assert_eq!(x.sum().item::<f32>(), 784.0 - 13.0 * 13.0);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomErasing`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomErasing.html);
/// Zhong et al. 2017, <https://arxiv.org/abs/1708.04896>
#[derive(Clone, Debug)]
pub struct RandomErasing {
    p: f64,
    scale: [f64; 2],
    ratio: [f64; 2],
    /// None: each pixel a random one.
    value: Option<Fill>,
}

impl RandomErasing {
    /// With probability `p`.
    ///
    /// # Panics
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomErasing {
            p: probability(OP, p),
            scale: [0.02, 0.33],
            ratio: [0.3, 3.3],
            value: Some(Fill::default()),
        }
    }

    /// The range of the erased part of the area (default: 0.02 to 0.33).
    ///
    /// # Panics
    /// If that is no range within 0 to 1.
    #[track_caller]
    pub fn scale(mut self, (low, high): (f64, f64)) -> Self {
        ensure!(
            0.0 <= low && low <= high && high <= 1.0,
            OP,
            "scale from {low} to {high}; it needs 0 ≤ low ≤ high ≤ 1"
        );
        self.scale = [low, high];
        self
    }

    /// The range of the aspect ratio, height by width (default: 0.3 to 3.3).
    ///
    /// # Panics
    /// If that is no range above 0.
    #[track_caller]
    pub fn ratio(mut self, (low, high): (f64, f64)) -> Self {
        self.ratio = ratio(OP, low, high);
        self
    }

    /// The value of erased pixels, one for all channels or one for each (default: 0).
    pub fn value(mut self, value: impl Into<Fill>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Fills with standard normal noise instead of a value.
    pub fn random_value(mut self) -> Self {
        self.value = None;
        self
    }
}

impl Default for RandomErasing {
    /// With probability 0.5.
    fn default() -> Self {
        RandomErasing::new(0.5)
    }
}

impl Transform for RandomErasing {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let [channels, height, width] = image(OP, x);
        if let Some(value) = &self.value {
            value.check(OP, channels);
        }
        if !draw::chance(self.p) {
            return x.clone();
        }
        // A rectangle that does not fit is drawn again, as in torchvision, at most ten times.
        let mut drawn = (0..10).map(|_| rectangle(height * width, self.scale, self.ratio));
        let Some([h, w]) = drawn.find(|[h, w]| *h < height && *w < width) else {
            return x.clone();
        };
        let (top, left) = (draw::below(height - h + 1), draw::below(width - w + 1));
        match &self.value {
            Some(value) => erase(x, top, left, h, w, value),
            None => by_pixel!(x, T => changed(x, |pixels: &mut [T]| {
                each_pixel(pixels, [height, width], [top, left, h, w], |_| T::truncated(draw::normal() as f32));
            })),
        }
    }
}

/// Refuses what is no range of aspect ratios.
#[track_caller]
pub(super) fn ratio(op: &'static str, low: f64, high: f64) -> [f64; 2] {
    ensure!(
        0.0 < low && low <= high && high.is_finite(),
        op,
        "ratio from {low} to {high}; it needs 0 < low ≤ high"
    );
    [low, high]
}

/// Two edges, first by second a ratio drawn from one range, with a part of the area drawn from another.
pub(super) fn rectangle(area: usize, scale: [f64; 2], ratio: [f64; 2]) -> [usize; 2] {
    let area = area as f64 * draw::uniform(scale[0], scale[1]);
    let ratio = draw::uniform(ratio[0].ln(), ratio[1].ln()).exp();
    [area * ratio, area / ratio].map(|square| square.sqrt().round_ties_even() as usize)
}

/// An image with a rectangle set to a value. What lies outside of the image is left out.
#[track_caller]
pub fn erase(x: &Tensor, top: usize, left: usize, height: usize, width: usize, value: &Fill) -> Tensor {
    let [channels, h, w] = image(OP, x);
    value.check(OP, channels);
    by_pixel!(x, T => changed(x, |pixels: &mut [T]| {
        each_pixel(pixels, [h, w], [top, left, height, width], |c| T::truncated(value.channel(c)));
    }))
}

fn each_pixel<T: Pixel>(
    pixels: &mut [T],
    [h, w]: [usize; 2],
    [top, left, height, width]: [usize; 4],
    mut value: impl FnMut(usize) -> T,
) {
    let within = |start: usize, length: usize, n: usize| start.min(n)..start.saturating_add(length).min(n);
    let (rows, columns) = (within(top, height, h), within(left, width, w));
    for (c, plane) in pixels.chunks_exact_mut((h * w).max(1)).enumerate() {
        for row in rows.clone() {
            plane[row * w..][columns.clone()].iter_mut().for_each(|p| *p = value(c));
        }
    }
}
