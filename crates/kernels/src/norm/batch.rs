//! Sets that are channels: batch normalisation.

use super::{CHANNELS, Moments, Runs, TASK, lanes, moments, products, split};
use crate::dtype::{floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::strided::{GRAIN, numel};
use std::ops::Range;

/// Channels that one task takes where each has one element a row.
const COLUMNS: usize = 64;
/// Rows that one task takes there.
const ROWS: usize = 64;

/// One channel of so many rows.
fn runs([_, channels, inner]: [usize; 3], count: usize) -> Runs {
    Runs { step: channels * inner, count, len: inner }
}

/// A result for each channel, merged in order from those of pieces of rows.
fn per_channel<R: Copy + Default + Send>(
    block: [usize; 3],
    piece: impl Fn(Range<usize>, usize, &mut [R]) + Sync,
    merge: impl Fn(R, R) -> R,
) -> Vec<R> {
    let [outer, channels, inner] = block;
    let (rows, grain) = if inner == 1 {
        (ROWS, COLUMNS)
    } else {
        ((TASK / inner).max(1), if runs(block, outer).are_short() { CHANNELS } else { 1 })
    };
    let mut parts = vec![R::default(); outer.div_ceil(rows) * channels];
    pool::chunks_mut(&mut parts, grain, |mut at, mut parts| {
        while !parts.is_empty() {
            let (row, channel) = (at / channels * rows, at % channels);
            let (now, later) = parts.split_at_mut((channels - channel).min(parts.len()));
            piece(row..(row + rows).min(outer), channel, now);
            at += now.len();
            parts = later;
        }
    });
    let mut all = vec![R::default(); channels];
    for part in parts.chunks_exact(channels) {
        for (all, &part) in all.iter_mut().zip(part) {
            *all = merge(*all, part);
        }
    }
    all
}

/// The moments of each channel.
pub fn statistics<T: Float>(x: &[T], block: [usize; 3]) -> Vec<Moments> {
    struct Columns<'a, T>(&'a [T], usize, &'a mut [Moments]);
    impl<T: Float> Kernel for Columns<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Columns(x, channels, out) = self;
            let n = out.len();
            let (mut mean, mut squares, mut count) = ([0.0; COLUMNS], [0.0; COLUMNS], 0.0);
            let (mean, squares) = (&mut mean[..n], &mut squares[..n]);
            for row in x.chunks(channels) {
                count += 1.0;
                for (m, v) in mean.iter_mut().zip(&row[..n]) {
                    *m += v.to_f64();
                }
            }
            mean.iter_mut().for_each(|m| *m /= count);
            for row in x.chunks(channels) {
                for ((s, &m), v) in squares.iter_mut().zip(&*mean).zip(&row[..n]) {
                    *s += (v.to_f64() - m) * (v.to_f64() - m);
                }
            }
            for ((o, &mean), &squares) in out.iter_mut().zip(&*mean).zip(&*squares) {
                *o = Moments { count, mean, squares };
            }
        }
    }
    let [_, channels, inner] = block;
    assert_eq!(x.len(), numel(&block));
    if x.is_empty() {
        return vec![Moments::default(); channels];
    }
    let piece = |rows: Range<usize>, channel: usize, out: &mut [Moments]| {
        if inner == 1 {
            // From the first of these channels in the first row to the last in the last.
            let x = &x[rows.start * channels + channel..(rows.end - 1) * channels + channel + out.len()];
            return dispatch(Columns(x, channels, out));
        }
        moments(&x[(rows.start * channels + channel) * inner..], runs(block, rows.len()), true, out);
    };
    per_channel(block, piece, Moments::merge)
}

/// What is made of the elements of each channel: (x − mean) · scale + shift.
#[derive(Default)]
struct Terms<T> {
    mean: Vec<T>,
    scale: Vec<T>,
    shift: Vec<T>,
}

impl<T: Float> Terms<T> {
    /// (x − mean) · rstd · weight + bias
    fn new(statistics: &[Moments], eps: f64, weight: &[T], bias: &[T]) -> Terms<T> {
        let (mut mean, mut scale, mut shift) = (Vec::new(), Vec::new(), Vec::new());
        for ((s, weight), bias) in statistics.iter().zip(weight).zip(bias) {
            let (high, low) = split::<T>(s.mean);
            let steep = s.rstd(eps) * weight.to_f64();
            mean.push(high);
            scale.push(T::lit(steep));
            shift.push(T::lit(bias.to_f64() - low * steep));
        }
        Terms { mean, scale, shift }
    }
}

