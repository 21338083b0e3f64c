//! One loop for every pointwise operation: any number of operands, any strides, every instruction set.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pool;
use crate::reduce::{Reducer, Sum, fold};
use crate::storage::Storage;
use crate::stream;
use crate::strided::{self, Dim, Dims, GRAIN, Strided, coalesce, numel, offsets};
use smallvec::SmallVec;

/// A function of `N` elements. Mark `apply` `#[inline(always)]` so that it vectorises.
pub trait Map<const N: usize, I, O>: Sync {
    /// The function.
    fn apply(&self, x: [I; N]) -> O;
}

/// Elements from which on a transposed operand is copied first.
const LARGE: usize = 1 << 10;
/// Elements that are computed at a time where an operand is gathered, or where the result goes past the cache.
pub(crate) const BUFFER: usize = 256;

/// out = f(x₀, …), element by element; the operands' strides belong to `shape`, `out` is contiguous.
///
/// # Panics
/// If an operand's view lies outside its slice, or `out` has another number of elements than `shape`.
pub fn map<const N: usize, I: Element, O: Element, F: Map<N, I, O>>(
    f: &F,
    x: [Strided<'_, I>; N],
    shape: &[usize],
    out: &mut [O],
) {
    assert_eq!(numel(shape), out.len());
    if let [only] = out {
        *only = f.apply(std::array::from_fn(|k| x[k].data[x[k].offset]));
        return;
    }
    x.iter().for_each(|x| x.check(shape));
    let dims = coalesce(shape, x.map(|x| x.strides));
    let Some(inner) = dims.first() else { return };
    if out.len() >= LARGE && inner.strides.iter().any(|&stride| stride > 1) {
        return map_transposed(f, x, shape, out);
    }
    in_order(f, x, &dims, out);
}

/// [`map`] in the order of `out`, whatever that means for the operands.
fn in_order<const N: usize, I: Element, O: Element, F: Map<N, I, O>>(
    f: &F,
    x: [Strided<'_, I>; N],
    dims: &Dims<N>,
    out: &mut [O],
) {
    let past_cache = stream::pays(out);
    pool::chunks_mut(out, GRAIN, |start, out| {
        if past_cache {
            dispatch(PastCache(Chunk { f, x, dims, start, out }));
        } else {
            dispatch(Chunk { f, x, dims, start, out });
        }
    });
}

/// [`map`] with operands that are copied first, square by square, where their rows do not lie side by side.
#[cold]
fn map_transposed<const N: usize, I: Element, O: Element, F: Map<N, I, O>>(
    f: &F,
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

struct Chunk<'a, const N: usize, I, O, F> {
    f: &'a F,
    x: [Strided<'a, I>; N],
    dims: &'a Dims<N>,
    start: usize,
    out: &'a mut [O],
}

impl<const N: usize, I: Element, O: Element, F: Map<N, I, O>> Kernel for Chunk<'_, N, I, O, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Chunk { f, x, dims, start, out } = self;
        if let [only] = &dims[..]
            && only.strides == [1; N]
        {
            apply(f, at(x, only.strides, start, out.len()), out);
        } else if dims[0].size < BUFFER {
            short_rows(f, x, dims, start, out);
        } else {
            long_rows(f, x, dims, start, out);
        }
    }
}

/// A chunk whose results are written past the cache.
struct PastCache<'a, const N: usize, I, O, F>(Chunk<'a, N, I, O, F>);

impl<const N: usize, I: Element, O: Element, F: Map<N, I, O>> Kernel for PastCache<'_, N, I, O, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Chunk { f, x, dims, start, out } = self.0;
        let mut values = [O::default(); 4 * BUFFER];
        for (i, to) in out.chunks_mut(values.len()).enumerate() {
            let start = start + i * values.len();
            Chunk { f, x, dims, start, out: &mut values[..to.len()] }.run();
            stream::copy(&values[..to.len()], to);
        }
        stream::end();
    }
}

