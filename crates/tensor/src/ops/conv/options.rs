//! Options of a convolution.

use crate::door::{FromValue, Value};

/// What is added around the input of a convolution.
///
/// ```
/// use flambeau_tensor::Padding;
/// assert_eq!(Padding::<2>::from(1), Padding::Both([1, 1]));
/// assert_eq!(Padding::from([0, 2]), Padding::Both([0, 2]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Padding<const N: usize> {
    /// So many zeros on either side of each dimension.
    Both([usize; N]),
    /// So many zeros before and after each dimension.
    Sides([[usize; 2]; N]),
    /// As many as make the output as large as the input; an odd one goes after it. The stride must be 1.
    Same,
    /// None.
    Valid,
}

impl<const N: usize> Padding<N> {
    /// What is added before and after dimension `d`, for a kernel of this size and dilation.
    ///
    /// ```
    /// use flambeau_tensor::Padding;
    /// assert_eq!(Padding::<2>::Same.sides(0, 4, 1), [1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there is no such dimension.
    pub fn sides(&self, d: usize, kernel: usize, dilation: usize) -> [usize; 2] {
        match self {
            Padding::Both(padding) => [padding[d]; 2],
            Padding::Sides(padding) => padding[d],
            Padding::Valid => [0, 0],
            Padding::Same => {
                let total = dilation.saturating_mul(kernel.saturating_sub(1));
                [total / 2, total - total / 2]
            }
        }
    }
}

impl<const N: usize> Default for Padding<N> {
    fn default() -> Self {
        Padding::Both([0; N])
    }
}

impl<const N: usize> From<usize> for Padding<N> {
    fn from(padding: usize) -> Self {
        Padding::Both([padding; N])
    }
}

impl<const N: usize> From<[usize; N]> for Padding<N> {
    fn from(padding: [usize; N]) -> Self {
        Padding::Both(padding)
    }
}

impl From<(usize, usize)> for Padding<2> {
    fn from(padding: (usize, usize)) -> Self {
        Padding::Both([padding.0, padding.1])
    }
}

impl FromValue<'_> for Padding<1> {
    const KIND: &'static str = <Padding<2> as FromValue>::KIND;
    fn from_value(value: &Value) -> Option<Self> {
        padding_value(value)
    }
}

impl FromValue<'_> for Padding<2> {
    const KIND: &'static str = "an integer of at least 0, one for each spatial dimension, 'same' or 'valid'";
    fn from_value(value: &Value) -> Option<Self> {
        padding_value(value)
    }
}

fn padding_value<const N: usize>(value: &Value) -> Option<Padding<N>> {
    match value {
        Value::Str(name) if name == "same" => Some(Padding::Same),
        Value::Str(name) if name == "valid" => Some(Padding::Valid),
        _ => <[usize; N]>::from_value(value).map(Padding::Both),
    }
}

/// Options of a convolution over N spatial dimensions, with PyTorch's defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvOptions<const N: usize> {
    /// The step from window to window; 1 by default.
    pub stride: [usize; N],
    /// What is added around the input; nothing by default.
    pub padding: Padding<N>,
    /// The distance of a window's positions; 1 by default.
    pub dilation: [usize; N],
    /// Groups of channels, each convolved by itself; 1 by default.
    pub groups: usize,
}

impl<const N: usize> Default for ConvOptions<N> {
    fn default() -> Self {
        ConvOptions { stride: [1; N], padding: Padding::default(), dilation: [1; N], groups: 1 }
    }
}

/// Options of [`Tensor::conv1d`](crate::Tensor::conv1d).
pub type Conv1dOptions = ConvOptions<1>;
/// Options of [`Tensor::conv2d`](crate::Tensor::conv2d).
pub type Conv2dOptions = ConvOptions<2>;
