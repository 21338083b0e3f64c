//! Selecting and adding slices by index along the middle axis of a contiguous `[outer, axis, inner]` block, and
//! single elements by their places.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::num::{Float, Num};
use crate::pool;
use crate::stream;
use crate::strided::{Dim, GRAIN, Strided, coalesce, numel, offsets};
use smallvec::SmallVec;
use std::ops::Range;

/// out\[o, i, :\] = x\[o, index\[i\], :\]; the caller has checked the indices.
pub fn index_select<T: Element>(x: &[T], [outer, axis, inner]: [usize; 3], index: &[i64], out: &mut [T]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(out.len(), numel(&[outer, index.len(), inner]));
    if out.is_empty() {
        return;
    }
    let rows = ((1 << 14) / inner).max(1);
    pool::chunks_mut(out, rows * inner, |start, out| {
        if inner == 1 {
            let rows = [Dim { size: index.len(), strides: [0] }, Dim { size: outer, strides: [axis] }];
            return runs(&rows, 0, start..start + out.len(), |i, from, _, n| {
                let index = &index[i % index.len()..][..n];
                for (o, &at) in out[i - start..].iter_mut().zip(index) {
                    *o = x[from + at as usize];
                }
            });
        }
        for (i, o) in out.chunks_exact_mut(inner).enumerate() {
            let row = start / inner + i;
            let from = (row / index.len() * axis + index[row % index.len()] as usize) * inner;
            o.copy_from_slice(&x[from..from + inner]);
        }
    });
}

/// Rows of `row` elements, each made of a piece of each part in turn: so many elements as stand beside the part.
pub fn cat<T: Element>(parts: &[(&[T], usize)], row: usize, out: &mut [T]) {
    assert_eq!(parts.iter().map(|part| part.1).sum::<usize>(), row);
    let past_cache = stream::pays(out, size_of_val(out));
    pool::chunks_mut(out, GRAIN, |start, mut out| {
        let (mut o, mut column) = (start / row, start % row);
        while !out.is_empty() {
            let mut first = 0;
            for &(part, width) in parts {
                // What of the piece is within this stretch of the row.
                if column < first + width && !out.is_empty() {
                    let skip = column - first;
                    let (to, rest) = out.split_at_mut((width - skip).min(out.len()));
                    let from = &part[o * width + skip..][..to.len()];
                    if past_cache {
                        stream::copy(from, to)
                    } else {
                        to.copy_from_slice(from)
                    }
                    column += to.len();
                    out = rest;
                }
                first += width;
            }
            (o, column) = (o + 1, 0);
        }
        if past_cache {
            stream::end();
        }
    });
}

/// out\[o, i, :\] = x\[o, axis − 1 − i, :\]
pub fn flip<T: Element>(x: &[T], [outer, axis, inner]: [usize; 3], out: &mut [T]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(x.len(), out.len());
    if out.is_empty() {
        return;
    }
    let size = axis * inner;
    pool::chunks_mut(out, (GRAIN / size).max(1) * size, |start, out| {
        let x = &x[start..start + out.len()];
        for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            if inner == 1 {
                dispatch(Reverse(x, out));
            } else {
                for (x, out) in x.chunks_exact(inner).rev().zip(out.chunks_exact_mut(inner)) {
                    out.copy_from_slice(x);
                }
            }
        }
    });
}

struct Reverse<'a, T>(&'a [T], &'a mut [T]);
impl<T: Element> Kernel for Reverse<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (o, &x) in self.1.iter_mut().zip(self.0.iter().rev()) {
            *o = x;
        }
    }
}

/// out\[o, index\[i\], :\] += x\[o, i, :\], in order of i; the caller has checked the indices.
pub fn index_add<T: Element>(x: &[T], [outer, axis, inner]: [usize; 3], index: &[i64], out: &mut [T]) {
    assert_eq!(out.len(), numel(&[outer, axis, inner]));
    assert_eq!(x.len(), numel(&[outer, index.len(), inner]));
    if x.is_empty() {
        return;
    }
    if inner == 1 {
        for (out, x) in out.chunks_exact_mut(axis).zip(x.chunks_exact(index.len())) {
            for (&at, &v) in index.iter().zip(x) {
                let o = &mut out[at as usize];
                *o = T::from_num(o.to_num() + v.to_num());
            }
        }
        return;
    }
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

/// Whether every index lies from 0 to below `size`.
pub fn within(index: &[i64], size: usize) -> bool {
    struct Within<'a>(&'a [i64], i64);
    impl Kernel for Within<'_> {
        type Output = bool;
        #[inline(always)]
        fn run(self) -> bool {
            // Negative where one is negative or too large; all of them, as a search that may stop early takes longer.
            self.0.iter().fold(0, |signs, &i| signs | i | self.1.wrapping_sub(i)) >= 0
        }
    }
    dispatch(Within(index, i64::try_from(size).unwrap_or(i64::MAX) - 1))
}