/// Pointers to the next `n` elements of each operand, from the element `i` of its innermost dimension on.
#[inline(always)]
fn at<const N: usize, I: Element>(
    x: [Strided<'_, I>; N],
    strides: [usize; N],
    i: usize,
    n: usize,
) -> [*const I; N] {
    let mut rows = [std::ptr::null(); N];
    for k in 0..N {
        let from = x[k].offset + i * strides[k];
        rows[k] = x[k].data[from..from + n].as_ptr();
    }
    rows
}

/// out = f(rows), each row as long as `out`. Without closures over arrays: they are not always inlined, and then
/// nothing is vectorised.
#[inline(always)]
fn apply<const N: usize, I: Element, O: Element, F: Map<N, I, O>>(f: &F, rows: [*const I; N], out: &mut [O]) {
    for (i, o) in out.iter_mut().enumerate() {
        let mut x = [I::default(); N];
        for k in 0..N {
            // SAFETY: the callers' rows point to as many elements as `out` has, in slices or buffers that they hold.
            x[k] = unsafe { *rows[k].add(i) };
        }
        *o = f.apply(x);
    }
}

/// Part of a row of the innermost dimension at a time; what does not lie side by side in it is gathered.
#[inline(always)]
fn long_rows<const N: usize, I: Element, O: Element, F: Map<N, I, O>>(
    f: &F,
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
        let mut rows = [std::ptr::null(); N];
        for k in 0..N {
            rows[k] = buffers[k].as_ptr();
            match inner.strides[k] {
                1 => rows[k] = x[k].data[from[k]..from[k] + n].as_ptr(),
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
        apply(f, rows, &mut out[done..done + n]);
        done += n;
    }
}

/// Many rows at a time.
#[inline(always)]
fn short_rows<const N: usize, I: Element, O: Element, F: Map<N, I, O>>(
    f: &F,
    x: [Strided<'_, I>; N],
    dims: &[Dim<N>],
    start: usize,
    out: &mut [O],
) {
    let inner = &dims[0];
    let mut buffers = [[I::default(); 2 * BUFFER]; N];
    let (mut whole, mut periodic) = ([false; N], [false; N]);
    for k in 0..N {
        whole[k] = contiguous(dims, k);
        periodic[k] = !whole[k] && dims[1..].iter().all(|dim| dim.strides[k] == 0);
        if periodic[k] {
            // Enough rows, all alike, that a piece may start anywhere in the first.
            gather(&x[k], dims, k, 0, &mut buffers[k]);
        }
    }
    let mut done = 0;
    while done < out.len() {
        let (first, n) = (start + done, BUFFER.min(out.len() - done));
        let mut rows = [std::ptr::null(); N];
        for k in 0..N {
            rows[k] = if whole[k] {
                x[k].data[x[k].offset + first..][..n].as_ptr()
            } else if periodic[k] {
                buffers[k][first % inner.size..][..n].as_ptr()
            } else {
                gather(&x[k], dims, k, first, &mut buffers[k][..n]);
                buffers[k].as_ptr()
            };
        }
        apply(f, rows, &mut out[done..done + n]);
        done += n;
    }
}

/// Elements of one operand, from the one with the linear index `first` on; beyond the last those of the first row again.
#[inline(always)]
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
            stride => {
                for (i, to) in to.iter_mut().enumerate() {
                    *to = x.data[from + i * stride];
                }
            }
        }
        (column, row, done) = (0, row + 1, done + n);
    }
}

/// Elements whose sum is one parallel task of [`map_sum`].
const PART: usize = 1 << 15;

