//! Sorting, whole or in part, along the middle axis of a contiguous `[outer, axis, inner]` block.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
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

/// For each column along the axis, the positions of the first `rows` of the elements that `order` puts into a list, beside
/// their positions: comparing then reads memory in order. `[outer, rows, inner]`.
fn columns<T: Element>(
    x: &[T],
    [outer, axis, inner]: [usize; 3],
    rows: usize,
    out: &mut [i64],
    order: impl Fn(&[T], &mut Vec<(T, i64)>) + Sync,
) {
    assert!(rows <= axis);
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(out.len(), numel(&[outer, rows, inner]));
    if out.is_empty() {
        return;
    }
    let size = rows * inner;
    pool::chunks_mut(out, (TASK / (axis * inner)).max(1) * size, |start, out| {
        let mut ordered = Vec::with_capacity(axis);
        let mut column = Vec::new();
        for (block, out) in out.chunks_exact_mut(size).enumerate() {
            let x = &x[(start / size + block) * axis * inner..][..axis * inner];
            for i in 0..inner {
                ordered.clear();
                if inner == 1 {
                    order(x, &mut ordered);
                } else {
                    column.clear();
                    column.extend(x[i..].iter().step_by(inner));
                    order(&column, &mut ordered);
                }
                for (a, &(_, position)) in ordered[..rows].iter().enumerate() {
                    out[a * inner + i] = position;
                }
            }
        }
    });
}

/// The positions along the axis in the order of their elements; equal elements keep their order.
pub fn argsort<T: Element>(descending: bool, x: &[T], block: [usize; 3], out: &mut [i64]) {
    columns(x, block, block[1], out, |x, ordered| {
        ordered.extend(x.iter().copied().zip(0..));
        match descending {
            true => ordered.sort_by(|a, b| ascending(b.0, a.0)),
            false => ordered.sort_by(|a, b| ascending(a.0, b.0)),
        }
    });
}

/// Up to so many elements are kept in order while all others pass; more are partitioned first.
const FEW: usize = 64;

/// The positions along the axis of the first k elements in the order of [`argsort`]: `[outer, k, inner]`.
pub fn topk<T: Element>(descending: bool, k: usize, x: &[T], block: [usize; 3], out: &mut [i64]) {
    columns(x, block, k, out, |x, first| {
        if k <= FEW {
            return dispatch(First { descending, k, x, first });
        }
        let order = |a: &(T, i64), b: &(T, i64)| {
            let values = ascending(a.0, b.0);
            (if descending { values.reverse() } else { values }).then(a.1.cmp(&b.1))
        };
        first.extend(x.iter().copied().zip(0..));
        first.select_nth_unstable_by(k - 1, order);
        first[..k].sort_unstable_by(order);
    });
}

/// The positions along the axis of the elements number k, from 0, in the ascending order of [`argsort`]: `[outer, 1, inner]`.
pub fn kth<T: Element>(k: usize, x: &[T], block: [usize; 3], out: &mut [i64]) {
    columns(x, block, 1, out, |x, found| {
        found.extend(x.iter().copied().zip(0..));
        found.select_nth_unstable_by(k, |a, b| ascending(a.0, b.0).then(a.1.cmp(&b.1)));
        found.swap(0, k);
    });
}

/// Whether an element comes before another that was there first.
#[inline(always)]
#[allow(clippy::eq_op)]
fn precedes<T: Element>(descending: bool, a: T, b: T) -> bool {
    if descending { (a > b) | ((a != a) & (b == b)) } else { (a < b) | ((b != b) & (a == a)) }
}

/// The first k elements of a row and their positions.
struct First<'a, T> {
    descending: bool,
    k: usize,
    x: &'a [T],
    first: &'a mut Vec<(T, i64)>,
}

impl<T: Element> Kernel for First<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() > 1;
    #[inline(always)]
    fn run(self) {
        let First { descending, k, x, first } = self;
        for (c, chunk) in x.chunks(FEW).enumerate() {
            if first.len() == k {
                // Most chunks have none that is wanted.
                let last = first[k - 1].0;
                let mut any = false;
                for &v in chunk {
                    any |= precedes(descending, v, last);
                }
                if !any {
                    continue;
                }
            }
            for (i, &v) in chunk.iter().enumerate() {
                if first.len() == k {
                    if !precedes(descending, v, first[k - 1].0) {
                        continue;
                    }
                    first.pop();
                }
                let at = first.partition_point(|other| !precedes(descending, v, other.0));
                first.insert(at, (v, (c * FEW + i) as i64));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_those_of_the_whole_order() {
        for shape in [[1, 1, 1], [3, 70, 1], [2, 300, 3], [1, 1000, 1], [4, 65, 2]] {
            let [outer, axis, inner] = shape;
            let x: Vec<f32> = (0..outer * axis * inner)
                .map(|i| if i % 41 == 7 { f32::NAN } else { ((i * 7919) % 61) as f32 })
                .collect();
            for k in [0, 1, 5, 64, 65, 300].into_iter().filter(|&k| k <= axis) {
                for descending in [true, false] {
                    let (mut all, mut few) = (vec![0; x.len()], vec![0; outer * k * inner]);
                    argsort(descending, &x, shape, &mut all);
                    topk(descending, k, &x, shape, &mut few);
                    let blocks = all.chunks(axis * inner).flat_map(|block| &block[..k * inner]);
                    assert!(few.iter().eq(blocks), "{shape:?} {k} {descending}");
                    if k > 0 && !descending {
                        let mut one = vec![0; outer * inner];
                        kth(k - 1, &x, shape, &mut one);
                        let last = few.chunks(k * inner).flat_map(|block| &block[(k - 1) * inner..]);
                        assert!(one.iter().eq(last), "{shape:?} {k}");
                    }
                }
            }
        }
    }

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
