//! Many channels: sixteen channels of the result are a vector, and single pixels of the source are what it is multiplied
//! by. So strides and narrow lines leave no lanes empty, and products with the zeros around an image are left out: for
//! each column of the window the pixels of a line that see the image are a stretch, and so are for each line the lines
//! that it sees. Where there is one vector only, and so a pixel to be read for each product, it is read once for all columns of
//! the window (`sweep`).
//!
//! Sums (line, column, channel) of a block of lines stay in the second cache, while the weights of so many terms and what
//! they meet stay in the first.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

mod copy;
mod sums;
mod sweep;
mod weight;

pub(super) use weight::weight_gradient;

use super::Shape;
use crate::lanes::{WIDTH, is_narrow};
use std::ops::Range;
use sums::{Cover, PIXELS};

/// The fewest terms of a sum through one column of the window.
const TERMS: usize = 32;
/// The same where pixels are swept and the other ways would leave a third of the lanes empty.
const FEW: usize = 12;

/// Whether so many channels fill the lanes.
fn fills(channels: usize) -> bool {
    channels * 4 >= channels.next_multiple_of(WIDTH) * 3
}

/// Whether sums are long enough. Single pixels of large images fill lanes themselves.
fn serves(pass: Pass<'_>) -> bool {
    let (shape, [from, to]) = (pass.shape, pass.sides());
    if shape.taps() == 1 {
        return shape.is_pointwise() && from.channels >= 4 * TERMS && shape.windows() <= WIDTH * WIDTH;
    }
    let (terms, width) = (from.channels * shape.kernel[0], to.size[1]);
    let empty = width * 3 <= width.next_multiple_of(WIDTH) * 2;
    terms >= TERMS || terms >= FEW && empty && pass.sweeps()
}

/// Where windows are single pixels the image is one line.
fn in_line(shape: &Shape) -> Shape {
    let line = [1, shape.windows()];
    if shape.is_pointwise() { Shape { input: line, output: line, ..*shape } } else { *shape }
}

pub(super) fn serves_output(shape: &Shape) -> bool {
    fills(shape.outputs) && serves(Pass { shape, backward: false })
}

pub(super) fn serves_input(shape: &Shape) -> bool {
    fills(shape.inputs) && serves(Pass { shape, backward: true })
}

pub(super) fn serves_weight(shape: &Shape) -> bool {
    fills(shape.outputs) && shape.inputs >= 2 * WIDTH && shape.taps() > 1
}

pub(super) fn forward(
    shape: &Shape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    Cover::new(Pass { shape: &in_line(shape), backward: false }).run(input, weight, bias, relu, out);
}

pub(super) fn input_gradient(
    shape: &Shape,
    grad: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    Cover::new(Pass { shape: &in_line(shape), backward: true }).run(grad, weight, bias, false, out);
}

/// A convolution, or the gradient of one with respect to its input: the same pairs of pixels, in the other direction.
#[derive(Clone, Copy)]
struct Pass<'a> {
    shape: &'a Shape,
    backward: bool,
}

/// The images that are read, or those that are written.
#[derive(Clone, Copy)]
struct Side {
    /// Of a group.
    channels: usize,
    size: [usize; 2],
    /// Columns so far apart are neighbours here.
    step: usize,
}

impl Side {
    /// Columns of each of the parts of a line.
    fn part(&self) -> usize {
        self.size[1].div_ceil(self.step)
    }

    /// Places of a line.
    fn pitch(&self) -> usize {
        self.part() * self.step
    }

    /// Where a column is.
    fn place(&self, column: usize) -> usize {
        column % self.step * self.part() + column / self.step
    }

    fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

impl Pass<'_> {
    /// What is read and what is written.
    fn sides(&self) -> [Side; 2] {
        let Shape { inputs, outputs, input, output, stride, .. } = *self.shape;
        // Never more parts than columns.
        let step = stride[1].min(input[1]).max(1);
        let pixels = Side { channels: inputs, size: input, step };
        let windows = Side { channels: outputs, size: output, step: 1 };
        if self.backward { [windows, pixels] } else { [pixels, windows] }
    }

    /// The pixels that meet through a column of the window: the first column to be read, the first to be written, and how
    /// many there are, all neighbours.
    fn stretch(&self, tap: usize) -> Option<([usize; 2], usize)> {
        let Shape { stride, dilation, padding, .. } = *self.shape;
        let windows = self.shape.inside(1, tap);
        let pixel = (windows.start * stride[1] + tap * dilation[1]).checked_sub(padding[1])?;
        let columns = if self.backward { [windows.start, pixel] } else { [pixel, windows.start] };
        (!windows.is_empty()).then_some((columns, windows.len()))
    }

    /// Whether pixels are swept: neighbours meet through neighbouring columns of the window, and lines are not so short that
    /// several images are taken together.
    fn sweeps(&self) -> bool {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape;
        let [_, to] = self.sides();
        sweep::ACROSS.contains(&kernel[1])
            && stride[1] == 1
            && dilation[1] == 1
            && padding[1] < kernel[1]
            && to.channels <= WIDTH
            && 2 * self.shape.output[1] > PIXELS
            && !is_narrow()
    }

    /// How many columns before the first that is written the first that is read lies, and whether the columns of the window see
    /// them in reverse.
    fn first_column(&self) -> (usize, bool) {
        let Shape { kernel, padding, .. } = *self.shape;
        (if self.backward { kernel[1] - 1 - padding[1] } else { padding[1] }, self.backward)
    }

    /// The lines of the window that see the image from a line, and what they see: (line of the window, line).
    fn seen(&self, line: usize) -> Vec<[usize; 2]> {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape;
        let sees = |tap: usize| {
            let windows = self.shape.inside(0, tap);
            if self.backward {
                let at = (line + padding[0]).checked_sub(tap * dilation[0])?;
                let window = at / stride[0];
                (at.is_multiple_of(stride[0]) && windows.contains(&window)).then_some([tap, window])
            } else {
                windows.contains(&line).then(|| [tap, line * stride[0] + tap * dilation[0] - padding[0]])
            }
        };
        let mut seen: Vec<_> = (0..kernel[0]).filter_map(sees).collect();
        seen.sort_unstable_by_key(|seen| seen[1]);
        seen
    }

    /// All lines that some lines see.
    fn reach(&self, lines: Range<usize>) -> Range<usize> {
        let seen = lines.flat_map(|line| self.seen(line)).map(|[_, line]| line);
        let none = Range { start: usize::MAX, end: 0 };
        seen.fold(none, |all, line| all.start.min(line)..all.end.max(line + 1))
    }
}
