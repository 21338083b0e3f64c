//! `f32` in windows of 2×2 side by side, sixteen at a time.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Axis, Code, TASK};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool;

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
    use crate::pooling::{Axis, max};
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
        }
    }
}
