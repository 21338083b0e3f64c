//! The gradient of the weight: sums over windows of what a position sees times the window's gradient. The gradients of
//! many outputs are turned so that outputs are lanes; with few outputs, windows are.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::copy::Flat;
use super::{FEW, dots};
use crate::conv::tile::{Apart, At, Left, Neighbours, PANEL, Right, multiply};
use crate::conv::winograd::Planes;
use crate::conv::{GRAIN, PARTS, Shape, part};
use crate::lanes::{LaneKernel, Lanes, Spread, WIDTH, dispatch_lanes};
use crate::pool::{self, SendPtr};
use crate::{DType, Storage};
use std::ops::Range;

/// Tasks to cut the work into, where that takes no more memory for sums.
const TASKS: usize = 8;
/// Windows that are added up at a time: their gradients stay in the first cache.
const WINDOWS: usize = 192;
/// Sums that the weight's gradient takes at most beside the result, in floats.
const SUMS: usize = 1 << 21;

pub(in crate::conv) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    // Where lanes would be empty, and groups are tasks enough.
    if shape.outputs < FEW || (shape.outputs < WIDTH / 2 && shape.groups >= TASKS) {
        return few(shape, input, grad, out);
    }
    if dots::serves(shape) {
        return dots::weight_gradient(shape, input, grad, out);
    }
    let flat = &Flat::forward(shape);
    let rows = shape.rows();
    let block = flat.block(shape.batch, shape.work());
    let blocks = flat.output[0].div_ceil(block);
    let (pixels, windows) = (shape.inputs * shape.pixels(), shape.outputs * shape.windows());
    by_panels(shape, shape.batch * blocks, out, &|Part { group, units, of_panels, sums, size }| {
        let whole = flat.is_whole();
        let room = if whole { 0 } else { flat.size(block) };
        let some = (WINDOWS / flat.pitch()).clamp(1, block);
        let mut scratch = Storage::new(DType::F32, room + some * flat.pitch() * PANEL);
        let (copy, d) = scratch.as_mut_slice::<f32>().split_at_mut(room);
        let mut offsets = (0, Vec::new());
        for unit in units.clone() {
            let (image, first) = (unit / blocks * shape.groups + group, unit % blocks * block);
            let lines = first..flat.output[0].min(first + block);
            if offsets.0 != lines.len() {
                offsets = (lines.len(), flat.offsets_of(whole, lines.len(), &flat.taps));
            }
            let input = &input[image * pixels..][..pixels];
            let copy = if whole {
                &input[first * flat.source[1]..]
            } else {
                let copy = &mut copy[..flat.size(lines.len())];
                flat.fill(input, lines.clone(), blocks == 1 && unit > units.start, copy);
                copy
            };
            let (pitch, at) = (flat.pitch(), At::new(&offsets.1));
            for (panel, sums) in of_panels.clone().zip(sums.chunks_exact_mut(size)) {
                let data = &grad[image * windows + panel * PANEL * shape.windows()..];
                let channels = shape.outputs - panel * PANEL;
                for first in lines.clone().step_by(some) {
                    let grad = Planes { data, channels, size: shape.output };
                    let (here, start) = (first..lines.end.min(first + some), first - lines.start);
                    let n = flat.windows(here.len());
                    dispatch_lanes(Transpose { grad, lines: here, pitch, d: &mut *d });
                    let left = Left { data: &copy[start * pitch..], rows: at, terms: Neighbours };
                    let right = Right { data: &*d, rows: Apart(PANEL), second: WIDTH };
                    let more = unit > units.start || start > 0;
                    multiply([rows, n, channels.min(PANEL)], left, right, sums, more);
                }
            }
        }
    });
}

/// What a task sums up: of a group, some units of pixels for some panels of outputs.
pub(in crate::conv) struct Part<'a> {
    pub(in crate::conv) group: usize,
    pub(in crate::conv) units: Range<usize>,
    pub(in crate::conv) of_panels: Range<usize>,
    /// (panel, row, output of the panel), `size` to a panel. What is there before counts for nothing.
    pub(in crate::conv) sums: &'a mut [f32],
    pub(in crate::conv) size: usize,
}

