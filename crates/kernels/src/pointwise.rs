//! One loop for every pointwise operation: any number of operands, any strides, every instruction set.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pool;
use crate::reduce::{Reducer, Sum, fold};
use crate::strided::{Dim, Dims, GRAIN, Strided, coalesce, numel, offsets};

/// A function of `N` elements. Mark `apply` `#[inline(always)]` so that it vectorises.
pub trait Map<const N: usize, I, O>: Sync {
    /// The function.
    fn apply(&self, x: [I; N]) -> O;
}

/// Elements that are gathered at a time where an operand is not contiguous.
const BUFFER: usize = 256;

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
    if dims.is_empty() {
        return;
    }
    pool::chunks_mut(out, GRAIN, |start, out| dispatch(Chunk { f, x, dims: &dims, start, out }));
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
        let (inner, outer) = (&dims[0], &dims[1..]);
        let direct: [bool; N] = inner.strides.map(|s| s == 1);
        let step = if direct == [true; N] { usize::MAX } else { BUFFER };
        let mut buffers = [[I::default(); BUFFER]; N];
        let mut done = 0;
        while done < out.len() {
            let at = start + done;
            let column = at % inner.size;
            let n = (inner.size - column).min(out.len() - done).min(step);
            let from: [usize; N] = std::array::from_fn(|k| x[k].offset + column * inner.strides[k]);
            let from = offsets(outer, at / inner.size, from);
            let mut rows = [std::ptr::null(); N];
            for k in 0..N {
                if direct[k] {
                    rows[k] = x[k].data[from[k]..from[k] + n].as_ptr();
                } else {
                    for (i, b) in buffers[k][..n].iter_mut().enumerate() {
                        *b = x[k].data[from[k] + i * inner.strides[k]];
                    }
                    rows[k] = buffers[k].as_ptr();
                }
            }
            for (i, o) in out[done..done + n].iter_mut().enumerate() {
                // SAFETY: each row points to at least n elements: a slice of n, or a buffer that n fits in.
                *o = f.apply(std::array::from_fn(|k| unsafe { *rows[k].add(i) }));
            }
            done += n;
        }
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

/// out = x where the mask holds, else y; strides belong to `shape`.
pub fn select<T: Element>(
    mask: Strided<'_, bool>,
    x: Strided<'_, T>,
    y: Strided<'_, T>,
    shape: &[usize],
    out: &mut [T],
) {
    mask.check(shape);
    x.check(shape);
    y.check(shape);
    assert_eq!(numel(shape), out.len());
    let dims = coalesce(shape, [mask.strides, x.strides, y.strides]);
    pool::chunks_mut(out, GRAIN, |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let [m, a, b] = offsets(&dims, start + i, [mask.offset, x.offset, y.offset]);
            *o = if mask.data[m] { x.data[a] } else { y.data[b] };
        }
    });
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
