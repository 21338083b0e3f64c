//! The ways to rows of elements that lie side by side, and a function over such rows.

#![allow(clippy::needless_range_loop, reason = "iterators over arrays are not always inlined")]

use super::Map;
use super::column::{self, Column};
use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pool;
use crate::storage::Storage;
use crate::stream;
use crate::strided::{self, Dim, Dims, GRAIN, Strided, coalesce, numel, offsets};
use smallvec::SmallVec;

/// Elements from which on a transposed operand is copied first.
pub(super) const LARGE: usize = 1 << 10;
/// Elements that are computed at a time where an operand is gathered or asked for ahead; four times as many where the result
/// goes past the cache.
pub(crate) const BUFFER: usize = 512;

/// A [`Map`] over rows, which every one is.
pub trait Rows<const N: usize, I, O>: Sync {
    /// f(x₀, …)
    fn one(&self, x: [I; N]) -> O;

    /// out = f(x₀, …), each as long as `out`.
    fn rows(&self, x: [&[I]; N], out: &mut [O]);

    /// out = f(x₀, x₁), where x₀ or x₁ is one of the `numbers` for each row.
    ///
    /// # Panics
    /// If there are not two operands.
    fn column(&self, is_first: bool, numbers: &[I], x: &[I], out: &mut [O]);
}

impl<const N: usize, I: Element, O: Element, F: Map<N, I, O>> Rows<N, I, O> for F {
    fn one(&self, x: [I; N]) -> O {
        self.apply(x)
    }

    fn rows(&self, x: [&[I]; N], out: &mut [O]) {
        dispatch(Row { f: *self, x, out });
    }

    fn column(&self, is_first: bool, numbers: &[I], x: &[I], out: &mut [O]) {
        if const { N == 2 } {
            dispatch(Column { f: *self, is_first, numbers, x, out });
        } else {
            unreachable!("{N} operands");
        }
    }
}

/// With a function of its own, whose numbers nothing that is written can change.
struct Row<'a, const N: usize, I, O, F> {
    f: F,
    x: [&'a [I]; N],
    out: &'a mut [O],
}

impl<const N: usize, I: Element, O: Element, F: Map<N, I, O>> Kernel for Row<'_, N, I, O, F> {
    type Output = ();
    const WIDE: bool = size_of::<I>() > 1 || size_of::<O>() > 1;
    /// Without closures over arrays: they are not always inlined, and then nothing is vectorised.
    #[inline(always)]
    fn run(self) {
        let mut rows = [std::ptr::null(); N];
        for (row, x) in rows.iter_mut().zip(self.x) {
            assert_eq!(x.len(), self.out.len());
            *row = x.as_ptr();
        }
        for (i, o) in self.out.iter_mut().enumerate() {
            let mut x = [I::default(); N];
            for k in 0..N {
                // SAFETY: each row is as long as `out`.
                x[k] = unsafe { *rows[k].add(i) };
            }
            *o = self.f.apply(x);
        }
    }
}

/// A [`Map`] whose result takes the place of the first row. (One row less to hand on would need const arithmetic, which stable Rust
/// lacks: the first of those given is never read.)
pub trait InPlace<const N: usize, T>: Rows<N, T, T> {
    /// out = f(out, x₁, …), each as long as `out`.
    fn rows_in_place(&self, x: [&[T]; N], out: &mut [T]);
}

impl<const N: usize, T: Element, F: Map<N, T, T>> InPlace<N, T> for F {
    fn rows_in_place(&self, x: [&[T]; N], out: &mut [T]) {
        dispatch(RowInPlace { f: *self, x, out });
    }
}

/// As [`Row`], where the first operand is `out`.
struct RowInPlace<'a, const N: usize, T, F> {
    f: F,
    x: [&'a [T]; N],
    out: &'a mut [T],
}

impl<const N: usize, T: Element, F: Map<N, T, T>> Kernel for RowInPlace<'_, N, T, F> {
    type Output = ();
    const WIDE: bool = size_of::<T>() > 1;
    #[inline(always)]
    fn run(self) {
        let mut rows = [std::ptr::null(); N];
        for k in 1..N {
            assert_eq!(self.x[k].len(), self.out.len());
            rows[k] = self.x[k].as_ptr();
        }
        for (i, o) in self.out.iter_mut().enumerate() {
            let mut x = [*o; N];
            for k in 1..N {
                // SAFETY: each row is as long as `out`.
                x[k] = unsafe { *rows[k].add(i) };
            }
            *o = self.f.apply(x);
        }
    }
}

/// As [`super::map`].
pub(super) fn map<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    shape: &[usize],
    out: &mut [O],
) {
    assert_eq!(numel(shape), out.len());
    x.iter().for_each(|x| x.check(shape));
    let dims = coalesce(shape, x.map(|x| x.strides));
    let Some(inner) = dims.first() else { return };
    if out.len() >= LARGE && inner.strides.iter().any(|&stride| stride > 1) {
        return map_transposed(f, x, shape, out);
    }
    in_order(f, x, &dims, out);
}

