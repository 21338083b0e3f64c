//! Lines of images between (channels, height, width) and pixels of sixteen channels.

use super::Pass;
use super::transform::Pixel;
use crate::lanes::{Lanes, WIDTH, prefetch};
use std::ops::Range;

/// Lines that are asked for ahead of time: they lie apart for each channel, which the processor does not foresee.
const AHEAD: usize = 4;

/// Channels of one image, from some channel on: at most [`WIDTH`] of them are read.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Planes<'a> {
    pub(in crate::conv) data: &'a [f32],
    pub(in crate::conv) channels: usize,
    pub(in crate::conv) size: [usize; 2],
}

/// Lines of pixels, `width` apart.
pub(in crate::conv) struct Strip<'a> {
    pub(in crate::conv) pixels: &'a mut [Pixel],
    pub(in crate::conv) width: usize,
}

impl Strip<'_> {
    /// Sets the lines `to` to those from `first` on of the image with `padding` zeros around it.
    #[inline(always)]
    pub(in crate::conv) fn read<L: Lanes>(
        &mut self,
        image: Planes<'_>,
        to: Range<usize>,
        first: usize,
        padding: [usize; 2],
    ) {
        let [height, width] = image.size;
        // Line i is line first + i − padding of the image.
        let inside = |i: usize| (first + i).saturating_sub(padding[0]).min(height);
        let skip = padding[0].saturating_sub(first).min(to.len());
        let (from, end) = (inside(skip), inside(to.len()).max(inside(skip)));
        let used = skip + (end - from);
        let lines = &mut self.pixels[to.start * self.width..to.end * self.width];
        for (i, line) in lines.chunks_exact_mut(self.width).enumerate() {
            if i < skip || i >= used {
                line.fill([0.0; WIDTH]);
            } else {
                line[..padding[1]].fill([0.0; WIDTH]);
                line[padding[1] + width..].fill([0.0; WIDTH]);
            }
        }
        let (mut x, mut at) = (0, skip * self.width + padding[1]);
        let plane = height * width;
        let (mut pixel, end) = (from * width, end * width);
        while pixel < end {
            let n = (end - pixel).min(WIDTH);
            let mut rows = [L::zero(); WIDTH];
            for c in 0..image.channels.min(WIDTH) {
                let pixels = &image.data[c * plane + pixel..][..n];
                rows[c] = L::load_some(pixels);
                prefetch(pixels.as_ptr().wrapping_add(AHEAD * width));
            }
            let columns = L::transpose(rows);
            for i in 0..n {
                columns[i].store(&mut lines[at]);
                (x, at) = (x + 1, at + 1);
                if x == width {
                    (x, at) = (0, at + self.width - width);
                }
            }
            pixel += n;
        }
    }

    /// Moves the lines from this one on to the front.
    #[inline(always)]
    pub(in crate::conv) fn advance(&mut self, line: usize, lines: usize) {
        self.pixels.copy_within(line * self.width..lines * self.width, 0);
    }

    /// Writes the first `count` lines, cut to `width` pixels, channel by channel to the places that `out` gives, plus a
    /// bias for each channel, if there is one, or max(0, …) of that.
    #[inline(always)]
    pub(in crate::conv) fn write<'b, L: Lanes>(
        &self,
        channels: usize,
        bias: &[f32],
        relu: bool,
        [count, width]: [usize; 2],
        mut out: impl FnMut(usize, Range<usize>) -> &'b mut [f32],
    ) {
        let (mut x, mut at) = (0, 0);
        let end = count * width;
        for pixel in (0..end).step_by(WIDTH) {
            let n = (end - pixel).min(WIDTH);
            let mut columns = [L::zero(); WIDTH];
            for i in 0..n {
                columns[i] = L::load(&self.pixels[at]);
                (x, at) = (x + 1, at + 1);
                if x == width {
                    (x, at) = (0, at + self.width - width);
                }
            }
            let rows = L::transpose(columns);
            for c in 0..channels.min(WIDTH) {
                let shift = L::splat(if bias.is_empty() { 0.0 } else { bias[c] });
                let out = out(c, pixel..pixel + n);
                prefetch(out.as_ptr().wrapping_add(AHEAD * width));
                let sum = rows[c] + shift;
                if relu { sum.relu() } else { sum }.store_some(out);
            }
        }
    }
}

/// The output of one group, which tasks write to together.
#[derive(Clone, Copy)]
pub(super) struct Out<'a> {
    base: *mut f32,
    pass: &'a Pass,
    group: usize,
}

impl<'a> Out<'a> {
    /// # Safety
    /// `base` must be that of the whole output, and nobody else may use what is asked for by `at`.
    pub(super) unsafe fn new(base: *mut f32, pass: &'a Pass, group: usize) -> Self {
        Out { base, pass, group }
    }

    /// Pixels of a channel, counted from the first of a line.
    #[inline(always)]
    pub(super) fn at(
        &self,
        image: usize,
        channel: usize,
        line: usize,
        pixels: Range<usize>,
    ) -> &'a mut [f32] {
        let Pass { images, groups, outputs, output: [height, width], .. } = *self.pass;
        assert!(image < images && channel < outputs && line * width + pixels.end <= height * width);
        let plane = (image * groups + self.group) * outputs + channel;
        let start = plane * height * width + line * width + pixels.start;
        // SAFETY: asserted to lie in the output; whoever made this answers for the rest.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(start), pixels.len()) }
    }
}
