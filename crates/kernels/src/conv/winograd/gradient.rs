//! The gradient of the weight: with D the transformed gradients of tiles, that of U is the sum of Vᵀ D over tiles.

use super::lines::{Planes, Strip};
use super::transform::{Apart, OutputTransposed, Pixel, WindowTransposed, square};
use super::{POINTS, Pass, REACH, TILE, Tiles, storage};
use crate::conv::tile::{self, Left, PANEL, Right, multiply};
use crate::conv::{Shape, part};
use crate::lanes::turn::Pixels;
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool;
use std::ops::Range;

/// Tasks to cut the work into, where that takes no more memory for sums than this many floats.
const TASKS: usize = 8;
const SUMS: usize = 1 << 21;
/// Tiles of a block.
const BLOCK: usize = 96;

pub(in crate::conv) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let pass = &Pass {
        images: shape.batch,
        groups: shape.groups,
        inputs: shape.inputs,
        outputs: shape.outputs,
        input: shape.input,
        output: shape.output,
        padding: shape.padding,
        weight: [shape.inputs * 9, 9],
        reversed: false,
        relu: false,
    };
    let (lines, across, panels, [_, size]) = (pass.lines(), pass.tiles()[1], pass.panels(), pass.u());
    // Several ranges of tiles, and where their sums would be too large for what they add, several ranges of panels.
    let parts = (SUMS / (panels * size)).min(lines * across / BLOCK).clamp(1, TASKS).min(lines);
    // Each block reads and writes all sums, so it is large.
    let block = (BLOCK.min((lines * across).div_ceil(parts)) / across).max(1);
    let splits = TASKS.div_ceil(parts).min(panels);
    let (per_group, tiles) = (pass.outputs * pass.inputs * 9, block * across);
    let mut sums = storage(parts * panels * size);
    for group in 0..pass.groups {
        let base = pool::SendPtr(sums.as_mut_slice::<f32>().as_mut_ptr());
        pool::run(parts * splits, &|task| {
            let (at, of_panels) = (task / splits, part(panels, splits, task % splits));
            let start = (at * panels + of_panels.start) * size;
            // SAFETY: the sums of part `at` for a range of panels that no other task has; they outlive `run`.
            let sums =
                unsafe { std::slice::from_raw_parts_mut(base.get().add(start), of_panels.len() * size) };
            let [[_, v_size], [_, d_size]] = [pass.v(tiles), pass.m(tiles)];
            let mut scratch = storage(v_size + d_size);
            let (v, d) = scratch.as_mut_slice::<f32>().split_at_mut(v_size);
            let mut strip = Pixels::zeros(REACH * pass.width());
            let range = part(lines, parts, at);
            for first in range.clone().step_by(block) {
                let lines = first..range.end.min(first + block);
                let strip = strip.all();
                dispatch_lanes(Tiles {
                    pass,
                    tiles,
                    input,
                    group,
                    lines: lines.clone(),
                    strip: &mut *strip,
                    v,
                });
                for (panel, sums) in of_panels.clone().zip(sums.chunks_exact_mut(size)) {
                    let (lines, accumulate) = (lines.clone(), first > range.start);
                    let strip = &mut *strip;
                    dispatch_lanes(Products {
                        tiles,
                        pass,
                        grad,
                        group,
                        panel,
                        lines,
                        strip,
                        v,
                        d,
                        sums,
                        accumulate,
                    });
                }
            }
        });
        let sums = &*sums.as_mut_slice::<f32>();
        let out = &mut out[group * per_group..][..per_group];
        pool::chunks_mut(out, PANEL * pass.inputs * 9, |start, out| {
            let panel = start / (PANEL * pass.inputs * 9);
            dispatch_lanes(Finish { pass, panel, sums, parts, out });
        });
    }
}

