//! The types of the transforms' parameters.

use super::image::ensure;

/// How pixels between pixels are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InterpolationMode {
    /// The nearest pixel; for resizing, the one at ⌊i · scale⌋.
    Nearest,
    /// The pixel whose centre is nearest; for resizing alone.
    NearestExact,
    /// Straight lines between the four pixels around.
    #[default]
    Bilinear,
    /// Cubic convolution over the sixteen pixels around; for resizing alone.
    Bicubic,
}

/// What is around an image that is padded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// The fill value.
    #[default]
    Constant,
    /// The pixel at the edge, over and over.
    Edge,
    /// The image mirrored, without its edge again: `3 2 | 1 2 3 4 | 3 2`.
    Reflect,
    /// The image mirrored with its edge: `2 1 | 1 2 3 4 | 4 3`.
    Symmetric,
}

/// The range that a number is drawn from: a tuple (low, high), or one number, of which the transform says what range it
/// stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// So much to either side of where nothing changes.
    Around(f64),
    /// From the first to the second.
    Between(f64, f64),
}

impl Range {
    /// Low and high, where nothing changes at `centre` and the range may go from `least` to `most`.
    #[track_caller]
    pub(super) fn check(self, op: &'static str, name: &str, centre: f64, least: f64, most: f64) -> [f64; 2] {
        let [low, high] = match self {
            Range::Around(by) => {
                ensure!(
                    by >= 0.0,
                    op,
                    "{name} {by}; one number must be 0 or more, a range is a tuple (low, high)"
                );
                // A factor ends at 0; other ranges that go too far are refused.
                let low = if least == 0.0 { (centre - by).max(0.0) } else { centre - by };
                [low, centre + by]
            }
            Range::Between(low, high) => [low, high],
        };
        ensure!(
            low.is_finite() && high.is_finite() && least <= low && low <= high && high <= most,
            op,
            "{name} from {low} to {high}; it needs low ≤ high{}",
            match (least.is_finite(), most.is_finite()) {
                (false, false) => ", both finite".to_owned(),
                (true, false) => format!(", both finite and at least {least}"),
                (_, _) => format!(", both from {least} to {most}"),
            }
        );
        [low, high]
    }
}

impl From<f64> for Range {
    fn from(by: f64) -> Self {
        Range::Around(by)
    }
}

impl From<(f64, f64)> for Range {
    fn from((low, high): (f64, f64)) -> Self {
        Range::Between(low, high)
    }
}

impl From<[f64; 2]> for Range {
    fn from([low, high]: [f64; 2]) -> Self {
        Range::Between(low, high)
    }
}

/// How many pixels are added to each side of an image, from `n`, `[left and right, top and bottom]` or
/// `[left, top, right, bottom]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Borders {
    /// Columns on the left.
    pub left: usize,
    /// Rows above.
    pub top: usize,
    /// Columns on the right.
    pub right: usize,
    /// Rows below.
    pub bottom: usize,
}

impl From<usize> for Borders {
    fn from(n: usize) -> Self {
        [n; 4].into()
    }
}

impl From<[usize; 2]> for Borders {
    fn from([x, y]: [usize; 2]) -> Self {
        [x, y, x, y].into()
    }
}

impl From<[usize; 4]> for Borders {
    fn from([left, top, right, bottom]: [usize; 4]) -> Self {
        Borders { left, top, right, bottom }
    }
}

/// The value of pixels that come from nowhere: one for all channels, or one for each. On the scale of the image's
/// pixels, 0 to 255 or 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill(Vec<f64>);

impl Fill {
    /// The value of a channel.
    pub(super) fn channel(&self, c: usize) -> f32 {
        let value = if let [one] = self.0[..] { Some(one) } else { self.0.get(c).copied() };
        value.unwrap_or(0.0) as f32
    }

    /// Refuses a number of values that is neither 1 nor the image's channels.
    #[track_caller]
    pub(super) fn check(&self, op: &'static str, channels: usize) {
        let n = self.0.len();
        ensure!(
            n == 1 || n == channels,
            op,
            "{n} fill values for an image of {channels} channels; give one, or one for each channel"
        );
    }
}

impl Default for Fill {
    fn default() -> Self {
        Fill(vec![0.0])
    }
}

impl From<f64> for Fill {
    fn from(value: f64) -> Self {
        Fill(vec![value])
    }
}

impl<const N: usize> From<[f64; N]> for Fill {
    fn from(values: [f64; N]) -> Self {
        Fill(values.to_vec())
    }
}

impl From<Vec<f64>> for Fill {
    fn from(values: Vec<f64>) -> Self {
        Fill(values)
    }
}

/// The size that an image is brought to: the length of its smaller edge, or `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeSize {
    /// The smaller edge gets this length and the other follows, so that the aspect ratio stays.
    SmallerEdge(usize),
    /// Height and width.
    Exact(usize, usize),
}

impl From<usize> for ResizeSize {
    fn from(edge: usize) -> Self {
        ResizeSize::SmallerEdge(edge)
    }
}

impl From<[usize; 2]> for ResizeSize {
    fn from([height, width]: [usize; 2]) -> Self {
        ResizeSize::Exact(height, width)
    }
}

impl From<(usize, usize)> for ResizeSize {
    fn from((height, width): (usize, usize)) -> Self {
        ResizeSize::Exact(height, width)
    }
}

/// Refuses what is no probability.
#[track_caller]
pub(super) fn probability(op: &'static str, p: f64) -> f64 {
    ensure!((0.0..=1.0).contains(&p), op, "p {p}; a probability is from 0 to 1");
    p
}

/// Refuses a size without pixels.
#[track_caller]
pub(super) fn some_pixels(op: &'static str, [height, width]: [usize; 2]) -> [usize; 2] {
    ensure!(height > 0 && width > 0, op, "size {height}×{width}; both must be at least 1");
    [height, width]
}