/// Places in a contiguous tensor with these strides: out\[i, j, …\] is where the element at (i, j, …) is, but with
/// index\[i, j, …\] in place of the position along `dim`. The caller has checked the indices.
pub fn positions(index: &[i64], shape: &[usize], strides: &[usize], dim: usize, out: &mut [i64]) {
    assert_eq!(index.len(), numel(shape));
    assert_eq!(index.len(), out.len());
    assert_eq!(shape.len(), strides.len());
    let mut others: SmallVec<[usize; 6]> = strides.into();
    let step = others.get_mut(dim).map_or(0, std::mem::take);
    let dims = coalesce(shape, [&others]);
    pool::chunks_mut(out, GRAIN, |start, out| {
        runs(&dims, 0, start..start + out.len(), |i, from, stride, n| {
            let index = &index[i..i + n];
            for (j, (o, &along)) in out[i - start..].iter_mut().zip(index).enumerate() {
                *o = (from + j * stride + along as usize * step) as i64;
            }
        });
    });
}

/// out\[positions\[i\]\] = f(out\[positions\[i\]\], x\[i\]), in order of i; the caller has checked the positions.
pub fn put<T: Element>(x: &[T], positions: &[i64], out: &mut [T], f: impl Fn(T, T) -> T) {
    assert_eq!(x.len(), positions.len());
    for (&x, &at) in x.iter().zip(positions) {
        let at = at as usize;
        out[at] = f(out[at], x);
    }
}

/// The number of elements other than zero (false).
pub fn count_nonzero<T: Element>(x: &[T]) -> usize {
    x.iter().filter(|&&v| v != T::default()).count()
}

/// The coordinates of the elements other than zero (false) of a contiguous tensor, in order, a row for each.
pub fn nonzero<T: Element>(x: &[T], shape: &[usize], out: &mut [i64]) {
    assert_eq!(x.len(), numel(shape));
    if shape.is_empty() {
        return;
    }
    let places = x.iter().enumerate().filter(|&(_, &v)| v != T::default());
    for ((mut at, _), row) in places.zip(out.chunks_exact_mut(shape.len())) {
        for (o, &size) in row.iter_mut().zip(shape).rev() {
            *o = (at % size) as i64;
            at /= size;
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
        runs(&dims, x.offset, start..start + out.len(), |i, from, stride, n| {
            let places = (0..n).map(|j| from + j * stride);
            let picked = out[i - start..].iter_mut().zip(&index[i..i + n]);
            for ((o, &index), at) in picked.zip(places) {
                *o = x.data[at + index as usize * step];
            }
        });
    });
}

/// Calls `f(i, place, stride, n)` for elements i to i + n − 1, which lie `stride` apart from `place` on, until all of a range
/// were named.
fn runs(dims: &[Dim<1>], offset: usize, range: Range<usize>, mut f: impl FnMut(usize, usize, usize, usize)) {
    let Some((inner, outer)) = dims.split_first() else {
        return range.for_each(|i| f(i, offset, 0, 1));
    };
    let mut i = range.start;
    while i < range.end {
        let column = i % inner.size;
        let n = (inner.size - column).min(range.end - i);
        let [from] = offsets(outer, i / inner.size, [offset + column * inner.strides[0]]);
        f(i, from, inner.strides[0], n);
        i += n;
    }
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
    runs(&dims, 0, 0..x.len(), |i, from, stride, n| {
        for (j, (&v, &index)) in x[i..i + n].iter().zip(&index[i..i + n]).enumerate() {
            let o = &mut out[from + j * stride + index as usize * step];
            *o = T::from_num(o.to_num() + v.to_num());
        }
    });
}