/// (x − mean) · rstd · weight + bias, with the mean and rstd of the channel, and max(0, …) of that with `relu`.
pub fn forward<T: Float>(
    x: &[T],
    block: [usize; 3],
    statistics: &[Moments],
    eps: f64,
    [weight, bias]: [&[T]; 2],
    relu: bool,
    out: &mut [T],
) {
    let Terms { mean, scale, shift } = Terms::new(statistics, eps, weight, bias);
    if relu {
        affine::<T, true>(x, block, &mean, &scale, &shift, out);
    } else {
        affine::<T, false>(x, block, &mean, &scale, &shift, out);
    }
}

/// The gradient of x into `out`, and those of weight and bias. `fixed` says that the statistics do not depend on x.
pub fn backward<T: Float>(
    [x, g]: [&[T]; 2],
    block: [usize; 3],
    statistics: &[Moments],
    eps: f64,
    fixed: bool,
    weight: &[T],
    out: &mut [T],
) -> [Vec<T>; 2] {
    let sums = sums(x, g, block, statistics);
    let rstd: Vec<f64> = statistics.iter().map(|s| s.rstd(eps)).collect();
    let scale: Vec<T> = rstd.iter().zip(weight).map(|(r, w)| T::lit(r * w.to_f64())).collect();
    let (mut slope, mut shift) = (vec![T::lit(0.0); scale.len()], vec![T::lit(0.0); scale.len()]);
    if fixed {
        affine::<T, false>(g, block, &slope, &scale, &shift, out);
    } else {
        let n = numel(&[block[0], block[2]]) as f64;
        let mut mean = slope.clone();
        for (c, [plain, product]) in sums.iter().enumerate() {
            let scale = rstd[c] * weight[c].to_f64();
            let steep = -scale * rstd[c] * rstd[c] * product / n;
            let (high, low) = split::<T>(statistics[c].mean);
            mean[c] = high;
            slope[c] = T::lit(steep);
            shift[c] = T::lit(-scale * plain / n - low * steep);
        }
        gradient([x, g], block, [&mean, &scale, &slope, &shift], out);
    }
    let of_weight = sums.iter().zip(rstd).map(|([_, product], rstd)| T::lit(product * rstd));
    [of_weight.collect(), sums.iter().map(|[plain, _]| T::lit(*plain)).collect()]
}

/// Σ g and Σ g · (x − mean) of each channel.
fn sums<T: Float>(x: &[T], g: &[T], block: [usize; 3], statistics: &[Moments]) -> Vec<[f64; 2]> {
    struct Columns<'a, T>(&'a [T], &'a [T], usize, &'a [Moments], &'a mut [[f64; 2]]);
    impl<T: Float> Kernel for Columns<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Columns(x, g, channels, statistics, out) = self;
            let n = out.len();
            let (mut plain, mut product, mut mean) = ([0.0; COLUMNS], [0.0; COLUMNS], [0.0; COLUMNS]);
            let (plain, product, mean) = (&mut plain[..n], &mut product[..n], &mut mean[..n]);
            mean.iter_mut().zip(statistics).for_each(|(m, s)| *m = s.mean);
            for (x, g) in x.chunks(channels).zip(g.chunks(channels)) {
                let (x, g) = (&x[..n], &g[..n]);
                for i in 0..n {
                    plain[i] += g[i].to_f64();
                    product[i] += g[i].to_f64() * (x[i].to_f64() - mean[i]);
                }
            }
            for (o, sums) in out.iter_mut().zip(plain.iter().zip(&*product)) {
                *o = [*sums.0, *sums.1];
            }
        }
    }
    let [_, channels, inner] = block;
    assert_eq!(x.len(), numel(&block));
    assert_eq!(x.len(), g.len());
    if x.is_empty() {
        return vec![[0.0; 2]; channels];
    }
    let piece = |rows: Range<usize>, channel: usize, out: &mut [[f64; 2]]| {
        if inner == 1 {
            let part = rows.start * channels + channel..(rows.end - 1) * channels + channel + out.len();
            return dispatch(Columns(&x[part.clone()], &g[part], channels, &statistics[channel..], out));
        }
        let from = (rows.start * channels + channel) * inner;
        products([&x[from..], &g[from..]], runs(block, rows.len()), &statistics[channel..], out);
    };
    per_channel(block, piece, |a, b| [a[0] + b[0], a[1] + b[1]])
}

/// Elements of one parallel task: whole rows or whole channels of them.
fn grain([_, channels, inner]: [usize; 3]) -> usize {
    let run = if inner == 1 { channels } else { inner };
    (GRAIN / run).max(1) * run
}

