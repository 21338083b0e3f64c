//! One loop for every pointwise operation: any number of operands, any strides, every instruction set.

mod column;
mod rows;
mod sum;

pub(crate) use rows::{BUFFER, contiguous, gather};
pub use rows::{InPlace, Rows};
pub use sum::map_sum;

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pool;
use crate::strided::{self, GRAIN, Strided, numel};

/// A function of `N` elements. Mark `apply` `#[inline(always)]` so that it vectorises. What takes it as [`Rows`] is compiled
/// once for the types of the elements, and not for each of the hundreds of functions.
pub trait Map<const N: usize, I, O>: std::marker::Copy + Sync {
    /// The function.
    fn apply(&self, x: [I; N]) -> O;
}

/// out = f(x₀, …), element by element; the operands' strides belong to `shape`, `out` is contiguous.
///
/// # Panics
/// If an operand's view lies outside its slice, or `out` has another number of elements than `shape`.
pub fn map<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    shape: &[usize],
    out: &mut [O],
) {
    if let [only] = out {
        assert_eq!(numel(shape), 1);
        let mut one = [I::default(); N];
        for k in 0..N {
            one[k] = x[k].data[x[k].offset];
        }
        *only = f.one(one);
        return;
    }
    rows::map(f, x, shape, out);
}

/// out = f(out, x₁, …), element by element; x₀ is not read.
///
/// # Panics
/// If one of the others has another number of elements than `out`.
pub fn map_in_place<const N: usize, T: Element>(f: &dyn InPlace<N, T>, x: [&[T]; N], out: &mut [T]) {
    for x in x.iter().skip(1) {
        assert_eq!(x.len(), out.len(), "lengths differ");
    }
    if let [only] = out {
        let mut one = [*only; N];
        for k in 1..N {
            one[k] = x[k][0];
        }
        *only = f.one(one);
        return;
    }
    rows::in_place(f, x, out);
}

/// out = x in row-major order.
///
/// # Panics
/// As [`map`].
pub fn copy<T: Element>(x: Strided<'_, T>, shape: &[usize], out: &mut [T]) {
    if rows::copy(x, shape, out) || out.len() >= rows::LARGE && strided::transposed(x, shape, out) {
        return;
    }
    map(&Copy, [x], shape, out);
}

/// The identity, which makes [`map`] a copy into contiguous form.
#[derive(Clone, std::marker::Copy)]
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
    fn copies_of_any_layout_are_those_of_a_plain_loop() {
        let data: Vec<i64> = (0..60_000).collect();
        for (shape, strides) in [
            ([2, 3, 5], [0, 7, 1]),
            ([3, 70, 90], [13_000, 100, 1]),
            ([90, 3, 70], [100, 9_000, 1]),
            ([30, 40, 7], [1, 30, 1200]),
            ([2, 0, 7], [7, 7, 1]),
            ([4, 50, 60], [60, 0, 1]),
            ([3, 60, 40], [0, 1, 60]),
        ] {
            for threads in [1, 3] {
                let mut out = vec![-1; numel(&shape)];
                let x = Strided { data: &data, offset: 11, strides: &strides };
                pool::with_num_threads(threads, || copy(x, &shape, &mut out));
                let [_, y, z] = shape;
                for (i, &v) in out.iter().enumerate() {
                    let at = i / (y * z) * strides[0] + i / z % y * strides[1] + i % z * strides[2];
                    assert_eq!(v, data[11 + at], "{shape:?} {strides:?} {i}");
                }
            }
        }
    }

    #[test]
    fn operands_of_any_layout_are_those_of_a_plain_loop() {
        #[derive(Clone, std::marker::Copy)]
        struct Pair;
        impl Map<2, i64, i64> for Pair {
            fn apply(&self, [a, b]: [i64; 2]) -> i64 {
                a * 1_000_000 + b
            }
        }
        let data: Vec<i64> = (0..100_000).collect();
        // The last two's rows begin and end anywhere in the pieces of several threads.
        for shape in [[2, 3, 7], [5, 300, 4], [3, 2, 900], [40, 11, 13], [7, 19, 700], [3, 400, 20]] {
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
                    pool::with_num_threads(3, || map(&Pair, views, &shape, &mut out));
                    let at =
                        |s: &[usize; 3], i| data[3 + i / (y * z) * s[0] + i / z % y * s[1] + i % z * s[2]];
                    for (i, &v) in out.iter().enumerate() {
                        assert_eq!(v, at(a, i) * 1_000_000 + at(b, i), "{shape:?} {a:?} {b:?} {i}");
                    }
                }
            }
        }
    }
}
