//! Sets that are neighbouring channels of one row: layer, group, instance and root-mean-square normalisation.

use super::{LANES, Moments, Runs, TASK, moments, products, split};
use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::reduce::{Sum, fold};
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
    let Groups { block: [_, channels, inner], per, centered, eps } = groups;
    assert_eq!(x.len(), numel(&groups.block));
    assert_eq!(x.len(), out.len());
    let mut all = vec![Moments::default(); groups.count()];
    if x.is_empty() {
        return all;
    }
    let len = groups.len();
    let sets = (TASK / len).max(1);
    chunks_of_two((&mut all, sets), (out, sets * len), |piece, all, out| {
        for (i, (all, out)) in all.iter_mut().zip(out.chunks_exact_mut(len)).enumerate() {
            let set = piece * sets + i;
            let x = &x[set * len..(set + 1) * len];
            moments(x, Runs { step: 0, count: 1, len }, centered, std::slice::from_mut(all));
            let first = set * per % channels;
            let (weight, bias) = (&weight[first..first + per], &bias[first..first + per]);
            let rstd = all.rstd(eps);
            let (mean, low) = split(all.mean);
            let shift = T::lit(-low * rstd);
            dispatch(Forward { x, inner, mean, shift, rstd: T::lit(rstd), weight, bias, out });
        }
    });
    all
}

struct Forward<'a, T> {
    x: &'a [T],
    inner: usize,
    mean: T,
    shift: T,
    rstd: T,
    weight: &'a [T],
    bias: &'a [T],
    out: &'a mut [T],
}
impl<T: Float> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Forward { x, inner, mean, shift, rstd, weight, bias, out } = self;
        if inner == 1 {
            for ((o, &x), (&w, &b)) in out.iter_mut().zip(x).zip(weight.iter().zip(bias)) {
                *o = ((x - mean) * rstd + shift) * w + b;
            }
            return;
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

/// The gradient of x into `out`, and those of weight and bias.
pub fn backward<T: Float>(
    [x, g]: [&[T]; 2],
    groups: Groups,
    statistics: &[Moments],
    weight: &[T],
    out: &mut [T],
) -> [Vec<T>; 2] {
    let Groups { block: [outer, channels, inner], per, centered, eps } = groups;
    assert_eq!(x.len(), numel(&groups.block));
    assert_eq!(x.len(), out.len());
    assert_eq!(x.len(), g.len());
    if x.is_empty() {
        return [vec![T::lit(0.0); channels], vec![T::lit(0.0); channels]];
    }
    // Rows of one task: each has its own sums for the weight and the bias, so not too few where they would be as many
    // as the elements, nor too many where rows are the only thing to share out.
    let (len, row) = (groups.len(), channels * inner);
    let rows = if inner == 1 { (4 * TASK / row).clamp(outer.div_ceil(16).min(16), 64) } else { 1 };
    let mut parts = vec![0.0; outer.div_ceil(rows) * 2 * channels];
    chunks_of_two((&mut parts, 2 * channels), (out, rows * row), |piece, part, out| {
        let (of_weight, of_bias) = part.split_at_mut(channels);
        for (i, out) in out.chunks_exact_mut(len).enumerate() {
            let at = piece * rows * row + i * len;
            let first = i * per % channels;
            let set = first..first + per;
            dispatch(Backward {
                x: &x[at..at + len],
                g: &g[at..at + len],
                inner,
                moments: statistics[at / len],
                centered,
                eps,
                weight: &weight[set.clone()],
                of_weight: &mut of_weight[set.clone()],
                of_bias: &mut of_bias[set],
                out,
            });
        }
    });
    let mut sums = vec![0.0; 2 * channels];
    for part in parts.chunks_exact(2 * channels) {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    let (of_weight, of_bias) = sums.split_at(channels);
    [of_weight, of_bias].map(|sums| sums.iter().map(|&sum| T::lit(sum)).collect())
}

struct Backward<'a, T> {
    x: &'a [T],
    g: &'a [T],
    inner: usize,
    moments: Moments,
    centered: bool,
    eps: f64,
    weight: &'a [T],
    of_weight: &'a mut [f64],
    of_bias: &'a mut [f64],
    out: &'a mut [T],
}
impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Backward { x, g, inner, moments, centered, eps, weight, of_weight, of_bias, out } = self;
        let (mean, rstd, n) = (moments.mean, moments.rstd(eps), x.len() as f64);
        let (mut plain, mut product) = (0.0, 0.0);
        if inner == 1 {
            let (mut plains, mut sums) = ([0.0; LANES], [0.0; LANES]);
            for (c, (x, g)) in x.chunks(LANES).zip(g.chunks(LANES)).enumerate() {
                let c = c * LANES;
                let n = x.len();
                let (g, weight) = (&g[..n], &weight[c..c + n]);
                let (of_weight, of_bias) = (&mut of_weight[c..c + n], &mut of_bias[c..c + n]);
                for i in 0..n {
                    let (g, deviation) = (g[i].to_f64(), x[i].to_f64() - mean);
                    of_bias[i] += g;
                    of_weight[i] += g * deviation * rstd;
                    plains[i] += g * weight[i].to_f64();
                    sums[i] += g * weight[i].to_f64() * deviation;
                }
            }
            (plain, product) = (fold(Sum, plains), fold(Sum, sums));
        } else {
            for (c, (x, g)) in x.chunks_exact(inner).zip(g.chunks_exact(inner)).enumerate() {
                let mut sums = [[0.0; 2]];
                products([x, g], Runs { step: 0, count: 1, len: inner }, &[moments], &mut sums);
                let [[a, b]] = sums;
                of_bias[c] += a;
                of_weight[c] += b * rstd;
                plain += a * weight[c].to_f64();
                product += b * weight[c].to_f64();
            }
        }
        let slope = -rstd * rstd * product / n;
        let (mean, low) = split(mean);
        let shift = T::lit(if centered { -plain / n - low * slope } else { 0.0 });
        let (slope, rstd) = (T::lit(slope), T::lit(rstd));
        if inner == 1 {
            for ((o, &w), (&x, &g)) in out.iter_mut().zip(weight).zip(x.iter().zip(g)) {
                *o = (g * w + (x - mean) * slope + shift) * rstd;
            }
            return;
        }
        let runs = x.chunks_exact(inner).zip(g.chunks_exact(inner));
        for ((out, &w), (x, g)) in out.chunks_exact_mut(inner).zip(weight).zip(runs) {
            for (o, (&x, &g)) in out.iter_mut().zip(x.iter().zip(g)) {
                *o = (g * w + (x - mean) * slope + shift) * rstd;
            }
        }
    }
}
