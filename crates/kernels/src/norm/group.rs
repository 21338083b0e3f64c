//! Sets that are neighbouring channels of one row: layer, group, instance and root-mean-square normalisation.

use super::{GRADIENT, ITSELF, Moments, NARROW, TASK, WEIGHTED, WIDE, split, sums};
use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::strided::numel;

/// How a block is normalised.
#[derive(Clone, Copy, Debug)]
pub struct Groups {
    /// `[outer, channels, inner]`
    pub block: [usize; 3],
    /// Channels of a set; they divide those of the block.
    pub per: usize,
    /// Whether the mean is subtracted; not for the root mean square.
    pub centered: bool,
    /// Added to the variance.
    pub eps: f64,
}

impl Groups {
    /// Elements of a set.
    fn len(&self) -> usize {
        numel(&[self.per, self.block[2]])
    }

    /// How many sets there are.
    pub fn count(&self) -> usize {
        numel(&[self.block[0], self.block[1].checked_div(self.per).unwrap_or(0)])
    }
}

/// Splits two slices into as many pieces and calls `f(piece, of a, of b)` for each, on the pool's threads.
fn chunks_of_two<A: Send, B: Send>(
    (a, grain_a): (&mut [A], usize),
    (b, grain_b): (&mut [B], usize),
    f: impl Fn(usize, &mut [A], &mut [B]) + Sync,
) {
    let (len, base) = (b.len(), pool::SendPtr(b.as_mut_ptr()));
    pool::chunks_mut(a, grain_a, |start, a| {
        let piece = start / grain_a;
        let (from, to) = ((piece * grain_b).min(len), ((piece + 1) * grain_b).min(len));
        // SAFETY: within `b`, which outlives the call; pieces differ in number and so do not overlap.
        f(piece, a, unsafe { std::slice::from_raw_parts_mut(base.get().add(from), to - from) });
    });
}

/// (x − mean) · rstd · weight + bias, with the mean and rstd of the set; gives the moments of the sets.
pub fn forward<T: Float>(x: &[T], groups: Groups, weight: &[T], bias: &[T], out: &mut [T]) -> Vec<Moments> {
    assert_eq!(x.len(), numel(&groups.block));
    assert_eq!(x.len(), out.len());
    let mut all = vec![Moments::default(); groups.count()];
    if x.is_empty() {
        return all;
    }
    let len = groups.len();
    let sets = (TASK / len).max(1);
    chunks_of_two((&mut all, sets), (out, sets * len), |piece, all, out| {
        let first = piece * sets;
        let x = &x[first * len..][..out.len()];
        dispatch(Forward { x, groups, first, weight, bias, all, out });
    });
    all
}

/// Sets from number `first` on.
struct Forward<'a, T> {
    x: &'a [T],
    groups: Groups,
    first: usize,
    weight: &'a [T],
    bias: &'a [T],
    all: &'a mut [Moments],
    out: &'a mut [T],
}
impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Forward { x, groups, first, weight, bias, all, out } = self;
        let Groups { block: [_, channels, inner], per, centered, eps } = groups;
        let len = per * inner;
        let sets = x.chunks_exact(len).zip(out.chunks_exact_mut(len));
        for (i, ((x, out), moments)) in sets.zip(all).enumerate() {
            let origin = if centered { x[0].to_f64() } else { 0.0 };
            let terms = sums::<T, ITSELF>([x; 3], origin);
            *moments = if centered {
                Moments::about(origin, terms, len as f64)
            } else {
                Moments { count: len as f64, mean: 0.0, squares: terms[1] }
            };
            let rstd = moments.rstd(eps);
            let (mean, low) = split(moments.mean);
            let (shift, rstd) = (T::lit(-low * rstd), T::lit(rstd));
            let channel = (first + i) * per % channels;
            let (weight, bias) = (&weight[channel..channel + per], &bias[channel..channel + per]);
            if inner == 1 {
                for ((o, &x), (&w, &b)) in out.iter_mut().zip(x).zip(weight.iter().zip(bias)) {
                    *o = ((x - mean) * rstd + shift) * w + b;
                }
                continue;
            }
            let runs = out.chunks_exact_mut(inner).zip(x.chunks_exact(inner));
            for ((out, x), (&w, &b)) in runs.zip(weight.iter().zip(bias)) {
                let (scale, b) = (rstd * w, shift * w + b);
                for (o, &x) in out.iter_mut().zip(x) {
                    *o = (x - mean) * scale + b;
                }
            }
        }
    }
}

