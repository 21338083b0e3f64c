//! Views of storage: a slice with an offset and one stride per dimension, and copies between layouts.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pool;
use smallvec::SmallVec;

/// Elements to a parallel task of a pointwise loop: enough work to pay for waking a thread.
pub const GRAIN: usize = 1 << 14;

/// Part of a slice, seen through an offset and strides (in elements) that belong to a shape given beside it.
#[derive(Clone, Copy)]
pub struct Strided<'a, T> {
    /// The whole storage.
    pub data: &'a [T],
    /// Index of the first element.
    pub offset: usize,
    /// Distance between neighbours, per dimension; 0 repeats an element.
    pub strides: &'a [usize],
}

impl<T> Strided<'_, T> {
    /// # Panics
    /// If some index of this shape lies outside the slice.
    #[inline]
    pub(crate) fn check(&self, shape: &[usize]) {
        assert_eq!(shape.len(), self.strides.len(), "one stride per dimension");
        let fits = last_index(self.offset, shape, self.strides).is_some_and(|last| last < self.data.len());
        assert!(shape.contains(&0) || fits, "view outside its storage");
    }
}

/// The largest index that a view reaches, if it can be told in a `usize`.
#[inline]
pub fn last_index(offset: usize, shape: &[usize], strides: &[usize]) -> Option<usize> {
    shape
        .iter()
        .zip(strides)
        .try_fold(offset, |last, (&n, &s)| last.checked_add(n.saturating_sub(1).checked_mul(s)?))
}

/// Number of elements; saturates where it exceeds `usize`.
#[inline]
pub fn numel(shape: &[usize]) -> usize {
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |n, &s| n.saturating_mul(s)) }
}

/// One dimension of a loop over `N` operands.
#[derive(Clone, Copy)]
pub(crate) struct Dim<const N: usize> {
    pub(crate) size: usize,
    pub(crate) strides: [usize; N],
}

pub(crate) type Dims<const N: usize> = SmallVec<[Dim<N>; 6]>;

/// The loop over a shape, innermost dimension first, with dimensions merged where every operand allows it.
pub(crate) fn coalesce<const N: usize>(shape: &[usize], strides: [&[usize]; N]) -> Dims<N> {
    let mut dims: Dims<N> = SmallVec::new();
    for d in (0..shape.len()).rev() {
        let size = shape[d];
        if size == 1 {
            continue;
        }
        let s: [usize; N] = std::array::from_fn(|k| strides[k][d]);
        match dims.last_mut() {
            Some(last) if (0..N).all(|k| last.strides[k].checked_mul(last.size) == Some(s[k])) => {
                last.size = last.size.saturating_mul(size);
            }
            _ => dims.push(Dim { size, strides: s }),
        }
    }
    dims
}

/// Offsets of the element with this linear index within the dimensions given.
#[inline]
pub(crate) fn offsets<const N: usize>(dims: &[Dim<N>], mut index: usize, mut at: [usize; N]) -> [usize; N] {
    for dim in dims {
        if index == 0 {
            break;
        }
        let i = index % dim.size;
        index /= dim.size;
        at.iter_mut().zip(&dim.strides).for_each(|(at, stride)| *at += i * stride);
    }
    at
}

/// Writes `src`, broadcast to `shape`, into the places of `dst` that `offset` and `strides` give.
///
/// # Panics
/// If a view lies outside its slice.
pub fn copy_into<T: Element>(
    src: Strided<'_, T>,
    shape: &[usize],
    dst: &mut [T],
    offset: usize,
    strides: &[usize],
) {
    src.check(shape);
    Strided { data: &*dst, offset, strides }.check(shape);
    let n = numel(shape);
    if n == 0 {
        return;
    }
    let dims = coalesce(shape, [src.strides, strides]);
    let Some((inner, outer)) = dims.split_first() else {
        dst[offset] = src.data[src.offset];
        return;
    };
    for row in 0..n / inner.size {
        let [s, d] = offsets(outer, row, [src.offset, offset]);
        if inner.strides == [1, 1] {
            dst[d..d + inner.size].copy_from_slice(&src.data[s..s + inner.size]);
        } else {
            for i in 0..inner.size {
                dst[d + i * inner.strides[1]] = src.data[s + i * inner.strides[0]];
            }
        }
    }
}

/// Adds `src` to the places of `dst` that `offset` and `strides` give, in row-major order; they may coincide.
///
/// # Panics
/// If a view lies outside its slice.
pub fn add_into<T: Element>(
    src: Strided<'_, T>,
    shape: &[usize],
    dst: &mut [T],
    offset: usize,
    strides: &[usize],
) {
    src.check(shape);
    Strided { data: &*dst, offset, strides }.check(shape);
    let dims = coalesce(shape, [src.strides, strides]);
    for i in 0..numel(shape) {
        let [s, d] = offsets(&dims, i, [src.offset, offset]);
        dst[d] = T::from_num(dst[d].to_num() + src.data[s].to_num());
    }
}

/// Fills the places of `dst` that `offset` and `strides` give with one value.
pub fn fill<T: Element>(value: T, shape: &[usize], dst: &mut [T], offset: usize, strides: &[usize]) {
    let zeros: SmallVec<[usize; 6]> = SmallVec::from_elem(0, shape.len());
    copy_into(Strided { data: &[value], offset: 0, strides: &zeros }, shape, dst, offset, strides);
}

/// Converts a contiguous slice, as `Tensor.to(dtype)` does.
pub fn cast<I: Element, O: Element>(x: &[I], out: &mut [O]) {
    struct Cast<'a, I, O>(&'a [I], &'a mut [O]);
    impl<I: Element, O: Element> Kernel for Cast<'_, I, O> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (o, &x) in self.1.iter_mut().zip(self.0) {
                *o = x.cast();
            }
        }
    }
    assert_eq!(x.len(), out.len());
    pool::chunks_mut(out, GRAIN, |start, out| dispatch(Cast(&x[start..start + out.len()], out)));
}
