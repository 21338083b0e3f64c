//! Selecting and adding slices by index along the middle axis of a contiguous `[outer, axis, inner]` block.

use crate::dtype::Element;
use crate::pool;
use crate::strided::{GRAIN, Strided, coalesce, numel, offsets};

/// out\[o, i, :\] = x\[o, index\[i\], :\]; the caller has checked the indices.
pub fn index_select<T: Element>(x: &[T], [outer, axis, inner]: [usize; 3], index: &[i64], out: &mut [T]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(out.len(), numel(&[outer, index.len(), inner]));
    if out.is_empty() {
        return;
    }
    let rows = ((1 << 14) / inner).max(1);
    pool::chunks_mut(out, rows * inner, |start, out| {
        for (i, o) in out.chunks_exact_mut(inner).enumerate() {
            let row = start / inner + i;
            let from = (row / index.len() * axis + index[row % index.len()] as usize) * inner;
            o.copy_from_slice(&x[from..from + inner]);
        }
    });
}

/// out\[o, index\[i\], :\] += x\[o, i, :\], in order of i; the caller has checked the indices.
pub fn index_add<T: Element>(x: &[T], [outer, axis, inner]: [usize; 3], index: &[i64], out: &mut [T]) {
    assert_eq!(out.len(), numel(&[outer, axis, inner]));
    assert_eq!(x.len(), numel(&[outer, index.len(), inner]));
    for o in 0..outer {
        for (i, &slice) in index.iter().enumerate() {
            let to = (o * axis + slice as usize) * inner;
            let from = (o * index.len() + i) * inner;
            for (o, &v) in out[to..to + inner].iter_mut().zip(&x[from..from + inner]) {
                *o = T::from_num(o.to_num() + v.to_num());
            }
        }
    }
}

/// out\[…, i, …\] = x\[…, index\[…, i, …\], …\], the index replacing one coordinate. `strides` are x's for the index's
/// shape, with 0 for that coordinate, whose stride is `step`; the caller has checked the indices.
pub fn gather<T: Element>(x: Strided<'_, T>, step: usize, index: &[i64], shape: &[usize], out: &mut [T]) {
    assert_eq!(index.len(), numel(shape));
    assert_eq!(index.len(), out.len());
    let dims = coalesce(shape, [x.strides]);
    pool::chunks_mut(out, GRAIN, |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let [at] = offsets(&dims, start + i, [x.offset]);
            *o = x.data[at + index[start + i] as usize * step];
        }
    });
}

/// The transpose of [`gather`]: adds x to the places of `out` that it would have come from, in order.
pub fn gather_add<T: Element>(
    x: &[T],
    index: &[i64],
    shape: &[usize],
    out: &mut [T],
    strides: &[usize],
    step: usize,
) {
    assert_eq!(index.len(), numel(shape));
    assert_eq!(index.len(), x.len());
    let dims = coalesce(shape, [strides]);
    for (i, (&v, &index)) in x.iter().zip(index).enumerate() {
        let [at] = offsets(&dims, i, [0]);
        let o = &mut out[at + index as usize * step];
        *o = T::from_num(o.to_num() + v.to_num());
    }
}
