//! Running sums, products and first-order recurrences along the middle axis of a contiguous `[outer, axis, inner]`
//! block.

use crate::dtype::Element;
use crate::num::Float;
use crate::pool;
use crate::strided::numel;
use std::num::Wrapping;

/// Elements of one parallel task.
const TASK: usize = 1 << 14;

/// out\[i\] = x\[0\] + … + x\[i\], or the product; with `reverse` from the end. Floats are accumulated in `f64`, all
/// others in wrapping `i64`.
pub fn cumulate<T: Element>(product: bool, reverse: bool, x: &[T], block: [usize; 3], out: &mut [T]) {
    match (T::DTYPE.is_float(), product) {
        (true, false) => scan(reverse, x, block, out, 0.0, |a, v| a + v.to_f64(), T::from_f64),
        (true, true) => scan(reverse, x, block, out, 1.0, |a, v| a * v.to_f64(), T::from_f64),
        (false, false) => {
            scan(reverse, x, block, out, Wrapping(0), |a, v| a + Wrapping(v.to_i64()), |a| T::from_i64(a.0));
        }
        (false, true) => {
            scan(reverse, x, block, out, Wrapping(1), |a, v| a * Wrapping(v.to_i64()), |a| T::from_i64(a.0));
        }
    }
}

/// out\[i\] = x\[i\] + factor\[i\] · out\[i − 1\], and out\[0\] = x\[0\]; with `reverse` from the end.
pub fn recurrence<T: Float>(reverse: bool, x: &[T], factor: &[T], block: [usize; 3], out: &mut [T]) {
    assert_eq!(x.len(), factor.len());
    rows(reverse, x.len(), block, out, |row, out| {
        let mut last = T::lit(0.0);
        for (n, (from, to)) in row.positions().enumerate() {
            last = if n == 0 { x[from] } else { x[from] + factor[from] * last };
            out[to] = last;
        }
    });
}

fn scan<T: Element, A: Copy + Sync>(
    reverse: bool,
    x: &[T],
    block: [usize; 3],
    out: &mut [T],
    first: A,
    step: impl Fn(A, T) -> A + Sync,
    value: impl Fn(A) -> T + Sync,
) {
    rows(reverse, x.len(), block, out, |row, out| {
        let mut state = first;
        for (from, to) in row.positions() {
            state = step(state, x[from]);
            out[to] = value(state);
        }
    });
}

/// Where the elements of one row are.
#[derive(Clone, Copy)]
struct Row {
    /// Of the first, in the input and in the piece of the output.
    first: (usize, usize),
    axis: usize,
    step: usize,
    reverse: bool,
}

impl Row {
    /// In the input and in the piece of the output, in the order of the scan.
    #[inline(always)]
    fn positions(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.axis).map(move |a| {
            let at = if self.reverse { self.axis - 1 - a } else { a } * self.step;
            (self.first.0 + at, self.first.1 + at)
        })
    }
}

/// Calls `f` for each row.
fn rows<T: Element>(
    reverse: bool,
    len: usize,
    [outer, axis, inner]: [usize; 3],
    out: &mut [T],
    f: impl Fn(Row, &mut [T]) + Sync,
) {
    assert_eq!(len, numel(&[outer, axis, inner]));
    assert_eq!(len, out.len());
    if len == 0 {
        return;
    }
    let size = axis * inner;
    pool::chunks_mut(out, (TASK / size).max(1) * size, |start, out| {
        for base in (0..out.len()).step_by(size) {
            for i in base..base + inner {
                f(Row { first: (start + i, i), axis, step: inner, reverse }, out);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_run_along_the_axis_in_both_directions() {
        let x = [1i64, 2, 3, 4, 5, 6];
        let mut out = [0; 6];
        cumulate(false, false, &x, [1, 3, 2], &mut out);
        assert_eq!(out, [1, 2, 4, 6, 9, 12]);
        cumulate(true, true, &x, [2, 3, 1], &mut out);
        assert_eq!(out, [6, 6, 3, 120, 30, 6]);
        let mut out = [0.0; 3];
        recurrence(false, &[1.0, 2.0, 3.0], &[9.0, 10.0, 100.0], [1, 3, 1], &mut out);
        assert_eq!(out, [1.0, 12.0, 1203.0]);
        recurrence(true, &[1.0, 2.0, 3.0], &[10.0, 100.0, 9.0], [1, 3, 1], &mut out);
        assert_eq!(out, [3021.0, 302.0, 3.0]);
    }
}
