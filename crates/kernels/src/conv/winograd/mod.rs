//! Windows of 3×3 by Winograd's F(4×4, 3×3) (Lavin and Gray 2015, <https://arxiv.org/abs/1509.09308>): tiles of 4×4
//! outputs are 36 products apiece instead of 144. Sums over channels become 36 matrix products of transformed tiles
//! and windows. The result is off by about 2e-6 of its largest element, where the plain sum is off by 5e-7.
//!
//! As a tile is transformed as a whole, a NaN or an infinity reaches all of its outputs, not only those whose window
//! sees it.
//!
//! Pixels of sixteen channels are what the transformations work on. In names, V are the transformed tiles (36, tile,
//! channel), U the windows (36, channel, output), M the products (36, tile, output).

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

mod gradient;
mod lines;
mod transform;

pub(super) use gradient::weight_gradient;

use super::tile::{self, Left, PANEL, Right, multiply};
use super::{Shape, ahead};
use crate::lanes::turn::Pixels;
use crate::lanes::{LaneKernel, Lanes, Spread, WIDTH, dispatch_lanes};
use crate::pool::{self, SendPtr};
use crate::strided::numel;
use crate::{DType, Storage};
use lines::Out;
pub(super) use lines::Planes;
use lines::Strip;
use std::ops::Range;
use transform::{Apart, Input, Output, Pixel, Window, square};

/// The fewest channels. With fewer, what is gained in time is not worth what is lost in rounding: a training departs from
/// PyTorch's sooner.
const FEW: usize = WIDTH;
/// The fewest pixels, and for a weight's gradient of more windows than stay in the second cache.
const PIXELS: usize = 32;
const MANY: usize = 256;
const WINDOWS: usize = 1 << 14;
/// Outputs of a tile along a line.
const TILE: usize = 4;
/// Inputs that they see.
const REACH: usize = 6;
/// Elements of a transformed tile.
const POINTS: usize = REACH * REACH;
/// Floats between the planes of different points beyond their size, so that these do not meet in the cache.
const APART: usize = WIDTH;

/// A convolution of one group of channels, or the gradient of one with respect to its input, which is one too.
#[derive(Clone, Copy)]
struct Pass {
    /// Images, and how many groups of channels each has.
    images: usize,
    groups: usize,
    inputs: usize,
    outputs: usize,
    input: [usize; 2],
    output: [usize; 2],
    padding: [usize; 2],
    /// Distance in the weight of neighbouring outputs and inputs.
    weight: [usize; 2],
    /// Whether windows are reversed.
    reversed: bool,
    /// Whether max(0, …) of the outputs is taken.
    relu: bool,
}

impl Pass {
    /// Tiles down and across.
    fn tiles(&self) -> [usize; 2] {
        self.output.map(|size| size.div_ceil(TILE))
    }

    /// Lines of tiles in all images.
    fn lines(&self) -> usize {
        self.images * self.tiles()[0]
    }

    fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Distance of tiles in V: an odd number of cache lines.
    fn depth(&self) -> usize {
        (self.inputs.div_ceil(WIDTH) * WIDTH) | WIDTH
    }

    /// Pixels of a line of the input with what lies around it.
    fn width(&self) -> usize {
        self.tiles()[1] * TILE + REACH - TILE
    }

    /// Lines of tiles to a block: about so many tiles, and so few that there are several blocks.
    fn block(&self, tiles: usize) -> usize {
        let spread = (self.lines() * self.tiles()[1]).div_ceil(8).max(12);
        (tiles.min(spread) / self.tiles()[1]).max(1)
    }

    /// Floats of V for so many tiles, from point to point and in all.
    fn v(&self, tiles: usize) -> [usize; 2] {
        let plane = tiles * self.depth() + APART;
        [plane, POINTS * plane]
    }

    /// Floats of U for a panel of outputs.
    fn u(&self) -> [usize; 2] {
        let plane = self.inputs * PANEL + APART;
        [plane, POINTS * plane]
    }

