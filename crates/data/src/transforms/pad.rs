//! Rows and columns around an image.

use flambeau_tensor::Tensor;

use super::Transform;
use super::crop::Window;
use super::image::{ensure, image};
use super::options::{Borders, Fill, PaddingMode};

const OP: &str = "Pad";

/// Adds rows and columns on all sides.
///
/// ```
/// use flambeau_data::transforms::{Pad, PaddingMode, Transform};
/// use flambeau_tensor::tensor;
///
/// let x = tensor![[[1.0, 2.0, 3.0]]];
/// assert_eq!(Pad::new([1, 0]).fill(9.0).call(&x).to_vec::<f32>(), [9.0, 1.0, 2.0, 3.0, 9.0]);
/// let mirrored = Pad::new([2, 0]).padding_mode(PaddingMode::Reflect).call(&x);
/// assert_eq!(mirrored.to_vec::<f32>(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
/// ```
///
/// Source: [`torchvision.transforms.v2.Pad`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Pad.html)
#[derive(Clone, Debug)]
pub struct Pad {
    padding: Borders,
    fill: Fill,
    mode: PaddingMode,
}

impl Pad {
    /// By `n` on all sides, `[left and right, top and bottom]` or `[left, top, right, bottom]`.
    pub fn new(padding: impl Into<Borders>) -> Self {
        Pad { padding: padding.into(), fill: Fill::default(), mode: PaddingMode::Constant }
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
}

impl Transform for Pad {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        pad(image, self.padding, &self.fill, self.mode)
    }
}

/// Rows and columns around an image; see [`Pad`].
#[track_caller]
pub fn pad(x: &Tensor, padding: impl Into<Borders>, fill: &Fill, mode: PaddingMode) -> Tensor {
    let padding = padding.into();
    let [_, height, width] = image(OP, x);
    let size =
        |a: usize, n: usize, b: usize| a.checked_add(n)?.checked_add(b).filter(|&n| n <= isize::MAX as usize);
    let Borders { left, top, right, bottom } = padding;
    let (h, w) = (size(top, height, bottom), size(left, width, right));
    ensure!(h.is_some() && w.is_some(), OP, "{padding:?} is more than memory has addresses");
    let window = Window {
        top: -(top as isize),
        left: -(left as isize),
        height: h.unwrap_or(0),
        width: w.unwrap_or(0),
    };
    window.of(OP, x, mode, fill)
}
