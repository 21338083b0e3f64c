//! Normalisation over a contiguous `[outer, channels, inner]` block: a mean and a variance for each set of elements,
//! a weight and a bias for each channel, forward and backward.
//!
//! A set is a channel with all its rows ([`batch`]), or `per` neighbouring channels of one row ([`group`]): all of them
//! for layer normalisation, one for instance normalisation. Sums are taken in `f64`, over pieces that stay in the cache:
//! first the mean, then the squares of the deviations from it; pieces are merged in order (Chan, Golub and LeVeque,
//! 1979). So nothing cancels and the result does not depend on the number of threads.

pub mod batch;
pub mod group;
mod lanes;

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::reduce::{Sum, fold};

/// What the elements of a set have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// How many they are.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// The sum of the squares of their deviations from it.
    pub squares: f64,
}

impl Moments {
    /// 1 / √(variance + eps)
    pub fn rstd(self, eps: f64) -> f64 {
        1.0 / (self.squares / self.count + eps).sqrt()
    }

    fn merge(self, other: Moments) -> Moments {
        if self.count == 0.0 || other.count == 0.0 {
            return if self.count == 0.0 { other } else { self };
        }
        let (count, apart) = (self.count + other.count, other.mean - self.mean);
        Moments {
            count,
            mean: self.mean + apart * (other.count / count),
            squares: self.squares + other.squares + apart * apart * (self.count * other.count / count),
        }
    }
}

/// A number as one of the element type and the rest, which is added where terms are summed in f64: beside a large mean
/// it would be as large as the deviations.
fn split<T: Float>(v: f64) -> (T, f64) {
    let high = T::lit(v);
    (high, v - high.to_f64())
}

/// Elements that are read twice, once for the mean and once for the deviations.
const CHUNK: usize = 4096;
/// Elements of one parallel task.
const TASK: usize = 1 << 15;
const LANES: usize = 32;
/// And of runs so short that many of those would be left over.
const FEW: usize = 16;

/// Adds each element less the mean, or the square of that, to running sums. No closure: it would not always be inlined
/// and lose the instruction set.
#[inline(always)]
fn add<T: Float, const SQUARES: bool, const N: usize>(x: &[T], lanes: &mut [f64; N], mean: f64) {
    let (chunks, rest) = x.as_chunks::<N>();
    for chunk in chunks {
        for l in 0..N {
            let v = chunk[l].to_f64() - mean;
            lanes[l] += if SQUARES { v * v } else { v };
        }
    }
    for (l, v) in lanes.iter_mut().zip(rest) {
        let v = v.to_f64() - mean;
        *l += if SQUARES { v * v } else { v };
    }
}

/// Runs of `len` elements, `step` apart: one channel of several rows.
#[derive(Clone, Copy)]
struct Runs {
    step: usize,
    count: usize,
    len: usize,
}

/// The moments of runs, or with `centered` off those about 0.
fn moments<T: Float>(x: &[T], runs: Runs, centered: bool) -> Moments {
    struct Piece<'a, T, const N: usize>(&'a [T], Runs, bool);
    impl<T: Float, const N: usize> Kernel for Piece<'_, T, N> {
        type Output = Moments;
        #[inline(always)]
        fn run(self) -> Moments {
            let Piece(x, Runs { step, count, len }, centered) = self;
            let n = (count * len) as f64;
            let mut mean = 0.0;
            if centered {
                let mut lanes = [0.0; N];
                for i in 0..count {
                    add::<T, false, N>(&x[i * step..i * step + len], &mut lanes, 0.0);
                }
                mean = fold(Sum, lanes) / n;
            }
            let mut lanes = [0.0; N];
            for i in 0..count {
                add::<T, true, N>(&x[i * step..i * step + len], &mut lanes, mean);
            }
            Moments { count: n, mean, squares: fold(Sum, lanes) }
        }
    }
    let mut all = Moments::default();
    if runs.len > CHUNK {
        for i in 0..runs.count {
            for x in x[i * runs.step..i * runs.step + runs.len].chunks(CHUNK) {
                all = all.merge(dispatch(Piece::<T, LANES>(
                    x,
                    Runs { step: 0, count: 1, len: x.len() },
                    centered,
                )));
            }
        }
        return all;
    }
    let most = CHUNK / runs.len;
    for i in (0..runs.count).step_by(most) {
        let runs = Runs { count: most.min(runs.count - i), ..runs };
        let x = &x[i * runs.step..];
        all = all.merge(match runs.len < 2 * LANES {
            true => dispatch(Piece::<T, FEW>(x, runs, centered)),
            false => dispatch(Piece::<T, LANES>(x, runs, centered)),
        });
    }
    all
}

/// Σ g and Σ g · (x − mean) over runs.
fn products<T: Float>(x: &[T], g: &[T], runs: Runs, mean: f64) -> [f64; 2] {
    struct Piece<'a, T>(&'a [T], &'a [T], Runs, f64);
    impl<T: Float> Kernel for Piece<'_, T> {
        type Output = [f64; 2];
        #[inline(always)]
        fn run(self) -> [f64; 2] {
            let Piece(x, g, Runs { step, count, len }, mean) = self;
            let (mut plain, mut product) = ([0.0; LANES], [0.0; LANES]);
            for i in 0..count {
                let (x, g) = (&x[i * step..i * step + len], &g[i * step..i * step + len]);
                let ((x, x_rest), (g, g_rest)) = (x.as_chunks::<LANES>(), g.as_chunks::<LANES>());
                for (x, g) in x.iter().zip(g) {
                    for l in 0..LANES {
                        plain[l] += g[l].to_f64();
                        product[l] += g[l].to_f64() * (x[l].to_f64() - mean);
                    }
                }
                for (l, (x, g)) in x_rest.iter().zip(g_rest).enumerate() {
                    plain[l] += g.to_f64();
                    product[l] += g.to_f64() * (x.to_f64() - mean);
                }
            }
            [fold(Sum, plain), fold(Sum, product)]
        }
    }
    dispatch(Piece(x, g, runs, mean))
}

#[cfg(test)]
mod tests;
