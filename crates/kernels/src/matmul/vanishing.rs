//! Products of tiny numbers, see [`tiny`].

use super::{Finish, Matrix, matmul_with, packed::Packed, tiles};
use crate::num::Float;
use crate::strided::last_index;
use crate::tiny::{self, Scaled};

/// As [`matmul_with`], if an operand is tiny. If not, nothing is done.
pub(super) fn multiply<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    accumulate: bool,
    finish: Finish<'_, T>,
    packed: Option<&Packed>,
) -> bool {
    // To look at an operand would take a part of the time that a product of a few rows takes.
    if m.min(n) < tiles::LEAST {
        return false;
    }
    let (left, right) = (scaled(a, m, k), scaled(b, k, n));
    if left.is_none() && right.is_none() {
        return false;
    }
    let power = [&left, &right].into_iter().flatten().map(|scaled| scaled.power).sum();
    let packed = packed.filter(|_| right.is_none());
    let (a, b) = (in_place_of(a, &left), in_place_of(b, &right));
    let sums = |out: &mut [T]| {
        matmul_with([m, k, n], a, b, out, false, Finish::default(), packed);
        tiny::unscale(out, power);
    };
    if accumulate {
        let mut more = vec![T::default(); out.len()];
        sums(&mut more);
        out.iter_mut().zip(more).for_each(|(out, more)| *out = *out + more);
    } else {
        sums(out);
    }
    out.chunks_mut(n).for_each(|row| finish.row(row));
    true
}

fn scaled<T: Float>(x: Matrix<'_, T>, rows: usize, columns: usize) -> Option<Scaled<T>> {
    let last = last_index(x.offset, &[rows, columns], &[x.rows, x.columns])?;
    let region = &x.data[x.offset..=last];
    // A copy with gaps would take more memory than the matrix.
    if region.len() > rows * columns { None } else { tiny::scaled(region) }
}

fn in_place_of<'a, T: Float>(x: Matrix<'a, T>, scaled: &'a Option<Scaled<T>>) -> Matrix<'a, T> {
    match scaled {
        Some(scaled) => Matrix { data: scaled.data(), offset: 0, ..x },
        None => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    #[test]
    fn products_of_tiny_numbers_are_those_of_larger_ones_divided() {
        let [m, k, n] = [17, 40, 33];
        let x = |seed, len: usize, size: f32| -> Vec<f32> {
            (0..len as u64).map(|i| rng::normal_f32(seed, i) * size).collect()
        };
        let numbers = x(3, n, 1e-30);
        for (turned, sizes) in [
            (false, [2f32.powi(-100), 1.0]),
            (true, [1.0, 2f32.powi(-100)]),
            (true, [2f32.powi(-70), 2f32.powi(-30)]),
            (false, [2f32.powi(-64), 2f32.powi(-64)]),
        ] {
            let (strides_a, strides_b) = if turned { ([1, m], [1, k]) } else { ([k, 1], [n, 1]) };
            let product = |[left, right]: [f32; 2], add: f32, bias: Option<&[f32]>| {
                let (a, b) = (x(1, m * k, left), x(2, k * n, right));
                let a = Matrix { data: &a, offset: 0, rows: strides_a[0], columns: strides_a[1] };
                let b = Matrix { data: &b, offset: 0, rows: strides_b[0], columns: strides_b[1] };
                let mut out = vec![add; m * n];
                matmul_with(
                    [m, k, n],
                    a,
                    b,
                    &mut out,
                    add != 0.0,
                    Finish { bias, relu: bias.is_some() },
                    None,
                );
                out
            };
            let by = sizes[0] * sizes[1];
            let usual: Vec<f32> = product([1.0, 1.0], 0.0, None).iter().map(|x| x * by).collect();
            let normal = |x: f32| if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x };
            let usual: Vec<f32> = usual.into_iter().map(normal).collect();
            assert_eq!(product(sizes, 0.0, None), usual);
            let finished = product(sizes, 1e-30, Some(&numbers));
            for (i, (got, sum)) in finished.into_iter().zip(usual).enumerate() {
                assert_eq!(got, (1e-30 + sum + numbers[i % n]).max(0.0), "{sizes:?} {i}");
            }
        }
    }
}
