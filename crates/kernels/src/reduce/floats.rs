//! Rows of `f32`, in vectors that are written out: the compiler cuts running results into smaller ones now and then.

use super::{BLOCK, Kind, LINES, Reducer, fold};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::stream;

/// Rows up to which each one's running results are combined by themselves.
const FEW: usize = 3;

/// Each of some rows of one length, which is not 0, and whether they are part of an operand beyond the cache.
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
        // One stream is asked for ahead; other rows go two by two, whose sums do not wait for each other.
        let alone = is_far && len >= BLOCK;
        for (x, out) in x.chunks(WIDTH * len).zip(out.chunks_mut(WIDTH)) {
            let mut lanes = [L::zero(); WIDTH];
            let mut rows = x.chunks_exact(len);
            let mut i = 0;
            while i < out.len() {
                match (rows.next(), if alone { None } else { rows.next() }) {
                    (Some(a), Some(b)) => [lanes[i], lanes[i + 1]] = abreast(r, [a, b], is_far),
                    (Some(a), None) => [lanes[i]] = abreast(r, [a], is_far),
                    (None, _) => {}
                }
                i += if alone { 1 } else { 2 };
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

/// The running results of each of `N` rows of one length, a line of each in turn.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "no iterators over lanes: they are not always inlined")]
fn abreast<const N: usize, R: Reducer, L: Lanes>(r: R, rows: [&[f32]; N], is_far: bool) -> [L; N] {
    let identity = L::splat(r.identity());
    let mut totals = [identity; N];
    let len = rows[0].len();
    for start in (0..len / WIDTH * WIDTH).step_by(BLOCK) {
        let n = BLOCK.min(len - start) / WIDTH;
        let mut lines = [rows[0].as_chunks::<WIDTH>().0; N];
        for k in 0..N {
            lines[k] = &rows[k][start..].as_chunks().0[..n];
        }
        let mut sums = [identity; N];
        let whole = n / LINES * LINES;
        for from in (0..whole).step_by(LINES) {
            let mut asked = [&lines[0][from..][..LINES]; N];
            for k in 0..N {
                asked[k] = &lines[k][from..][..LINES];
                if is_far {
                    stream::ask_ahead_l2(asked[k]);
                }
            }
            for i in 0..LINES {
                for k in 0..N {
                    sums[k] = combine::<R, L>(sums[k], L::load(&asked[k][i]));
                }
            }
        }
        for i in whole..n {
            for k in 0..N {
                sums[k] = combine::<R, L>(sums[k], L::load(&lines[k][i]));
            }
        }
        for k in 0..N {
            totals[k] = combine::<R, L>(totals[k], sums[k]);
        }
    }
    let rest = len % WIDTH;
    if rest > 0 {
        for k in 0..N {
            let last = match rows[k].last_chunk() {
                // What is taken twice changes nothing.
                Some(line) if matches!(R::KIND, Kind::Max | Kind::Min) => L::load(line),
                _ if R::KIND == Kind::Sum => L::load_some(&rows[k][len - rest..]),
                _ => {
                    let mut line = [r.identity(); WIDTH];
                    line[..rest].copy_from_slice(&rows[k][len - rest..]);
                    L::load(&line)
                }
            };
            totals[k] = combine::<R, L>(totals[k], last);
        }
    }
    totals
}