/// The gradient of x into `out`, and those of weight and bias.
pub fn backward<T: Float>(
    [x, g]: [&[T]; 2],
    groups: Groups,
    statistics: &[Moments],
    weight: &[T],
    out: &mut [T],
) -> [Vec<T>; 2] {
    let [outer, channels, inner] = groups.block;
    assert_eq!(x.len(), numel(&groups.block));
    assert_eq!(x.len(), out.len());
    assert_eq!(x.len(), g.len());
    if x.is_empty() {
        return [vec![T::lit(0.0); channels], vec![T::lit(0.0); channels]];
    }
    // Rows of one task: each has its own sums for the weight and the bias, so not too few where they would be as many
    // as the elements, nor too many where rows are the only thing to share out.
    let row = channels * inner;
    let rows = if inner == 1 { (4 * TASK / row).clamp(outer.div_ceil(16).min(16), 64) } else { 1 };
    let mut parts = vec![0.0; outer.div_ceil(rows) * 2 * channels];
    chunks_of_two((&mut parts, 2 * channels), (out, rows * row), |piece, part, out| {
        let (of_weight, of_bias) = part.split_at_mut(channels);
        let from = piece * rows * row;
        let (x, g) = (&x[from..][..out.len()], &g[from..][..out.len()]);
        let statistics = &statistics[from / groups.len()..];
        dispatch(Backward { x, g, groups, statistics, weight, of_weight, of_bias, out });
    });
    let mut sums = vec![0.0; 2 * channels];
    for part in parts.chunks_exact(2 * channels) {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    let (of_weight, of_bias) = sums.split_at(channels);
    [of_weight, of_bias].map(|sums| sums.iter().map(|&sum| T::lit(sum)).collect())
}

/// Rows whose terms for the weight and the bias are added up in registers.
const ROWS: usize = 8;

/// Whole rows of the block.
struct Backward<'a, T> {
    x: &'a [T],
    g: &'a [T],
    groups: Groups,
    statistics: &'a [Moments],
    weight: &'a [T],
    of_weight: &'a mut [f64],
    of_bias: &'a mut [f64],
    out: &'a mut [T],
}
impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if self.groups.block[2] == 1 { self.single_elements() } else { self.runs() }
    }
}

impl<T: Float> Backward<'_, T> {
    /// Where a channel has one element of a row.
    #[inline(always)]
    fn single_elements(self) {
        let Backward { x, g, groups, statistics, weight, of_weight, of_bias, out } = self;
        let Groups { block: [_, channels, _], per, eps, .. } = groups;
        for first in (0..out.len() / channels).step_by(ROWS) {
            let rows = ROWS.min(out.len() / channels - first);
            for channel in (0..channels).step_by(per) {
                let w = &weight[channel..channel + per];
                let mut terms = [[0.0; 2]; ROWS];
                for (r, term) in terms[..rows].iter_mut().enumerate() {
                    let at = (first + r) * channels + channel;
                    let (x, g, out) = (&x[at..at + per], &g[at..at + per], &mut out[at..at + per]);
                    let moments = statistics[at / per];
                    *term = [moments.mean, moments.rstd(eps)];
                    let slopes = Slopes::new(groups, moments, sums::<T, WEIGHTED>([x, g, w], moments.mean));
                    for ((o, &w), (&x, &g)) in out.iter_mut().zip(w).zip(x.iter().zip(g)) {
                        *o = slopes.at(x, g, w);
                    }
                }
                let from = first * channels + channel;
                let of_weight = &mut of_weight[channel..channel + per];
                let of_bias = &mut of_bias[channel..channel + per];
                columns([&x[from..], &g[from..]], channels, &terms[..rows], of_weight, of_bias);
            }
        }
    }

    /// Where it has several, side by side.
    #[inline(always)]
    fn runs(self) {
        let Backward { x, g, groups, statistics, weight, of_weight, of_bias, out } = self;
        let Groups { block: [_, channels, inner], per, eps, .. } = groups;
        let len = groups.len();
        for (i, (out, &moments)) in out.chunks_exact_mut(len).zip(statistics).enumerate() {
            let (x, g) = (&x[i * len..][..len], &g[i * len..][..len]);
            let (channel, rstd) = (i * per % channels, moments.rstd(eps));
            let (mut plain, mut product) = (0.0, 0.0);
            for (c, (x, g)) in (channel..).zip(x.chunks_exact(inner).zip(g.chunks_exact(inner))) {
                let [a, b] = sums::<T, GRADIENT>([x, g, x], moments.mean);
                of_bias[c] += a;
                of_weight[c] += b * rstd;
                plain += a * weight[c].to_f64();
                product += b * weight[c].to_f64();
            }
            let slopes = Slopes::new(groups, moments, [plain, product]);
            let runs = x.chunks_exact(inner).zip(g.chunks_exact(inner));
            for ((out, &w), (x, g)) in out.chunks_exact_mut(inner).zip(&weight[channel..]).zip(runs) {
                for (o, (&x, &g)) in out.iter_mut().zip(x.iter().zip(g)) {
                    *o = slopes.at(x, g, w);
                }
            }
        }
    }
}

