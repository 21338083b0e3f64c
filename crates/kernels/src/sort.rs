//! Sorting along the middle axis of a contiguous `[outer, axis, inner]` block.

use crate::dtype::Element;
use crate::pool;
use crate::strided::numel;
use std::cmp::Ordering;

/// Elements of one parallel task.
const TASK: usize = 1 << 12;

/// Ascending, with NaN above everything, as PyTorch sorts.
#[allow(clippy::eq_op)]
fn ascending<T: Element>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| (a != a).cmp(&(b != b)))
}

/// The positions along the axis in the order of their elements; equal elements keep their order.
pub fn argsort<T: Element>(descending: bool, x: &[T], [outer, axis, inner]: [usize; 3], out: &mut [i64]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(x.len(), out.len());
    if x.is_empty() {
        return;
    }
    let size = axis * inner;
    pool::chunks_mut(out, (TASK / size).max(1) * size, |start, out| {
        // Keys beside their positions: comparing then reads memory in order.
        let mut row: Vec<(T, i64)> = Vec::with_capacity(axis);
        for base in (0..out.len()).step_by(size) {
            for i in 0..inner {
                row.clear();
                row.extend((0..axis).map(|a| (x[start + base + a * inner + i], a as i64)));
                match descending {
                    true => row.sort_by(|a, b| ascending(b.0, a.0)),
                    false => row.sort_by(|a, b| ascending(a.0, b.0)),
                }
                for (a, &(_, position)) in row.iter().enumerate() {
                    out[base + a * inner + i] = position;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_largest_and_equals_keep_their_order() {
        let x = [2.0, f64::NAN, 1.0, 2.0, f64::INFINITY];
        let mut out = [0; 5];
        argsort(false, &x, [1, 5, 1], &mut out);
        assert_eq!(out, [2, 0, 3, 4, 1]);
        argsort(true, &x, [1, 5, 1], &mut out);
        assert_eq!(out, [1, 4, 0, 3, 2]);
        let mut out = [0; 6];
        argsort(false, &[3u8, 1, 2, 2, 1, 3], [1, 3, 2], &mut out);
        assert_eq!(out, [2, 0, 1, 1, 0, 2]);
    }
}
