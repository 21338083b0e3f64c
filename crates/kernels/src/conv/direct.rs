//! Few channels: loops over the lines of an image, without a matrix.

use super::seen::is_nan;
use super::{GRAIN, Shape, batch_parts, part};
use crate::isa::{Kernel, dispatch};
use crate::num::Num;
use crate::pool;
use crate::{Element, Storage};
use std::ops::Range;

/// Windows to a pass over the taps: their outputs stay in the first cache.
const BAND: usize = 1 << 11;

/// Bands of whole lines.
fn bands(shape: &Shape) -> impl Iterator<Item = Range<usize>> {
    let (windows, width) = (shape.windows(), shape.output[1]);
    let step = width * (BAND / width).max(1);
    (0..windows).step_by(step).map(move |start| start..windows.min(start + step))
}

/// The weights of a group: (channel of the output, channel of the input, tap, value).
#[inline(always)]
fn weights<'a, T: Element>(
    shape: &Shape,
    group: &'a [T],
) -> impl Iterator<Item = (usize, usize, usize, T::Num)> + use<'a, T> {
    let (inputs, taps) = (shape.inputs, shape.taps());
    let at = move |(i, w): (usize, &T)| (i / (inputs * taps), i / taps % inputs, i % taps, w.to_num());
    group.iter().enumerate().map(at)
}

struct Forward<'a, T>(&'a Shape, &'a [T], &'a [T], Option<&'a [T]>, &'a mut [T]);

impl<T: Element> Kernel for Forward<'_, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let Forward(shape, input, weight, bias, out) = self;
        out.fill(T::default());
        let (pixels, windows, stride) = (shape.pixels(), shape.windows(), shape.stride[1]);
        for band in bands(shape) {
            for (o, c, tap, w) in weights(shape, weight) {
                let (x, y) = (&input[c * pixels..][..pixels], &mut out[o * windows + band.start..]);
                let multiply = |(y, x): (&mut T, &T)| *y = T::from_num(y.to_num() + w * x.to_num());
                shape.stretches(tap, band.clone(), |i, pixel, n| {
                    if stride == 1 {
                        y[i..i + n].iter_mut().zip(&x[pixel..pixel + n]).for_each(multiply);
                    } else {
                        y[i..i + n].iter_mut().zip(x[pixel..].iter().step_by(stride)).for_each(multiply);
                    }
                });
            }
            // Last, so that it is rounded once.
            for (o, bias) in bias.into_iter().flatten().enumerate() {
                for y in &mut out[o * windows..][band.clone()] {
                    *y = T::from_num(y.to_num() + bias.to_num());
                }
            }
        }
    }
}

pub(super) fn forward<T: Element>(
    shape: &Shape,
    input: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    let (x, y, w) =
        (shape.inputs * shape.pixels(), shape.outputs * shape.windows(), shape.outputs * shape.rows());
    let step = (GRAIN / shape.work().max(1)).clamp(1, shape.batch * shape.groups);
    pool::chunks_mut(out, y.saturating_mul(step), |start, out| {
        for (i, out) in out.chunks_mut(y).enumerate() {
            let (at, group) = (start / y + i, (start / y + i) % shape.groups);
            let bias = bias.map(|bias| &bias[group * shape.outputs..][..shape.outputs]);
            dispatch(Forward(shape, &input[at * x..][..x], &weight[group * w..][..w], bias, out));
        }
    });
}

struct InputGradient<'a, T>(&'a Shape, &'a [T], &'a [T], &'a mut [T]);

impl<T: Element> Kernel for InputGradient<'_, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let InputGradient(shape, grad, weight, out) = self;
        let (pixels, windows, stride) = (shape.pixels(), shape.windows(), shape.stride[1]);
        for band in bands(shape) {
            for (o, c, tap, w) in weights(shape, weight) {
                let (g, x) = (&grad[o * windows + band.start..], &mut out[c * pixels..][..pixels]);
                let multiply = |(x, g): (&mut T, &T)| *x = T::from_num(x.to_num() + w * g.to_num());
                shape.stretches(tap, band.clone(), |i, pixel, n| {
                    if stride == 1 {
                        x[pixel..pixel + n].iter_mut().zip(&g[i..i + n]).for_each(multiply);
                    } else {
                        x[pixel..].iter_mut().step_by(stride).zip(&g[i..i + n]).for_each(multiply);
                    }
                });
            }
        }
    }
}

/// Adds to the input's gradient for one group of one image, which is number `at` of all.
pub(super) fn input_gradient<T: Element>(shape: &Shape, at: usize, grad: &[T], weight: &[T], out: &mut [T]) {
    let (y, w) = (shape.outputs * shape.windows(), shape.outputs * shape.rows());
    let weight = &weight[at % shape.groups * w..][..w];
    dispatch(InputGradient(shape, &grad[at * y..][..y], weight, out));
}

