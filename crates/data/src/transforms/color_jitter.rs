//! Brightness, contrast, saturation and hue.

use flambeau_tensor::Tensor;

use super::grayscale::{colours, greys};
use super::image::{Pixel, by_pixel, changed, ensure};
use super::options::Range;
use super::{Transform, draw};

const OP: &str = "ColorJitter";

/// Changes brightness, contrast, saturation and hue in random order, each by an amount drawn from a range. What is not
/// set stays. Pixels are from 0 to 255, or from 0 to 1: this comes before [`Normalize`](super::Normalize).
///
/// ```
/// use flambeau_data::transforms::{ColorJitter, Transform};
/// use flambeau_tensor::Tensor;
///
/// let jitter = ColorJitter::new().brightness(0.2).contrast((0.8, 1.5)).saturation(0.2).hue(0.05);
/// assert_eq!(jitter.call(&Tensor::rand([3, 8, 8])).shape(), [3, 8, 8]);
/// ```
///
/// Source: [`torchvision.transforms.v2.ColorJitter`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.ColorJitter.html)
#[derive(Clone, Copy, Debug, Default)]
pub struct ColorJitter {
    /// Of each change in the order of [`Change`].
    ranges: [Option<[f64; 2]>; 4],
}

impl ColorJitter {
    /// That changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    #[track_caller]
    fn factor(mut self, change: Change, name: &str, range: Range) -> Self {
        let range = match change {
            Change::Hue => range.check(OP, name, 0.0, -0.5, 0.5),
            _ => range.check(OP, name, 1.0, 0.0, f64::INFINITY),
        };
        self.ranges[change as usize] = Some(range);
        self
    }

    /// The range of the factor of all pixels: a tuple, or `b` for max(0, 1 − b) to 1 + b.
    ///
    /// # Panics
    /// If that is no range from 0 on.
    #[track_caller]
    pub fn brightness(self, range: impl Into<Range>) -> Self {
        self.factor(Change::Brightness, "brightness", range.into())
    }

    /// The range of the factor of the distance from the mean grey.
    ///
    /// # Panics
    /// If that is no range from 0 on.
    #[track_caller]
    pub fn contrast(self, range: impl Into<Range>) -> Self {
        self.factor(Change::Contrast, "contrast", range.into())
    }

    /// The range of the factor of the distance from each pixel's grey.
    ///
    /// # Panics
    /// If that is no range from 0 on.
    #[track_caller]
    pub fn saturation(self, range: impl Into<Range>) -> Self {
        self.factor(Change::Saturation, "saturation", range.into())
    }

    /// The range of what is added to the hue, in turns: a tuple, or `h` for −h to h.
    ///
    /// # Panics
    /// If that is no range within −0.5 to 0.5.
    #[track_caller]
    pub fn hue(self, range: impl Into<Range>) -> Self {
        self.factor(Change::Hue, "hue", range.into())
    }
}

impl Transform for ColorJitter {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let [channels, ..] = colours(OP, x);
        let order = draw::order(4);
        let amounts = self.ranges.map(|range| range.map(|[low, high]| draw::uniform(low, high)));
        by_pixel!(x, T => changed(x, |pixels: &mut [T]| {
            for i in order {
                if let Some(amount) = amounts[i] {
                    CHANGES[i].apply(pixels, channels, amount as f32);
                }
            }
        }))
    }
}

#[derive(Clone, Copy)]
enum Change {
    Brightness,
    Contrast,
    Saturation,
    Hue,
}

const CHANGES: [Change; 4] = [Change::Brightness, Change::Contrast, Change::Saturation, Change::Hue];

