//! Options of the pooling operations, and where their windows are.

use crate::door::{Args, FromValue, Value};
use crate::op::raise;
use crate::shape::Shape;
use crate::window::Slide;
use crate::{Error, Result, Tensor};
use flambeau_kernels::pooling::Axis;

/// Options of [`max_pool1d`](Tensor::max_pool1d) and [`max_pool2d`](Tensor::max_pool2d).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPoolOptions<const N: usize> {
    /// The step from one window to the next. Default: the window's size.
    pub stride: Option<[usize; N]>,
    /// What is added to both sides of the input, at most half a window; −∞ to the maximum. Default: 0.
    pub padding: [usize; N],
    /// The distance of a window's positions. Default: 1.
    pub dilation: [usize; N],
    /// Whether windows that stick out at the end count. Default: no.
    pub ceil_mode: bool,
}

impl<const N: usize> Default for MaxPoolOptions<N> {
    fn default() -> Self {
        MaxPoolOptions { stride: None, padding: [0; N], dilation: [1; N], ceil_mode: false }
    }
}

/// Options of [`avg_pool1d`](Tensor::avg_pool1d) and [`avg_pool2d`](Tensor::avg_pool2d).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPoolOptions<const N: usize> {
    /// The step from one window to the next. Default: the window's size.
    pub stride: Option<[usize; N]>,
    /// The zeros added to both sides of the input, at most half a window. Default: 0.
    pub padding: [usize; N],
    /// Whether windows that stick out at the end count. Default: no.
    pub ceil_mode: bool,
    /// Whether the padding counts in the mean. Default: yes.
    pub count_include_pad: bool,
    /// What sums are divided by instead of the window's size; not 0. Default: none.
    pub divisor_override: Option<i64>,
}

impl<const N: usize> Default for AvgPoolOptions<N> {
    fn default() -> Self {
        AvgPoolOptions {
            stride: None,
            padding: [0; N],
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: None,
        }
    }
}

/// The output size of adaptive pooling: a number for each dimension or one for all; `None` keeps the input's.
///
/// ```
/// use flambeau_tensor::Tensor;
/// let x = Tensor::ones([1, 8, 6]);
/// assert_eq!(x.adaptive_avg_pool2d(2).shape(), [1, 2, 2]);
/// assert_eq!(x.adaptive_avg_pool2d((2, 3)).shape(), [1, 2, 3]);
/// assert_eq!(x.adaptive_avg_pool2d([None, Some(3)]).shape(), [1, 8, 3]);
/// ```
pub trait OutputSize<const N: usize> {
    /// The size of each dimension.
    fn output_size(self) -> [Option<usize>; N];
}
impl<const N: usize> OutputSize<N> for usize {
    fn output_size(self) -> [Option<usize>; N] {
        [Some(self); N]
    }
}
impl<const N: usize> OutputSize<N> for [usize; N] {
    fn output_size(self) -> [Option<usize>; N] {
        self.map(Some)
    }
}
impl<const N: usize> OutputSize<N> for [Option<usize>; N] {
    fn output_size(self) -> [Option<usize>; N] {
        self
    }
}
impl OutputSize<2> for (usize, usize) {
    fn output_size(self) -> [Option<usize>; 2] {
        [Some(self.0), Some(self.1)]
    }
}
impl<const N: usize> FromValue<'_> for [Option<usize>; N] {
    const KIND: &'static str = "an integer of at least 0 or None, or one for each spatial dimension";
    fn from_value(value: &Value) -> Option<Self> {
        let one = |value: &Value| match value {
            Value::None => Some(None),
            _ => usize::from_value(value).map(Some),
        };
        match value {
            Value::List(values) if values.len() == 1 => Some([one(&values[0])?; N]),
            Value::List(values) => {
                values.iter().map(one).collect::<Option<Vec<_>>>().and_then(|sizes| sizes.try_into().ok())
            }
            _ => Some([one(value)?; N]),
        }
    }
}

/// By name, an empty list is no stride too.
pub(crate) fn stride<const N: usize>(a: &mut Args<'_>) -> Result<Option<[usize; N]>> {
    struct Stride<const N: usize>(Option<[usize; N]>);
    impl<const N: usize> FromValue<'_> for Stride<N> {
        const KIND: &'static str = <[usize; N]>::KIND;
        fn from_value(value: &Value) -> Option<Self> {
            match value {
                Value::List(values) if values.is_empty() => Some(Stride(None)),
                _ => <[usize; N]>::from_value(value).map(|stride| Stride(Some(stride))),
            }
        }
    }
    Ok(a.opt::<Stride<N>>("stride")?.and_then(|stride| stride.0))
}

/// The windows over the last dimensions of an input: two, or one with a dimension of size 1 before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// 1 or 2.
    dims: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sliding([Slide; 2], bool),
    Adaptive([Option<usize>; 2]),
}