/// Sums of products in this many lanes.
const LANES: usize = 16;

/// Adds the products of gradients with pixels `stride` apart.
#[inline(always)]
fn add_products<T: Element>(g: &[T], x: &[T], stride: usize, lanes: &mut [T::Num; LANES]) {
    if stride == 1 {
        let (g, x) = (g.as_chunks::<LANES>(), x[..g.len()].as_chunks::<LANES>());
        for (g, x) in g.0.iter().zip(x.0) {
            for l in 0..LANES {
                lanes[l] = lanes[l] + g[l].to_num() * x[l].to_num();
            }
        }
        for (l, (g, x)) in g.1.iter().zip(x.1).enumerate() {
            lanes[l] = lanes[l] + g.to_num() * x.to_num();
        }
    } else {
        for (l, (g, x)) in g.iter().zip(x.iter().step_by(stride)).enumerate() {
            lanes[l % LANES] = lanes[l % LANES] + g.to_num() * x.to_num();
        }
    }
}

struct WeightGradient<'a, T>(&'a Shape, &'a [T], &'a [T], &'a mut [T]);

impl<T: Element> Kernel for WeightGradient<'_, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let WeightGradient(shape, input, grad, out) = self;
        let (pixels, windows, stride, taps) =
            (shape.pixels(), shape.windows(), shape.stride[1], shape.taps());
        for (at, out) in out.iter_mut().enumerate() {
            let (o, c, tap) = (at / (shape.inputs * taps), at / taps % shape.inputs, at % taps);
            let (x, g) = (&input[c * pixels..][..pixels], &grad[o * windows..][..windows]);
            let mut lanes = [T::Num::lit(0.0); LANES];
            shape.stretches(tap, 0..windows, |i, pixel, n| {
                add_products(&g[i..i + n], &x[pixel..], stride, &mut lanes);
            });
            *out = T::from_num(lanes.into_iter().fold(out.to_num(), |sum, lane| sum + lane));
        }
    }
}

pub(super) fn weight_gradient<T: Element>(shape: &Shape, input: &[T], grad: &[T], out: &mut [T]) {
    let (x, y, w) =
        (shape.inputs * shape.pixels(), shape.outputs * shape.windows(), shape.outputs * shape.rows());
    let parts = batch_parts(shape, shape.groups);
    // The sum of each range of images: (part, group, weights).
    let mut sums = Storage::new(T::DTYPE, parts * out.len());
    let step = (GRAIN / shape.work().saturating_mul(shape.batch / parts).max(1)).clamp(1, shape.groups);
    pool::chunks_mut(sums.as_mut_slice::<T>(), w * step, |start, sums| {
        sums.fill(T::default());
        for (i, sums) in sums.chunks_mut(w).enumerate() {
            let at = start / w + i;
            for image in part(shape.batch, parts, at / shape.groups) {
                let at = image * shape.groups + at % shape.groups;
                dispatch(WeightGradient(shape, &input[at * x..][..x], &grad[at * y..][..y], sums));
            }
        }
    });
    let sums = &*sums.as_mut_slice::<T>();
    for (i, out) in out.iter_mut().enumerate() {
        let sum = sums[i..].iter().step_by(w * shape.groups);
        *out = T::from_num(sum.fold(T::Num::lit(0.0), |sum, part| sum + part.to_num()));
    }
}

/// The sum over all images for one weight, which is number `at` of all.
pub(super) struct OneWeight<'a, T> {
    pub(super) shape: &'a Shape,
    pub(super) at: usize,
    pub(super) input: &'a [T],
    pub(super) grad: &'a [T],
}

impl<T: Element> Kernel for OneWeight<'_, T> {
    type Output = T;
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) -> T {
        let OneWeight { shape, at, input, grad } = self;
        let (pixels, windows, taps) = (shape.pixels(), shape.windows(), shape.taps());
        let (channel, c, tap) = (at / shape.rows(), at / taps % shape.inputs, at % taps);
        let mut lanes = [T::Num::lit(0.0); LANES];
        let mut sum = T::default();
        for image in 0..shape.batch {
            let x = (image * shape.groups + channel / shape.outputs) * shape.inputs + c;
            let g = image * shape.groups * shape.outputs + channel;
            let (x, g) = (&input[x * pixels..][..pixels], &grad[g * windows..][..windows]);
            shape.stretches(tap, 0..windows, |i, pixel, n| {
                // A sum that is NaN stays that. Where most numbers are, no more than a line is read.
                if !is_nan(T::from_num(lanes[0])) {
                    add_products(&g[i..i + n], &x[pixel..], shape.stride[1], &mut lanes);
                }
            });
            sum = T::from_num(lanes.into_iter().fold(T::Num::lit(0.0), |sum, lane| sum + lane));
            if is_nan(sum) {
                break;
            }
        }
        sum
    }
}
