//! Turning, moving, scaling and shearing by random amounts.

use flambeau_tensor::Tensor;

use super::affine::{AffineOptions, affine_with};
use super::image::{ensure, image};
use super::options::{Fill, InterpolationMode, Range};
use super::{Transform, draw};

const OP: &str = "RandomAffine";

/// Turns, moves, scales and shears, each by an amount drawn from a range.
///
/// ```
/// use flambeau_data::transforms::{RandomAffine, Transform};
/// use flambeau_tensor::Tensor;
///
/// let transform = RandomAffine::new(10.0).translate(0.1, 0.1).scale((0.9, 1.1)).shear_x(5.0);
/// assert_eq!(transform.call(&Tensor::zeros([16, 1, 28, 28])).shape(), [16, 1, 28, 28]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomAffine`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomAffine.html)
#[derive(Clone, Debug)]
pub struct RandomAffine {
    degrees: [f64; 2],
    translate: Option<[f64; 2]>,
    scale: Option<[f64; 2]>,
    shear: [Option<[f64; 2]>; 2],
    options: AffineOptions,
}

#[track_caller]
fn degrees(range: impl Into<Range>, name: &str) -> [f64; 2] {
    range.into().check(OP, name, 0.0, f64::NEG_INFINITY, f64::INFINITY)
}

impl RandomAffine {
    /// Turns clockwise by −`degrees` to `degrees`, or from the first to the second of a tuple. 0 turns nothing.
    ///
    /// # Panics
    /// If that is no range of finite numbers.
    #[track_caller]
    pub fn new(degrees: impl Into<Range>) -> Self {
        RandomAffine {
            degrees: self::degrees(degrees, "degrees"),
            translate: None,
            scale: None,
            shear: [None; 2],
            options: AffineOptions::default(),
        }
    }

    /// The most that it moves, as parts of the width and of the height (default: nothing). Whole pixels.
    ///
    /// # Panics
    /// If one of them is not from 0 to 1.
    #[track_caller]
    pub fn translate(mut self, x: f64, y: f64) -> Self {
        let part = 0.0..=1.0;
        ensure!(
            part.contains(&x) && part.contains(&y),
            OP,
            "translate {x}, {y}; they are parts of width and height, from 0 to 1"
        );
        self.translate = Some([x, y]);
        self
    }

    /// The range of the factor by which it grows (default: 1).
    ///
    /// # Panics
    /// If that is no range of numbers above 0.
    #[track_caller]
    pub fn scale(mut self, (low, high): (f64, f64)) -> Self {
        ensure!(
            0.0 < low && low <= high && high.is_finite(),
            OP,
            "scale from {low} to {high}; it needs 0 < low ≤ high"
        );
        self.scale = Some([low, high]);
        self
    }

    /// The range of degrees of shearing along x (default: none).
    ///
    /// # Panics
    /// If that is no range of finite numbers.
    #[track_caller]
    pub fn shear_x(mut self, range: impl Into<Range>) -> Self {
        self.shear[0] = Some(degrees(range, "shear_x"));
        self
    }

    /// The range of degrees of shearing along y (default: none).
    ///
    /// # Panics
    /// If that is no range of finite numbers.
    #[track_caller]
    pub fn shear_y(mut self, range: impl Into<Range>) -> Self {
        self.shear[1] = Some(degrees(range, "shear_y"));
        self
    }

    /// `Nearest` (the default) or `Bilinear`.
    pub fn interpolation(mut self, mode: InterpolationMode) -> Self {
        self.options.interpolation = mode;
        self
    }

    /// The value of what comes from outside of the image (default: 0).
    pub fn fill(mut self, fill: impl Into<Fill>) -> Self {
        self.options.fill = fill.into();
        self
    }

    /// The point (x, y) that stays where it is, in pixels from the upper left corner (default: the middle).
    pub fn center(mut self, x: f64, y: f64) -> Self {
        self.options.center = Some([x, y]);
        self
    }
}

impl Transform for RandomAffine {
    #[track_caller]
    fn forward(&self, x: &Tensor) -> Tensor {
        let [_, h, w] = image(OP, x);
        let within = |[low, high]: [f64; 2]| draw::uniform(low, high);
        let angle = within(self.degrees);
        let moved = |part: f64, n: usize| (within([-part * n as f64, part * n as f64])).round_ties_even();
        let translate = self.translate.map_or([0.0; 2], |[x, y]| [moved(x, w), moved(y, h)]);
        let scale = self.scale.map_or(1.0, within);
        let shear = self.shear.map(|range| range.map_or(0.0, within));
        affine_with(x, &self.options, angle, translate, scale, shear)
    }
}