/// out = (x − mean) · scale + shift, channel by channel, and max(0, …) of that with `RELU`.
fn affine<T: Float, const RELU: bool>(
    x: &[T],
    block: [usize; 3],
    mean: &[T],
    scale: &[T],
    shift: &[T],
    out: &mut [T],
) {
    struct Part<'a, T, const RELU: bool>(&'a [T], usize, [usize; 2], [&'a [T]; 3], &'a mut [T]);
    impl<T: Float, const RELU: bool> Kernel for Part<'_, T, RELU> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Part(x, start, [channels, inner], [mean, scale, shift], out) = self;
            if inner == 1 {
                for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    let terms = mean.iter().zip(scale).zip(shift);
                    for ((o, &x), ((&mean, &scale), &shift)) in out.iter_mut().zip(x).zip(terms) {
                        *o = finish::<T, RELU>((x - mean) * scale + shift);
                    }
                }
                return;
            }
            for (i, (out, x)) in out.chunks_exact_mut(inner).zip(x.chunks_exact(inner)).enumerate() {
                let c = (start / inner + i) % channels;
                let (mean, scale, shift) = (mean[c], scale[c], shift[c]);
                for (o, &x) in out.iter_mut().zip(x) {
                    *o = finish::<T, RELU>((x - mean) * scale + shift);
                }
            }
        }
    }
    assert_eq!(x.len(), out.len());
    let [_, channels, inner] = block;
    if inner > 1
        && let [Some(mean), Some(scale), Some(shift)] = [mean, scale, shift].map(floats)
        && let (Some(x), Some(out)) = (floats(x), floats_mut(&mut *out))
    {
        return lanes::affine([mean, scale, shift], [channels, inner], RELU, x, out, grain(block));
    }
    pool::chunks_mut(out, grain(block), |start, out| {
        let x = &x[start..start + out.len()];
        dispatch(Part::<T, RELU>(x, start, [channels, inner], [mean, scale, shift], out));
    });
}

#[inline(always)]
fn finish<T: Float, const RELU: bool>(v: T) -> T {
    let zero = T::lit(0.0);
    if RELU && v <= zero { zero } else { v }
}

/// out = g · scale + (x − mean) · slope + shift, channel by channel.
fn gradient<T: Float>([x, g]: [&[T]; 2], block: [usize; 3], terms: [&[T]; 4], out: &mut [T]) {
    struct Part<'a, T>([&'a [T]; 2], usize, [usize; 2], [&'a [T]; 4], &'a mut [T]);
    impl<T: Float> Kernel for Part<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            let Part([x, g], start, [channels, inner], [mean, scale, slope, shift], out) = self;
            if inner == 1 {
                let rows = x.chunks_exact(channels).zip(g.chunks_exact(channels));
                for (out, (x, g)) in out.chunks_exact_mut(channels).zip(rows) {
                    let terms = mean.iter().zip(scale).zip(slope.iter().zip(shift));
                    for ((o, (&x, &g)), ((&mean, &scale), (&slope, &shift))) in
                        out.iter_mut().zip(x.iter().zip(g)).zip(terms)
                    {
                        *o = g * scale + (x - mean) * slope + shift;
                    }
                }
                return;
            }
            let runs = x.chunks_exact(inner).zip(g.chunks_exact(inner));
            for (i, (out, (x, g))) in out.chunks_exact_mut(inner).zip(runs).enumerate() {
                let c = (start / inner + i) % channels;
                let (mean, scale, slope, shift) = (mean[c], scale[c], slope[c], shift[c]);
                for (o, (&x, &g)) in out.iter_mut().zip(x.iter().zip(g)) {
                    *o = g * scale + (x - mean) * slope + shift;
                }
            }
        }
    }
    assert_eq!(x.len(), out.len());
    assert_eq!(g.len(), out.len());
    let [_, channels, inner] = block;
    if inner > 1
        && let [Some(mean), Some(scale), Some(slope), Some(shift)] = terms.map(floats)
        && let (Some(x), Some(g), Some(out)) = (floats(x), floats(g), floats_mut(&mut *out))
    {
        let terms = [mean, scale, slope, shift];
        return lanes::gradient(terms, [channels, inner], [x, g], out, grain(block));
    }
    pool::chunks_mut(out, grain(block), |start, out| {
        let part = start..start + out.len();
        dispatch(Part([&x[part.clone()], &g[part]], start, [channels, inner], terms, out));
    });
}
