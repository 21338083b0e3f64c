use flambeau_tensor::{PadMode, Tensor};

use super::python::tuple;
use crate::{Forward, Module};

/// The padding of a 2-d layer: `(left, right, top, bottom)`, or one number for all four.
pub struct Padding2d([isize; 4]);

impl From<isize> for Padding2d {
    fn from(all: isize) -> Self {
        Padding2d([all; 4])
    }
}

impl From<(isize, isize, isize, isize)> for Padding2d {
    fn from((left, right, top, bottom): (isize, isize, isize, isize)) -> Self {
        Padding2d([left, right, top, bottom])
    }
}

/// Adds zeros around images: rows above and below, columns left and right.
///
/// Shapes: `[N, C, H, W]` or `[C, H, W]` becomes `[…, top + H + bottom, left + W + right]`. Negative padding crops.
///
/// ```
/// use flambeau_nn::{Forward, ZeroPad2d};
/// use flambeau_tensor::Tensor;
///
/// let images = Tensor::ones([5, 3, 8, 8]);
/// assert_eq!(ZeroPad2d::new(1).call(&images).shape(), [5, 3, 10, 10]);
/// assert_eq!(ZeroPad2d::new((0, 1, 2, -1)).call(&images).shape(), [5, 3, 9, 9]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when more is cropped than there is.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct ZeroPad2d {
    padding: [isize; 4],
}

impl ZeroPad2d {
    /// By a number on all sides, or by `(left, right, top, bottom)`.
    pub fn new(padding: impl Into<Padding2d>) -> Self {
        ZeroPad2d { padding: padding.into().0 }
    }

    fn options(&self) -> String {
        tuple(&self.padding)
    }
}

impl Forward for ZeroPad2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pad(&self.padding, PadMode::Constant(0.0))
    }
}

/// Adds a value around images; otherwise as [`ZeroPad2d`].
///
/// ```
/// use flambeau_nn::{ConstantPad2d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let y = ConstantPad2d::new((1, 0, 0, 0), 3.5).call(&Tensor::ones([1, 1, 2]));
/// assert_eq!(y.to_vec::<f32>(), [3.5, 1.0, 1.0]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct ConstantPad2d {
    padding: [isize; 4],
    value: f64,
}

impl ConstantPad2d {
    /// By a number on all sides, or by `(left, right, top, bottom)`.
    pub fn new(padding: impl Into<Padding2d>, value: f64) -> Self {
        ConstantPad2d { padding: padding.into().0, value }
    }

    fn options(&self) -> String {
        format!("padding={}, value={:?}", tuple(&self.padding), self.value)
    }
}

impl Forward for ConstantPad2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pad(&self.padding, PadMode::Constant(self.value))
    }
}

/// Mirrors images at their outermost rows and columns, which are not repeated: `c b | a b c | b a`.
///
/// Shapes: as [`ZeroPad2d`]; the padding is smaller than the size that it pads.
///
/// ```
/// use flambeau_nn::{Forward, ReflectionPad2d};
/// use flambeau_tensor::tensor;
///
/// let y = ReflectionPad2d::new((2, 1, 0, 0)).call(&tensor![[[1.0, 2.0, 3.0]]]);
/// assert_eq!(y.to_vec::<f32>(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input is not 3-D or 4-D, or the padding reaches beyond it.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct ReflectionPad2d {
    padding: [isize; 4],
}

impl ReflectionPad2d {
    /// By a number on all sides, or by `(left, right, top, bottom)`.
    pub fn new(padding: impl Into<Padding2d>) -> Self {
        ReflectionPad2d { padding: padding.into().0 }
    }

    fn options(&self) -> String {
        tuple(&self.padding)
    }
}

impl Forward for ReflectionPad2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pad(&self.padding, PadMode::Reflect)
    }
}

/// Repeats the outermost rows and columns of images: `a a | a b c | c`.
///
/// Shapes: as [`ZeroPad2d`].
///
/// ```
/// use flambeau_nn::{Forward, ReplicationPad2d};
/// use flambeau_tensor::tensor;
///
/// let y = ReplicationPad2d::new((2, 1, 0, 0)).call(&tensor![[[1.0, 2.0]]]);
/// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0, 1.0, 2.0, 2.0]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input is not 3-D or 4-D, or more is cropped than there is.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct ReplicationPad2d {
    padding: [isize; 4],
}

impl ReplicationPad2d {
    /// By a number on all sides, or by `(left, right, top, bottom)`.
    pub fn new(padding: impl Into<Padding2d>) -> Self {
        ReplicationPad2d { padding: padding.into().0 }
    }

    fn options(&self) -> String {
        tuple(&self.padding)
    }
}

impl Forward for ReplicationPad2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pad(&self.padding, PadMode::Replicate)
    }
}

/// Continues images with their other end: `b c | a b c | a`.
///
/// Shapes: as [`ZeroPad2d`]; the padding is not larger than the size that it pads.
///
/// ```
/// use flambeau_nn::{CircularPad2d, Forward};
/// use flambeau_tensor::tensor;
///
/// let y = CircularPad2d::new((2, 1, 0, 0)).call(&tensor![[[1.0, 2.0, 3.0]]]);
/// assert_eq!(y.to_vec::<f32>(), [2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input is not 3-D or 4-D, or the padding reaches beyond it.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct CircularPad2d {
    padding: [isize; 4],
}

impl CircularPad2d {
    /// By a number on all sides, or by `(left, right, top, bottom)`.
    pub fn new(padding: impl Into<Padding2d>) -> Self {
        CircularPad2d { padding: padding.into().0 }
    }

    fn options(&self) -> String {
        tuple(&self.padding)
    }
}

impl Forward for CircularPad2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.pad(&self.padding, PadMode::Circular)
    }
}
