//! Normalisation over a contiguous `[outer, channels, inner]` block: a mean and a variance for each set of elements,
//! a weight and a bias for each channel, forward and backward.
//!
//! A set is a channel with all its rows ([`batch`]), or `per` neighbouring channels of one row ([`group`]): all of them
//! for layer normalisation, one for instance normalisation. Sums are taken in `f64`, over pieces that stay in the cache:
//! first the mean, then the squares of the deviations from it; pieces are merged in order (Chan, Golub and LeVeque,
//! 1979). So nothing cancels and the result does not depend on the number of threads.

#![allow(clippy::needless_range_loop, reason = "no iterators over lanes: they are not always inlined")]

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
/// Channels of such runs that are read together.
const CHANNELS: usize = 8;

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

/// Runs of `len` elements, `step` apart: one channel of several rows. The next channel follows each run.
#[derive(Clone, Copy)]
struct Runs {
    step: usize,
    count: usize,
    len: usize,
}

impl Runs {
    /// Whether they are so short that several channels are read together, as they lie one after another.
    fn are_short(self) -> bool {
        self.len < 4 * LANES
    }

    #[inline(always)]
    fn of<T>(self, x: &[T], run: usize, channel: usize) -> &[T] {
        &x[run * self.step + channel * self.len..][..self.len]
    }
}

/// The moments of neighbouring channels, or with `centered` off those about 0.
fn moments<T: Float>(x: &[T], runs: Runs, centered: bool, out: &mut [Moments]) {
    /// Of up to C channels.
    struct Piece<'a, T, const N: usize, const C: usize>(&'a [T], Runs, bool, &'a mut [Moments]);
    impl<T: Float, const N: usize, const C: usize> Kernel for Piece<'_, T, N, C> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Piece(x, runs, centered, out) = self;
            let (n, channels) = ((runs.count * runs.len) as f64, C.min(out.len()));
            let mut mean = [0.0; C];
            if centered {
                let mut lanes = [[0.0; N]; C];
                for i in 0..runs.count {
                    for c in 0..channels {
                        add::<T, false, N>(runs.of(x, i, c), &mut lanes[c], 0.0);
                    }
                }
                for c in 0..channels {
                    mean[c] = fold(Sum, lanes[c]) / n;
                }
            }
            let mut lanes = [[0.0; N]; C];
            for i in 0..runs.count {
                for c in 0..channels {
                    add::<T, true, N>(runs.of(x, i, c), &mut lanes[c], mean[c]);
                }
            }
            for c in 0..channels {
                out[c] = out[c].merge(Moments { count: n, mean: mean[c], squares: fold(Sum, lanes[c]) });
            }
        }
    }
    out.fill(Moments::default());
    if runs.len > CHUNK {
        for (c, out) in out.iter_mut().enumerate() {
            for x in (0..runs.count).flat_map(|i| runs.of(x, i, c).chunks(CHUNK)) {
                let runs = Runs { step: 0, count: 1, len: x.len() };
                dispatch(Piece::<T, LANES, 1>(x, runs, centered, std::slice::from_mut(out)));
            }
        }
        return;
    }
    let (most, few) = (CHUNK / runs.len, if runs.are_short() { CHANNELS } else { 1 });
    for i in (0..runs.count).step_by(most) {
        let runs = Runs { count: most.min(runs.count - i), ..runs };
        for (c, out) in out.chunks_mut(few).enumerate() {
            let x = &x[i * runs.step + c * few * runs.len..];
            match runs.are_short() {
                true => dispatch(Piece::<T, FEW, CHANNELS>(x, runs, centered, out)),
                false => dispatch(Piece::<T, LANES, 1>(x, runs, centered, out)),
            }
        }
    }
}

/// Σ g and Σ g · (x − mean) of neighbouring channels with these moments.
fn products<T: Float>([x, g]: [&[T]; 2], runs: Runs, moments: &[Moments], out: &mut [[f64; 2]]) {
    /// Of up to C channels.
    struct Piece<'a, T, const N: usize, const C: usize>(
        [&'a [T]; 2],
        Runs,
        &'a [Moments],
        &'a mut [[f64; 2]],
    );
    impl<T: Float, const N: usize, const C: usize> Kernel for Piece<'_, T, N, C> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Piece([x, g], runs, moments, out) = self;
            let channels = C.min(out.len()).min(moments.len());
            let (mut plain, mut product) = ([[0.0; N]; C], [[0.0; N]; C]);
            for i in 0..runs.count {
                for c in 0..channels {
                    let mean = moments[c].mean;
                    let (x, g) = (runs.of(x, i, c), runs.of(g, i, c));
                    let ((x, x_rest), (g, g_rest)) = (x.as_chunks::<N>(), g.as_chunks::<N>());
                    for (x, g) in x.iter().zip(g) {
                        for l in 0..N {
                            plain[c][l] += g[l].to_f64();
                            product[c][l] += g[l].to_f64() * (x[l].to_f64() - mean);
                        }
                    }
                    for (l, (x, g)) in x_rest.iter().zip(g_rest).enumerate() {
                        plain[c][l] += g.to_f64();
                        product[c][l] += g.to_f64() * (x.to_f64() - mean);
                    }
                }
            }
            for c in 0..channels {
                out[c] = [fold(Sum, plain[c]), fold(Sum, product[c])];
            }
        }
    }
    let few = if runs.are_short() { CHANNELS } else { 1 };
    for (c, (out, moments)) in out.chunks_mut(few).zip(moments.chunks(few)).enumerate() {
        let from = c * few * runs.len;
        let both = [&x[from..], &g[from..]];
        match runs.are_short() {
            true => dispatch(Piece::<T, FEW, CHANNELS>(both, runs, moments, out)),
            false => dispatch(Piece::<T, LANES, 1>(both, runs, moments, out)),
        }
    }
}

#[cfg(test)]
mod tests;