    /// Floats of M.
    fn m(&self, tiles: usize) -> [usize; 2] {
        let plane = tiles * PANEL + APART;
        [plane, POINTS * plane]
    }

    fn columns(&self, panel: usize) -> usize {
        (self.outputs - panel * PANEL).min(PANEL)
    }
}

/// Whether this way serves a convolution of `inputs` to `outputs` channels in a group: with enough pixels, and so
/// many channels that they fill the lanes.
fn serves(
    images: usize,
    [input, output]: [[usize; 2]; 2],
    padding: [usize; 2],
    [inputs, outputs]: [usize; 2],
) -> bool {
    let fits = |d: usize| padding[d] <= 2 && input[d] + padding[d] <= output[d].div_ceil(TILE) * TILE + 2;
    let many = numel(&[images, output[0], output[1]]) >= PIXELS;
    many && inputs.min(outputs) >= FEW && fits(0) && fits(1)
}

fn is_small(shape: &Shape) -> bool {
    shape.kernel == [3, 3] && shape.stride == [1, 1] && shape.dilation == [1, 1]
}

/// The gradient of the weight, where it can be done this way and is worth it: it transforms back four times as many
/// numbers as there are weights.
pub(super) fn serves_weight(shape: &Shape) -> bool {
    let few = shape.inputs.saturating_mul(shape.outputs) <= WINDOWS;
    serves_output(shape) && (few || numel(&[shape.batch, shape.windows()]) >= MANY)
}

/// The forward pass, where it can be done this way.
pub(super) fn serves_output(shape: &Shape) -> bool {
    is_small(shape)
        && serves(shape.batch, [shape.input, shape.output], shape.padding, [shape.inputs, shape.outputs])
}

/// The gradient of the input, where it can be done this way.
pub(super) fn serves_input(shape: &Shape) -> bool {
    is_small(shape)
        && shape.padding[0] <= 2
        && shape.padding[1] <= 2
        && serves(
            shape.batch,
            [shape.output, shape.input],
            shape.padding.map(|p| 2 - p),
            [shape.outputs, shape.inputs],
        )
}

pub(super) fn forward(
    shape: &Shape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let pass = Pass {
        images: shape.batch,
        groups: shape.groups,
        inputs: shape.inputs,
        outputs: shape.outputs,
        input: shape.input,
        output: shape.output,
        padding: shape.padding,
        weight: [shape.inputs * 9, 9],
        reversed: false,
        relu,
    };
    run(&pass, input, weight, bias, out);
}

pub(super) fn input_gradient(
    shape: &Shape,
    grad: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let pass = Pass {
        images: shape.batch,
        groups: shape.groups,
        inputs: shape.outputs,
        outputs: shape.inputs,
        input: shape.output,
        output: shape.input,
        padding: shape.padding.map(|p| 2 - p),
        weight: [9, shape.inputs * 9],
        reversed: true,
        relu: false,
    };
    run(&pass, grad, weight, bias, out);
}

fn storage(floats: usize) -> Storage {
    Storage::new(DType::F32, floats)
}

