//! Turning by a random angle.

use flambeau_tensor::Tensor;

use super::affine::{RotateOptions, rotate};
use super::options::{Fill, InterpolationMode, Range};
use super::{Transform, draw};

/// Turns anticlockwise by an angle drawn from a range of degrees.
///
/// ```
/// use flambeau_data::transforms::{RandomRotation, Transform};
/// use flambeau_tensor::tensor;
///
/// let x = tensor![[[1.0, 2.0], [3.0, 4.0]]];
/// assert_eq!(RandomRotation::new((90.0, 90.0)).call(&x).to_vec::<f32>(), [2.0, 4.0, 1.0, 3.0]);
/// ```
///
/// Source: [`torchvision.transforms.v2.RandomRotation`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomRotation.html)
#[derive(Clone, Debug)]
pub struct RandomRotation {
    degrees: [f64; 2],
    options: RotateOptions,
}

impl RandomRotation {
    /// By −`degrees` to `degrees`, or from the first to the second of a tuple.
    ///
    /// # Panics
    /// If that is no range of finite numbers.
    #[track_caller]
    pub fn new(degrees: impl Into<Range>) -> Self {
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        let degrees = degrees.into().check("RandomRotation", "degrees", 0.0, low, high);
        RandomRotation { degrees, options: RotateOptions::default() }
    }

    /// `Nearest` (the default) or `Bilinear`.
    pub fn interpolation(mut self, mode: InterpolationMode) -> Self {
        self.options.interpolation = mode;
        self
    }

    /// Whether the image grows, so that nothing of it is cut off (default: no). In a batch, the sizes differ then.
    pub fn expand(mut self, expand: bool) -> Self {
        self.options.expand = expand;
        self
    }

    /// The point (x, y) around which to rotate, in pixels from the upper left corner (default: the middle).
    pub fn center(mut self, x: f64, y: f64) -> Self {
        self.options.center = Some([x, y]);
        self
    }

    /// The value of what comes from outside of the image (default: 0).
    pub fn fill(mut self, fill: impl Into<Fill>) -> Self {
        self.options.fill = fill.into();
        self
    }
}

impl Transform for RandomRotation {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        let [low, high] = self.degrees;
        rotate(image, draw::uniform(low, high), &self.options)
    }
}
