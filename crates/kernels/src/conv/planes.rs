//! A window for each channel, of sixteen channels at a time: a pixel of all of them is a vector. Small images leave no
//! lanes empty so, whatever window, step and distance.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Shape, batch_parts, depthwise, part};
use crate::lanes::turn::{Pixel, Pixels, read, write};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool::{self, SendPtr};

/// Pixels of an image, with what lies around it, at most.
const MOST: usize = 1 << 10;
/// Channels that pay for what is lost to empty lanes.
const FEW: usize = 8;
/// Positions of a window at most.
const TAPS: usize = 1 << 6;
/// Windows that share the weights that are loaded.
const TOGETHER: usize = 4;

/// Whether a convolution goes this way: where lines leave many lanes empty, or windows are of another kind.
pub(super) fn serves(shape: &Shape) -> bool {
    fits(shape) && (shape.output[1] < WIDTH * 3 / 4 || !depthwise::serves(shape))
}

fn fits(shape: &Shape) -> bool {
    let reach = [0, 1].map(|d| reach(shape, d));
    (shape.inputs, shape.outputs) == (1, 1)
        && shape.groups >= FEW
        && shape.taps() <= TAPS
        && reach[0].saturating_mul(reach[1]) <= MOST
        && shape.pixels().max(shape.windows()) <= MOST
}

/// Pixels along a dimension with what lies around them.
fn reach(shape: &Shape, d: usize) -> usize {
    let first = (shape.output[d] - 1) * shape.stride[d];
    (shape.input[d] + shape.padding[d]).max(first + (shape.kernel[d] - 1) * shape.dilation[d] + 1)
}

/// Sixteen channels of an image as vectors, with zeros around it.
#[derive(Clone, Copy)]
struct Frame<'a> {
    shape: &'a Shape,
    /// Distance of lines.
    pitch: usize,
    /// Where the first window finds its positions.
    offsets: &'a [usize],
}

fn offsets(shape: &Shape) -> Vec<usize> {
    let (pitch, [down, across], [dy, dx]) = (reach(shape, 1), shape.kernel, shape.dilation);
    (0..down).flat_map(|y| (0..across).map(move |x| y * dy * pitch + x * dx)).collect()
}

impl<'a> Frame<'a> {
    fn new(shape: &'a Shape, offsets: &'a [usize]) -> Self {
        Frame { shape, pitch: reach(shape, 1), offsets }
    }

    /// Vectors of the image, and what is read beyond it for windows that there are not.
    fn size(&self) -> usize {
        self.pitch * reach(self.shape, 0) + self.shape.stride[1] * TOGETHER
    }

    /// Vectors of an image or of an output without what lies around, and with what is read or written beyond it.
    fn room(&self) -> usize {
        self.shape.pixels().max(self.shape.windows()) + WIDTH
    }

    /// The first position of a window.
    #[inline(always)]
    fn first(&self, row: usize, column: usize) -> usize {
        row * self.shape.stride[0] * self.pitch + column * self.shape.stride[1]
    }

    /// Asserts that all that windows see lies in the image, as far as `beyond` windows after the last.
    #[inline(always)]
    fn check(&self, image: &[Pixel], beyond: usize) {
        let last = self.first(self.shape.output[0] - 1, self.shape.output[1] - 1 + beyond);
        assert!(last + self.offsets.last().map_or(0, |&offset| offset) < image.len());
    }

    /// Where lines are among pixels and in the image.
    #[inline(always)]
    fn line(&self, y: usize) -> [usize; 2] {
        let Shape { input: [_, width], padding, .. } = *self.shape;
        [y * width, (y + padding[0]) * self.pitch + padding[1]]
    }

