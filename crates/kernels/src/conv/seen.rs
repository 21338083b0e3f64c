//! Sums that came out NaN, once more over what windows see.
//!
//! Loops over vectors multiply more than that: the zeros around an image, and zeros by what lies between and behind its
//! lines. Such products are 0 and change no sum, unless the other factor is an infinity or NaN: then they are NaN. So
//! where a sum is NaN it is taken again, one product after another. As long as all numbers are finite this costs but a
//! look at the weight or its gradient.

use super::direct::OneWeight;
use super::{GRAIN, Shape};
use crate::isa::{Kernel, dispatch};
use crate::num::Num;
use crate::{Element, pool};

pub(super) fn is_nan<T: Element>(v: T) -> bool {
    v.to_f64().is_nan()
}

/// Whether no number is an infinity or NaN.
struct AreFinite<'a, T>(&'a [T]);

impl<T: Element> Kernel for AreFinite<'_, T> {
    type Output = bool;
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) -> bool {
        // Of any other number itself is 0 less than itself. Without an end inside a chunk, so that it is vectors.
        let finite = |all, v: &T| all & (T::from_num(v.to_num() - v.to_num()) == T::default());
        self.0.chunks(1 << 8).all(|chunk| chunk.iter().fold(true, finite))
    }
}

pub(super) fn weight_gradient<T: Element>(shape: &Shape, input: &[T], grad: &[T], out: &mut [T]) {
    if dispatch(AreFinite(out)) {
        return;
    }
    let step = (GRAIN / shape.windows().saturating_mul(shape.batch).max(1)).max(1);
    pool::chunks_mut(out, step, |start, out| {
        for (i, out) in out.iter_mut().enumerate().filter(|(_, out)| is_nan(**out)) {
            *out = dispatch(OneWeight { shape, at: start + i, input, grad });
        }
    });
}

pub(super) fn forward<T: Element>(
    shape: &Shape,
    input: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    relu: bool,
    out: &mut [T],
) {
    if dispatch(AreFinite(weight)) {
        return;
    }
    let pixel = |d: usize, window: usize, tap: usize| {
        Some((window * shape.stride[d] + tap * shape.dilation[d]).wrapping_sub(shape.padding[d]))
    };
    let sums = Sums {
        channels: [shape.outputs, shape.inputs],
        size: shape.output,
        source: shape.input,
        seen: [0, 1]
            .map(|d| seen(shape.kernel[d], [shape.output[d], shape.input[d]], |at, tap| pixel(d, at, tap))),
        weight: [shape.rows(), shape.taps()],
    };
    sums.run(shape, input, weight, bias, relu, out);
}

pub(super) fn input_gradient<T: Element>(
    shape: &Shape,
    grad: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    if dispatch(AreFinite(weight)) {
        return;
    }
    let window = |d: usize, pixel: usize, tap: usize| {
        let at = (pixel + shape.padding[d]).wrapping_sub(tap * shape.dilation[d]) as isize;
        let stride = shape.stride[d] as isize;
        (at.rem_euclid(stride) == 0).then_some(at.div_euclid(stride) as usize)
    };
    let sums = Sums {
        channels: [shape.inputs, shape.outputs],
        size: shape.input,
        source: shape.output,
        seen: [0, 1]
            .map(|d| seen(shape.kernel[d], [shape.input[d], shape.output[d]], |at, tap| window(d, at, tap))),
        weight: [shape.taps(), shape.rows()],
    };
    sums.run(shape, grad, weight, bias, false, out);
}

/// What the sums at a line, or a column, are made of.
struct Seen {
    /// Positions of the window, and the line that each sees.
    pairs: Vec<[usize; 2]>,
    /// Whether other positions see what lies around.
    cut: bool,
}

/// For each of `size` lines, or columns, what is seen of the first `end` through so many positions. Places before the first
/// are below 0, which wraps to large numbers.
fn seen(taps: usize, [size, end]: [usize; 2], place: impl Fn(usize, usize) -> Option<usize>) -> Vec<Seen> {
    let line = |at: usize| {
        let mut pairs: Vec<_> = (0..taps).filter_map(|tap| Some([tap, place(at, tap)?])).collect();
        let all = pairs.len();
        pairs.retain(|pair| pair[1] < end);
        Seen { cut: pairs.len() < all, pairs }
    };
    (0..size).map(line).collect()
}

/// Sums of the products of what windows see, for each channel and position, with the weight.
struct Sums {
    /// Of the sums and of their terms, in a group.
    channels: [usize; 2],
    /// Sizes of the images that they make, and of those that are read.
    size: [usize; 2],
    source: [usize; 2],
    /// Vertical, horizontal.
    seen: [Vec<Seen>; 2],
    /// Distance in the weight of neighbouring channels of either.
    weight: [usize; 2],
}

impl Sums {
    /// Takes those near the border again that are NaN.
    fn run<T: Element>(
        &self,
        shape: &Shape,
        source: &[T],
        weight: &[T],
        bias: Option<&[T]>,
        relu: bool,
        out: &mut [T],
    ) {
        let Sums { channels: [channels, terms], size: [height, width], source: [down, across], .. } = *self;
        // In a training that has failed all weights are NaN, and so is each sum that has a term.
        let none = self.seen.iter().flatten().any(|seen| seen.pairs.is_empty());
        if !none && weight.iter().all(|&w| is_nan(w)) {
            return;
        }
        pool::chunks_mut(out, height * width, |start, out| {
            let zero = T::Num::lit(0.0);
            let (plane, group) = (start / (height * width), start / (height * width) / channels);
            let source = &source[group * terms * down * across..][..terms * down * across];
            let channel = plane % (shape.groups * channels);
            let first =
                group % shape.groups * shape.outputs * shape.rows() + plane % channels * self.weight[0];
            for (y, line) in out.chunks_exact_mut(width).enumerate() {
                for (x, out) in line.iter_mut().enumerate() {
                    let [lines, columns] = [&self.seen[0][y], &self.seen[1][x]];
                    if !(lines.cut || columns.cut) || !is_nan(*out) {
                        continue;
                    }
                    let mut sum = zero;
                    for (c, source) in source.chunks_exact(down * across).enumerate() {
                        let weight = &weight[first + c * self.weight[1]..][..shape.taps()];
                        for [ty, y] in &lines.pairs {
                            for [tx, x] in &columns.pairs {
                                let w = weight[ty * shape.kernel[1] + tx].to_num();
                                sum = sum + w * source[y * across + x].to_num();
                            }
                        }
                        // It stays that.
                        if is_nan(T::from_num(sum)) {
                            break;
                        }
                    }
                    sum = bias.map_or(sum, |bias| sum + bias[channel].to_num());
                    *out = T::from_num(if relu { T::Num::select(sum.le(zero), zero, sum) } else { sum });
                }
            }
        });
    }
}
