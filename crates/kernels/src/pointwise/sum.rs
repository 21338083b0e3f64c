//! Sums of the values of a pointwise function, which are not stored.

use super::rows::{Rows, part};
use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pool;
use crate::reduce::{Reducer, Sum, fold};
use crate::strided::{Dim, Strided, coalesce, numel};

/// Elements whose sum is one parallel task.
const PART: usize = 1 << 15;
/// Values at a time, and running sums.
const VALUES: usize = 1024;
const LANES: usize = 64;

/// Σ f(x₀, …) over all elements, in a fixed order.
///
/// # Panics
/// If an operand's view lies outside its slice.
pub fn map_sum<const N: usize, T: Element>(
    f: &dyn Rows<N, T, T>,
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
    pool::chunks_mut(&mut parts, 1, |i, sum| {
        let mut values = [T::default(); VALUES];
        let mut lanes = [Sum.identity::<T>(); LANES];
        let end = n.min((i + 1) * PART);
        for start in (i * PART..end).step_by(VALUES) {
            let values = &mut values[..VALUES.min(end - start)];
            part(f, x, &dims, start, values);
            dispatch(Add { values, lanes: &mut lanes });
        }
        sum[0] = fold(Sum, lanes);
    });
    parts.into_iter().fold(Sum.identity(), |a, b| Sum.combine(a, b))
}

/// Adds values to running sums, in turns.
struct Add<'a, T> {
    values: &'a [T],
    lanes: &'a mut [T; LANES],
}

impl<T: Element> Kernel for Add<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (chunks, rest) = self.values.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, &v) in self.lanes.iter_mut().zip(chunk) {
                *lane = Sum.combine(*lane, v);
            }
        }
        for (lane, &v) in self.lanes.iter_mut().zip(rest) {
            *lane = Sum.combine(*lane, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Map;
    use super::*;

    #[test]
    fn a_sum_of_values_is_the_sum_of_a_plain_loop_on_any_number_of_threads() {
        #[derive(Clone, Copy)]
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