/// As two dimensions.
fn two<T: Copy, const N: usize>(values: [T; N], before: T) -> [T; 2] {
    match values[..] {
        [] => [before; 2],
        [last] => [before, last],
        [first, second, ..] => [first, second],
    }
}

impl Windows {
    pub(crate) fn sliding<const N: usize>(
        kernel: [usize; N],
        stride: Option<[usize; N]>,
        padding: [usize; N],
        dilation: [usize; N],
        ceil: bool,
    ) -> Windows {
        let (stride, kernel) = (two(stride.unwrap_or(kernel), 1), two(kernel, 1));
        let (padding, dilation) = (two(padding, 0), two(dilation, 1));
        let slide = |d: usize| Slide {
            kernel: kernel[d],
            stride: stride[d],
            dilation: dilation[d],
            padding: [padding[d]; 2],
        };
        Windows { dims: N, kind: Kind::Sliding([slide(0), slide(1)], ceil) }
    }

    pub(crate) fn adaptive<const N: usize>(output: [Option<usize>; N]) -> Windows {
        Windows { dims: N, kind: Kind::Adaptive(two(output, Some(1))) }
    }

    /// The sizes of the pooled dimensions of a shape.
    fn sizes(&self, shape: &[usize]) -> [usize; 2] {
        let at = |from_end| shape.len().checked_sub(from_end).map_or(1, |d| shape[d]);
        if self.dims == 1 { [1, at(1)] } else { [at(2), at(1)] }
    }

    /// The shape of the output.
    ///
    /// # Errors
    /// If the input has another number of dimensions than samples of channels have, or the windows do not fit.
    pub(crate) fn output(&self, op: &'static str, x: &Tensor) -> Result<Shape> {
        let (shape, dims) = (x.shape(), self.dims);
        if !(dims + 1..=dims + 2).contains(&shape.len()) {
            let sizes = if dims == 1 { "length" } else { "height, width" };
            return Err(Error::op(
                op,
                format!("shape {shape:?}; it takes [channels, {sizes}] or [samples, channels, {sizes}]"),
            ));
        }
        let input = self.sizes(shape);
        if input.contains(&0) {
            return Err(Error::op(op, format!("shape {shape:?} has nothing to pool")));
        }
        let output = match self.kind {
            Kind::Adaptive(output) => [0, 1].map(|d| output[d].unwrap_or(input[d])),
            Kind::Sliding(slides, ceil) => {
                for slide in slides {
                    let Slide { kernel, dilation, padding, .. } = slide;
                    if slide.span().is_some_and(|span| padding[0] > span / 2) {
                        return Err(Error::op(
                            op,
                            format!(
                                "padding {} for a window of {kernel} with dilation {dilation}; it must be at most half",
                                padding[0]
                            ),
                        ));
                    }
                }
                [slides[0].count(op, input[0], ceil)?, slides[1].count(op, input[1], ceil)?]
            }
        };
        let mut shape = x.shape_ref().clone();
        let from = shape.len() - dims;
        shape[from..].copy_from_slice(&output[2 - dims..]);
        Ok(shape)
    }

    /// Where the windows of an input of this shape are; the output's shape has been computed.
    pub(crate) fn axes(&self, input: &[usize], output: &[usize]) -> [Axis; 2] {
        let (input, output) = (self.sizes(input), self.sizes(output));
        let axis = |d: usize| match self.kind {
            Kind::Adaptive(_) => Axis::adaptive([input[d], output[d]]),
            Kind::Sliding(slides, _) => {
                let Slide { kernel, stride, dilation, padding } = slides[d];
                Axis::sliding([input[d], output[d]], kernel, stride, padding[0], dilation)
            }
        };
        [axis(0), axis(1)]
    }

    /// An upper bound of the positions of a window.
    pub(crate) fn most(&self, input: &[usize], output: &[usize]) -> usize {
        let (input, output) = (self.sizes(input), self.sizes(output));
        let kernel = |d: usize| match self.kind {
            Kind::Sliding(slides, _) => slides[d].kernel,
            Kind::Adaptive(_) if input[d].is_multiple_of(output[d].max(1)) => input[d] / output[d].max(1),
            Kind::Adaptive(_) => input[d] / output[d].max(1) + 2,
        };
        kernel(0).saturating_mul(kernel(1))
    }
}

/// Refuses windows that see nothing of the input, which dilation makes possible.
#[track_caller]
pub(crate) fn check_not_empty(op: &'static str, axes: &[Axis; 2]) {
    if let Some(axis) = axes.iter().find(|axis| axis.spans.iter().any(|span| span.count == 0)) {
        raise(Error::op(
            op,
            format!(
                "all positions of a window lie outside of the {} of the input; give less padding or dilation",
                axis.input
            ),
        ));
    }
}
