//! Sets that are channels: batch normalisation.

use super::{Moments, Runs, TASK, lanes, moments, products, split};
use crate::dtype::{floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool::{self, SendPtr};
use crate::strided::{GRAIN, numel};
use std::ops::Range;

/// Channels that one task takes where each has one element a row.
const COLUMNS: usize = 64;
/// Rows that one task takes there.
const ROWS: usize = 64;
/// Elements of a row that are read one after another, if there are channels enough: most of a page.
const LINE: usize = 1 << 10;
/// Tasks to cut the channels into.
const TASKS: usize = 8;

/// One channel of so many rows.
fn runs([_, channels, inner]: [usize; 3], count: usize) -> Runs {
    Runs { step: channels * inner, count, len: inner }
}

/// Channels that one task takes, where each has several elements a row: what is read a second time is often in the second
/// cache still.
fn together([outer, channels, inner]: [usize; 3]) -> usize {
    let worth = GRAIN.div_ceil(numel(&[outer, inner]));
    (LINE / inner).min(channels.div_ceil(TASKS)).max(worth)
}

/// A result for each channel, merged in order from those of pieces of rows. `then` gets the first of some channels and
/// their results.
fn per_channel<R: Copy + Default + Send>(
    block: [usize; 3],
    piece: impl Fn(Range<usize>, usize, &mut [R]) + Sync,
    merge: impl Fn(R, R) -> R + Sync,
    then: impl Fn(usize, &[R]) + Sync,
) -> Vec<R> {
    let [outer, channels, inner] = block;
    let mut all = vec![R::default(); channels];
    if inner > 1 {
        let rows = (TASK / inner).max(1);
        pool::chunks_mut(&mut all, together(block), |channel, all| {
            // Of few channels the rows are shared out.
            let n = all.len();
            let mut parts = vec![R::default(); outer.div_ceil(rows) * n];
            pool::chunks_mut(&mut parts, n, |start, part| {
                let row = start / n * rows;
                piece(row..(row + rows).min(outer), channel, part);
            });
            add_up(&parts, &merge, all);
            then(channel, all);
        });
        return all;
    }
    let mut parts = vec![R::default(); outer.div_ceil(ROWS) * channels];
    pool::chunks_mut(&mut parts, COLUMNS, |mut at, mut parts| {
        while !parts.is_empty() {
            let (row, channel) = (at / channels * ROWS, at % channels);
            let (now, later) = parts.split_at_mut((channels - channel).min(parts.len()));
            piece(row..(row + ROWS).min(outer), channel, now);
            at += now.len();
            parts = later;
        }
    });
    add_up(&parts, &merge, &mut all);
    then(0, &all);
    all
}

fn add_up<R: Copy>(parts: &[R], merge: &impl Fn(R, R) -> R, all: &mut [R]) {
    for part in parts.chunks_exact(all.len()) {
        for (all, &part) in all.iter_mut().zip(part) {
            *all = merge(*all, part);
        }
    }
}

/// Calls `f` with all elements of so many channels from one on, as they lie, to write those of `out`.
fn stretches<T: Float>(
    [outer, channels, inner]: [usize; 3],
    [first, n]: [usize; 2],
    out: &SendPtr<T>,
    f: impl Fn(Range<usize>, &mut [T]) + Sync,
) {
    assert!(first + n <= channels);
    // Whole rows follow one another.
    let (rows, len) = if n == channels { (1, outer * n * inner) } else { (outer, n * inner) };
    let unit = if inner == 1 { n } else { inner };
    let step = (GRAIN / unit).max(1) * unit;
    let write = |range: Range<usize>| {
        // SAFETY: of channels that there are and that one task has; its pieces do not overlap.
        let out = unsafe { std::slice::from_raw_parts_mut(out.get().add(range.start), range.len()) };
        f(range, out);
    };
    if rows == 1 {
        return pool::run(len.div_ceil(step), &|i| write(i * step..len.min((i + 1) * step)));
    }
    let some = (GRAIN / len).max(1);
    pool::run(rows.div_ceil(some), &|i| {
        for row in i * some..rows.min((i + 1) * some) {
            let start = (row * channels + first) * inner;
            write(start..start + len);
        }
    });
}

/// The moments of each channel.
pub fn statistics<T: Float>(x: &[T], block: [usize; 3]) -> Vec<Moments> {
    statistics_then(x, block, |_, _| ())
}

fn statistics_then<T: Float>(
    x: &[T],
    block: [usize; 3],
    then: impl Fn(usize, &[Moments]) + Sync,
) -> Vec<Moments> {
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
        moments(&x[(rows.start * channels + channel) * inner..], runs(block, rows.len()), out);
    };
    per_channel(block, piece, Moments::merge, then)
}