fn run(pass: &Pass, input: &[f32], weight: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
    let (lines, across) = (pass.lines(), pass.tiles()[1]);
    // V and M stay in the second cache.
    let (panels, block) = (pass.panels(), pass.block((3600 / pass.depth()).clamp(24, 72)));
    let tiles = block * across;
    let blocks = lines.div_ceil(block);
    let [_, u_size] = pass.u();
    let [_, v_size] = pass.v(tiles);
    let [_, m_size] = pass.m(tiles);
    let per_group = pass.outputs * pass.inputs * 9;
    let base = SendPtr(out.as_mut_ptr());
    let rows = |b: usize| b * block..lines.min((b + 1) * block);
    // Few tiles beside the windows: each task transforms the windows of a panel of outputs and has done with them.
    let few = panels > 1 && lines * across <= 64;
    for group in 0..pass.groups {
        let weight = &weight[group * per_group..][..per_group];
        let bias = bias.map(|bias| &bias[group * pass.outputs..][..pass.outputs]);
        let finish =
            |panel: usize, u: &[f32], v: &[f32], m: &mut [f32], strip: &mut [Pixel], lines: Range<usize>| {
                // SAFETY: tasks differ in their tiles or their panel, and so write other elements of `out`, which outlives
                // them.
                let out = unsafe { Out::new(base.get(), pass, group) };
                dispatch_lanes(Finish { pass, tiles, panel, u, v, m, strip, bias, lines, out });
            };
        if few {
            let mut v = storage(blocks * v_size);
            pool::chunks_mut(v.as_mut_slice::<f32>(), v_size, |start, v| {
                let mut strip = Pixels::zeros(REACH * pass.width());
                let lines = rows(start / v_size);
                dispatch_lanes(Tiles { pass, tiles, input, group, lines, strip: strip.all(), v });
            });
            let v = &*v.as_mut_slice::<f32>();
            pool::run(panels, &|panel| {
                let mut scratch = storage(u_size + m_size);
                let (u, m) = scratch.as_mut_slice::<f32>().split_at_mut(u_size);
                let mut strip = Pixels::zeros(TILE * across * TILE);
                dispatch_lanes(Windows { pass, weight, panel, u });
                for (b, v) in v.chunks_exact(v_size).enumerate() {
                    finish(panel, u, v, m, strip.all(), rows(b));
                }
            });
            continue;
        }
        let mut u = storage(panels * u_size);
        pool::chunks_mut(u.as_mut_slice::<f32>(), u_size, |start, u| {
            dispatch_lanes(Windows { pass, weight, panel: start / u_size, u });
        });
        let u = &*u.as_mut_slice::<f32>();
        pool::run(blocks, &|b| {
            let mut scratch = storage(v_size + m_size);
            let (v, m) = scratch.as_mut_slice::<f32>().split_at_mut(v_size);
            let mut strip = Pixels::zeros(REACH * pass.width());
            dispatch_lanes(Tiles { pass, tiles, input, group, lines: rows(b), strip: strip.all(), v });
            for (panel, u) in u.chunks_exact(u_size).enumerate() {
                finish(panel, u, v, m, strip.all(), rows(b));
            }
        });
    }
}

/// U of one panel.
struct Windows<'a> {
    pass: &'a Pass,
    weight: &'a [f32],
    panel: usize,
    u: &'a mut [f32],
}

impl LaneKernel for Windows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Windows { pass, weight, panel, u } = self;
        let [plane, _] = pass.u();
        let [of_output, of_input] = pass.weight;
        let ahead = ahead(9, of_input);
        let columns = pass.columns(panel);
        for first in (0..columns).step_by(WIDTH) {
            let lanes = (columns - first).min(WIDTH);
            for c in 0..pass.inputs {
                let at = (panel * PANEL + first) * of_output + c * of_input;
                assert!(at + (lanes - 1) * of_output + 9 <= weight.len());
                let mut windows = [[0.0; WIDTH]; 9];
                let mut taps = [windows.as_flattened_mut().as_mut_ptr(); WIDTH];
                for i in 0..9 {
                    taps[i] = windows[if pass.reversed { 8 - i } else { i }].as_mut_ptr();
                }
                let window = weight.as_ptr().wrapping_add(at);
                let rows = Spread { first: window, apart: of_output, last: lanes - 1, ahead };
                // SAFETY: of outputs that there are: in the slice, as asserted; and nine vectors.
                unsafe { L::turn(rows, 9, taps) };
                let to = (&mut u[c * PANEL + first..], Apart::planes(REACH, plane));
                square::<Window, L, _, _>((windows.as_flattened(), Apart::rows(3)), to);
            }
        }
    }
}

