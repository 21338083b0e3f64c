//! Windows of any size, stride and dilation: the image is copied with its padding, lines one after another, so that
//! a position of the window is the same offset from every window, and vectors of neighbouring windows are vectors of
//! neighbouring pixels. Where the stride is s, pixels s apart are made neighbours: there are s · s copies, each of some
//! lines and columns.
//!
//! Zeros after a line are those before the next one, so that few windows lie between lines, which are no windows.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

mod copy;
mod dots;
mod lines;
mod sums;
mod weight;

pub(super) use weight::{Part, Transpose, by_panels, weight_gradient};

use super::tile::PANEL;
use super::{GRAIN, Shape};
use crate::pool;
use copy::Flat;
pub(super) use copy::{alternate, straight};
use lines::{Cover, Set, Target, cover};
use std::array::from_fn;
use std::borrow::Cow;

/// Floats of a copy at most, where one line of windows needs so many.
const MOST: usize = 1 << 22;

/// Fewer rows share what is loaded, for [`WIDE`] windows at a time.
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
    let width = shape.output[1];
    let target = Target { plane: shape.windows(), line: width, column: 1, first: 0, width };
    let (images, groups, rows) = (shape.batch, shape.groups, shape.outputs);
    let sets = &[Set { taps: flat.taps.clone(), left: Cow::Borrowed(weight) }];
    cover(&Cover { flat, images, groups, source: input, sets, rows, bias, relu, target }, out);
}

/// For each of the pixels `stride` apart from one, the windows that see it along a dimension: (position, shift of the
/// window's number from the pixel's).
fn seen(shape: &Shape, d: usize, pixel: usize) -> Vec<(usize, isize)> {
    let (stride, at) = (shape.stride[d] as isize, (pixel + shape.padding[d]) as isize);
    let shift = |tap: usize| (at - (tap * shape.dilation[d]) as isize, tap);
    let shifts = (0..shape.kernel[d]).map(shift).filter(|(shift, _)| shift % stride == 0);
    shifts.map(|(shift, tap)| (tap, shift / stride)).collect()
}

/// What windows see of a pixel, and these positions in the window of the weight.
type Seen = (Vec<[usize; 2]>, Vec<usize>);

/// The input's gradient at the pixels `stride` apart from one, or from two side by side: a convolution of stride 1, and
/// for each of the two what its window sees and these positions in that of the weight.
fn phase(shape: &Shape, [y, x]: [usize; 2], side_by_side: bool) -> (Flat, Vec<Seen>) {
    let down = seen(shape, 0, y);
    let across: Vec<_> = (x..=x + usize::from(side_by_side)).map(|x| seen(shape, 1, x)).collect();
    let most =
        |most: isize, seen: &[(usize, isize)]| seen.iter().fold(most, |most, (_, shift)| most.max(-shift));
    let before = [most(0, &down), across.iter().fold(0, |all, seen| most(all, seen))];
    let set = |across: &Vec<(usize, isize)>| {
        let pairs = || down.iter().flat_map(|y| across.iter().map(move |x| (y, x)));
        let at = |shift: isize, d: usize| (shift + before[d]) as usize;
        let taps = pairs().map(|(y, x)| [at(y.1, 0), at(x.1, 1)]).collect();
        (taps, pairs().map(|(y, x)| y.0 * shape.kernel[1] + x.0).collect())
    };
    let sets: Vec<Seen> = across.iter().map(set).collect();
    let flat = Flat {
        channels: shape.outputs,
        source: shape.output,
        before: before.map(|before| before as usize),
        output: from_fn(|d| (shape.input[d] - [y, x][d]).div_ceil(shape.stride[d])),
        stride: [1, 1],
        taps: sets.iter().flat_map(|set| set.0.iter().copied()).collect(),
    };
    (flat, sets)
}

/// Whether neighbouring pixels are done together.
fn is_side_by_side(shape: &Shape) -> bool {
    shape.stride[1] == 2 && shape.input[1] > 1
}

fn phases(shape: &Shape) -> impl Iterator<Item = [usize; 2]> {
    let [down, across] = [0, 1].map(|d| shape.stride[d].min(shape.input[d]));
    let step = 1 + usize::from(is_side_by_side(shape));
    (0..down).flat_map(move |y| (0..across).step_by(step).map(move |x| [y, x]))
}

/// What no window sees: lines from the target's first on, of pixels so far apart.
fn blank(shape: &Shape, target: Target, apart: usize, bias: Option<&[f32]>, out: &mut [f32]) {
    let step = (GRAIN / target.plane).max(1) * target.plane;
    pool::chunks_mut(out, step, |start, out| {
        for (i, plane) in out.chunks_exact_mut(target.plane).enumerate() {
            let channel = (start / target.plane + i) % (shape.groups * shape.inputs);
            let value = bias.map_or(0.0, |bias| bias[channel]);
            let (line, column) = (target.first / target.width, target.first % target.width);
            for line in plane.chunks_exact_mut(target.width).skip(line).step_by(shape.stride[0]) {
                if apart == 1 {
                    line.fill(value);
                } else {
                    line[column..].iter_mut().step_by(apart).for_each(|pixel| *pixel = value);
                }
            }
        }
    });
}

/// The gradient of the input, where it can be done this way.
pub(super) fn serves_input(shape: &Shape) -> bool {
    let [down, across] = shape.stride;
    let together = is_side_by_side(shape);
    down <= 8 && across <= 8 && phases(shape).all(|first| serves(&phase(shape, first, together).0))
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
        let (flat, sets) = phase(shape, first, is_side_by_side(shape));
        // (group, channel of the input, channel of the output, position)
        let set = |(seen, positions): Seen| {
            let mut left = Vec::with_capacity(groups * rows * flat.channels * positions.len());
            for (g, c) in (0..groups).flat_map(|g| (0..rows).map(move |c| (g, c))) {
                for o in 0..flat.channels {
                    let weight = &weight[((g * flat.channels + o) * rows + c) * taps..][..taps];
                    left.extend(positions.iter().map(|&tap| weight[tap]));
                }
            }
            Set { taps: seen, left: Cow::Owned(left) }
        };
        let sets: Vec<Set<'_>> = sets.into_iter().map(set).collect();
        let [sy, sx] = shape.stride;
        let target = Target {
            plane: height * width,
            line: sy * width,
            column: sx,
            first: first[0] * width + first[1],
            width,
        };
        let (flat, sets) = (&flat, &sets[..]);
        if sets.iter().all(|set| set.taps.is_empty()) {
            blank(shape, target, 1 + usize::from(sets.len() == 1) * (sx - 1), bias, out);
            continue;
        }
        cover(&Cover { flat, images, groups, source: grad, sets, rows, bias, relu: false, target }, out);
    }
}