/// How often each of `rows` numbers occurs; the caller has checked the numbers.
pub fn frequencies(index: &[i64], rows: usize) -> Vec<usize> {
    let mut counts = vec![0; rows];
    index.iter().for_each(|&i| counts[i as usize] += 1);
    counts
}

/// out\[r, :\] = Σ g\[i, :\] over the i with index\[i\] = r, in order, divided by their number if `by_frequency`; 0 for the
/// row `padding`. The caller has checked the indices.
pub fn embedding_backward<T: Float>(
    g: &[T],
    index: &[i64],
    width: usize,
    padding: Option<usize>,
    by_frequency: bool,
    out: &mut [T],
) {
    assert_eq!(g.len(), numel(&[index.len(), width]));
    if out.is_empty() {
        return;
    }
    let rows = out.len() / width;
    let counts = if by_frequency { frequencies(index, rows) } else { Vec::new() };
    // Each task reads the whole index, hence few of them.
    let grain = rows.div_ceil(16).max(GRAIN.div_ceil(width));
    pool::chunks_mut(out, grain * width, |start, out| {
        let (first, rows) = (start / width, out.len() / width);
        out.fill(T::lit(0.0));
        for (&row, g) in index.iter().zip(g.chunks_exact(width)) {
            let row = row as usize;
            if row < first || row >= first + rows || Some(row) == padding {
                continue;
            }
            let scale = if by_frequency { T::lit(1.0 / counts[row] as f64) } else { T::lit(1.0) };
            for (o, &g) in out[(row - first) * width..][..width].iter_mut().zip(g) {
                *o = *o + g * scale;
            }
        }
    });
}

/// Scales the rows of a table that the index names down to a p-norm of `max_norm`; the caller has checked the index.
pub fn renormalize<T: Float>(table: &mut [T], rows: usize, index: &[i64], max_norm: f64, p: f64) {
    let mut seen = vec![false; rows];
    for &row in index {
        let width = table.len() / rows;
        if std::mem::replace(&mut seen[row as usize], true) {
            continue;
        }
        let row = &mut table[row as usize * width..][..width];
        let sizes = row.iter().map(|v| v.to_f64().abs());
        let norm = if p == f64::INFINITY {
            sizes.fold(0.0, f64::max)
        } else if p == 0.0 {
            sizes.filter(|&v| v != 0.0).count() as f64
        } else {
            sizes.map(|v| v.pow(p)).sum::<f64>().pow(1.0 / p)
        };
        if norm > max_norm {
            // PyTorch's 1e-7, so that the new norm is not above by rounding.
            let scale = T::lit(max_norm / (norm + 1e-7));
            row.iter_mut().for_each(|v| *v = *v * scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_told_from_those_outside() {
        let inside: Vec<i64> = (0..100).map(|i| i * 7 % 10).collect();
        assert!(within(&inside, 10) && within(&[], 0) && within(&[i64::MAX - 1], usize::MAX));
        for outside in [-1, 10, i64::MIN, i64::MAX] {
            for at in [0, 31, 99] {
                let mut index = inside.clone();
                index[at] = outside;
                assert!(!within(&index, 10), "{outside} at {at}");
            }
        }
        assert!(!within(&[0], 0));
    }

    #[test]
    fn pieces_are_joined_row_by_row() {
        for widths in [[3, 0, 2], [1, 1, 1], [20_000, 7, 300], [0, 0, 5]] {
            let row: usize = widths.iter().sum();
            for rows in [0, 1, 4, 300] {
                if rows * row > 100_000 {
                    continue;
                }
                let number = |k: usize, o: usize, i: usize| (k * 1_000_000 + o * widths[k] + i) as i64;
                let parts: Vec<Vec<i64>> = (0..3)
                    .map(|k| (0..rows).flat_map(|o| (0..widths[k]).map(move |i| number(k, o, i))).collect())
                    .collect();
                let want: Vec<i64> = (0..rows)
                    .flat_map(|o| (0..3).flat_map(move |k| (0..widths[k]).map(move |i| number(k, o, i))))
                    .collect();
                let beside: Vec<_> = parts.iter().map(|part| &part[..]).zip(widths).collect();
                for threads in [1, 3] {
                    let mut out = vec![-1; rows * row];
                    pool::with_num_threads(threads, || cat(&beside, row, &mut out));
                    assert_eq!(out, want, "{widths:?}, {rows} rows");
                }
            }
        }
    }
}