/// The gradient of the weight from so many units of pixels, by tasks that each `add` some up for some panels of outputs.
/// Units are cut by the shape alone.
pub(in crate::conv) fn by_panels(
    shape: &Shape,
    units: usize,
    out: &mut [f32],
    add: &(dyn Fn(Part<'_>) + Sync),
) {
    let (rows, panels) = (shape.rows(), shape.outputs.div_ceil(PANEL));
    let size = rows * PANEL;
    let worth = shape.work().saturating_mul(shape.batch) / GRAIN;
    let parts = TASKS.min(worth).min(SUMS / (panels * size)).clamp(1, units);
    // Several ranges of panels where there are few ranges of images: each makes its own copies.
    let splits = TASKS.div_ceil(parts).min(panels).min(worth.max(1));
    let mut sums = Storage::new(DType::F32, parts * panels * size);
    for group in 0..shape.groups {
        // (part, panel, row, output of the panel)
        let base = SendPtr(sums.as_mut_slice::<f32>().as_mut_ptr());
        pool::run(parts * splits, &|task| {
            let (at, of_panels) = (task / splits, part(panels, splits, task % splits));
            let start = (at * panels + of_panels.start) * size;
            // SAFETY: the sums of part `at` for a range of panels that no other task has; they outlive `run`.
            let sums =
                unsafe { std::slice::from_raw_parts_mut(base.get().add(start), of_panels.len() * size) };
            add(Part { group, units: part(units, parts, at), of_panels, sums, size });
        });
        let sums = &*sums.as_mut_slice::<f32>();
        let out = &mut out[group * shape.outputs * rows..][..shape.outputs * rows];
        for (panel, out) in out.chunks_mut(PANEL * rows).enumerate() {
            let sums = &sums[panel * size..];
            dispatch_lanes(Finish { sums, parts, apart: panels * size, rows, out });
        }
    }
}

/// Lines of up to [`PANEL`] channels, `pitch` apart with zeros between them, as rows of [`PANEL`].
pub(in crate::conv) struct Transpose<'a> {
    pub(in crate::conv) grad: Planes<'a>,
    pub(in crate::conv) lines: Range<usize>,
    pub(in crate::conv) pitch: usize,
    pub(in crate::conv) d: &'a mut [f32],
}

impl LaneKernel for Transpose<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Transpose { grad, lines, pitch, d } = self;
        let ([_, width], plane) = (grad.size, grad.size[0] * grad.size[1]);
        let channels = grad.channels.min(PANEL);
        assert!((channels - 1) * plane + lines.end * width <= grad.data.len());
        assert!(((lines.len() - 1) * pitch + width) * PANEL <= d.len());
        for first in (0..channels).step_by(WIDTH) {
            let last = (channels - first).min(WIDTH) - 1;
            for (i, line) in lines.clone().enumerate() {
                for x in (0..width).step_by(WIDTH) {
                    let n = WIDTH.min(width - x);
                    let mut to = [d.as_mut_ptr(); WIDTH];
                    for p in 0..WIDTH {
                        to[p] = to[p].wrapping_add((i * pitch + x + p) * PANEL + first);
                    }
                    let at = first * plane + line * width + x;
                    // What comes next of so many channels the processor does not foresee.
                    let rows = Spread {
                        first: grad.data.as_ptr().wrapping_add(at),
                        apart: plane,
                        last,
                        ahead: 4 * WIDTH,
                    };
                    // SAFETY: of channels and a line that there are, and half a row of each of n pixels of that line: in the
                    // slices, as asserted.
                    unsafe { L::turn(rows, n, to) };
                }
            }
        }
        for i in 1..lines.len() {
            d[((i - 1) * pitch + width) * PANEL..i * pitch * PANEL].fill(0.0);
        }
    }
}

/// Adds up the parts of the sums for a panel and turns (row, output) into (output, row).
struct Finish<'a> {
    sums: &'a [f32],
    parts: usize,
    /// Distance of the parts.
    apart: usize,
    rows: usize,
    out: &'a mut [f32],
}

impl LaneKernel for Finish<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Finish { sums, parts, apart, rows, out } = self;
        let outputs = out.len() / rows;
        for first in (0..outputs).step_by(WIDTH) {
            for row in (0..rows).step_by(WIDTH) {
                let (n, last) = ((rows - row).min(WIDTH), (outputs - first).min(WIDTH) - 1);
                assert!((parts - 1) * apart + (row + n - 1) * PANEL + first + WIDTH <= sums.len());
                assert!((first + last) * rows + row + n <= out.len());
                // Loops of constant length without checks, or the vectors would not stay in registers.
                let mut square = [L::zero(); WIDTH];
                for part in 0..parts {
                    for i in 0..WIDTH {
                        let at = part * apart + (row + i.min(n - 1)) * PANEL + first;
                        // SAFETY: in the slice, as asserted.
                        square[i] = square[i] + L::load(unsafe { &*sums.as_ptr().add(at).cast() });
                    }
                }
                let columns = L::transpose(square);
                for o in 0..WIDTH {
                    let (at, n) = ((first + o.min(last)) * rows + row, if o > last { 0 } else { n });
                    // SAFETY: in the slice, as asserted.
                    columns[o]
                        .store_some(unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().add(at), n) });
                }
            }
        }
    }
}