/// V of some lines of tiles.
struct Tiles<'a> {
    pass: &'a Pass,
    /// Of a whole block.
    tiles: usize,
    input: &'a [f32],
    group: usize,
    lines: Range<usize>,
    strip: &'a mut [Pixel],
    v: &'a mut [f32],
}

impl LaneKernel for Tiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Tiles { pass, tiles, input, group, lines, strip, v } = self;
        let ([down, across], width, depth) = (pass.tiles(), pass.width(), pass.depth());
        let [plane, _] = pass.v(tiles);
        let size = pass.inputs * pass.input[0] * pass.input[1];
        for first in (0..pass.inputs).step_by(WIDTH) {
            let mut strip = Strip { pixels: &mut *strip, width };
            for (i, line) in lines.clone().enumerate() {
                let (image, row) = (line / down, line % down);
                let data =
                    &input[(image * pass.groups + group) * size + first * pass.input[0] * pass.input[1]..];
                let planes = Planes { data, channels: pass.inputs - first, size: pass.input };
                if i == 0 || row == 0 {
                    strip.read::<L>(planes, 0..REACH, row * TILE, pass.padding);
                } else {
                    strip.advance(TILE, REACH);
                    strip.read::<L>(planes, REACH - TILE..REACH, row * TILE + REACH - TILE, pass.padding);
                }
                for x in 0..across {
                    let place = (i * across + x) * depth + first;
                    let from = (strip.pixels[x * TILE..].as_flattened(), Apart::rows(width));
                    square::<Input, L, _, _>(from, (&mut v[place..], Apart::planes(REACH, plane)));
                }
            }
        }
    }
}

/// Multiplies V by U of one panel, and transforms the products to outputs.
struct Finish<'a> {
    pass: &'a Pass,
    /// Of a whole block.
    tiles: usize,
    panel: usize,
    u: &'a [f32],
    v: &'a [f32],
    m: &'a mut [f32],
    strip: &'a mut [Pixel],
    bias: Option<&'a [f32]>,
    lines: Range<usize>,
    out: Out<'a>,
}

impl LaneKernel for Finish<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Finish { pass, tiles, panel, u, v, m, strip, bias, lines, out } = self;
        let ([down, across], depth, columns) = (pass.tiles(), pass.depth(), pass.columns(panel));
        let [[u_plane, _], [v_plane, _], [m_plane, _]] = [pass.u(), pass.v(tiles), pass.m(tiles)];
        for point in 0..POINTS {
            let left = Left {
                data: &v[point * v_plane..][..v_plane],
                rows: tile::Apart(depth),
                terms: tile::Neighbours,
            };
            let right =
                Right { data: &u[point * u_plane..][..u_plane], rows: tile::Apart(PANEL), second: WIDTH };
            let m = &mut m[point * m_plane..][..m_plane];
            multiply([lines.len() * across, pass.inputs, columns], left, right, m, false);
        }
        let width = across * TILE;
        for first in (0..columns).step_by(WIDTH) {
            let channel = panel * PANEL + first;
            let bias = bias.map_or(&[][..], |bias| &bias[channel..]);
            for (i, line) in lines.clone().enumerate() {
                let (image, row) = (line / down, line % down * TILE);
                for x in 0..across {
                    let from = (&m[(i * across + x) * PANEL + first..], Apart::planes(REACH, m_plane));
                    let to = (strip[x * TILE..].as_flattened_mut(), Apart::rows(width));
                    square::<Output, L, _, _>(from, to);
                }
                let count = TILE.min(pass.output[0] - row);
                let strip = Strip { pixels: &mut *strip, width };
                let (left, lines) = (columns - first, [count, pass.output[1]]);
                // SAFETY: whoever made `out` answers for these lines.
                unsafe { strip.write::<L>(left, bias, pass.relu, lines, out.at(image, channel, row, count)) };
            }
        }
    }
}
