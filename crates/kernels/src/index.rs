//! Selecting and adding slices by index along the middle axis of a contiguous `[outer, axis, inner]` block.

use crate::dtype::Element;
use crate::pool;
use crate::strided::numel;

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