    /// The pixels of some planes, with the zeros around them that are there already.
    #[inline(always)]
    fn read<L: Lanes>(&self, planes: &[f32], pixels: &mut [Pixel], image: &mut [Pixel]) {
        let ([height, width], size) = (self.shape.input, self.shape.pixels());
        read::<L, f32>(planes, size, 0..size, pixels);
        for y in 0..height {
            let [from, to] = self.line(y);
            image[to..to + width].copy_from_slice(&pixels[from..from + width]);
        }
    }
}

/// The weights of each sixteen channels, position by position, or the last position first.
fn weights(shape: &Shape, weight: &[f32], reversed: bool) -> Pixels {
    let taps = shape.taps();
    let mut all = Pixels::zeros(shape.groups.div_ceil(WIDTH) * taps);
    for (channel, weight) in weight.chunks_exact(taps).enumerate() {
        for (tap, &w) in weight.iter().enumerate() {
            let tap = if reversed { taps - 1 - tap } else { tap };
            all.all()[channel / WIDTH * taps + tap][channel % WIDTH] = w;
        }
    }
    all
}

/// Calls `f` for each image and sixteen channels, with the first plane, how many there are, and the number of the
/// channels; `room` makes what each task needs.
fn run<R>(shape: &Shape, room: impl Fn() -> R + Sync, f: impl Fn([usize; 3], &mut R) + Sync) {
    let squares = shape.groups.div_ceil(WIDTH);
    // To turn pixels costs about as much as to multiply them by ten weights.
    let work = (shape.work() + 10 * shape.pixels().max(shape.windows())) * WIDTH;
    super::run(shape.batch * squares, work, |tasks| {
        let mut room = room();
        for task in tasks {
            let (image, square) = (task / squares, task % squares);
            let count = WIDTH.min(shape.groups - square * WIDTH);
            f([image * shape.groups + square * WIDTH, count, square], &mut room);
        }
    });
}

pub(super) fn forward(
    shape: &Shape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    slide(shape, input, weights(shape, weight, false), bias, relu, out);
}

fn slide(
    shape: &Shape,
    input: &[f32],
    mut weights: Pixels,
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let (taps, pixels, windows) = (shape.taps(), shape.pixels(), shape.windows());
    let (offsets, weights, base) = (&offsets(shape)[..], &*weights.all(), SendPtr(out.as_mut_ptr()));
    let frame = Frame::new(shape, offsets);
    let room = || (Pixels::zeros(frame.size()), Pixels::zeros(frame.room()));
    run(shape, room, |[first, count, square], (image, pixels_room)| {
        // SAFETY: the planes of one task, which are of `out` and nobody else's.
        let out = unsafe { std::slice::from_raw_parts_mut(base.get().add(first * windows), count * windows) };
        dispatch_lanes(Slide {
            frame,
            source: &input[first * pixels..][..count * pixels],
            weights: &weights[square * taps..][..taps],
            bias: bias.map(|bias| &bias[square * WIDTH..][..count]),
            relu,
            image: image.all(),
            pixels: pixels_room.all(),
            out,
        });
    });
}

/// Sums over windows.
struct Slide<'a> {
    frame: Frame<'a>,
    source: &'a [f32],
    weights: &'a [Pixel],
    bias: Option<&'a [f32]>,
    relu: bool,
    image: &'a mut [Pixel],
    pixels: &'a mut [Pixel],
    out: &'a mut [f32],
}

