//! Normalisation over a contiguous `[outer, channels, inner]` block: a mean and a variance for each set of elements,
//! a weight and a bias for each channel, forward and backward.
//!
//! A set is a channel with all its rows ([`batch`]), or `per` neighbouring channels of one row ([`group`]): all of them
//! for layer normalisation, one for instance normalisation. Sums are taken in `f64`, of pieces: those of the deviations
//! from an element and of their squares at once. Pieces are merged in order (Chan, Golub and LeVeque, 1979). So little
//! cancels and the result does not depend on the number of threads.

#![allow(clippy::needless_range_loop, reason = "no iterators over lanes: they are not always inlined")]

pub mod batch;
pub mod group;
mod lanes;

use crate::isa::{Kernel, dispatch};
use crate::lanes::prefetch;
use crate::num::Float;
use crate::reduce::{Sum, fold};
use std::hint::black_box;

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

    /// From Σ (x − origin) and Σ (x − origin)².
    #[inline(always)]
    fn about(origin: f64, [plain, product]: [f64; 2], count: f64) -> Moments {
        let (apart, squares) = (plain / count, product - plain * (plain / count));
        Moments { count, mean: origin + apart, squares: if squares < 0.0 { 0.0 } else { squares } }
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

/// Elements of one parallel task.
const TASK: usize = 1 << 15;
/// Running sums of a channel, and those of what is left at the end of a run.
const WIDE: usize = 16;
const NARROW: usize = 4;
/// Channels whose runs are read one after another, as they lie.
const CHANNELS: usize = 64;

/// Runs of `len` elements, `step` apart: one channel of several rows. The next channel follows each run.
#[derive(Clone, Copy)]
struct Runs {
    step: usize,
    count: usize,
    len: usize,
}

/// What the deviations v = x − origin are multiplied by: themselves, the gradient g, or that and the weight w.
const ITSELF: usize = 0;
const GRADIENT: usize = 1;
const WEIGHTED: usize = 2;

/// Adds to running sums of the factor and of its product with v; of v and v² if that is the factor. No closures and no
/// iterators over slices: they would not always be inlined and lose the instruction set.
#[inline(always)]
fn add<T: Float, const FACTOR: usize, const N: usize>(
    [x, g, w]: [&[T]; 3],
    origin: f64,
    [plain, product]: &mut [[f64; N]; 2],
) {
    let (x, g, w) = (&x[..N], &g[..N], &w[..N]);
    // A loop for each step, or the compiler would make pairs of both sums.
    let mut v = [0.0; N];
    for l in 0..N {
        v[l] = x[l].to_f64() - origin;
    }
    let mut by = v;
    if FACTOR != ITSELF {
        for l in 0..N {
            by[l] = g[l].to_f64();
        }
    }
    if FACTOR == WEIGHTED {
        for l in 0..N {
            by[l] *= w[l].to_f64();
        }
    }
    for l in 0..N {
        plain[l] += by[l];
    }
    for l in 0..N {
        product[l] += by[l] * v[l];
    }
}

/// [`add`] over a run, to running sums of its pieces of WIDE elements and of what is left. What lies `step` farther on is
/// asked for.
#[inline(always)]
fn add_run<T: Float, const FACTOR: usize>(
    [x, g, w]: [&[T]; 3],
    step: usize,
    origin: f64,
    wide: &mut [[f64; WIDE]; 2],
    narrow: &mut [[f64; NARROW]; 2],
) {
    let (len, mut at) = (x.len(), 0);
    let (g, w) = (&g[..len], &w[..len]);
    // A copy, which stays in registers.
    let mut sums = *wide;
    while at + WIDE <= len {
        // The next row: the processor does not foresee where it begins.
        prefetch(x.as_ptr().wrapping_add(at + step).cast());
        if FACTOR != ITSELF {
            prefetch(g.as_ptr().wrapping_add(at + step).cast());
        }
        add::<T, FACTOR, WIDE>([&x[at..], &g[at..], &w[at..]], origin, &mut sums);
        at += WIDE;
    }
    *wide = sums;
    if at == len {
        return;
    }
    let mut sums = *narrow;
    while at + NARROW <= len {
        add::<T, FACTOR, NARROW>([&x[at..], &g[at..], &w[at..]], origin, &mut sums);
        at += NARROW;
    }
    let mut rest = [[sums[0][0]], [sums[1][0]]];
    while at < len {
        add::<T, FACTOR, 1>([&x[at..], &g[at..], &w[at..]], origin, &mut rest);
        at += 1;
    }
    [[sums[0][0]], [sums[1][0]]] = rest;
    *narrow = sums;
}

/// The sums of [`add`] over neighbouring elements.
#[inline(always)]
fn sums<T: Float, const FACTOR: usize>(terms: [&[T]; 3], origin: f64) -> [f64; 2] {
    let (mut wide, mut narrow) = ([[0.0; WIDE]; 2], [[0.0; NARROW]; 2]);
    add_run::<T, FACTOR>(terms, terms[0].len(), origin, &mut wide, &mut narrow);
    // In memory, or the compiler would make pairs of both sums.
    let wide = black_box(wide);
    let mut out = [0.0; 2];
    for i in 0..2 {
        out[i] = fold(Sum, wide[i]) + fold(Sum, narrow[i]);
    }
    out
}

/// The sums of [`add`] for up to [`CHANNELS`] neighbouring channels, each with its origin.
struct Piece<'a, T, const FACTOR: usize> {
    x: &'a [T],
    g: &'a [T],
    runs: Runs,
    origins: &'a [f64],
    out: &'a mut [[f64; 2]],
}

