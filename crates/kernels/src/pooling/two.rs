//! `f32` in windows of 2×2 side by side, sixteen at a time.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Axis, Code, TASK};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool;
use std::ops::Range;

/// Windows over planes of `size`, of which `windows` fit.
#[derive(Clone, Copy)]
pub(super) struct Pairs {
    size: [usize; 2],
    windows: [usize; 2],
}

impl Pairs {
    /// Where windows are pairs and their lines fill the lanes well.
    pub(super) fn of([rows, cols]: &[Axis; 2]) -> Option<Pairs> {
        let windows = [rows.output(), cols.output()];
        let fit = rows.is_pairs() && cols.is_pairs() && windows[0] > 0 && windows[1] >= WIDTH / 3;
        fit.then_some(Pairs { size: [rows.input, cols.input], windows })
    }

    /// Numbers of a task: whole planes.
    fn task(self) -> usize {
        let plane = self.windows[0] * self.windows[1];
        plane * (TASK / (4 * plane)).max(1)
    }
}

/// The maxima, and their positions in the windows if bytes tell them.
pub(super) fn max<C: Code>(x: &[f32], pairs: Pairs, out: &mut [f32], codes: &mut [C]) {
    pool::chunks_mut_2(out, codes, pairs.task(), |start, out, codes| {
        let codes = C::bytes_mut(codes);
        dispatch_lanes(Lines { x, pairs, start, out, job: Max { codes } });
    });
}

/// The sums over a divisor.
pub(super) fn average(x: &[f32], pairs: Pairs, divisor: f32, out: &mut [f32]) {
    pool::chunks_mut(out, pairs.task(), |start, out| {
        dispatch_lanes(Lines { x, pairs, start, out, job: Average { divisor } });
    });
}

/// The transpose of [`max`], from its positions.
pub(super) fn scatter(g: &[f32], codes: &[u8], pairs: Pairs, gx: &mut [f32]) {
    backward(g, pairs, gx, |windows| Place { codes: &codes[windows] });
}

/// The transpose of [`average`].
pub(super) fn average_backward(g: &[f32], pairs: Pairs, divisor: f32, gx: &mut [f32]) {
    backward(g, pairs, gx, |_| Share { divisor });
}

fn backward<W: Weigh>(g: &[f32], pairs: Pairs, gx: &mut [f32], weigh: impl Fn(Range<usize>) -> W + Sync) {
    let ([height, width], windows) = (pairs.size, pairs.windows[0] * pairs.windows[1]);
    let size = height * width;
    pool::chunks_mut(gx, (TASK / size).max(1) * size, |start, gx| {
        let part = start / size * windows..(start + gx.len()) / size * windows;
        dispatch_lanes(Backward { g: &g[part.clone()], weigh: weigh(part), pairs, gx });
    });
}

/// Which part of their gradient some windows give to their four places.
trait Weigh {
    fn four<L: Lanes>(&self, g: L, windows: Range<usize>) -> [L; 4];
}

struct Place<'a> {
    codes: &'a [u8],
}

impl Weigh for Place<'_> {
    #[inline(always)]
    fn four<L: Lanes>(&self, g: L, windows: Range<usize>) -> [L; 4] {
        let code = L::load_bytes(&self.codes[windows]);
        let mut four = [g; 4];
        for place in 0..4 {
            four[place] = g.where_equal(code, L::splat(place as f32));
        }
        four
    }
}

struct Share {
    divisor: f32,
}

impl Weigh for Share {
    #[inline(always)]
    fn four<L: Lanes>(&self, g: L, _: Range<usize>) -> [L; 4] {
        [g / L::splat(self.divisor); 4]
    }
}

/// The gradients of some planes.
struct Backward<'a, W> {
    g: &'a [f32],
    weigh: W,
    pairs: Pairs,
    gx: &'a mut [f32],
}

impl<W: Weigh> LaneKernel for Backward<'_, W> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Backward { g, weigh, pairs: Pairs { size: [height, width], windows: [rows, columns] }, gx } =
            self;
        for (plane, gx) in gx.chunks_exact_mut(height * width).enumerate() {
            for row in 0..rows {
                let from = (plane * rows + row) * columns;
                let (upper, lower) = gx[2 * row * width..][..2 * width].split_at_mut(width);
                for column in (0..columns).step_by(WIDTH) {
                    let n = WIDTH.min(columns - column);
                    let windows = from + column..from + column + n;
                    let four = weigh.four(L::load_some(&g[windows.clone()]), windows);
                    put([four[0], four[1]], &mut upper[2 * column..][..2 * n]);
                    put([four[2], four[3]], &mut lower[2 * column..][..2 * n]);
                }
                upper[2 * columns..].fill(0.0);
                lower[2 * columns..].fill(0.0);
            }
            gx[2 * rows * width..].fill(0.0);
        }
    }
}

