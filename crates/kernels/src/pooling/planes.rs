//! `f32` in windows of any kind, sixteen planes at a time: a pixel of all of them is a vector.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Axis, Code, TASK};
use crate::lanes::turn::{Pixel, Pixels, read, write};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool;
use std::ops::Range;

/// Pixels of a plane that are held at a time, so that they stay in the first cache.
const BAND: usize = 384;
/// And at most.
const MOST: usize = 1 << 13;
/// Planes that pay for what is lost to empty lanes.
const FEW: usize = 4;

/// Pixels of a plane and windows over it.
fn sizes([rows, cols]: &[Axis; 2]) -> [usize; 2] {
    [rows.input * cols.input, rows.output() * cols.output()]
}

/// Planes of a task that looks at so many numbers of each.
fn task(numbers: usize) -> usize {
    (TASK / (WIDTH * numbers.max(1))).max(1) * WIDTH
}

/// Numbers that the windows over a plane look at.
fn looks(axes: &[Axis; 2]) -> usize {
    axes.iter().fold(sizes(axes)[1], |n, axis| n.saturating_mul(axis.kernel))
}

/// The lines of the input that some rows of windows see.
fn seen(rows: &Axis, windows: Range<usize>) -> Range<usize> {
    let spans = || rows.spans[windows.clone()].iter().filter(|span| span.count > 0);
    let end = spans().map(|span| span.start + (span.count - 1) * rows.dilation + 1).max();
    let start = spans().map(|span| span.start).min();
    start.unwrap_or(0)..end.unwrap_or(0)
}

/// Rows of windows of which the lines can be held, and these lines.
fn bands([rows, cols]: &[Axis; 2]) -> Vec<[Range<usize>; 2]> {
    let (mut bands, mut first) = (Vec::new(), 0);
    while first < rows.output() {
        let mut end = first + 1;
        while end < rows.output() && seen(rows, first..end + 1).len() * cols.input <= BAND {
            end += 1;
        }
        bands.push([first..end, seen(rows, first..end)]);
        first = end;
    }
    bands
}

/// The largest of each window, and where it is if bytes can tell.
pub(super) fn max<C: Code>(x: &[f32], axes: &[Axis; 2], out: &mut [f32], codes: &mut [C]) {
    let [_, windows] = sizes(axes);
    let bands = &bands(axes)[..];
    pool::chunks_mut_2(out, codes, windows * task(looks(axes)), |start, out, codes| {
        let codes = C::bytes_mut(codes);
        dispatch_lanes(Windows { x, axes, bands, first: start / windows, out, job: Max { codes } });
    });
}

/// The sum of each window over `divisors[0][row] · divisors[1][column]`.
pub(super) fn average(x: &[f32], axes: &[Axis; 2], divisors: [&[f64]; 2], out: &mut [f32]) {
    let [pixels, windows] = sizes(axes);
    let whole = |axis: &Axis| axis.spans.iter().all(|span| span.count == axis.input);
    if windows == 1 && whole(&axes[0]) && whole(&axes[1]) {
        let divisor = (divisors[0][0] * divisors[1][0]) as f32;
        return pool::chunks_mut(out, task(pixels), |start, out| {
            let x = &x[start * pixels..][..out.len() * pixels];
            dispatch_lanes(Whole { x, pixels, divisor, out });
        });
    }
    let bands = &bands(axes)[..];
    pool::chunks_mut(out, windows * task(looks(axes)), |start, out| {
        dispatch_lanes(Windows { x, axes, bands, first: start / windows, out, job: Average { divisors } });
    });
}

/// What is asked of each window.
trait Job {
    /// Of the window of a row and a column: its number and, perhaps, a code. `pixels` begin with its first place.
    fn window<L: Lanes>(&self, pixels: &[Pixel], axes: &[Axis; 2], at: [usize; 2]) -> [L; 2];
    /// Where codes go, from one on, if they are wanted.
    fn codes(&mut self, from: usize) -> Option<&mut [u8]>;
}

struct Max<'a> {
    codes: Option<&'a mut [u8]>,
}

impl Job for Max<'_> {
    #[inline(always)]
    fn window<L: Lanes>(&self, pixels: &[Pixel], [rows, cols]: &[Axis; 2], [row, col]: [usize; 2]) -> [L; 2] {
        let (mut best, next) = ((L::splat(f32::NEG_INFINITY), L::zero()), L::splat(1.0));
        let count = cols.spans[col].count;
        for i in 0..rows.spans[row].count {
            let line = &pixels[i * rows.dilation * cols.input..];
            assert!(count == 0 || (count - 1) * cols.dilation < line.len());
            let mut code = L::splat((i * cols.kernel) as f32);
            for j in 0..count {
                // SAFETY: at most the last, which is in the slice as asserted.
                let pixel = unsafe { line.get_unchecked(j * cols.dilation) };
                best = L::larger(best, (L::load(pixel), code));
                code = code + next;
            }
        }
        [best.0, best.1]
    }
    #[inline(always)]
    fn codes(&mut self, from: usize) -> Option<&mut [u8]> {
        self.codes.as_mut().map(|codes| &mut codes[from..])
    }
}

