//! Windows of any size, stride and dilation: the image is copied with its padding, lines one after another, so that
//! a position of the window is the same offset from every window, and vectors of neighbouring windows are vectors of
//! neighbouring pixels. Where the stride is s, pixels s apart are made neighbours: there are s · s copies, each of some
//! lines and columns.
//!
//! Zeros after a line are those before the next one, so that few windows lie between lines, which are no windows.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

mod copy;
mod lines;
mod weight;

pub(super) use weight::weight_gradient;

use super::Shape;
use super::tile::PANEL;
use copy::Flat;
pub(super) use copy::{alternate, straight};
use lines::{Cover, Target, cover};
use std::array::from_fn;

/// Floats of a copy at most, where one line of windows needs so many.
const MOST: usize = 1 << 22;

/// Rows that are too few to share what is loaded: each is done by itself, for [`WIDE`] windows at a time.
const FEW: usize = 4;
const WIDE: usize = 2 * PANEL;

/// Whether a copy is not much larger than image and output.
fn serves(flat: &Flat) -> bool {
    let rest = |size: [usize; 2]| size[0].saturating_mul(size[1]);
    let both = rest(flat.source).saturating_add(rest(flat.output)).saturating_mul(flat.channels);
    flat.size(1) <= MOST.max(both)
}

/// The forward pass and the weight's gradient, where they can be done this way.
pub(super) fn serves_output(shape: &Shape) -> bool {
    serves(&Flat::forward(shape))
}

pub(super) fn forward(
    shape: &Shape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let flat = &Flat::forward(shape);
    let target = Target { plane: shape.windows(), line: shape.output[1], column: 1, first: 0 };
    let (images, groups, rows) = (shape.batch, shape.groups, shape.outputs);
    cover(&Cover { flat, images, groups, source: input, left: weight, rows, bias, relu, target }, out);
}

/// For each of the pixels `stride` apart from one, the windows that see it along a dimension: (position, shift of the
/// window's number from the pixel's).
fn seen(shape: &Shape, d: usize, pixel: usize) -> Vec<(usize, isize)> {
    let (stride, at) = (shape.stride[d] as isize, (pixel + shape.padding[d]) as isize);
    let shift = |tap: usize| (at - (tap * shape.dilation[d]) as isize, tap);
    let shifts = (0..shape.kernel[d]).map(shift).filter(|(shift, _)| shift % stride == 0);
    shifts.map(|(shift, tap)| (tap, shift / stride)).collect()
}

/// The input's gradient at the pixels `stride` apart from one: a convolution of stride 1, and its window's positions in
/// that of the weight.
fn phase(shape: &Shape, first: [usize; 2]) -> (Flat, Vec<usize>) {
    let [down, across] = [0, 1].map(|d| seen(shape, d, first[d]));
    let before =
        [&down, &across].map(|seen| seen.iter().fold(0, |most, (_, shift)| most.max(-shift)) as usize);
    let at = |shift: isize, d: usize| (shift + before[d] as isize) as usize;
    let pairs = || down.iter().flat_map(|y| across.iter().map(move |x| (y, x)));
    let flat = Flat {
        channels: shape.outputs,
        source: shape.output,
        before,
        output: from_fn(|d| (shape.input[d] - first[d]).div_ceil(shape.stride[d])),
        stride: [1, 1],
        taps: pairs().map(|(y, x)| [at(y.1, 0), at(x.1, 1)]).collect(),
    };
    let positions = pairs().map(|(y, x)| y.0 * shape.kernel[1] + x.0).collect();
    (flat, positions)
}

fn phases(shape: &Shape) -> impl Iterator<Item = [usize; 2]> {
    let [down, across] = [0, 1].map(|d| shape.stride[d].min(shape.input[d]));
    (0..down).flat_map(move |y| (0..across).map(move |x| [y, x]))
}

/// The gradient of the input, where it can be done this way.
pub(super) fn serves_input(shape: &Shape) -> bool {
    let [down, across] = shape.stride;
    down <= 8 && across <= 8 && phases(shape).all(|first| serves(&phase(shape, first).0))
}

pub(super) fn input_gradient(
    shape: &Shape,
    grad: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let (images, groups, rows, taps) = (shape.batch, shape.groups, shape.inputs, shape.taps());
    let [height, width] = shape.input;
    for first in phases(shape) {
        let (flat, positions) = &phase(shape, first);
        // (group, channel of the input, channel of the output, position)
        let mut left = Vec::with_capacity(groups * rows * flat.channels * positions.len());
        for (g, c) in (0..groups).flat_map(|g| (0..rows).map(move |c| (g, c))) {
            for o in 0..flat.channels {
                let weight = &weight[((g * flat.channels + o) * rows + c) * taps..][..taps];
                left.extend(positions.iter().map(|&tap| weight[tap]));
            }
        }
        let [sy, sx] = shape.stride;
        let target = Target {
            plane: height * width,
            line: sy * width,
            column: sx,
            first: first[0] * width + first[1],
        };
        cover(
            &Cover { flat, images, groups, source: grad, left: &left, rows, bias, relu: false, target },
            out,
        );
    }
}
