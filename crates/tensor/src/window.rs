//! Windows that slide over spatial dimensions: what convolution, pooling and im2col have in common.

use crate::door::{FromValue, Value};
use crate::{Error, Result};

/// One number for each of N spatial dimensions; a single number stands for all of them.
///
/// ```
/// use flambeau_tensor::Sizes;
/// fn kernel(size: impl Sizes<2>) -> [usize; 2] {
///     size.sizes()
/// }
/// assert_eq!(kernel(3), [3, 3]);
/// assert_eq!(kernel((3, 5)), [3, 5]);
/// assert_eq!(kernel([3, 5]), [3, 5]);
/// ```
pub trait Sizes<const N: usize> {
    /// The numbers, in the order of the dimensions.
    fn sizes(self) -> [usize; N];
}

impl<const N: usize> Sizes<N> for usize {
    fn sizes(self) -> [usize; N] {
        [self; N]
    }
}

impl<const N: usize> Sizes<N> for [usize; N] {
    fn sizes(self) -> [usize; N] {
        self
    }
}

impl Sizes<2> for (usize, usize) {
    fn sizes(self) -> [usize; 2] {
        [self.0, self.1]
    }
}

/// By name, a single number may stand in a list too.
impl<const N: usize> FromValue<'_> for [usize; N] {
    const KIND: &'static str = "an integer of at least 0, or one for each spatial dimension";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::List(values) if values.len() == 1 => Some([usize::from_value(&values[0])?; N]),
            Value::List(_) => Vec::from_value(value)?.try_into().ok(),
            _ => Some([usize::from_value(value)?; N]),
        }
    }
}

/// How a window slides along one dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slide {
    /// Its positions.
    pub kernel: usize,
    /// The step from one window to the next.
    pub stride: usize,
    /// The distance of its positions.
    pub dilation: usize,
    /// What is added to the input, before and after.
    pub padding: [usize; 2],
}

impl Slide {
    /// The number of windows, ⌊(input + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1. Rounded up with
    /// `ceil`, except for a window that would start beyond the input and the padding before it.
    ///
    /// # Errors
    /// If a number is 0 that must not be, or the window does not fit.
    pub(crate) fn count(&self, op: &'static str, input: usize, ceil: bool) -> Result<usize> {
        let Slide { kernel, stride, dilation, padding: [before, after] } = *self;
        if kernel == 0 || stride == 0 || dilation == 0 {
            return Err(Error::op(
                op,
                format!(
                    "kernel size {kernel}, stride {stride} and dilation {dilation}; each must be at least 1"
                ),
            ));
        }
        let span = self.span();
        // Rounding up lets the last window stick out, by less than a stride.
        let out = if ceil { stride - 1 } else { 0 };
        let reach = [before, after, out].into_iter().try_fold(input, usize::checked_add);
        let free = span.zip(reach).and_then(|(span, reach)| reach.checked_sub(span)).ok_or_else(|| {
            Error::op(
                op,
                format!(
                    "a window of {kernel} with dilation {dilation} does not fit into {input} with padding {before} \
                     and {after}; give a smaller kernel or more padding"
                ),
            )
        })?;
        // A last window that is cut off must see more than the padding after the input.
        let windows = free / stride + 1;
        Ok(windows
            - usize::from(ceil && (windows - 1).saturating_mul(stride) >= input.saturating_add(before)))
    }

    /// The distance from a window's first position to beyond its last, if a `usize` can hold it.
    pub(crate) fn span(&self) -> Option<usize> {
        self.kernel.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)
    }
}
