//! Changing an image's size.

use flambeau_tensor::{DType, InterpolateMode, InterpolateOptions, Tensor};

use super::Transform;
use super::image::{ensure, image};
use super::options::{InterpolationMode, ResizeSize};

const OP: &str = "Resize";

/// The options of [`resize`].
#[derive(Clone, Debug, PartialEq)]
pub struct ResizeOptions {
    /// How pixels between pixels are found (default: bilinear).
    pub interpolation: InterpolationMode,
    /// The most that the larger edge may get where the smaller one is given (default: no limit).
    pub max_size: Option<usize>,
    /// Whether, where an image shrinks, each pixel is a mean over all that it covers; for bilinear and bicubic (default:
    /// yes).
    pub antialias: bool,
}

impl Default for ResizeOptions {
    fn default() -> Self {
        ResizeOptions { interpolation: InterpolationMode::Bilinear, max_size: None, antialias: true }
    }
}

/// Brings images to a size: `[height, width]`, or the length of the smaller edge.
///
/// ```
/// use flambeau_data::transforms::{Resize, Transform};
/// use flambeau_tensor::Tensor;
///
/// let photo = Tensor::zeros([3, 30, 40]);
/// assert_eq!(Resize::new(15).call(&photo).shape(), [3, 15, 20]);
/// assert_eq!(Resize::new([10, 10]).call(&photo).shape(), [3, 10, 10]);
/// ```
///
/// Bytes are computed as numbers and rounded once; torchvision rounds them after each dimension, so that its may differ
/// by 1.
///
/// Source: [`torchvision.transforms.v2.Resize`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Resize.html)
#[derive(Clone, Debug)]
pub struct Resize {
    size: ResizeSize,
    options: ResizeOptions,
}

impl Resize {
    /// To a size.
    ///
    /// # Panics
    /// If an edge would get the length 0.
    #[track_caller]
    pub fn new(size: impl Into<ResizeSize>) -> Self {
        let size = size.into();
        check(size, None);
        Resize { size, options: ResizeOptions::default() }
    }

    /// How pixels between pixels are found (default: bilinear).
    pub fn interpolation(mut self, mode: InterpolationMode) -> Self {
        self.options.interpolation = mode;
        self
    }

    /// The most that the larger edge may get, where the smaller edge was given (default: no limit).
    ///
    /// # Panics
    /// If it is not larger than that.
    #[track_caller]
    pub fn max_size(mut self, max_size: usize) -> Self {
        check(self.size, Some(max_size));
        self.options.max_size = Some(max_size);
        self
    }

    /// Whether each pixel is a mean over all that it covers (default: yes).
    pub fn antialias(mut self, antialias: bool) -> Self {
        self.options.antialias = antialias;
        self
    }
}

impl Transform for Resize {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        resize(image, self.size, &self.options)
    }
}

#[track_caller]
fn check(size: ResizeSize, max_size: Option<usize>) {
    match (size, max_size) {
        (ResizeSize::SmallerEdge(edge), Some(max)) => ensure!(
            edge > 0 && max > edge,
            OP,
            "max_size {max} for a smaller edge of {edge}; it must be larger"
        ),
        (ResizeSize::SmallerEdge(edge), None) => ensure!(edge > 0, OP, "size 0; it must be at least 1"),
        (ResizeSize::Exact(..), Some(max)) => {
            ensure!(false, OP, "max_size {max} for a size of height and width; give the smaller edge alone");
        }
        (ResizeSize::Exact(height, width), None) => {
            ensure!(height > 0 && width > 0, OP, "size {height}×{width}; both must be at least 1");
        }
    }
}

/// An image of another size; see [`Resize`].
#[track_caller]
pub fn resize(x: &Tensor, size: impl Into<ResizeSize>, options: &ResizeOptions) -> Tensor {
    let (size, &ResizeOptions { interpolation, max_size, antialias }) = (size.into(), options);
    check(size, max_size);
    let [_, height, width] = image(OP, x);
    ensure!(height > 0 && width > 0, OP, "an image of shape {:?} has no pixels; leave it out", x.shape());
    let size = output_size([height, width], size, max_size);
    if size == [height, width] {
        return x.clone();
    }
    let mode = match interpolation {
        InterpolationMode::Nearest => InterpolateMode::Nearest,
        InterpolationMode::NearestExact => InterpolateMode::NearestExact,
        InterpolationMode::Bilinear => InterpolateMode::Bilinear,
        InterpolationMode::Bicubic => InterpolateMode::Bicubic,
    };
    let computed = matches!(interpolation, InterpolationMode::Bilinear | InterpolationMode::Bicubic);
    let options = InterpolateOptions {
        size: Some(size.to_vec()),
        mode,
        antialias: antialias && computed,
        ..InterpolateOptions::default()
    };
    let resized = |x: &Tensor| x.detach().unsqueeze(0).interpolate(options).squeeze(0);
    match x.dtype() {
        DType::U8 => resized(&x.to_dtype(DType::F32)).round().clamp(0.0, 255.0).to_dtype(DType::U8),
        _ => resized(x),
    }
}

fn output_size([height, width]: [usize; 2], size: ResizeSize, max_size: Option<usize>) -> [usize; 2] {
    let edge = match size {
        ResizeSize::Exact(height, width) => return [height, width],
        ResizeSize::SmallerEdge(edge) => edge,
    };
    let (short, long) = (height.min(width), height.max(width));
    // As floats, as Python divides.
    let in_proportion = |edge: usize, by: usize, of: usize| (edge as f64 * by as f64 / of as f64) as usize;
    let (mut new_short, mut new_long) = (edge, in_proportion(edge, long, short));
    if let Some(max) = max_size.filter(|&max| new_long > max) {
        (new_short, new_long) = (in_proportion(max, new_short, new_long).max(1), max);
    }
    if width <= height { [new_long, new_short] } else { [new_short, new_long] }
}
