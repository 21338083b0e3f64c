//! Norms and products of vectors that lie in several slices, and their scaling: what clipping gradients and L-BFGS
//! need. Sums are calculated in `f64`, in an order that depends on the lengths alone.

use crate::isa::{Kernel, dispatch};
use crate::num::{Float, Num};
use crate::pool;
use crate::strided::GRAIN;

/// Combines f(x) over slices, from 0 on. Chunks of [`GRAIN`] elements are the tasks; within one there are 32 lanes.
fn fold<T, F, C>(slices: &[&[T]], f: F, combine: C) -> f64
where
    T: Float,
    F: Fn(f64) -> f64 + Copy + Sync,
    C: Fn(f64, f64) -> f64 + Copy + Sync,
{
    let chunks: Vec<&[T]> = slices.iter().flat_map(|slice| slice.chunks(GRAIN)).collect();
    let mut partial = vec![0.0; chunks.len()];
    let elements: usize = slices.iter().map(|slice| slice.len()).sum();
    let grain = if elements <= GRAIN { chunks.len() } else { 1 };
    pool::chunks_mut(&mut partial, grain, |start, partial| {
        for (out, &chunk) in partial.iter_mut().zip(&chunks[start..]) {
            *out = dispatch(Fold(chunk, f, combine));
        }
    });
    partial.into_iter().fold(0.0, combine)
}

struct Fold<'a, T, F, C>(&'a [T], F, C);
impl<T: Float, F: Fn(f64) -> f64, C: Fn(f64, f64) -> f64> Kernel for Fold<'_, T, F, C> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let Fold(x, f, combine) = self;
        let mut lanes = [0.0; 32];
        let (blocks, rest) = x.as_chunks::<32>();
        for block in blocks {
            for (lane, &x) in lanes.iter_mut().zip(block) {
                *lane = combine(*lane, f(x.to_f64()));
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = combine(*lane, f(x.to_f64()));
        }
        lanes.into_iter().fold(0.0, combine)
    }
}

/// The p-norm of all elements of these slices as of one vector: Σ|x|ᵖ to the power 1/p; for p = ∞ the largest |x|,
/// for −∞ the smallest, for 0 the number that are not 0. NaN where there is one.
pub fn norm<T: Float>(slices: &[&[T]], p: f64) -> f64 {
    let sum = |a, b| a + b;
    let largest = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
    if p == f64::INFINITY {
        fold(slices, f64::abs, largest)
    } else if p == f64::NEG_INFINITY {
        1.0 / fold(slices, |x| 1.0 / x.abs(), largest)
    } else if p == 0.0 {
        fold(slices, |x| f64::from(u8::from(x != 0.0)), sum)
    } else if p == 1.0 {
        fold(slices, f64::abs, sum)
    } else if p == 2.0 {
        fold(slices, |x| x * x, sum).sqrt()
    } else {
        fold(slices, |x| x.abs().pow(p), sum).pow(1.0 / p)
    }
}

/// Σ aᵢ·bᵢ
pub fn dot<T: Float>(a: &[T], b: &[T]) -> f64 {
    struct Dot<'a, T>(&'a [T], &'a [T]);
    impl<T: Float> Kernel for Dot<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn run(self) -> f64 {
            let mut lanes = [0.0; 32];
            let ((a, a_rest), (b, b_rest)) = (self.0.as_chunks::<32>(), self.1.as_chunks::<32>());
            for (a, b) in a.iter().zip(b) {
                for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                    *lane += a.to_f64() * b.to_f64();
                }
            }
            for (lane, (a, b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
                *lane += a.to_f64() * b.to_f64();
            }
            lanes.into_iter().sum()
        }
    }
    assert_eq!(a.len(), b.len());
    let mut partial = vec![0.0; a.len().div_ceil(GRAIN)];
    pool::chunks_mut(&mut partial, 1, |start, partial| {
        for (i, out) in partial.iter_mut().enumerate() {
            let from = (start + i) * GRAIN;
            let to = a.len().min(from + GRAIN);
            *out = dispatch(Dot(&a[from..to], &b[from..to]));
        }
    });
    partial.into_iter().sum()
}

/// x ← a·x
pub fn scale<T: Float>(x: &mut [T], a: f64) {
    struct Scale<'a, T>(&'a mut [T], T);
    impl<T: Float> Kernel for Scale<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for x in self.0 {
                *x = *x * self.1;
            }
        }
    }
    pool::chunks_mut(x, GRAIN, |_, x| dispatch(Scale(x, T::lit(a))));
}

/// Limits each element to −a … a; NaN stays.
pub fn clamp<T: Float>(x: &mut [T], a: f64) {
    struct Clamp<'a, T>(&'a mut [T], T);
    impl<T: Float> Kernel for Clamp<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Clamp(x, high) = self;
            for x in x {
                let v = if *x > high { high } else { *x };
                *x = if v < -high { -high } else { v };
            }
        }
    }
    pool::chunks_mut(x, GRAIN, |_, x| dispatch(Clamp(x, T::lit(a))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::with_num_threads;

    #[test]
    fn norms_are_those_of_one_vector_whatever_the_slices() {
        let x: Vec<f32> = (0..GRAIN * 2 + 100).map(|i| (i as f32 * 0.37).sin()).collect();
        for p in [2.0, 1.0, 3.0, 0.5, 0.0, f64::INFINITY, f64::NEG_INFINITY] {
            let exact = match p {
                f64::INFINITY => x.iter().fold(0.0, |m, x| f64::max(m, f64::from(x.abs()))),
                f64::NEG_INFINITY => x.iter().fold(9.0, |m, x| f64::min(m, f64::from(x.abs()))),
                0.0 => x.iter().filter(|x| **x != 0.0).count() as f64,
                p => x.iter().map(|x| f64::from(x.abs()).powf(p)).sum::<f64>().powf(1.0 / p),
            };
            let (a, b) = x.split_at(77);
            let one = with_num_threads(1, || norm(&[a, &[], b], p));
            assert!((one - exact).abs() <= exact * 1e-12, "{p}: {one}, {exact}");
            for threads in [2, 3] {
                assert_eq!(one.to_bits(), with_num_threads(threads, || norm(&[a, &[], b], p)).to_bits());
            }
            if p != 0.0 {
                assert!(norm(&[&[1.0f32, f32::NAN, 2.0][..]], p).is_nan());
            }
        }
        assert_eq!(norm::<f32>(&[], 2.0), 0.0);
    }

    #[test]
    fn products_and_limits() {
        let x: Vec<f64> = (0..GRAIN + 50).map(|i| f64::from(i as u32 % 10)).collect();
        let exact: f64 = x.iter().map(|x| x * x).sum();
        assert_eq!((dot(&x, &x), dot::<f32>(&[], &[])), (exact, 0.0));
        let mut y = [-3.0f32, f32::NAN, 0.5, 9.0, f32::NEG_INFINITY];
        clamp(&mut y, 2.0);
        assert!(y[1].is_nan() && y[0] == -2.0 && y[2] == 0.5 && y[3] == 2.0 && y[4] == -2.0);
        scale(&mut y, 0.5);
        assert!(y[0] == -1.0 && y[2] == 0.25);
    }
}
