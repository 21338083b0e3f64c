//! Windows of any size, stride and dilation: the image is copied with its padding, lines one after another, so that
//! a position of the window is the same offset from every window, and vectors of neighbouring windows are vectors of
//! neighbouring pixels. Where the stride is s, pixels s apart are made neighbours: there are s · s copies, each of some
//! lines and columns.
//!
//! Zeros after a line are those before the next one, so that few windows lie between lines, which are no windows.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

mod copy;
mod weight;

pub(super) use weight::weight_gradient;

use super::Shape;
use super::tile::{Apart, Finished, Left, PANEL, Right, multiply, multiply_into};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool::SendPtr;
use crate::{DType, Storage};
use copy::Flat;
pub(super) use copy::{alternate, straight};
use std::array::from_fn;
use std::ops::Range;

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

/// Where results go: the element at (channel, line, column).
#[derive(Clone, Copy)]
struct Target {
    plane: usize,
    line: usize,
    column: usize,
    first: usize,
}

/// Sums of products with each row of `left` (group, row, channel and position) for all windows.
struct Cover<'a> {
    flat: &'a Flat,
    images: usize,
    groups: usize,
    source: &'a [f32],
    left: &'a [f32],
    rows: usize,
    bias: Option<&'a [f32]>,
    relu: bool,
    target: Target,
}

fn cover(cover: &Cover<'_>, out: &mut [f32]) {
    let Cover { flat, groups, rows, .. } = *cover;
    let (images, k) = (cover.images * groups, flat.channels * flat.taps.len());
    let work = rows.saturating_mul(k).saturating_mul(flat.output[0] * flat.output[1]);
    let block = flat.block(images, work);
    let blocks = flat.output[0].div_ceil(block);
    let base = SendPtr(out.as_mut_ptr());
    let (end, size) = (out.len(), flat.channels * flat.source[0] * flat.source[1]);
    super::run(images * blocks, work / blocks, |tasks| {
        let whole = flat.is_whole() && cover.is_direct();
        let room = if whole { 0 } else { flat.size(block) };
        let mut scratch = Storage::new(DType::F32, room + (rows.max(k) * PANEL).max(FEW * WIDE));
        let (copy, sums) = scratch.as_mut_slice::<f32>().split_at_mut(room);
        let (mut offsets, mut clean) = ((0, Vec::new()), false);
        for task in tasks {
            let (image, first) = (task / blocks, task % blocks * block);
            let lines = first..flat.output[0].min(first + block);
            if offsets.0 != lines.len() {
                offsets = (lines.len(), flat.offsets_of(whole, lines.len()));
            }
            let source = &cover.source[image * size..];
            let copy = if whole {
                &source[first * flat.source[1]..]
            } else {
                let copy = &mut copy[..flat.size(lines.len())];
                flat.fill(&source[..size], lines.clone(), clean, copy);
                clean = blocks == 1;
                copy
            };
            let (base, offsets) = (base.get(), &offsets.1[..]);
            dispatch_lanes(Lines { cover, image, lines, offsets, copy, sums, base, end });
        }
    });
}

/// Some lines of windows of one group of an image.
struct Lines<'a> {
    cover: &'a Cover<'a>,
    /// Counted with the groups.
    image: usize,
    lines: Range<usize>,
    offsets: &'a [usize],
    copy: &'a [f32],
    sums: &'a mut [f32],
    /// The output: these lines of this image are written by nobody else.
    base: *mut f32,
    end: usize,
}