/// As [`super::copy`], if the elements of a row lie side by side; else gives false.
pub(super) fn copy<T: Element>(x: Strided<'_, T>, shape: &[usize], out: &mut [T]) -> bool {
    let dims = coalesce(shape, [x.strides]);
    // Past the cache the other way leads.
    if stream::pays(out, read(&dims, out) * size_of::<T>())
        || dims.first().is_none_or(|inner| inner.strides != [1])
    {
        return false;
    }
    x.check(shape);
    assert_eq!(numel(shape), out.len());
    pool::chunks_mut(out, GRAIN, |start, out| gather(&x, &dims, 0, start, out));
    true
}

/// Elements of all operands that repeat none.
fn read<const N: usize, O>(dims: &Dims<N>, out: &[O]) -> usize {
    (0..N).filter(|&k| dims.iter().all(|dim| dim.strides[k] != 0)).count() * out.len()
}

/// [`map`] in the order of `out`, whatever that means for the operands.
fn in_order<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    dims: &Dims<N>,
    out: &mut [O],
) {
    let past_cache = stream::pays(out, read(dims, out) * size_of::<I>());
    pool::chunks_mut(out, GRAIN, |start, out| {
        if past_cache {
            let mut values = [O::default(); 4 * BUFFER];
            for (i, to) in out.chunks_mut(values.len()).enumerate() {
                let (first, values) = (start + i * values.len(), &mut values[..to.len()]);
                if let Some(rows) = whole_rows(x, dims, first, to.len()) {
                    f.rows(rows, values);
                    stream::copy_and_ask(values, to, rows.map(|row| row.as_ptr_range().end));
                } else {
                    part(f, x, dims, first, values);
                    stream::copy(values, to);
                }
            }
            stream::end();
        } else {
            part(f, x, dims, start, out);
        }
    });
}

/// As [`super::map_in_place`].
pub(super) fn in_place<const N: usize, T: Element>(f: &dyn InPlace<N, T>, x: [&[T]; N], out: &mut [T]) {
    let is_far = stream::is_far_to_read(size_of_val(out) * N);
    pool::chunks_mut(out, GRAIN, |start, out| {
        let size = if is_far { BUFFER } else { out.len() };
        for (i, out) in out.chunks_mut(size).enumerate() {
            let mut rows = x;
            for k in 1..N {
                rows[k] = &x[k][start + i * size..][..out.len()];
                if is_far {
                    stream::ask_ahead(rows[k]);
                }
            }
            if is_far {
                stream::ask_ahead(out);
            }
            f.rows_in_place(rows, out);
        }
    });
}

/// [`map`] with operands that are copied first, square by square, where their rows do not lie side by side.
#[cold]
fn map_transposed<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    shape: &[usize],
    out: &mut [O],
) {
    let mut copies = x.map(|x| {
        let transposed = coalesce(shape, [x.strides]).first().is_some_and(|inner| inner.strides[0] > 1);
        if !transposed {
            return None;
        }
        let mut copy = Storage::new(I::DTYPE, out.len());
        strided::transposed(x, shape, copy.as_mut_slice()).then_some(copy)
    });
    let mut strides: SmallVec<[usize; 6]> = SmallVec::from_elem(1, shape.len());
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    let mut x = x;
    for (x, copy) in x.iter_mut().zip(&mut copies) {
        if let Some(copy) = copy {
            *x = Strided { data: copy.as_mut_slice(), offset: 0, strides: &strides };
        }
    }
    in_order(f, x, &coalesce(shape, x.map(|x| x.strides)), out);
}

/// The results from the one with the linear index `start` on.
pub(super) fn part<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    dims: &[Dim<N>],
    start: usize,
    out: &mut [O],
) {
    if let Some(rows) = whole_rows(x, dims, start, out.len()) {
        far(f, rows, dims[0].size, out);
    } else if let Some(number) = column::column(dims) {
        column::map(f, x, dims, number, start, out);
    } else if dims[0].size < BUFFER / 2 {
        short_rows(f, x, dims, start, out);
    } else {
        long_rows(f, x, dims, start, out);
    }
}

/// The operands from the linear index `start` on, if all of their elements lie side by side.
fn whole_rows<'a, const N: usize, I>(
    x: [Strided<'a, I>; N],
    dims: &[Dim<N>],
    start: usize,
    len: usize,
) -> Option<[&'a [I]; N]> {
    let [Dim { strides, .. }] = dims else { return None };
    if *strides != [1; N] {
        return None;
    }
    let mut rows: [&[I]; N] = [&[]; N];
    for k in 0..N {
        rows[k] = &x[k].data[x[k].offset + start..][..len];
    }
    Some(rows)
}