impl LaneKernel for Slide<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Slide { frame, source, weights, bias, relu, image, pixels, out } = self;
        let [height, width] = frame.shape.output;
        frame.read::<L>(source, pixels, image);
        let bias = match bias {
            Some(bias) => L::load_some(bias),
            None => L::zero(),
        };
        frame.check(image, TOGETHER - 1);
        assert!(weights.len() == frame.offsets.len());
        for row in 0..height {
            for column in (0..width).step_by(TOGETHER) {
                let first = frame.first(row, column);
                let mut sums = [bias; TOGETHER];
                for tap in 0..weights.len() {
                    let (w, at) = (L::load(&weights[tap]), first + frame.offsets[tap]);
                    for i in 0..TOGETHER {
                        // SAFETY: `check` has asserted that it lies in the image.
                        let seen = unsafe { image.get_unchecked(at + i * frame.shape.stride[1]) };
                        sums[i] = w.mul_add(L::load(seen), sums[i]);
                    }
                }
                // What is too much the next line overwrites, or it is room.
                if let Some(to) = pixels[row * width + column..].first_chunk_mut::<TOGETHER>() {
                    for i in 0..TOGETHER {
                        let sum = if relu { sums[i].relu() } else { sums[i] };
                        sum.store(&mut to[i]);
                    }
                }
            }
        }
        write::<L, f32>(pixels, out, height * width, 0..height * width);
    }
}

/// The convolution whose output is the input's gradient, if there is one.
fn reverse(shape: &Shape) -> Option<Shape> {
    let around = |d: usize| ((shape.kernel[d] - 1) * shape.dilation[d]).checked_sub(shape.padding[d]);
    let padding = [around(0)?, around(1)?];
    let turned = Shape { input: shape.output, output: shape.input, padding, ..*shape };
    (shape.stride == [1, 1] && fits(&turned)).then_some(turned)
}

pub(super) fn input_gradient(
    shape: &Shape,
    grad: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    if let Some(turned) = reverse(shape) {
        return slide(&turned, grad, weights(shape, weight, true), bias, false, out);
    }
    let (taps, pixels, windows) = (shape.taps(), shape.pixels(), shape.windows());
    let mut weights = weights(shape, weight, false);
    let (offsets, weights, base) = (&offsets(shape)[..], &*weights.all(), SendPtr(out.as_mut_ptr()));
    let frame = Frame::new(shape, offsets);
    let room = || (Pixels::zeros(frame.size()), Pixels::zeros(frame.room()));
    run(shape, room, |[first, count, square], (image, pixels_room)| {
        // SAFETY: the planes of one task, which are of `out` and nobody else's.
        let out = unsafe { std::slice::from_raw_parts_mut(base.get().add(first * pixels), count * pixels) };
        dispatch_lanes(Spread {
            frame,
            grad: &grad[first * windows..][..count * windows],
            weights: &weights[square * taps..][..taps],
            bias: bias.map(|bias| &bias[square * WIDTH..][..count]),
            image: image.all(),
            pixels: pixels_room.all(),
            out,
        });
    });
}

/// Adds each window's gradient to what it sees.
struct Spread<'a> {
    frame: Frame<'a>,
    grad: &'a [f32],
    weights: &'a [Pixel],
    bias: Option<&'a [f32]>,
    image: &'a mut [Pixel],
    pixels: &'a mut [Pixel],
    out: &'a mut [f32],
}

impl LaneKernel for Spread<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Spread { frame, grad, weights, bias, image, pixels, out } = self;
        let Shape { input: [height, width], output: [rows, columns], .. } = *frame.shape;
        let bias = match bias {
            Some(bias) => L::load_some(bias),
            None => L::zero(),
        };
        for i in 0..image.len() {
            bias.store(&mut image[i]);
        }
        read::<L, f32>(grad, rows * columns, 0..rows * columns, pixels);
        frame.check(image, 0);
        assert!(weights.len() == frame.offsets.len());
        for row in 0..rows {
            for column in 0..columns {
                let (g, first) = (L::load(&pixels[row * columns + column]), frame.first(row, column));
                for tap in 0..weights.len() {
                    // SAFETY: `check` has asserted that it lies in the image.
                    let seen = unsafe { image.get_unchecked_mut(first + frame.offsets[tap]) };
                    L::load(&weights[tap]).mul_add(g, L::load(seen)).store(seen);
                }
            }
        }
        for y in 0..height {
            let [to, from] = frame.line(y);
            pixels[to..to + width].copy_from_slice(&image[from..from + width]);
        }
        write::<L, f32>(pixels, out, height * width, 0..height * width);
    }
}

