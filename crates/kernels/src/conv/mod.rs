//! Convolution of images in two dimensions; a signal is an image of height 1.
//!
//! Three loops that are each other's derivatives: with y = [`forward`] (x, w), the gradient with respect to x is
//! [`input_gradient`] (dy, w), and with respect to w it is [`weight_gradient`] (x, dy). All are linear in both
//! operands. Everything is row-major: images (batch, channels, height, width), weights (output channels, input
//! channels of a group, height, width).
//!
//! There are several ways. For `f32`: 3×3 windows of many channels go through Winograd's transformation (`winograd`), a
//! window as large as the image and those of single pixels are products of matrices (`whole`), a window for each channel
//! has loops of its own, over lines (`depthwise`) or sixteen channels at a time (`planes`), other windows of many channels
//! have channels as lanes (`deep`), and all others are products in registers over a padded copy of the image (`flat`),
//! unless that copy were too large. For the other types: matrix products with the columns (`columns`), or loops over lines
//! where few channels meet (`direct`).
//!
//! An infinity or a NaN reaches what sees it alone, and what is around an image is no factor (`seen`); under Winograd's
//! transformation it reaches all of a tile, and all of a weight's gradient.
//!
//! Sums have a fixed order, however work is cut, so results do not depend on the number of threads.

mod columns;
mod deep;
mod depthwise;
mod direct;
mod flat;
mod patches;
mod planes;
mod seen;
mod tile;
mod whole;
mod winograd;

pub use patches::{fold, unfold};

use crate::Element;
use crate::dtype::{floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::lanes::WIDTH;
use crate::num::Num;
use crate::pool;
use crate::strided::numel;
use crate::tiny;
use std::ops::Range;

/// Sizes of a convolution; pairs are vertical, horizontal.
///
/// The caller has checked that the last window's last position, `(output − 1) · stride + (kernel − 1) · dilation`,
/// and `input + padding` can be told in a `usize`, and that no size of a pair is 0. Windows may reach beyond the
/// input on either side; what is there counts as 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Images.
    pub batch: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Channels of the input in a group.
    pub inputs: usize,
    /// Channels of the output in a group.
    pub outputs: usize,
    /// Size of an input image.
    pub input: [usize; 2],
    /// Size of an output image: the number of windows.
    pub output: [usize; 2],
    /// Size of a window.
    pub kernel: [usize; 2],
    /// Step from window to window.
    pub stride: [usize; 2],
    /// Distance of a window's positions.
    pub dilation: [usize; 2],
    /// Zeros before the input.
    pub padding: [usize; 2],
}

impl Shape {
    /// Elements of one channel of the input.
    fn pixels(&self) -> usize {
        numel(&self.input)
    }

    /// Elements of one channel of the output.
    fn windows(&self) -> usize {
        numel(&self.output)
    }

    /// Weights of one channel of the input for one of the output.
    fn taps(&self) -> usize {
        numel(&self.kernel)
    }

    /// Weights of one channel of the output.
    fn rows(&self) -> usize {
        numel(&[self.inputs, self.taps()])
    }

    /// Elements of the input, the weight and the output.
    fn sizes(&self) -> [usize; 3] {
        [
            numel(&[self.batch, self.groups, self.inputs, self.pixels()]),
            numel(&[self.groups, self.outputs, self.rows()]),
            numel(&[self.batch, self.groups, self.outputs, self.windows()]),
        ]
    }

    /// Multiply-adds of one group of one image.
    fn work(&self) -> usize {
        numel(&[self.outputs, self.rows(), self.windows()])
    }

    /// Whether so few channels meet that a matrix product has nothing to block.
    fn is_depthwise(&self) -> bool {
        self.inputs * self.outputs <= 4
    }

    /// Whether each window is one pixel, so that the input is its own matrix of columns.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] && self.input == self.output
    }

    /// The windows along a dimension whose position `tap` lies inside the input.
    #[inline(always)]
    fn inside(&self, dim: usize, tap: usize) -> Range<usize> {
        let (shift, padding, stride) = (tap * self.dilation[dim], self.padding[dim], self.stride[dim]);
        let from = padding.saturating_sub(shift).div_ceil(stride);
        let end = (padding + self.input[dim]).saturating_sub(shift).div_ceil(stride).min(self.output[dim]);
        from.min(end)..end
    }

    /// Calls `f(i, pixel, n)` for each stretch of windows in one line whose position `tap` lies inside the input:
    /// windows `windows.start + i` and the n − 1 after it, of which the first sees this pixel and each next
    /// one the pixel `stride` further.
    #[inline(always)]
    fn stretches(&self, tap: usize, windows: Range<usize>, mut f: impl FnMut(usize, usize, usize)) {
        let taps = [tap / self.kernel[1], tap % self.kernel[1]];
        let [lines, columns] = [self.inside(0, taps[0]), self.inside(1, taps[1])];
        let width = self.output[1];
        let first = lines.start.max(windows.start / width);
        let end = lines.end.min(windows.end.div_ceil(width));
        for line in first..end {
            let from = windows.start.saturating_sub(line * width).max(columns.start);
            let to = (windows.end - line * width).min(columns.end);
            if from < to {
                let y = line * self.stride[0] + taps[0] * self.dilation[0] - self.padding[0];
                let x = from * self.stride[1] + taps[1] * self.dilation[1] - self.padding[1];
                f(line * width + from - windows.start, y * self.input[1] + x, to - from);
            }
        }
    }
}

