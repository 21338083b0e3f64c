//! The last step of batch normalisation and of its gradient for `f32`, line by line of a channel: small images are short
//! lines, which the compiler would take one number at a time.

use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};

/// out = (x − mean) · scale + shift, channel by channel, and max(0, …) of that with `relu`.
pub(super) fn affine(
    terms: [&[f32]; 3],
    sizes: [usize; 2],
    relu: bool,
    start: usize,
    x: &[f32],
    out: &mut [f32],
) {
    if relu {
        dispatch_lanes(Affine::<true> { terms, sizes, start, x, out });
    } else {
        dispatch_lanes(Affine::<false> { terms, sizes, start, x, out });
    }
}

struct Affine<'a, const RELU: bool> {
    terms: [&'a [f32]; 3],
    sizes: [usize; 2],
    /// The first element, counted over all.
    start: usize,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl<const RELU: bool> LaneKernel for Affine<'_, RELU> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Affine { terms: [mean, scale, shift], sizes: [channels, inner], start, x, out } = self;
        let mut channel = start / inner % channels;
        for line in (0..out.len()).step_by(inner) {
            let (mean, scale, shift) =
                (L::splat(mean[channel]), L::splat(scale[channel]), L::splat(shift[channel]));
            let (x, out) = (&x[line..line + inner], &mut out[line..line + inner]);
            let mut at = 0;
            while at < inner {
                let end = inner.min(at + WIDTH);
                let v = (L::load_some(&x[at..end]) - mean) * scale + shift;
                if RELU { v.relu() } else { v }.store_some(&mut out[at..end]);
                at = end;
            }
            channel = if channel + 1 == channels { 0 } else { channel + 1 };
        }
    }
}

/// out = g · scale + (x − mean) · slope + shift, channel by channel; the terms are in this order after the mean.
pub(super) fn gradient(
    terms: [&[f32]; 4],
    sizes: [usize; 2],
    start: usize,
    [x, g]: [&[f32]; 2],
    out: &mut [f32],
) {
    dispatch_lanes(Gradient { terms, sizes, start, x, g, out });
}

struct Gradient<'a> {
    terms: [&'a [f32]; 4],
    sizes: [usize; 2],
    /// The first element, counted over all.
    start: usize,
    x: &'a [f32],
    g: &'a [f32],
    out: &'a mut [f32],
}

impl LaneKernel for Gradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Gradient { terms: [mean, scale, slope, shift], sizes: [channels, inner], start, x, g, out } =
            self;
        let mut channel = start / inner % channels;
        for line in (0..out.len()).step_by(inner) {
            let (mean, scale) = (L::splat(mean[channel]), L::splat(scale[channel]));
            let (slope, shift) = (L::splat(slope[channel]), L::splat(shift[channel]));
            let part = line..line + inner;
            let (x, g, out) = (&x[part.clone()], &g[part.clone()], &mut out[part]);
            let mut at = 0;
            while at < inner {
                let end = inner.min(at + WIDTH);
                let (x, g) = (L::load_some(&x[at..end]) - mean, L::load_some(&g[at..end]));
                (g * scale + x * slope + shift).store_some(&mut out[at..end]);
                at = end;
            }
            channel = if channel + 1 == channels { 0 } else { channel + 1 };
        }
    }
}