struct Average<'a> {
    divisors: [&'a [f64]; 2],
}

impl Job for Average<'_> {
    #[inline(always)]
    fn window<L: Lanes>(&self, pixels: &[Pixel], [rows, cols]: &[Axis; 2], [row, col]: [usize; 2]) -> [L; 2] {
        let mut sum = L::zero();
        for i in 0..rows.spans[row].count {
            let line = &pixels[i * rows.dilation * cols.input..];
            for j in 0..cols.spans[col].count {
                sum = sum + L::load(&line[j * cols.dilation]);
            }
        }
        let divisor = self.divisors[0][row] * self.divisors[1][col];
        [sum / L::splat(divisor as f32), L::zero()]
    }
    #[inline(always)]
    fn codes(&mut self, _: usize) -> Option<&mut [u8]> {
        None
    }
}

/// Does a job for all windows of some planes.
struct Windows<'a, J> {
    x: &'a [f32],
    axes: &'a [Axis; 2],
    bands: &'a [[Range<usize>; 2]],
    /// The first plane.
    first: usize,
    out: &'a mut [f32],
    job: J,
}

impl<J: Job> LaneKernel for Windows<'_, J> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Windows { x, axes, bands, first, out, mut job } = self;
        let ([size, windows], width, columns) = (sizes(axes), axes[1].input, axes[1].output());
        let most = |i: usize, width: usize| {
            bands.iter().map(|band| band[i].len()).max().unwrap_or(0) * width + WIDTH
        };
        let count = most(0, columns);
        let of_codes = if job.codes(0).is_some() { count } else { 0 };
        let mut room = Pixels::new(most(1, width) + count + of_codes);
        let (pixels, room) = room.all().split_at_mut(most(1, width));
        let (values, codes) = room.split_at_mut(count);
        for (group, out) in out.chunks_mut(WIDTH * windows).enumerate() {
            let count = out.len() / windows;
            let x = &x[(first + group * WIDTH) * size..][..count * size];
            for [band, lines] in bands {
                read::<L, f32>(x, size, lines.start * width..lines.end * width, pixels);
                let mut at = 0;
                for row in band.clone() {
                    let line = &pixels[(axes[0].spans[row].start.max(lines.start) - lines.start) * width..];
                    for col in 0..columns {
                        let window = &line[axes[1].spans[col].start.min(line.len())..];
                        let [value, code] = job.window::<L>(window, axes, [row, col]);
                        value.store(&mut values[at]);
                        if let Some(to) = codes.get_mut(at) {
                            code.store(to);
                        }
                        at += 1;
                    }
                }
                let range = band.start * columns..band.end * columns;
                write::<L, f32>(values, out, windows, range.clone());
                if let Some(to) = job.codes(group * WIDTH * windows) {
                    write::<L, u8>(codes, &mut to[..count * windows], windows, range);
                }
            }
        }
    }
}

/// The sums of whole planes over a divisor.
struct Whole<'a> {
    x: &'a [f32],
    pixels: usize,
    divisor: f32,
    out: &'a mut [f32],
}

impl LaneKernel for Whole<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Whole { x, pixels, divisor, out } = self;
        for (x, out) in x.chunks(WIDTH * pixels).zip(out.chunks_mut(WIDTH)) {
            let mut sums = [L::zero(); WIDTH];
            for p in 0..out.len() {
                let plane = &x[p * pixels..][..pixels];
                let mut lanes = [L::zero(); 4];
                let mut at = 0;
                while at + 4 * WIDTH <= pixels {
                    for i in 0..4 {
                        lanes[i] = lanes[i] + L::load_some(&plane[at + i * WIDTH..][..WIDTH]);
                    }
                    at += 4 * WIDTH;
                }
                while at < pixels {
                    lanes[0] = lanes[0] + L::load_some(&plane[at..pixels.min(at + WIDTH)]);
                    at += WIDTH;
                }
                sums[p] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
            }
            (L::sum_each(sums) / L::splat(divisor)).store_some(out);
        }
    }
}

/// Whether there are planes enough for the lanes, and what a row of windows sees can be held.
pub(super) fn serves(planes: usize, axes: &[Axis; 2]) -> bool {
    let most = (0..axes[0].output()).map(|row| seen(&axes[0], row..row + 1).len()).max();
    planes >= FEW && most.unwrap_or(0).saturating_mul(axes[1].input) <= MOST
}

/// Whether there are planes enough for the lanes, and the gradients of a plane can be held.
pub(super) fn serves_backward(planes: usize, axes: &[Axis; 2]) -> bool {
    planes >= FEW && sizes(axes).iter().all(|&n| (1..=MOST).contains(&n))
}

