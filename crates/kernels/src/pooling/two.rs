//! Maxima of `f32` in windows of 2×2 side by side, sixteen at a time.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::TASK;
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool;

/// The maxima of planes of `size`, of which `windows` fit, and their positions in the windows.
pub(super) fn max(x: &[f32], size: [usize; 2], windows: [usize; 2], out: &mut [f32], codes: &mut [u8]) {
    let plane = windows[0] * windows[1];
    pool::chunks_mut_2(out, codes, plane * (TASK / (4 * plane)).max(1), |start, out, codes| {
        dispatch_lanes(Max { x, size, windows, first: start / plane, out, codes });
    });
}

struct Max<'a> {
    x: &'a [f32],
    size: [usize; 2],
    windows: [usize; 2],
    /// The first plane.
    first: usize,
    out: &'a mut [f32],
    codes: &'a mut [u8],
}

impl LaneKernel for Max<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Max { x, size: [height, width], windows: [rows, columns], first, out, codes } = self;
        let planes = out.len() / (rows * columns);
        for i in 0..planes * rows {
            let (plane, row) = (first + i / rows, i % rows);
            let upper = &x[(plane * height + 2 * row) * width..][..2 * width];
            let (upper, lower) = upper.split_at(width);
            let out = &mut out[i * columns..][..columns];
            let codes = &mut codes[i * columns..][..columns];
            let mut column = 0;
            while column < columns {
                let n = WIDTH.min(columns - column);
                let [a, b] = pairs::<L>(&upper[2 * column..][..2 * n]);
                let [c, d] = pairs::<L>(&lower[2 * column..][..2 * n]);
                let best = (a, L::zero());
                let best = L::larger(best, (b, L::splat(1.0)));
                let best = L::larger(best, (c, L::splat(2.0)));
                let (best, code) = L::larger(best, (d, L::splat(3.0)));
                best.store_some(&mut out[column..column + n]);
                code.store_bytes(&mut codes[column..column + n]);
                column += n;
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