impl LaneKernel for Lines<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.cover.is_direct() {
            return self.direct();
        }
        let Lines { cover, image, lines, offsets, copy, sums, base, end } = self;
        let Cover { flat, groups, rows, left, bias, relu, target, .. } = *cover;
        let (k, pitch, width) = (offsets.len(), flat.pitch(), flat.output[1]);
        let group = image % groups;
        let left = &left[group * rows * k..][..rows * k];
        let windows = flat.windows(lines.len());
        let panel = if rows < FEW { WIDE } else { PANEL };
        for start in (0..windows).step_by(panel) {
            let n = panel.min(windows - start);
            if rows < FEW {
                for row in 0..rows {
                    wide::<L>(
                        &left[row * k..][..k],
                        offsets,
                        &copy[start..],
                        &mut sums[row * WIDE..][..WIDE],
                    );
                }
            } else {
                let left = Left { data: left, rows: Apart(k), step: 1 };
                multiply([rows, k, n], left, Right { data: &copy[start..], rows: offsets }, sums, false);
            }
            let mut at = start;
            while at < start + n {
                let (line, column) = (at / pitch, at % pitch);
                if column >= width {
                    at = (line + 1) * pitch;
                    continue;
                }
                let count = (width - column).min(start + n - at);
                let place = target.first + (lines.start + line) * target.line + column * target.column;
                for row in 0..rows {
                    let shift = L::splat(bias.map_or(0.0, |bias| bias[group * rows + row]));
                    let from = (image * rows + row) * target.plane + place;
                    let sums = &sums[row * panel + at - start..][..count];
                    assert!(from + (count - 1) * target.column < end);
                    if target.column == 1 {
                        // SAFETY: inside the output, as asserted; see `base` for who else writes.
                        let out = unsafe { std::slice::from_raw_parts_mut(base.add(from), count) };
                        let mut i = 0;
                        while i < count {
                            let end = count.min(i + WIDTH);
                            let sum = L::load_some(&sums[i..end]) + shift;
                            if relu { sum.relu() } else { sum }.store_some(&mut out[i..end]);
                            i = end;
                        }
                    } else {
                        let shift = bias.map_or(0.0, |bias| bias[group * rows + row]);
                        for (i, sum) in sums.iter().enumerate() {
                            // SAFETY: as above.
                            unsafe { *base.add(from + i * target.column) = sum + shift };
                        }
                    }
                }
                at += count;
            }
        }
    }
}

impl Cover<'_> {
    /// Whether lines follow each other without gaps, in what is read and in what is written.
    fn is_one_line(&self) -> bool {
        self.flat.is_whole() && self.target.line == self.flat.output[1]
    }

    /// Whether sums go from the registers to the output: where lines fill the vectors well, or windows lie side by
    /// side without gaps.
    fn is_direct(&self) -> bool {
        let width = self.flat.output[1];
        let fills = width.next_multiple_of(WIDTH) * 7 <= width * 8;
        self.rows >= FEW && self.target.column == 1 && (fills || self.is_one_line())
    }
}

impl Lines<'_> {
    fn direct(self) {
        let Lines { cover, image, lines, offsets, copy, sums, base, end } = self;
        let Cover { flat, groups, rows, left, bias, relu, target, .. } = *cover;
        let (k, width) = (offsets.len(), flat.output[1]);
        let group = image % groups;
        let left = Left { data: &left[group * rows * k..][..rows * k], rows: Apart(k), step: 1 };
        let bias = bias.map(|bias| &bias[group * rows..][..rows]);
        let (count, length) =
            if cover.is_one_line() { (1, lines.len() * width) } else { (lines.len(), width) };
        for line in 0..count {
            for start in (0..length).step_by(PANEL) {
                let n = PANEL.min(length - start);
                let from = image * rows * target.plane + target.first;
                let from = from + (lines.start + line) * target.line + start;
                assert!(from + (rows - 1) * target.plane + n <= end);
                // SAFETY: inside the output, as asserted; see `base` for who else writes.
                let sink = unsafe { Finished::new(base.add(from), [target.plane, n], bias, relu) };
                let seen = &copy[line * flat.pitch() + start..];
                let last = offsets.last().map_or(0, |last| last + n.next_multiple_of(WIDTH));
                if last <= seen.len() {
                    multiply_into([rows, k, n], left, Right { data: seen, rows: offsets }, sink);
                    continue;
                }
                // The end of the input, which is no copy with room behind it.
                for (row, &at) in sums.chunks_exact_mut(PANEL).zip(offsets) {
                    row[..n].copy_from_slice(&seen[at..at + n]);
                }
                multiply_into([rows, k, n], left, Right { data: sums, rows: Apart(PANEL) }, sink);
            }
        }
    }
}

/// The sums of one row for [`WIDE`] windows.
#[inline(always)]
fn wide<L: Lanes>(left: &[f32], offsets: &[usize], copy: &[f32], sums: &mut [f32]) {
    let mut lanes = [L::zero(); WIDE / WIDTH];
    for p in 0..left.len() {
        let (v, copy) = (L::splat(left[p]), &copy[offsets[p]..][..WIDE]);
        for j in 0..lanes.len() {
            lanes[j] = v.mul_add(L::load_some(&copy[j * WIDTH..][..WIDTH]), lanes[j]);
        }
    }
    for j in 0..lanes.len() {
        lanes[j].store_some(&mut sums[j * WIDTH..][..WIDTH]);
    }
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