/// How many floats ahead weights are asked for while they are turned: within a row where one channel's follow another's, so far
/// `apart`, or those of the next channels.
fn ahead(taps: usize, apart: usize) -> usize {
    if apart == taps { 4 * WIDTH } else { 2 * apart }
}

/// Multiply-adds that pay for waking a thread.
const GRAIN: usize = 1 << 17;

/// Parts that work is cut into at most, so that many threads have enough to do.
const PARTS: usize = 32;

/// Runs tasks 0 to n − 1, each of about this many multiply-adds, several at a time where they are small or many: what
/// a thread makes ready serves all of them.
fn run(tasks: usize, work: usize, f: impl Fn(Range<usize>) + Sync) {
    let many = if pool::is_alone() { tasks } else { tasks / PARTS };
    let step = (GRAIN / work.max(1)).max(many).clamp(1, tasks.max(1));
    pool::run(tasks.div_ceil(step), &|i| f(i * step..tasks.min((i + 1) * step)));
}

/// out = input ⋆ weight + bias, the bias one for each channel of the output, and max(0, …) of that with `relu`.
/// Integers wrap.
///
/// # Panics
/// If a slice is not as long as the shape says.
pub fn forward<T: Element>(
    shape: &Shape,
    input: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    relu: bool,
    out: &mut [T],
) {
    assert_eq!(shape.sizes(), [input.len(), weight.len(), out.len()]);
    assert!(bias.is_none_or(|bias| bias.len() == shape.groups * shape.outputs));
    if out.is_empty() {
        return;
    }
    if winograd::serves_output(shape)
        && let (Some(input), Some(weight), Some(out)) = (floats(input), floats(weight), floats_mut(out))
    {
        return winograd::forward(shape, input, weight, bias.and_then(floats), relu, out);
    }
    if whole::serves(shape)
        && let (Some(input), Some(weight), Some(out)) = (floats(input), floats(weight), floats_mut(out))
    {
        return whole::forward(shape, input, weight, bias.and_then(floats), relu, out);
    }
    if deep::serves_output(shape)
        && let (Some(input), Some(weight), Some(out)) = (floats(input), floats(weight), floats_mut(out))
    {
        return deep::forward(shape, input, weight, bias.and_then(floats), relu, out);
    }
    if planes::serves(shape)
        && let (Some(input), Some(weight), Some(out)) = (floats(input), floats(weight), floats_mut(out))
    {
        planes::forward(shape, input, weight, bias.and_then(floats), relu, out);
    } else if depthwise::serves(shape)
        && let (Some(input), Some(weight), Some(out)) = (floats(input), floats(weight), floats_mut(out))
    {
        depthwise::forward(shape, input, weight, bias.and_then(floats), relu, out);
    } else if flat::serves_output(shape)
        && let (Some(input), Some(weight), Some(out)) = (floats(input), floats(weight), floats_mut(out))
    {
        flat::forward(shape, input, weight, bias.and_then(floats), relu, out);
    } else {
        if shape.is_depthwise() {
            direct::forward(shape, input, weight, bias, out);
        } else {
            columns::forward(shape, input, weight, bias, out);
        }
        if relu {
            pool::chunks_mut(out, GRAIN, |_, out| dispatch(Relu(out)));
        }
    }
    seen::forward(shape, input, weight, bias, relu, out);
}

/// max(0, …) in place; NaN stays.
struct Relu<'a, T>(&'a mut [T]);

impl<T: Element> Kernel for Relu<'_, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        for o in self.0 {
            let (v, zero) = (o.to_num(), T::Num::lit(0.0));
            *o = T::from_num(T::Num::select(v.le(zero), zero, v));
        }
    }
}