/// For few outputs in a group.
fn few(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let flat = &Flat::forward(shape);
    let (rows, outputs, block) = (shape.rows(), shape.outputs, flat.block(PARTS, 0));
    let (pixels, windows) = (shape.inputs * shape.pixels(), shape.windows());
    let step = (GRAIN / shape.work().saturating_mul(shape.batch).max(1)).clamp(1, shape.groups);
    pool::chunks_mut(out, outputs * rows * step, |start, out| {
        let room = flat.size(block);
        let length = (block * flat.pitch()).next_multiple_of(WIDTH);
        let mut scratch = Storage::new(DType::F32, room + outputs * (length + rows * WIDTH));
        let (copy, scratch) = scratch.as_mut_slice::<f32>().split_at_mut(room);
        let (g, sums) = scratch.split_at_mut(outputs * length);
        let mut offsets = (0, Vec::new());
        for (i, out) in out.chunks_exact_mut(outputs * rows).enumerate() {
            let group = start / (outputs * rows) + i;
            sums.fill(0.0);
            for image in (0..shape.batch).map(|image| image * shape.groups + group) {
                for first in (0..flat.output[0]).step_by(block) {
                    let lines = first..flat.output[0].min(first + block);
                    if offsets.0 != lines.len() {
                        offsets = (lines.len(), flat.offsets(lines.len(), &flat.taps));
                    }
                    let copy = &mut copy[..flat.size(lines.len())];
                    flat.fill(&input[image * pixels..][..pixels], lines.clone(), false, copy);
                    let length = (lines.len() * flat.pitch()).next_multiple_of(WIDTH);
                    let g = &mut g[..outputs * length];
                    g.fill(0.0);
                    for (o, g) in g.chunks_exact_mut(length).enumerate() {
                        let grad = &grad[(image * outputs + o) * windows..][..windows];
                        for (to, line) in g.chunks_mut(flat.pitch()).zip(lines.clone()) {
                            let line = &grad[line * flat.output[1]..][..flat.output[1]];
                            to[..line.len()].copy_from_slice(line);
                        }
                    }
                    dispatch_lanes(Dots { g, length, copy, offsets: &offsets.1, sums });
                }
            }
            for (out, lanes) in out.iter_mut().zip(sums.as_chunks::<WIDTH>().0) {
                *out = lanes.iter().sum();
            }
        }
    });
}

/// Adds to the sums, lane by lane, of the products of each output's gradients with what each position sees.
struct Dots<'a> {
    /// So many for each output.
    g: &'a [f32],
    length: usize,
    copy: &'a [f32],
    offsets: &'a [usize],
    /// (output, position)
    sums: &'a mut [f32],
}

/// Outputs and positions whose sums are held in registers.
const OUTPUTS: usize = 4;
const POSITIONS: usize = 5;

impl LaneKernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let (outputs, rows) = (self.g.len() / self.length, self.offsets.len());
        let mut output = 0;
        while output < outputs {
            // Where there are so many registers.
            let many = L::ROWS >= 12 && output + OUTPUTS <= outputs;
            let mut row = 0;
            while row < rows {
                row += match (many, row + POSITIONS <= rows) {
                    (true, true) => self.dots::<L, OUTPUTS, POSITIONS>(output, row),
                    (true, false) => self.dots::<L, OUTPUTS, 1>(output, row),
                    (false, true) => self.dots::<L, 1, POSITIONS>(output, row),
                    (false, false) => self.dots::<L, 1, 1>(output, row),
                };
            }
            output += if many { OUTPUTS } else { 1 };
        }
    }
}

impl Dots<'_> {
    /// Of M outputs and N positions, these the first.
    #[inline(always)]
    fn dots<L: Lanes, const M: usize, const N: usize>(&mut self, output: usize, row: usize) -> usize {
        let Dots { g, length, copy, offsets, ref mut sums } = *self;
        let (g, mut places) = (&g[output * length..][..M * length], [0; N]);
        places.copy_from_slice(&offsets[row..row + N]);
        assert!(length.is_multiple_of(WIDTH));
        for j in 0..N {
            assert!(places[j] + length <= copy.len());
        }
        let mut lanes = [[L::zero(); N]; M];
        for at in (0..length).step_by(WIDTH) {
            let mut seen = [L::zero(); N];
            for j in 0..N {
                // SAFETY: in the slice, as asserted.
                seen[j] = L::load(unsafe { &*copy.as_ptr().add(places[j] + at).cast() });
            }
            for i in 0..M {
                // SAFETY: in the slice, which is M times as long.
                let v = L::load(unsafe { &*g.as_ptr().add(i * length + at).cast() });
                for j in 0..N {
                    lanes[i][j] = v.mul_add(seen[j], lanes[i][j]);
                }
            }
        }
        for i in 0..M {
            for j in 0..N {
                let sum = &mut sums[((output + i) * offsets.len() + row + j) * WIDTH..][..WIDTH];
                (L::load_some(sum) + lanes[i][j]).store_some(sum);
            }
        }
        N
    }
}