/// What is made of the elements of some channels: (x − mean) · scale + shift, or g · scale + (x − mean) · slope + shift.
#[derive(Default)]
struct Terms<T> {
    mean: Vec<T>,
    scale: Vec<T>,
    slope: Vec<T>,
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
        Terms { mean, scale, slope: Vec::new(), shift }
    }

    /// Of x, for these channels from one on, and max(0, …) of that with `relu`.
    fn write(&self, x: &[T], block: [usize; 3], first: usize, relu: bool, out: &SendPtr<T>) {
        let sizes = [self.mean.len(), block[2]];
        stretches(block, [first, sizes[0]], out, |range, out| {
            let terms = [&self.mean[..], &self.scale, &self.shift];
            let start = if sizes[0] == block[1] { range.start } else { 0 };
            let x = &x[range];
            if sizes[1] > 1
                && let [Some(mean), Some(scale), Some(shift)] = terms.map(floats)
                && let (Some(x), Some(out)) = (floats(x), floats_mut(&mut *out))
            {
                lanes::affine([mean, scale, shift], sizes, relu, start, x, out);
            } else if relu {
                dispatch(Affine::<T, true>(x, start, sizes, terms, out));
            } else {
                dispatch(Affine::<T, false>(x, start, sizes, terms, out));
            }
        });
    }

    /// Of x and g, for these channels from one on.
    fn write_gradient(&self, [x, g]: [&[T]; 2], block: [usize; 3], first: usize, out: &SendPtr<T>) {
        let sizes = [self.mean.len(), block[2]];
        stretches(block, [first, sizes[0]], out, |range, out| {
            let terms = [&self.mean[..], &self.scale, &self.slope, &self.shift];
            let start = if sizes[0] == block[1] { range.start } else { 0 };
            let [x, g] = [&x[range.clone()], &g[range]];
            if sizes[1] > 1
                && let [Some(mean), Some(scale), Some(slope), Some(shift)] = terms.map(floats)
                && let (Some(x), Some(g), Some(out)) = (floats(x), floats(g), floats_mut(&mut *out))
            {
                lanes::gradient([mean, scale, slope, shift], sizes, start, [x, g], out);
            } else {
                dispatch(Gradient([x, g], start, sizes, terms, out));
            }
        });
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
    assert!(x.len() == numel(&block) && x.len() == out.len());
    if !x.is_empty() {
        let terms = Terms::new(statistics, eps, weight, bias);
        terms.write(x, block, 0, relu, &SendPtr(out.as_mut_ptr()));
    }
}

/// As [`forward`] with the moments of each channel, which it gives.
pub fn train<T: Float>(
    x: &[T],
    block: [usize; 3],
    eps: f64,
    [weight, bias]: [&[T]; 2],
    relu: bool,
    out: &mut [T],
) -> Vec<Moments> {
    assert_eq!(x.len(), out.len());
    let out = SendPtr(out.as_mut_ptr());
    statistics_then(x, block, |first, statistics| {
        let channels = first..first + statistics.len();
        let terms = Terms::new(statistics, eps, &weight[channels.clone()], &bias[channels]);
        terms.write(x, block, first, relu, &out);
    })
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
    assert!(x.len() == g.len() && x.len() == out.len());
    let n = numel(&[block[0], block[2]]) as f64;
    let out = SendPtr(out.as_mut_ptr());
    let sums = sums(x, g, block, statistics, |first, sums| {
        let mut terms = Terms::default();
        let of = statistics[first..].iter().zip(&weight[first..]);
        for ([plain, product], (statistics, weight)) in sums.iter().zip(of) {
            let rstd = statistics.rstd(eps);
            let scale = rstd * weight.to_f64();
            let steep = if fixed { 0.0 } else { -scale * rstd * rstd * product / n };
            let (high, low) = split::<T>(statistics.mean);
            terms.mean.push(high);
            terms.scale.push(T::lit(scale));
            terms.slope.push(T::lit(steep));
            terms.shift.push(if fixed { T::lit(0.0) } else { T::lit(-scale * plain / n - low * steep) });
        }
        if fixed {
            terms.mean.fill(T::lit(0.0));
            terms.write(g, block, first, false, &out);
        } else {
            terms.write_gradient([x, g], block, first, &out);
        }
    });
    let of_weight = sums.iter().zip(statistics).map(|([_, product], s)| T::lit(product * s.rstd(eps)));
    [of_weight.collect(), sums.iter().map(|[plain, _]| T::lit(*plain)).collect()]
}

/// Σ g and Σ g · (x − mean) of each channel.
fn sums<T: Float>(
    x: &[T],
    g: &[T],
    block: [usize; 3],
    statistics: &[Moments],
    then: impl Fn(usize, &[[f64; 2]]) + Sync,
) -> Vec<[f64; 2]> {
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
    per_channel(block, piece, |a, b| [a[0] + b[0], a[1] + b[1]], then)
}

/// (x − mean) · scale + shift, channel by channel, and max(0, …) of that with `RELU`.
struct Affine<'a, T, const RELU: bool>(&'a [T], usize, [usize; 2], [&'a [T]; 3], &'a mut [T]);
impl<T: Float, const RELU: bool> Kernel for Affine<'_, T, RELU> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Affine(x, start, [channels, inner], [mean, scale, shift], out) = self;
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

#[inline(always)]
fn finish<T: Float, const RELU: bool>(v: T) -> T {
    let zero = T::lit(0.0);
    if RELU && v <= zero { zero } else { v }
}

/// g · scale + (x − mean) · slope + shift, channel by channel.
struct Gradient<'a, T>([&'a [T]; 2], usize, [usize; 2], [&'a [T]; 4], &'a mut [T]);
impl<T: Float> Kernel for Gradient<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Gradient([x, g], start, [channels, inner], [mean, scale, slope, shift], out) = self;
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