/// f of rows that are part of longer ones, of `size` elements: those beyond the cache are asked for ahead.
fn far<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [&[I]; N],
    size: usize,
    out: &mut [O],
) {
    if !stream::is_far_to_read(size * (N * size_of::<I>() + size_of::<O>())) {
        return f.rows(x, out);
    }
    for (i, out) in out.chunks_mut(BUFFER).enumerate() {
        let mut rows = x;
        for k in 0..N {
            rows[k] = &x[k][i * BUFFER..][..out.len()];
            stream::ask_ahead(rows[k]);
        }
        f.rows(rows, out);
    }
}

/// Part of a row of the innermost dimension at a time; what does not lie side by side in it is gathered.
fn long_rows<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    dims: &[Dim<N>],
    start: usize,
    out: &mut [O],
) {
    let (inner, outer) = (&dims[0], &dims[1..]);
    let gathers = inner.strides != [1; N];
    let mut buffers = [[I::default(); BUFFER]; N];
    // The element that a buffer was filled with, where it repeats one.
    let mut repeated = [usize::MAX; N];
    let mut done = 0;
    while done < out.len() {
        let column = (start + done) % inner.size;
        let n = (inner.size - column).min(out.len() - done).min(if gathers { BUFFER } else { usize::MAX });
        let mut from = [0; N];
        for k in 0..N {
            from[k] = x[k].offset + column * inner.strides[k];
        }
        let from = offsets(outer, (start + done) / inner.size, from);
        for k in 0..N {
            match inner.strides[k] {
                1 => {}
                0 if repeated[k] == from[k] => {}
                0 => {
                    buffers[k] = [x[k].data[from[k]]; BUFFER];
                    repeated[k] = from[k];
                }
                stride => {
                    for (i, b) in buffers[k][..n].iter_mut().enumerate() {
                        *b = x[k].data[from[k] + i * stride];
                    }
                }
            }
        }
        let mut rows: [&[I]; N] = [&[]; N];
        for k in 0..N {
            rows[k] = if inner.strides[k] == 1 { &x[k].data[from[k]..][..n] } else { &buffers[k][..n] };
        }
        f.rows(rows, &mut out[done..done + n]);
        done += n;
    }
}

/// Many rows at a time.
fn short_rows<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    dims: &[Dim<N>],
    start: usize,
    out: &mut [O],
) {
    let inner = &dims[0];
    let mut buffers = [[I::default(); BUFFER + BUFFER / 2]; N];
    let (mut whole, mut periodic) = ([false; N], [false; N]);
    for k in 0..N {
        whole[k] = contiguous(dims, k);
        periodic[k] = !whole[k] && dims[1..].iter().all(|dim| dim.strides[k] == 0);
        if periodic[k] {
            // Enough rows, all alike, that a piece may start anywhere in the first.
            let enough = buffers[k].len().min(out.len() + inner.size);
            gather(&x[k], dims, k, 0, &mut buffers[k][..enough]);
        }
    }
    let mut done = 0;
    while done < out.len() {
        let (first, n) = (start + done, BUFFER.min(out.len() - done));
        for k in 0..N {
            if !whole[k] && !periodic[k] {
                gather(&x[k], dims, k, first, &mut buffers[k][..n]);
            }
        }
        let mut rows: [&[I]; N] = [&[]; N];
        for k in 0..N {
            rows[k] = if whole[k] {
                &x[k].data[x[k].offset + first..][..n]
            } else if periodic[k] {
                &buffers[k][first % inner.size..][..n]
            } else {
                &buffers[k][..n]
            };
        }
        f.rows(rows, &mut out[done..done + n]);
        done += n;
    }
}

/// Elements of one operand, from the one with the linear index `first` on; beyond the last those of the first row again.
pub(crate) fn gather<const N: usize, I: Element>(
    x: &Strided<'_, I>,
    dims: &[Dim<N>],
    k: usize,
    first: usize,
    to: &mut [I],
) {
    let (inner, outer) = (&dims[0], &dims[1..]);
    let (mut column, mut row, mut done) = (first % inner.size, first / inner.size, 0);
    while done < to.len() {
        let n = (inner.size - column).min(to.len() - done);
        let (mut from, mut left) = (x.offset + column * inner.strides[k], row);
        for dim in outer {
            if left == 0 {
                break;
            }
            from += left % dim.size * dim.strides[k];
            left /= dim.size;
        }
        let to = &mut to[done..done + n];
        match inner.strides[k] {
            0 => to.fill(x.data[from]),
            1 => to.copy_from_slice(&x.data[from..from + n]),
            stride => {
                for (i, to) in to.iter_mut().enumerate() {
                    *to = x.data[from + i * stride];
                }
            }
        }
        (column, row, done) = (0, row + 1, done + n);
    }
}

/// Whether the elements of operand k lie in the order of the loop, side by side.
pub(crate) fn contiguous<const N: usize>(dims: &[Dim<N>], k: usize) -> bool {
    let mut size = 1;
    dims.iter().all(|dim| {
        let next = dim.strides[k] == size;
        size *= dim.size;
        next
    })
}