/// out = the gradient of [`forward`] with respect to its input, plus a bias for each channel of the input: a transposed
/// convolution. `grad` is shaped as the output.
///
/// # Panics
/// If a slice is not as long as the shape says.
pub fn input_gradient<T: Element>(
    shape: &Shape,
    grad: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    assert_eq!(shape.sizes(), [out.len(), weight.len(), grad.len()]);
    assert!(bias.is_none_or(|bias| bias.len() == shape.groups * shape.inputs));
    if out.is_empty() {
        return;
    }
    if bias.is_none()
        && let Some(scaled) = tiny::scaled(grad)
    {
        input_gradient(shape, scaled.data(), weight, None, out);
        return tiny::unscale(out, scaled.power);
    }
    if winograd::serves_input(shape)
        && let (Some(grad), Some(weight), Some(out)) = (floats(grad), floats(weight), floats_mut(out))
    {
        return winograd::input_gradient(shape, grad, weight, bias.and_then(floats), out);
    }
    if whole::serves(shape)
        && let (Some(grad), Some(weight), Some(out)) = (floats(grad), floats(weight), floats_mut(out))
    {
        return whole::input_gradient(shape, grad, weight, bias.and_then(floats), out);
    }
    if deep::serves_input(shape)
        && let (Some(grad), Some(weight), Some(out)) = (floats(grad), floats(weight), floats_mut(out))
    {
        return deep::input_gradient(shape, grad, weight, bias.and_then(floats), out);
    }
    if planes::serves(shape)
        && let (Some(grad), Some(weight), Some(out)) = (floats(grad), floats(weight), floats_mut(out))
    {
        planes::input_gradient(shape, grad, weight, bias.and_then(floats), out);
    } else if depthwise::serves(shape)
        && let (Some(grad), Some(weight), Some(out)) = (floats(grad), floats(weight), floats_mut(out))
    {
        depthwise::input_gradient(shape, grad, weight, bias.and_then(floats), out);
    } else if flat::serves_input(shape)
        && let (Some(grad), Some(weight), Some(out)) = (floats(grad), floats(weight), floats_mut(out))
    {
        flat::input_gradient(shape, grad, weight, bias.and_then(floats), out);
    } else {
        // Their terms are those that are seen.
        return input_gradient_by_image(shape, grad, weight, bias, out);
    }
    seen::input_gradient(shape, grad, weight, bias, out);
}

/// For all types: a group of one image at a time, or several where they are small.
fn input_gradient_by_image<T: Element>(
    shape: &Shape,
    grad: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    let (group, step) =
        (shape.inputs * shape.pixels(), (GRAIN / shape.work().max(1)).clamp(1, shape.batch * shape.groups));
    pool::chunks_mut(out, group.saturating_mul(step), |start, out| {
        for (i, out) in out.chunks_mut(group).enumerate() {
            let at = start / group + i;
            let channels = bias.map(|bias| &bias[at % shape.groups * shape.inputs..][..shape.inputs]);
            for (c, plane) in out.chunks_mut(shape.pixels()).enumerate() {
                plane.fill(channels.map_or(T::default(), |bias| bias[c]));
            }
            if shape.is_depthwise() {
                direct::input_gradient(shape, at, grad, weight, out);
            } else {
                columns::input_gradient(shape, at, grad, weight, out);
            }
        }
    });
}

/// out = the gradient of [`forward`] with respect to its weight; `grad` is shaped as the output.
///
/// # Panics
/// If a slice is not as long as the shape says.
pub fn weight_gradient<T: Element>(shape: &Shape, input: &[T], grad: &[T], out: &mut [T]) {
    assert_eq!(shape.sizes(), [input.len(), out.len(), grad.len()]);
    if out.is_empty() {
        return;
    }
    if let Some(scaled) = tiny::scaled(grad) {
        weight_gradient(shape, input, scaled.data(), out);
        return tiny::unscale(out, scaled.power);
    }
    if shape.batch == 0 {
        return out.fill(T::default());
    }
    if winograd::serves_weight(shape)
        && let (Some(input), Some(grad), Some(out)) = (floats(input), floats(grad), floats_mut(out))
    {
        return winograd::weight_gradient(shape, input, grad, out);
    }
    if whole::serves_weight(shape)
        && let (Some(input), Some(grad), Some(out)) = (floats(input), floats(grad), floats_mut(out))
    {
        return whole::weight_gradient(shape, input, grad, out);
    }
    if deep::serves_weight(shape)
        && let (Some(input), Some(grad), Some(out)) = (floats(input), floats(grad), floats_mut(out))
    {
        return deep::weight_gradient(shape, input, grad, out);
    }
    if planes::serves(shape)
        && let (Some(input), Some(grad), Some(out)) = (floats(input), floats(grad), floats_mut(out))
    {
        planes::weight_gradient(shape, input, grad, out);
    } else if depthwise::serves(shape)
        && let (Some(input), Some(grad), Some(out)) = (floats(input), floats(grad), floats_mut(out))
    {
        depthwise::weight_gradient(shape, input, grad, out);
    } else if flat::serves_output(shape)
        && let (Some(input), Some(grad), Some(out)) = (floats(input), floats(grad), floats_mut(out))
    {
        flat::weight_gradient(shape, input, grad, out);
    } else if shape.is_depthwise() {
        direct::weight_gradient(shape, input, grad, out);
    } else {
        columns::weight_gradient(shape, input, grad, out);
    }
    seen::weight_gradient(shape, input, grad, out);
}

/// How many ranges of images to sum apart, where the sums could otherwise be cut into so many pieces only. Each
/// range's sum takes memory of its own.
fn batch_parts(shape: &Shape, pieces: usize) -> usize {
    let worth = shape.work().saturating_mul(shape.batch).saturating_mul(shape.groups) / GRAIN;
    (PARTS.min(worth) / pieces).clamp(1, shape.batch)
}

/// One of several ranges of equal length, as far as that goes.
fn part(of: usize, parts: usize, index: usize) -> Range<usize> {
    of * index / parts..of * (index + 1) / parts
}