/// Σ f(x₀, …) over all elements, in a fixed order; the values are not stored.
///
/// # Panics
/// If an operand's view lies outside its slice.
pub fn map_sum<const N: usize, T: Element, F: Map<N, T, T>>(
    f: &F,
    x: [Strided<'_, T>; N],
    shape: &[usize],
) -> T {
    x.iter().for_each(|x| x.check(shape));
    let n = numel(shape);
    if n == 0 {
        return Sum.identity();
    }
    let mut dims = coalesce(shape, x.map(|x| x.strides));
    if dims.is_empty() {
        dims.push(Dim { size: 1, strides: [1; N] });
    }
    let mut parts = vec![Sum.identity::<T>(); n.div_ceil(PART)];
    pool::chunks_mut(&mut parts, 1, |i, part| {
        let range = i * PART..n.min((i + 1) * PART);
        part[0] = dispatch(PartSum { f, x, dims: &dims, range });
    });
    parts.into_iter().fold(Sum.identity(), |a, b| Sum.combine(a, b))
}

struct PartSum<'a, const N: usize, T, F> {
    f: &'a F,
    x: [Strided<'a, T>; N],
    dims: &'a Dims<N>,
    range: std::ops::Range<usize>,
}

impl<const N: usize, T: Element, F: Map<N, T, T>> Kernel for PartSum<'_, N, T, F> {
    type Output = T;
    #[inline(always)]
    fn run(self) -> T {
        const LANES: usize = 64;
        let PartSum { f, x, dims, range } = self;
        let mut values = [T::default(); 1024];
        let mut lanes = [Sum.identity::<T>(); LANES];
        for start in range.clone().step_by(values.len()) {
            let n = values.len().min(range.end - start);
            Chunk { f, x, dims, start, out: &mut values[..n] }.run();
            let (chunks, rest) = values[..n].as_chunks::<LANES>();
            for chunk in chunks {
                for (lane, &v) in lanes.iter_mut().zip(chunk) {
                    *lane = Sum.combine(*lane, v);
                }
            }
            for (lane, &v) in lanes.iter_mut().zip(rest) {
                *lane = Sum.combine(*lane, v);
            }
        }
        fold(Sum, lanes)
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

/// out = x in row-major order.
///
/// # Panics
/// As [`map`].
pub fn copy<T: Element>(x: Strided<'_, T>, shape: &[usize], out: &mut [T]) {
    if out.len() < LARGE || !strided::transposed(x, shape, out) {
        map(&Copy, [x], shape, out);
    }
}

/// The identity, which makes [`map`] a copy into contiguous form.
pub struct Copy;
impl<T: Element> Map<1, T, T> for Copy {
    #[inline(always)]
    fn apply(&self, [x]: [T; 1]) -> T {
        x
    }
}

/// out += x, element by element.
pub fn add_assign<T: Element>(x: &[T], out: &mut [T]) {
    struct Add<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Element> Kernel for Add<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (o, &x) in self.1.iter_mut().zip(self.0) {
                *o = T::from_num(o.to_num() + x.to_num());
            }
        }
    }
    assert_eq!(x.len(), out.len());
    pool::chunks_mut(out, GRAIN, |start, out| dispatch(Add(&x[start..start + out.len()], out)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_of_any_layout_are_those_of_a_plain_loop() {
        struct Pair;
        impl Map<2, i64, i64> for Pair {
            fn apply(&self, [a, b]: [i64; 2]) -> i64 {
                a * 10_000 + b
            }
        }
        let data: Vec<i64> = (0..9000).collect();
        for shape in [[2, 3, 7], [5, 300, 4], [3, 2, 900], [40, 11, 13]] {
            let [x, y, z] = shape;
            let layouts = [
                [y * z, z, 1],
                [0, 0, 1],
                [0, z, 1],
                [1, 0, 0],
                [y, 1, 0],
                [1, x, x * y],
                [z, 0, 1],
                [0, 0, 0],
            ];
            for a in &layouts {
                for b in &layouts {
                    let views = [a, b].map(|strides| Strided { data: &data, offset: 3, strides });
                    let mut out = vec![0; x * y * z];
                    map(&Pair, views, &shape, &mut out);
                    let at =
                        |s: &[usize; 3], i| data[3 + i / (y * z) * s[0] + i / z % y * s[1] + i % z * s[2]];
                    for (i, &v) in out.iter().enumerate() {
                        assert_eq!(v, at(a, i) * 10_000 + at(b, i), "{shape:?} {a:?} {b:?} {i}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_sum_of_values_is_the_sum_of_a_plain_loop_on_any_number_of_threads() {
        struct Product;
        impl Map<2, f64, f64> for Product {
            fn apply(&self, [a, b]: [f64; 2]) -> f64 {
                a * b
            }
        }
        for (shape, strides) in [
            ([3, 5], [[5, 1], [1, 3]]),
            ([0, 4], [[4, 1], [4, 1]]),
            ([1, 1], [[1, 1], [0, 0]]),
            ([300, 257], [[257, 1], [0, 1]]),
            ([2, 70_001], [[70_001, 1], [1, 2]]),
        ] {
            let data: Vec<f64> = (0..shape[0] * shape[1] + 1).map(|i| ((i * 31) % 17) as f64 - 8.0).collect();
            let views = [0, 1].map(|k| Strided { data: &data, offset: k, strides: &strides[k] });
            let at = |k: usize, i, j| data[k + i * strides[k][0] + j * strides[k][1]];
            let plain: f64 =
                (0..shape[0]).flat_map(|i| (0..shape[1]).map(move |j| at(0, i, j) * at(1, i, j))).sum();
            for threads in [1, 3] {
                let sum = pool::with_num_threads(threads, || map_sum(&Product, views, &shape));
                assert_eq!(sum, plain, "{shape:?}");
            }
        }
    }
}