/// Adds Vᵀ D of some lines of tiles to the gradient of U of a panel.
struct Products<'a> {
    pass: &'a Pass,
    /// Of a whole block.
    tiles: usize,
    grad: &'a [f32],
    group: usize,
    panel: usize,
    lines: Range<usize>,
    strip: &'a mut [Pixel],
    v: &'a [f32],
    d: &'a mut [f32],
    sums: &'a mut [f32],
    accumulate: bool,
}

impl LaneKernel for Products<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Products { pass, tiles, grad, group, panel, lines, strip, v, d, sums, accumulate } = self;
        let ([down, across], depth, columns) = (pass.tiles(), pass.depth(), pass.columns(panel));
        let [[u_plane, _], [v_plane, _], [d_plane, _]] = [pass.u(), pass.v(tiles), pass.m(tiles)];
        let (width, pixels) = (across * TILE, pass.output[0] * pass.output[1]);
        for first in (0..columns).step_by(WIDTH) {
            let channel = panel * PANEL + first;
            let mut strip = Strip { pixels: &mut *strip, width };
            for (i, line) in lines.clone().enumerate() {
                let (image, row) = (line / down, line % down);
                let plane = (image * pass.groups + group) * pass.outputs + channel;
                let data = &grad[plane * pixels..];
                let planes = Planes { data, channels: pass.outputs - channel, size: pass.output };
                strip.read::<L>(planes, 0..TILE, row * TILE, [0, 0]);
                for x in 0..across {
                    let place = (i * across + x) * PANEL + first;
                    let from = (strip.pixels[x * TILE..].as_flattened(), Apart::rows(width));
                    let to = (&mut d[place..], Apart::planes(REACH, d_plane));
                    square::<OutputTransposed, L, _, _>(from, to);
                }
            }
        }
        for point in 0..POINTS {
            let left = Left {
                data: &v[point * v_plane..][..v_plane],
                rows: tile::Neighbours,
                terms: tile::Apart(depth),
            };
            let right =
                Right { data: &d[point * d_plane..][..d_plane], rows: tile::Apart(PANEL), second: WIDTH };
            let sums = &mut sums[point * u_plane..][..u_plane];
            multiply([pass.inputs, lines.len() * across, columns], left, right, sums, accumulate);
        }
    }
}

/// Adds up the parts of the gradient of U of a panel, and transforms it to that of the weight.
struct Finish<'a> {
    pass: &'a Pass,
    panel: usize,
    sums: &'a [f32],
    parts: usize,
    out: &'a mut [f32],
}

impl LaneKernel for Finish<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Finish { pass, panel, sums, parts, out } = self;
        let ([plane, size], columns) = (pass.u(), pass.columns(panel));
        for first in (0..columns).step_by(WIDTH) {
            for c in 0..pass.inputs {
                let at = panel * size + c * PANEL + first;
                let mut sum = [0.0; POINTS * WIDTH];
                for point in 0..POINTS {
                    let mut v = L::zero();
                    for part in 0..parts {
                        let at = part * pass.panels() * size + at + point * plane;
                        v = v + L::load_some(&sums[at..][..WIDTH]);
                    }
                    v.store_some(&mut sum[point * WIDTH..][..WIDTH]);
                }
                let mut taps = [[0.0; WIDTH]; WIDTH];
                let to = (taps.as_flattened_mut(), Apart::rows(3));
                square::<WindowTransposed, L, _, _>((&sum, Apart::rows(REACH)), to);
                let mut rows = [L::zero(); WIDTH];
                for tap in 0..9 {
                    rows[tap] = L::load(&taps[tap]);
                }
                let rows = L::transpose(rows);
                let last = (columns - first).min(WIDTH) - 1;
                let window = |o: usize| ((first + o) * pass.inputs + c) * 9;
                assert!(window(last) + 9 <= out.len());
                for o in 0..WIDTH {
                    let at = window(o.min(last));
                    let n = if o > last { 0 } else { 9 };
                    // SAFETY: of an output that there is: in the slice, as asserted.
                    rows[o]
                        .store_some(unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().add(at), n) });
                }
            }
        }
    }
}