impl<T: Float, const FACTOR: usize> Kernel for Piece<'_, T, FACTOR> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Piece { x, g, runs: Runs { step, count, len }, origins, out } = self;
        let channels = CHANNELS.min(out.len()).min(origins.len());
        let (mut wide, mut narrow) = ([[[0.0; WIDE]; 2]; CHANNELS], [[[0.0; NARROW]; 2]; CHANNELS]);
        for i in 0..count {
            for c in 0..channels {
                let run = i * step + c * len..i * step + (c + 1) * len;
                add_run::<T, FACTOR>(
                    [&x[run.clone()], &g[run.clone()], &x[run]],
                    step,
                    origins[c],
                    &mut wide[c],
                    &mut narrow[c],
                );
            }
        }
        for c in 0..channels {
            for i in 0..2 {
                out[c][i] = fold(Sum, wide[c][i]) + fold(Sum, narrow[c][i]);
            }
        }
    }
}

/// The moments of neighbouring channels. Deviations are taken from the first element of each: it is so near the mean,
/// measured by the deviation of all, that little cancels.
fn moments<T: Float>(x: &[T], runs: Runs, out: &mut [Moments]) {
    let count = (runs.count * runs.len) as f64;
    for (i, out) in out.chunks_mut(CHANNELS).enumerate() {
        let x = &x[i * CHANNELS * runs.len..];
        let (mut origins, mut sums) = ([0.0; CHANNELS], [[0.0; 2]; CHANNELS]);
        let (origins, sums) = (&mut origins[..out.len()], &mut sums[..out.len()]);
        origins.iter_mut().enumerate().for_each(|(c, origin)| *origin = x[c * runs.len].to_f64());
        pieces::<T, ITSELF>([x, x], runs, origins, sums);
        for (out, (&origin, &sums)) in out.iter_mut().zip(origins.iter().zip(&*sums)) {
            *out = Moments::about(origin, sums, count);
        }
    }
}

/// Σ g and Σ g · (x − mean) of neighbouring channels with these moments.
fn products<T: Float>([x, g]: [&[T]; 2], runs: Runs, moments: &[Moments], out: &mut [[f64; 2]]) {
    for (i, (out, moments)) in out.chunks_mut(CHANNELS).zip(moments.chunks(CHANNELS)).enumerate() {
        let from = i * CHANNELS * runs.len;
        let mut means = [0.0; CHANNELS];
        means.iter_mut().zip(moments).for_each(|(mean, moments)| *mean = moments.mean);
        pieces::<T, GRADIENT>([&x[from..], &g[from..]], runs, &means[..out.len()], out);
    }
}

fn pieces<T: Float, const FACTOR: usize>(
    [x, g]: [&[T]; 2],
    runs: Runs,
    origins: &[f64],
    out: &mut [[f64; 2]],
) {
    dispatch(Piece::<T, FACTOR> { x, g, runs, origins, out });
}

#[cfg(test)]
mod tests;