/// Two vectors side by side.
#[inline(always)]
fn put<L: Lanes>([even, odd]: [L; 2], to: &mut [f32]) {
    let [low, high] = L::interleave(even, odd);
    let (one, two) = to.split_at_mut(to.len().min(WIDTH));
    low.store_some(one);
    high.store_some(two);
}

/// What is asked of the four numbers of each window.
trait Job {
    /// For windows from one on, row by row.
    fn window<L: Lanes>(&mut self, at: usize, four: [L; 4], out: &mut [f32]);
}

struct Max<'a> {
    codes: Option<&'a mut [u8]>,
}

impl Job for Max<'_> {
    #[inline(always)]
    fn window<L: Lanes>(&mut self, at: usize, [a, b, c, d]: [L; 4], out: &mut [f32]) {
        let best = L::larger((a, L::zero()), (b, L::splat(1.0)));
        let best = L::larger(best, (c, L::splat(2.0)));
        let (best, code) = L::larger(best, (d, L::splat(3.0)));
        best.store_some(out);
        if let Some(codes) = &mut self.codes {
            code.store_bytes(&mut codes[at..][..out.len()]);
        }
    }
}

struct Average {
    divisor: f32,
}

impl Job for Average {
    #[inline(always)]
    fn window<L: Lanes>(&mut self, _: usize, [a, b, c, d]: [L; 4], out: &mut [f32]) {
        ((a + b + c + d) / L::splat(self.divisor)).store_some(out);
    }
}

struct Lines<'a, J> {
    x: &'a [f32],
    pairs: Pairs,
    /// The first number of the output.
    start: usize,
    out: &'a mut [f32],
    job: J,
}

impl<J: Job> LaneKernel for Lines<'_, J> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Lines {
            x,
            pairs: Pairs { size: [height, width], windows: [rows, columns] },
            start,
            out,
            mut job,
        } = self;
        for (i, out) in out.chunks_exact_mut(columns).enumerate() {
            let (plane, row) = (start / (rows * columns) + i / rows, i % rows);
            let lines = &x[(plane * height + 2 * row) * width..][..width + 2 * columns];
            let (upper, lower) = lines.split_at(width);
            for column in (0..columns).step_by(WIDTH) {
                let n = WIDTH.min(columns - column);
                let [a, b] = pairs::<L>(&upper[2 * column..][..2 * n]);
                let [c, d] = pairs::<L>(&lower[2 * column..][..2 * n]);
                job.window(i * columns + column, [a, b, c, d], &mut out[column..column + n]);
            }
        }
    }
}

/// The elements at even and odd places.
#[inline(always)]
fn pairs<L: Lanes>(x: &[f32]) -> [L; 2] {
    let low = L::load_some(&x[..x.len().min(WIDTH)]);
    let high = L::load_some(&x[x.len().min(WIDTH)..]);
    L::alternate(low, high)
}

#[cfg(test)]
mod tests {
    use crate::pooling::{Axis, max, scatter};
    use crate::rng;

    /// `f64` takes the other way.
    #[test]
    fn agrees_with_the_general_way() {
        for (height, width) in [(2, 2), (3, 5), (28, 28), (14, 14), (7, 66), (4, 33), (2, 131)] {
            let mut x: Vec<f32> =
                (0..5 * height * width).map(|i| (rng::normal_f32(1, i as u64) * 2.0).round()).collect();
            for i in (0..x.len()).step_by(11) {
                x[i] = if i % 2 == 0 { f32::NAN } else { f32::NEG_INFINITY };
            }
            let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
            let axes = [height, width].map(|n| Axis::sliding([n, n / 2], 2, 2, 0, 1));
            let n = 5 * (height / 2) * (width / 2);
            let (mut out, mut codes) = (vec![0f32; n], vec![9u8; n]);
            max(&x, &axes, &mut out, &mut codes);
            let (mut wide_out, mut wide_codes) = (vec![0f64; n], vec![9u8; n]);
            max(&wide, &axes, &mut wide_out, &mut wide_codes);
            assert_eq!(codes, wide_codes, "{height} × {width}");
            assert!(
                out.iter()
                    .zip(&wide_out)
                    .all(|(&a, &b)| f64::from(a).total_cmp(&b).is_eq() || a.is_nan() && b.is_nan())
            );
            let (mut back, mut wide_back) = (vec![9f32; x.len()], vec![9f64; x.len()]);
            scatter(&out, &codes, &axes, &mut back);
            scatter(&wide_out, &codes, &axes, &mut wide_back);
            assert!(
                back.iter().zip(&wide_back).all(|(&a, &b)| f64::from(a) == b || a.is_nan() && b.is_nan())
            );
        }
    }
}
