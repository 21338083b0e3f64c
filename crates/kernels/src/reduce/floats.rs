//! Rows of `f32`, in vectors that are written out: where their last steps are near, the compiler cuts running results into
//! smaller vectors, as those steps want them.

use super::{BLOCK, Kind, LINES, Reducer, fold};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::stream;

/// Rows up to which each one's running results are combined by themselves.
const FEW: usize = 3;

/// Running results of a row that do not wait for each other.
const ABREAST: usize = 4;

/// Each of some rows of one length, [`WIDTH`] or more, and whether they are part of an operand beyond the cache.
pub(super) fn rows<R: Reducer>(r: R, x: &[f32], out: &mut [f32], is_far: bool) {
    dispatch_lanes(Rows { r, x, out, is_far });
}

struct Rows<'a, R> {
    r: R,
    x: &'a [f32],
    out: &'a mut [f32],
    is_far: bool,
}

impl<R: Reducer> LaneKernel for Rows<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Rows { r, x, out, is_far } = self;
        let len = x.len() / out.len();
        for (x, out) in x.chunks(WIDTH * len).zip(out.chunks_mut(WIDTH)) {
            let mut lanes = [L::zero(); WIDTH];
            for (lanes, row) in lanes.iter_mut().zip(x.chunks_exact(len)) {
                *lanes = along(r, row, is_far);
            }
            if out.len() <= FEW {
                for (lanes, o) in lanes.iter().zip(out) {
                    let mut results = [0.0; WIDTH];
                    lanes.store(&mut results);
                    *o = fold(r, results);
                }
                continue;
            }
            let mut columns = L::transpose(lanes);
            let mut width = WIDTH / 2;
            while width > 0 {
                for i in 0..width {
                    columns[i] = combine::<R, L>(columns[i], columns[i + width]);
                }
                width /= 2;
            }
            columns[0].store_some(out);
        }
    }
}

/// [`Reducer::combine`] of sixteen at once.
#[inline(always)]
fn combine<R: Reducer, L: Lanes>(a: L, b: L) -> L {
    match R::KIND {
        Kind::Sum => a + b,
        Kind::Product => a * b,
        Kind::Max => a.max(b),
        Kind::Min => a.min(b),
    }
}

/// The running results of a row.
#[inline(always)]
fn along<R: Reducer, L: Lanes>(r: R, row: &[f32], is_far: bool) -> L {
    let identity = L::splat(r.identity());
    let mut total = identity;
    let (lines, rest) = row.as_chunks::<WIDTH>();
    for block in lines.chunks(BLOCK / WIDTH) {
        let (asked, last) = block.as_chunks::<LINES>();
        let mut sum = identity;
        if !asked.is_empty() {
            let mut abreast = [identity; ABREAST];
            for lines in asked {
                if is_far {
                    stream::ask_ahead_l2(lines);
                }
                for i in 0..LINES {
                    abreast[i % ABREAST] = combine::<R, L>(abreast[i % ABREAST], L::load(&lines[i]));
                }
            }
            for results in abreast {
                sum = combine::<R, L>(sum, results);
            }
        }
        if is_far && !asked.is_empty() {
            stream::ask_ahead_l2(last);
        }
        for line in last {
            sum = combine::<R, L>(sum, L::load(line));
        }
        total = combine::<R, L>(total, sum);
    }
    if rest.is_empty() {
        return total;
    }
    let last = match row.last_chunk() {
        // What is taken twice changes nothing.
        Some(line) if matches!(R::KIND, Kind::Max | Kind::Min) => L::load(line),
        _ if R::KIND == Kind::Sum => L::load_some(rest),
        _ => {
            let mut line = [r.identity(); WIDTH];
            line[..rest.len()].copy_from_slice(rest);
            L::load(&line)
        }
    };
    combine::<R, L>(total, last)
}

#[cfg(test)]
mod tests {
    use super::super::{Max, Min, Product, Sum};
    use super::*;

    /// Rows whose results are exact in any order agree with one element after another, to the bit.
    #[test]
    fn rows_of_all_lengths_agree_with_plain_loops() {
        fn check<R: Reducer>(r: R, value: impl Fn(usize) -> f32) {
            for len in (WIDTH..=70).chain([100, 255, 256, 257, 1023, 1024, 1025, 1100, 2600]) {
                for count in [1, 2, 3, 4, 15, 16, 17, 35] {
                    let x: Vec<f32> = (0..len * count).map(&value).collect();
                    for is_far in [false, true] {
                        let mut out = vec![f32::NAN; count];
                        rows(r, &x, &mut out, is_far);
                        for (row, got) in x.chunks(len).zip(out) {
                            let want = row.iter().fold(r.identity::<f32>(), |a, &b| r.combine(a, b));
                            let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
                            assert!(same, "{:?} of {count} rows of {len}: {got}, not {want}", R::KIND);
                        }
                    }
                }
            }
        }
        let number = |i: usize| (i * 7919 % 2001) as f32 - 1000.0;
        check(Sum, number);
        check(Max, number);
        check(Min, number);
        check(Product, |i| [1.0, -1.0, 2.0, -0.5][i * 7919 % 997 % 4]);
        let with_nan = |i: usize| if i % 997 == 500 { f32::NAN } else { -number(i) };
        check(Max, with_nan);
        check(Min, with_nan);
        check(Sum, |_| -0.0);
    }
}