/// Adds to the sums of columns the terms of some rows, `row` apart, each with its mean and rstd.
#[inline(always)]
fn columns<T: Float>(
    [x, g]: [&[T]; 2],
    row: usize,
    terms: &[[f64; 2]],
    of_weight: &mut [f64],
    of_bias: &mut [f64],
) {
    let mut at = 0;
    while at + WIDE <= of_bias.len() {
        some_columns::<T, WIDE>([x, g], row, at, terms, of_weight, of_bias);
        at += WIDE;
    }
    while at + NARROW <= of_bias.len() {
        some_columns::<T, NARROW>([x, g], row, at, terms, of_weight, of_bias);
        at += NARROW;
    }
    while at < of_bias.len() {
        some_columns::<T, 1>([x, g], row, at, terms, of_weight, of_bias);
        at += 1;
    }
}

/// [`columns`] for N of them.
#[inline(always)]
fn some_columns<T: Float, const N: usize>(
    [x, g]: [&[T]; 2],
    row: usize,
    at: usize,
    terms: &[[f64; 2]],
    of_weight: &mut [f64],
    of_bias: &mut [f64],
) {
    let (mut weight, mut bias) = ([0.0; N], [0.0; N]);
    for (r, &[mean, rstd]) in terms.iter().enumerate() {
        let (x, g) = (&x[r * row + at..][..N], &g[r * row + at..][..N]);
        for l in 0..N {
            bias[l] += g[l].to_f64();
        }
        for l in 0..N {
            weight[l] += g[l].to_f64() * (x[l].to_f64() - mean) * rstd;
        }
    }
    for l in 0..N {
        of_bias[at + l] += bias[l];
    }
    for l in 0..N {
        of_weight[at + l] += weight[l];
    }
}

/// The gradient of x is (g · w + (x − mean) · slope + shift) · rstd.
#[derive(Clone, Copy)]
struct Slopes<T> {
    mean: T,
    slope: T,
    shift: T,
    rstd: T,
}

impl<T: Float> Slopes<T> {
    /// From Σ g · w and Σ g · w · (x − mean).
    #[inline(always)]
    fn new(groups: Groups, moments: Moments, [plain, product]: [f64; 2]) -> Slopes<T> {
        let rstd = moments.rstd(groups.eps);
        let slope = -rstd * rstd * product / moments.count;
        let (mean, low) = split(moments.mean);
        let shift = if groups.centered { -plain / moments.count - low * slope } else { 0.0 };
        Slopes { mean, slope: T::lit(slope), shift: T::lit(shift), rstd: T::lit(rstd) }
    }

    #[inline(always)]
    fn at(self, x: T, g: T, w: T) -> T {
        (g * w + (x - self.mean) * self.slope + self.shift) * self.rstd
    }
}