/// The transpose of [`average`].
pub(super) fn average_backward(g: &[f32], axes: &[Axis; 2], divisors: [&[f64]; 2], gx: &mut [f32]) {
    backward(g, axes, gx, |_, _| Share { divisors });
}

/// The transpose of [`max`], from its codes.
pub(super) fn scatter(g: &[f32], codes: &[u8], axes: &[Axis; 2], gx: &mut [f32]) {
    backward(g, axes, gx, |planes, windows| Place {
        codes: &codes[planes.start * windows..planes.end * windows],
        windows,
        held: Pixels::new(windows + WIDTH),
    });
}

fn backward<W: Weigh>(
    g: &[f32],
    axes: &[Axis; 2],
    gx: &mut [f32],
    weigh: impl Fn(Range<usize>, usize) -> W + Sync,
) {
    let [size, windows] = sizes(axes);
    pool::chunks_mut(gx, size * task(size.max(looks(axes))), |start, gx| {
        let planes = start / size..(start + gx.len()) / size;
        let (g, weigh) = (&g[planes.start * windows..planes.end * windows], weigh(planes, windows));
        dispatch_lanes(Backward { g, axes, gx, weigh });
    });
}

/// Which part of a window's gradient its places get.
trait Weigh {
    /// Makes ready for a group of planes.
    fn ready<L: Lanes>(&mut self, group: usize);
    /// What all places of a window start from.
    fn window<L: Lanes>(&mut self, g: L, window: usize, at: [usize; 2]) -> (L, L);
    /// What the place of this code gets.
    fn place<L: Lanes>(&self, window: (L, L), code: L) -> L;
}

struct Share<'a> {
    divisors: [&'a [f64]; 2],
}

impl Weigh for Share<'_> {
    #[inline(always)]
    fn ready<L: Lanes>(&mut self, _: usize) {}
    #[inline(always)]
    fn window<L: Lanes>(&mut self, g: L, _: usize, [row, col]: [usize; 2]) -> (L, L) {
        (g / L::splat((self.divisors[0][row] * self.divisors[1][col]) as f32), g)
    }
    #[inline(always)]
    fn place<L: Lanes>(&self, (share, _): (L, L), _: L) -> L {
        share
    }
}

struct Place<'a> {
    codes: &'a [u8],
    windows: usize,
    /// The codes of a group.
    held: Pixels,
}

impl Weigh for Place<'_> {
    #[inline(always)]
    fn ready<L: Lanes>(&mut self, group: usize) {
        let codes = &self.codes[group * WIDTH * self.windows..];
        read::<L, u8>(codes, self.windows, 0..self.windows, self.held.all());
    }
    #[inline(always)]
    fn window<L: Lanes>(&mut self, g: L, window: usize, _: [usize; 2]) -> (L, L) {
        (g, L::load(&self.held.all()[window]))
    }
    #[inline(always)]
    fn place<L: Lanes>(&self, (g, code): (L, L), at: L) -> L {
        g.where_equal(code, at)
    }
}

/// The gradients of some planes.
struct Backward<'a, W> {
    g: &'a [f32],
    axes: &'a [Axis; 2],
    gx: &'a mut [f32],
    weigh: W,
}

impl<W: Weigh> LaneKernel for Backward<'_, W> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Backward { g, axes, gx, mut weigh } = self;
        let ([size, windows], [rows, cols]) = (sizes(axes), axes);
        let mut room = Pixels::new(windows + size + 2 * WIDTH);
        let (of_windows, of_pixels) = room.all().split_at_mut(windows + WIDTH);
        let next = L::splat(1.0);
        for (group, gx) in gx.chunks_mut(WIDTH * size).enumerate() {
            let count = gx.len() / size;
            let g = &g[group * WIDTH * windows..][..count * windows];
            read::<L, f32>(g, windows, 0..windows, of_windows);
            weigh.ready::<L>(group);
            for i in 0..size {
                L::zero().store(&mut of_pixels[i]);
            }
            let mut at = [0, 0];
            for window in 0..windows {
                let (row, col) = (rows.spans[at[0]], cols.spans[at[1]]);
                let g = weigh.window(L::load(&of_windows[window]), window, at);
                at = if at[1] + 1 < cols.output() { [at[0], at[1] + 1] } else { [at[0] + 1, 0] };
                for i in 0..row.count {
                    let first = (row.start + i * rows.dilation) * cols.input + col.start;
                    assert!(col.count == 0 || first + (col.count - 1) * cols.dilation < of_pixels.len());
                    let mut code = L::splat((i * cols.kernel) as f32);
                    for j in 0..col.count {
                        // SAFETY: at most the last, which is in the slice as asserted.
                        let pixel = unsafe { of_pixels.get_unchecked_mut(first + j * cols.dilation) };
                        (L::load(pixel) + weigh.place(g, code)).store(pixel);
                        code = code + next;
                    }
                }
            }
            write::<L, f32>(of_pixels, gx, size, 0..size);
        }
    }
}