impl Change {
    fn apply<T: Pixel>(self, pixels: &mut [T], channels: usize, amount: f32) {
        match self {
            Change::Brightness => pixels.iter_mut().for_each(|p| *p = blend(p.to_f32(), 0.0, amount)),
            Change::Contrast => {
                let (mut sum, n) = (0.0, (pixels.len() / channels).max(1));
                match channels {
                    3 => greys(pixels, |_, grey| sum += f64::from(T::floored(grey))),
                    _ => pixels.iter().for_each(|p| sum += p.to_f64()),
                }
                let mean = (sum / n as f64) as f32;
                pixels.iter_mut().for_each(|p| *p = blend(p.to_f32(), mean, amount));
            }
            Change::Saturation | Change::Hue if channels == 1 => {}
            Change::Saturation => each_colour(pixels, |rgb| {
                let [r, g, b] = rgb.map(|p| p.to_f32());
                let grey = T::floored(r * 0.2989 + g * 0.587 + b * 0.114);
                [r, g, b].map(|p| blend(p, grey, amount))
            }),
            Change::Hue => each_colour(pixels, |rgb| {
                let rgb = turned(rgb.map(|p| p.to_f32() / T::MAX), amount);
                // As torchvision makes bytes of numbers from 0 to 1: 256 equal parts.
                rgb.map(
                    |p| if T::MAX > 1.0 { T::truncated(p * (T::MAX + 1.0 - 1e-3)) } else { T::truncated(p) },
                )
            }),
        }
    }
}

/// `ratio` of a pixel and the rest of another, within what a pixel can be.
#[inline(always)]
fn blend<T: Pixel>(pixel: f32, other: f32, ratio: f32) -> T {
    T::truncated((pixel * ratio + other * (1.0 - ratio)).clamp(0.0, T::MAX))
}

#[inline(always)]
fn each_colour<T: Pixel>(pixels: &mut [T], change: impl Fn([T; 3]) -> [T; 3]) {
    let (r, rest) = pixels.split_at_mut(pixels.len() / 3);
    let (g, b) = rest.split_at_mut(r.len());
    for ((r, g), b) in r.iter_mut().zip(g).zip(b) {
        [*r, *g, *b] = change([*r, *g, *b]);
    }
}

/// A colour whose hue is turned by a part of a full turn, by way of hue, saturation and value.
fn turned([r, g, b]: [f32; 3], by: f32) -> [f32; 3] {
    let (low, high) = (r.min(g).min(b), r.max(g).max(b));
    let span = high - low;
    let (saturation, divisor) = if span == 0.0 { (0.0, 1.0) } else { (span / high, span) };
    let [rc, gc, bc] = [r, g, b].map(|p| (high - p) / divisor);
    let hue = if high == r {
        bc - gc
    } else if high == g {
        2.0 + rc - bc
    } else {
        4.0 + gc - rc
    };
    let hue = (hue / 6.0 + 1.0) % 1.0;
    let sixths = (hue + by).rem_euclid(1.0) * 6.0;
    let sector = sixths.floor();
    let part = sixths - sector;
    let within = |v: f32| (v * high).clamp(0.0, 1.0);
    let p = within(1.0 - saturation);
    let q = within(1.0 - saturation * part);
    let t = within(1.0 - saturation + saturation * part);
    match sector as u8 % 6 {
        0 => [high, t, p],
        1 => [q, high, p],
        2 => [p, high, t],
        3 => [p, q, high],
        4 => [t, p, high],
        _ => [high, p, q],
    }
}

#[track_caller]
fn adjust(x: &Tensor, change: Change, op: &'static str, amount: f64, [least, most]: [f64; 2]) -> Tensor {
    ensure!((least..=most).contains(&amount), op, "{amount}; it must be from {least} to {most}");
    let [channels, ..] = colours(op, x);
    by_pixel!(x, T => changed(x, |pixels: &mut [T]| change.apply(pixels, channels, amount as f32)))
}

/// All pixels times a factor; see [`ColorJitter`].
#[track_caller]
pub fn adjust_brightness(x: &Tensor, factor: f64) -> Tensor {
    adjust(x, Change::Brightness, "adjust_brightness", factor, [0.0, f64::MAX])
}

/// The distance from the mean grey times a factor.
#[track_caller]
pub fn adjust_contrast(x: &Tensor, factor: f64) -> Tensor {
    adjust(x, Change::Contrast, "adjust_contrast", factor, [0.0, f64::MAX])
}

/// The distance from each pixel's grey times a factor.
#[track_caller]
pub fn adjust_saturation(x: &Tensor, factor: f64) -> Tensor {
    adjust(x, Change::Saturation, "adjust_saturation", factor, [0.0, f64::MAX])
}

/// The hue turned by a part of a full turn.
#[track_caller]
pub fn adjust_hue(x: &Tensor, turns: f64) -> Tensor {
    adjust(x, Change::Hue, "adjust_hue", turns, [-0.5, 0.5])
}
