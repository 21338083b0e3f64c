//! Lines of images between (channels, height, width) and pixels of sixteen channels.

use super::Pass;
use super::transform::Pixel;
use crate::lanes::{Lanes, Spread, WIDTH};
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
        let (plane, last) = (height * width, image.channels.clamp(1, WIDTH) - 1);
        assert!(from == end || used * self.width <= lines.len() && padding[1] + width <= self.width);
        assert!(last * plane + end * width <= image.data.len());
        for pixel in (from * width..end * width).step_by(WIDTH) {
            let n = (end * width - pixel).min(WIDTH);
            let mut places = [lines.as_flattened_mut().as_mut_ptr(); WIDTH];
            for i in 0..WIDTH {
                places[i] = places[i].wrapping_add(at * WIDTH);
                if i < n {
                    (x, at) = (x + 1, at + 1);
                    if x == width {
                        (x, at) = (0, at + self.width - width);
                    }
                }
            }
            let first = image.data.as_ptr().wrapping_add(pixel);
            let rows = Spread { first, apart: plane, last, ahead: AHEAD * width };
            // SAFETY: of channels that there are, up to pixel end · width of them; and places less than `width` pixels after
            // the beginning and the padding of one of the lines before `used`: in the slices, as asserted.
            unsafe { L::turn(rows, n, places) };
        }
    }

    /// Moves the lines from this one on to the front.
    #[inline(always)]
    pub(in crate::conv) fn advance(&mut self, line: usize, lines: usize) {
        self.pixels.copy_within(line * self.width..lines * self.width, 0);
    }

    /// Writes the first `count` lines, cut to `width` pixels, channel by channel, plus a bias for each channel, if there
    /// is one, or max(0, …) of that.
    ///
    /// # Safety
    /// Nobody else uses these pixels of up to sixteen of the channels; `out` is the first, channels are `plane` apart.
    #[inline(always)]
    pub(in crate::conv) unsafe fn write<L: Lanes>(
        &self,
        channels: usize,
        bias: &[f32],
        relu: bool,
        [count, width]: [usize; 2],
        (out, plane): (*mut f32, usize),
    ) {
        let (mut x, mut at) = (0, 0);
        let (end, last) = (count * width, channels.clamp(1, WIDTH) - 1);
        assert!(width <= self.width && count * self.width <= self.pixels.len());
        let shifts = L::load_some(&bias[..bias.len().min(WIDTH)]);
        for pixel in (0..end).step_by(WIDTH) {
            let n = (end - pixel).min(WIDTH);
            let mut places = [self.pixels.as_flattened().as_ptr(); WIDTH];
            for i in 0..WIDTH {
                if i < n {
                    places[i] = places[i].wrapping_add(at * WIDTH);
                    (x, at) = (x + 1, at + 1);
                    if x == width {
                        (x, at) = (0, at + self.width - width);
                    }
                }
            }
            let first = out.wrapping_add(pixel);
            let rows = Spread { first, apart: plane, last, ahead: AHEAD * width };
            // SAFETY: less than `width` pixels after the beginning of one of the lines before `count`; whoever gave `out`
            // answers for `end` pixels of each channel.
            unsafe {
                if relu {
                    L::turn_back::<true>(places, shifts, n, rows);
                } else {
                    L::turn_back::<false>(places, shifts, n, rows);
                }
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

    /// So many lines from one on, of up to sixteen channels from one on: the first pixel, and the distance of channels.
    #[inline(always)]
    pub(super) fn at(&self, image: usize, channel: usize, line: usize, count: usize) -> (*mut f32, usize) {
        let Pass { images, groups, outputs, output: [height, width], .. } = *self.pass;
        assert!(image < images && channel < outputs && line + count <= height);
        let plane = (image * groups + self.group) * outputs + channel;
        (self.base.wrapping_add(plane * height * width + line * width), height * width)
    }
}
