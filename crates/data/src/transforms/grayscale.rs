//! Colours to greys.

use flambeau_tensor::Tensor;

use super::image::{Pixel, by_pixel, ensure, image, made};
use super::options::probability;
use super::{Transform, draw};

/// Makes colours grey: 0.2989 R + 0.587 G + 0.114 B.
///
/// ```
/// use flambeau_data::transforms::{Grayscale, Transform};
/// use flambeau_tensor::Tensor;
/// assert_eq!(Grayscale::default().call(&Tensor::zeros([3, 8, 8])).shape(), [1, 8, 8]);
/// assert_eq!(Grayscale::new(3).call(&Tensor::zeros([3, 8, 8])).shape(), [3, 8, 8]);
/// ```
///
/// Source: [`torchvision.transforms.v2.Grayscale`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Grayscale.html)
#[derive(Clone, Copy, Debug)]
pub struct Grayscale {
    channels: usize,
}

impl Grayscale {
    /// With 1 channel, or 3 equal ones.
    ///
    /// # Panics
    /// For any other number.
    #[track_caller]
    pub fn new(num_output_channels: usize) -> Self {
        check(num_output_channels);
        Grayscale { channels: num_output_channels }
    }
}

impl Default for Grayscale {
    /// With 1 channel.
    fn default() -> Self {
        Grayscale { channels: 1 }
    }
}

impl Transform for Grayscale {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        rgb_to_grayscale(image, self.channels)
    }
}

/// Makes colours grey with probability `p`; the number of channels stays.
///
/// ```
/// use flambeau_data::transforms::{RandomGrayscale, Transform};
/// use flambeau_tensor::Tensor;
/// assert_eq!(RandomGrayscale::default().call(&Tensor::zeros([3, 8, 8])).shape(), [3, 8, 8]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomGrayscale`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomGrayscale.html)
#[derive(Clone, Copy, Debug)]
pub struct RandomGrayscale {
    p: f64,
}

impl RandomGrayscale {
    /// With probability `p`.
    ///
    /// # Panics
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        RandomGrayscale { p: probability("RandomGrayscale", p) }
    }
}

impl Default for RandomGrayscale {
    /// With probability 0.1.
    fn default() -> Self {
        RandomGrayscale { p: 0.1 }
    }
}

impl Transform for RandomGrayscale {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let [channels, ..] = image("RandomGrayscale", x);
        if draw::chance(self.p) { rgb_to_grayscale(x, channels) } else { x.clone() }
    }
}

#[track_caller]
fn check(num_output_channels: usize) {
    ensure!(
        matches!(num_output_channels, 1 | 3),
        "Grayscale",
        "{num_output_channels} output channels; there can be 1 or 3"
    );
}

/// An image of 1 or 3 channels in greys; see [`Grayscale`].
#[track_caller]
pub fn rgb_to_grayscale(x: &Tensor, num_output_channels: usize) -> Tensor {
    check(num_output_channels);
    let [channels, height, width] = colours("Grayscale", x);
    by_pixel!(x, T => made(x, [num_output_channels, height, width], |x: &[T], out| {
        let plane = (height * width).max(1);
        let (first, rest) = out.split_at_mut(out.len() / num_output_channels);
        match channels {
            1 => first.copy_from_slice(x),
            _ => greys(x, |i, grey| first[i] = T::truncated(grey)),
        }
        rest.chunks_exact_mut(plane).for_each(|copy| copy.copy_from_slice(first));
    }))
}

/// The shape of an image of 1 or 3 channels.
#[track_caller]
pub(super) fn colours(op: &'static str, x: &Tensor) -> [usize; 3] {
    let shape = image(op, x);
    ensure!(
        matches!(shape[0], 1 | 3),
        op,
        "an image of {} channels (shape {:?}); it takes 1 (grey) or 3 (red, green, blue)",
        shape[0],
        x.shape()
    );
    shape
}

/// Calls `give` with the number and the grey of each pixel of a coloured image.
#[inline(always)]
pub(super) fn greys<T: Pixel>(x: &[T], mut give: impl FnMut(usize, f32)) {
    let (r, x) = x.split_at(x.len() / 3);
    let (g, b) = x.split_at(x.len() / 2);
    for (i, ((r, g), b)) in r.iter().zip(g).zip(b).enumerate() {
        give(i, r.to_f32() * 0.2989 + g.to_f32() * 0.587 + b.to_f32() * 0.114);
    }
}
