//! A copy of an image in which a position of the window is the same offset from every window.

use super::WIDE;
use crate::conv::{GRAIN, PARTS, Shape};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use std::ops::Range;

/// Floats of a copy that stay in the second cache.
const COPY: usize = 1 << 16;

/// What sees the pixels of an image, and where.
pub(super) struct Flat {
    pub(super) channels: usize,
    /// Size of the image.
    pub(super) source: [usize; 2],
    /// Lines and columns of zeros before it.
    pub(super) before: [usize; 2],
    /// How many windows there are.
    pub(super) output: [usize; 2],
    pub(super) stride: [usize; 2],
    /// The positions of a window, from its first corner.
    pub(super) taps: Vec<[usize; 2]>,
}

impl Flat {
    pub(super) fn forward(shape: &Shape) -> Flat {
        let [down, across] = shape.kernel;
        let at = |y, x| [y * shape.dilation[0], x * shape.dilation[1]];
        Flat {
            channels: shape.inputs,
            source: shape.input,
            before: shape.padding,
            output: shape.output,
            stride: shape.stride,
            taps: (0..down).flat_map(|y| (0..across).map(move |x| at(y, x))).collect(),
        }
    }

    /// Whether windows are the pixels, so that no copy is needed.
    pub(super) fn is_whole(&self) -> bool {
        self.taps == [[0, 0]] && self.stride == [1, 1] && self.before == [0, 0] && self.source == self.output
    }

    /// The furthest position.
    pub(super) fn reach(&self, d: usize) -> usize {
        self.taps.iter().fold(0, |most, tap| most.max(tap[d]))
    }

    /// Distance of lines in a copy: there is room for the pixels, the zeros on one side and all windows.
    pub(super) fn pitch(&self) -> usize {
        let [_, source] = self.source;
        let [_, before] = self.before;
        let seen = (self.output[1] - 1) * self.stride[1] + self.reach(1) + 1;
        (source + before.max(seen.saturating_sub(before + source)))
            .div_ceil(self.stride[1])
            .max(self.output[1])
    }

    /// Floats between copies for so many lines of windows: one more line is zeros.
    pub(super) fn copy(&self, lines: usize) -> usize {
        (((lines - 1) * self.stride[0] + self.reach(0) + 1).div_ceil(self.stride[0]) + 1)
            .saturating_mul(self.pitch())
    }

    /// Floats of one channel.
    pub(super) fn plane(&self, lines: usize) -> usize {
        self.phases(0).saturating_mul(self.phases(1)).saturating_mul(self.copy(lines))
    }

    /// Floats of all channels, and what is read beyond them.
    pub(super) fn size(&self, lines: usize) -> usize {
        self.plane(lines).saturating_mul(self.channels).saturating_add(WIDE)
    }

    /// Lines of windows to a block, so that there are several tasks for each of so many images.
    pub(super) fn block(&self, images: usize, work: usize) -> usize {
        let pieces = (PARTS / images.max(1)).min(work / GRAIN).max(1);
        let fits = (self.size(2) - self.size(1)).max(1);
        (COPY.saturating_sub(self.size(1)) / fits + 1).min(self.output[0].div_ceil(pieces))
    }

    /// Windows of so many lines, with those between lines that are none.
    pub(super) fn windows(&self, lines: usize) -> usize {
        (lines - 1) * self.pitch() + self.output[1]
    }

    /// Where the first window finds some positions: (channel, position).
    pub(super) fn offsets(&self, lines: usize, taps: &[[usize; 2]]) -> Vec<usize> {
        let ([sy, sx], plane, copy, pitch) = (self.stride, self.plane(lines), self.copy(lines), self.pitch());
        let at = |&[y, x]: &[usize; 2]| self.phase([y, x]) * copy + y / sy * pitch + x / sx;
        let taps: Vec<usize> = taps.iter().map(at).collect();
        (0..self.channels).flat_map(|c| taps.iter().map(move |at| c * plane + at)).collect()
    }

    /// As `offsets`, or those in the image itself.
    pub(super) fn offsets_of(&self, whole: bool, lines: usize, taps: &[[usize; 2]]) -> Vec<usize> {
        let pixels = self.source[0] * self.source[1];
        if whole {
            taps.iter().flat_map(|_| (0..self.channels).map(|c| c * pixels)).collect()
        } else {
            self.offsets(lines, taps)
        }
    }

    /// Copies what these lines of windows see. What lies around is zero already if `clean`.
    pub(super) fn fill(&self, image: &[f32], lines: Range<usize>, clean: bool, to: &mut [f32]) {
        if !clean {
            to.fill(0.0);
        }
        dispatch_lanes(Fill { flat: self, image, lines, to });
    }

