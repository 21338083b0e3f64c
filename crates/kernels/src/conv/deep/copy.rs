//! A copy of what is read, in which the pixels that meet neighbours are neighbours.

use super::Side;
use crate::conv::flat::{alternate, straight};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use std::ops::Range;

/// (channel, first column, line, column, image): where lines are short, several images are side by side.
#[derive(Clone, Copy)]
pub(super) struct Copied {
    side: Side,
    pub(super) images: usize,
    lines: usize,
}

impl Copied {
    /// With room for so many lines.
    pub(super) fn new(side: Side, images: usize, lines: usize) -> Self {
        Copied { side, images, lines }
    }

    /// Distance of lines.
    pub(super) fn line(&self) -> usize {
        self.side.part() * self.images
    }

    /// Where a column of the first line is.
    pub(super) fn column(&self, column: usize) -> usize {
        column % self.side.step * self.lines * self.line() + column / self.side.step * self.images
    }

    /// Distance of channels: an odd number of cache lines, so that they do not meet in the first cache.
    pub(super) fn plane(&self) -> usize {
        (self.side.step * self.lines * self.line()).next_multiple_of(WIDTH) | WIDTH
    }

    pub(super) fn size(&self) -> usize {
        self.side.channels * self.plane()
    }

    /// Copies these lines of all channels of an image.
    pub(super) fn fill(&self, data: &[f32], lines: Range<usize>, image: usize, to: &mut [f32]) {
        dispatch_lanes(Fill { copied: *self, data, lines, image, to });
    }
}

struct Fill<'a> {
    copied: Copied,
    data: &'a [f32],
    lines: Range<usize>,
    image: usize,
    to: &'a mut [f32],
}

impl LaneKernel for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Fill { copied, data, lines, image, to } = self;
        let (side, width, pitch) = (copied.side, copied.side.size[1], copied.line());
        for (data, to) in data.chunks_exact(side.pixels()).zip(to.chunks_exact_mut(copied.plane())) {
            let data = &data[lines.start * width..lines.end * width];
            if copied.images == 1 && side.step == 1 {
                straight::<L>(data, to);
            } else if copied.images == 1 && side.step == 2 {
                let (even, odd) = to.split_at_mut(copied.column(1));
                // All lines are one where none ends in the middle of a pair.
                let length = if width.is_multiple_of(2) { data.len() } else { width };
                let places = (0..even.len()).step_by(pitch);
                for (line, at) in data.chunks_exact(length).zip(places) {
                    alternate::<L>(line, &mut even[at..], &mut odd[at..]);
                }
            } else {
                for (line, at) in data.chunks_exact(width).zip((image..).step_by(pitch)) {
                    for first in 0..side.step {
                        let to = to[at + copied.column(first)..].iter_mut().step_by(copied.images);
                        for (to, from) in to.zip(line[first..].iter().step_by(side.step)) {
                            *to = *from;
                        }
                    }
                }
            }
        }
    }
}