pub(super) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let (taps, pixels, windows) = (shape.taps(), shape.pixels(), shape.windows());
    let squares = shape.groups.div_ceil(WIDTH);
    let (parts, size) = (batch_parts(shape, squares), taps * WIDTH);
    // (part, channels, position)
    let mut sums = Pixels::zeros(parts * squares * taps);
    let offsets = &offsets(shape)[..];
    let frame = Frame::new(shape, offsets);
    pool::chunks_mut(sums.all().as_flattened_mut(), size, |start, sums| {
        let (square, at) = (start / size % squares, start / size / squares);
        let count = WIDTH.min(shape.groups - square * WIDTH);
        let mut image = Pixels::zeros(frame.size());
        let mut room = Pixels::zeros(2 * frame.room());
        for of in part(shape.batch, parts, at) {
            let first = of * shape.groups + square * WIDTH;
            let (pixels_room, grads) = room.all().split_at_mut(frame.room());
            dispatch_lanes(Dots {
                frame,
                source: &input[first * pixels..][..count * pixels],
                grad: &grad[first * windows..][..count * windows],
                image: image.all(),
                pixels: pixels_room,
                grads,
                sums: sums.as_chunks_mut().0,
            });
        }
    });
    let sums = &*sums.all();
    for (channel, out) in out.chunks_exact_mut(taps).enumerate() {
        for (tap, out) in out.iter_mut().enumerate() {
            let part = |part: usize| sums[(part * squares + channel / WIDTH) * taps + tap][channel % WIDTH];
            *out = (0..parts).map(part).sum();
        }
    }
}

/// Adds to the sums of the gradient times what each position of the window sees.
struct Dots<'a> {
    frame: Frame<'a>,
    source: &'a [f32],
    grad: &'a [f32],
    image: &'a mut [Pixel],
    pixels: &'a mut [Pixel],
    grads: &'a mut [Pixel],
    sums: &'a mut [Pixel],
}

impl LaneKernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Dots { frame, source, grad, image, pixels, grads, sums } = self;
        let windows = frame.shape.windows();
        frame.read::<L>(source, pixels, image);
        read::<L, f32>(grad, windows, 0..windows, grads);
        frame.check(image, 0);
        assert!(sums.len() == frame.offsets.len() && windows <= grads.len());
        let mut tap = 0;
        while tap < sums.len() {
            tap += match sums.len() - tap {
                9.. => dots::<L, 9>(frame, image, grads, tap, sums),
                5.. => dots::<L, 5>(frame, image, grads, tap, sums),
                _ => dots::<L, 1>(frame, image, grads, tap, sums),
            };
        }
    }
}

/// The sums of N positions, this one the first, of which an image's stay in registers.
#[inline(always)]
fn dots<L: Lanes, const N: usize>(
    frame: Frame<'_>,
    image: &[Pixel],
    grads: &[Pixel],
    tap: usize,
    sums: &mut [Pixel],
) -> usize {
    let [rows, columns] = frame.shape.output;
    let (mut lanes, mut offsets) = ([L::zero(); N], [0; N]);
    offsets.copy_from_slice(&frame.offsets[tap..tap + N]);
    for row in 0..rows {
        for column in 0..columns {
            // SAFETY: there are as many as windows, as the caller asserted.
            let g = L::load(unsafe { grads.get_unchecked(row * columns + column) });
            let first = frame.first(row, column);
            for i in 0..N {
                // SAFETY: `check` has asserted that it lies in the image.
                let seen = L::load(unsafe { image.get_unchecked(first + offsets[i]) });
                lanes[i] = g.mul_add(seen, lanes[i]);
            }
        }
    }
    for i in 0..N {
        let sum = &mut sums[tap + i];
        (L::load(sum) + lanes[i]).store(sum);
    }
    N
}