    /// Whether a window sees a line or a column: where it sees one of several, the others are not copied.
    fn uses(&self, d: usize, at: usize) -> bool {
        let stride = self.stride[d];
        stride == 1 || self.taps.iter().any(|tap| tap[d] % stride == at % stride)
    }

    /// How many of the lines, or columns, from one that is seen to the next have copies.
    fn phases(&self, d: usize) -> usize {
        (0..self.stride[d]).filter(|&at| self.uses(d, at)).count()
    }

    /// The copy which a line and a column are in.
    fn phase(&self, at: [usize; 2]) -> usize {
        let before = |d: usize| (0..at[d] % self.stride[d]).filter(|&at| self.uses(d, at)).count();
        before(0) * self.phases(1) + before(1)
    }
}

struct Fill<'a> {
    flat: &'a Flat,
    image: &'a [f32],
    lines: Range<usize>,
    to: &'a mut [f32],
}

impl LaneKernel for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Fill { flat, image, lines, to } = self;
        let ([sy, sx], [height, width], pitch) = (flat.stride, flat.source, flat.pitch());
        let (plane, copy) = (flat.plane(lines.len()), flat.copy(lines.len()));
        let first = lines.start * sy;
        let seen = (lines.len() - 1) * sy + flat.reach(0) + 1;
        let from = flat.before[0].saturating_sub(first).min(seen);
        let end = (flat.before[0] + height).saturating_sub(first).clamp(from, seen);
        let first_line = |line: usize| (first + line - flat.before[0]) * width;
        let lines: Vec<[usize; 2]> = (from..end)
            .filter(|&line| flat.uses(0, line))
            .map(|line| [first_line(line), flat.phase([line, 0]) * copy + line / sy * pitch])
            .collect();
        // The columns that are seen: the first pixel of the line, and where it goes.
        let first = flat.before[1];
        let place = |x: usize| flat.phase([0, first + x]) * copy + (first + x) / sx;
        let columns: Vec<[usize; 2]> =
            (0..sx.min(width)).filter(|x| flat.uses(1, first + x)).map(|x| [x, place(x)]).collect();
        for (image, to) in image.chunks_exact(height * width).zip(to.chunks_exact_mut(plane)) {
            for &[start, at] in &lines {
                let (image, to) = (&image[start..start + width], &mut to[at..]);
                match (sx, &columns[..]) {
                    (1, _) => straight::<L>(image, &mut to[first..]),
                    (2, &[[_, even], [_, odd]]) => {
                        let (low, high) = to.split_at_mut(even.max(odd));
                        if even < odd {
                            alternate::<L>(image, &mut low[even..], high);
                        } else {
                            alternate::<L>(image, high, &mut low[odd..]);
                        }
                    }
                    (2, &[[x, at]]) => every_other::<L>(&image[x..], &mut to[at..]),
                    _ => {
                        for &[x, at] in &columns {
                            for (to, from) in to[at..].iter_mut().zip(image[x..].iter().step_by(sx)) {
                                *to = *from;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A line as it is.
#[inline(always)]
pub(in crate::conv) fn straight<L: Lanes>(line: &[f32], to: &mut [f32]) {
    for x in (0..line.len()).step_by(WIDTH) {
        let n = WIDTH.min(line.len() - x);
        L::load_some(&line[x..x + n]).store_some(&mut to[x..x + n]);
    }
}

/// The pixels at even places of a line.
#[inline(always)]
fn every_other<L: Lanes>(line: &[f32], to: &mut [f32]) {
    for x in (0..line.len()).step_by(2 * WIDTH) {
        let n = (2 * WIDTH).min(line.len() - x);
        let (low, high) = line[x..x + n].split_at(n.min(WIDTH));
        let [even, _] = L::alternate(L::load_some(low), L::load_some(high));
        even.store_some(&mut to[x / 2..][..n.div_ceil(2)]);
    }
}

/// The pixels at even and at odd places of a line.
#[inline(always)]
pub(in crate::conv) fn alternate<L: Lanes>(line: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let (pairs, rest) = line.as_chunks::<{ 2 * WIDTH }>();
    let [evens, odds] = [&mut even[..], odd].map(|to| to.split_at_mut(pairs.len() * WIDTH));
    let to = evens.0.as_chunks_mut().0.iter_mut().zip(odds.0.as_chunks_mut().0);
    for (pair, (even, odd)) in pairs.iter().zip(to) {
        let halves = pair.as_chunks::<WIDTH>().0;
        let [a, b] = L::alternate(L::load(&halves[0]), L::load(&halves[1]));
        a.store(even);
        b.store(odd);
    }
    if !rest.is_empty() {
        let (low, high) = rest.split_at(rest.len().min(WIDTH));
        let [a, b] = L::alternate(L::load_some(low), L::load_some(high));
        a.store_some(&mut evens.1[..rest.len().div_ceil(2)]);
        b.store_some(&mut odds.1[..rest.len() / 2]);
    }
}
