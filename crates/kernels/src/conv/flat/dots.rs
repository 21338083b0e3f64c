//! The gradient of the weight where few positions are seen, with AVX2: windows are lanes, so that gradients are read as they
//! lie. To transpose them, as [`weight`](super::weight) does, would cost more than the lanes which are empty at the ends of
//! lines.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::copy::Flat;
use super::weight::{Part, by_panels};
use crate::conv::Shape;
use crate::conv::tile::PANEL;
use crate::lanes::{self, LaneKernel, Lanes, WIDTH, dispatch_lanes, is_parted};
use crate::{DType, Storage};

/// Positions at most.
const ROWS: usize = 32;
/// Outputs and positions whose sums are held in registers.
const OUTPUTS: usize = 4;
const POSITIONS: usize = 3;

/// Whether it is worth it, in the instruction set in use.
pub(super) fn serves(shape: &Shape) -> bool {
    shape.rows() <= ROWS && shape.output[1] >= WIDTH / 2 && is_parted()
}

pub(super) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let flat = &Flat::forward(shape);
    let (rows, plane) = (shape.rows(), shape.windows());
    let block = flat.block(shape.batch, shape.work());
    let blocks = flat.output[0].div_ceil(block);
    let pixels = shape.inputs * shape.pixels();
    by_panels(shape, shape.batch * blocks, out, &|Part { group, units, of_panels, sums, size }| {
        let (room, all) = (flat.size(block), of_panels.len() * PANEL * rows * WIDTH);
        let mut scratch = Storage::new(DType::F32, room + all);
        let (copy, lanes) = scratch.as_mut_slice::<f32>().split_at_mut(room);
        lanes.fill(0.0);
        let mut offsets = (0, Vec::new());
        for unit in units.clone() {
            let (image, first) = (unit / blocks * shape.groups + group, unit % blocks * block);
            let lines = first..flat.output[0].min(first + block);
            if offsets.0 != lines.len() {
                offsets = (lines.len(), flat.offsets(lines.len(), &flat.taps));
            }
            let copy = &mut copy[..flat.size(lines.len())];
            let clean = blocks == 1 && unit > units.start;
            flat.fill(&input[image * pixels..][..pixels], lines.clone(), clean, copy);
            for (panel, lanes) in of_panels.clone().zip(lanes.chunks_exact_mut(PANEL * rows * WIDTH)) {
                let outputs = PANEL.min(shape.outputs - panel * PANEL);
                let first = (image * shape.outputs + panel * PANEL) * plane;
                let (offsets, grad) = (&offsets.1[..], &grad[first..first + outputs * plane]);
                let grad = &grad[lines.start * shape.output[1]..];
                let size = [lines.len(), shape.output[1]];
                dispatch_lanes(Dots {
                    outputs,
                    grad,
                    plane,
                    size,
                    copy,
                    pitch: flat.pitch(),
                    offsets,
                    lanes,
                });
            }
        }
        // (panel, output, position) to (panel, position, output)
        for (sums, lanes) in sums.chunks_exact_mut(size).zip(lanes.chunks_exact(PANEL * rows * WIDTH)) {
            for (i, lanes) in lanes.as_chunks::<WIDTH>().0.iter().enumerate() {
                sums[i % rows * PANEL + i / rows] = lanes.iter().sum();
            }
        }
    });
}

/// Adds to the sums, lane by lane, of each output's gradients times what each position sees.
struct Dots<'a> {
    outputs: usize,
    grad: &'a [f32],
    /// Distance of the outputs.
    plane: usize,
    /// Lines of windows, and how many each has.
    size: [usize; 2],
    copy: &'a [f32],
    pitch: usize,
    offsets: &'a [usize],
    /// (output, position)
    lanes: &'a mut [f32],
}

impl LaneKernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let (mut output, rows) = (0, self.offsets.len());
        while output < self.outputs {
            let many = output + OUTPUTS <= self.outputs;
            let mut row = 0;
            while row < rows {
                row += match (many, row + POSITIONS <= rows) {
                    (true, true) => self.dots::<L::Part, OUTPUTS, POSITIONS>(output, row),
                    (true, false) => self.dots::<L::Part, OUTPUTS, 1>(output, row),
                    (false, true) => self.dots::<L::Part, 1, POSITIONS>(output, row),
                    (false, false) => self.dots::<L::Part, 1, 1>(output, row),
                };
            }
            output += if many { OUTPUTS } else { 1 };
        }
    }
}

impl Dots<'_> {
    /// Of M outputs and N positions, these the first. Gives N.
    #[inline(always)]
    fn dots<P: lanes::Part, const M: usize, const N: usize>(&mut self, output: usize, row: usize) -> usize {
        let Dots { grad, plane, size: [count, width], copy, pitch, offsets, ref mut lanes, .. } = *self;
        let rows = offsets.len();
        let last = (count - 1) * pitch + width.next_multiple_of(P::COUNT);
        assert!((output + M - 1) * plane + count * width <= grad.len());
        assert!(((output + M - 1) * rows + row + N) * WIDTH <= lanes.len());
        let mut seen = [copy.as_ptr(); N];
        for j in 0..N {
            assert!(offsets[row + j] + last <= copy.len());
            seen[j] = seen[j].wrapping_add(offsets[row + j]);
        }
        let grad = grad.as_ptr().wrapping_add(output * plane);
        let mut sums = [[P::splat(0.0); N]; M];
        for line in 0..count {
            let (whole, line) = (width / P::COUNT * P::COUNT, [line * width, line * pitch]);
            // Two loops: a choice in one would take a register more than there are.
            for x in (0..whole).step_by(P::COUNT) {
                let mut pixels = [P::splat(0.0); N];
                for j in 0..N {
                    // SAFETY: of a line and position that there are: in the slice, as asserted.
                    pixels[j] = unsafe { P::read(seen[j].add(line[1] + x)) };
                }
                for i in 0..M {
                    // SAFETY: of a line of an output that there are: in the slice, as asserted.
                    let g = unsafe { P::read(grad.add(i * plane + line[0] + x)) };
                    for j in 0..N {
                        sums[i][j] = g.mul_add(pixels[j], sums[i][j]);
                    }
                }
            }
            if whole < width {
                for i in 0..M {
                    // SAFETY: as above.
                    let g = unsafe { P::read_some(grad.add(i * plane + line[0] + whole), width - whole) };
                    for j in 0..N {
                        // SAFETY: at most the last vector: in the slice, as asserted.
                        let pixels = unsafe { P::read(seen[j].add(line[1] + whole)) };
                        sums[i][j] = g.mul_add(pixels, sums[i][j]);
                    }
                }
            }
        }
        for i in 0..M {
            for j in 0..N {
                let at = lanes.as_mut_ptr().wrapping_add(((output + i) * rows + row + j) * WIDTH);
                // SAFETY: in the slice, as asserted.
                unsafe { (P::read(at) + sums[i][j]).write(at) };
            }
        }
        N
    }
}
