//! Products with what windows see, of all windows of some lines.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::copy::Flat;
use super::{FEW, WIDE};
use crate::conv;
use crate::conv::tile::{Apart, At, Finished, Left, PANEL, Right, Rows, Sink, multiply, multiply_into};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool::SendPtr;
use crate::{DType, Storage};
use std::ops::Range;

/// Terms of a sum that are added up at a time: what windows see of them stays in the first cache.
const TERMS: usize = 192;
/// What it costs to pack a stretch of windows, in vectors multiplied and added.
const PACK: usize = 3;

/// Where results go: the element at (channel, line, column).
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) plane: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) first: usize,
}

/// Sums of products with each row of `left` (group, row, channel and position) for all windows.
pub(super) struct Cover<'a> {
    pub(super) flat: &'a Flat,
    pub(super) images: usize,
    pub(super) groups: usize,
    pub(super) source: &'a [f32],
    pub(super) left: &'a [f32],
    pub(super) rows: usize,
    /// For each row of each group.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) relu: bool,
    pub(super) target: Target,
}

/// How windows meet in vectors.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Line by line, from the registers to the output.
    Lines,
    /// Two lines at a time, each a vector.
    Pairs,
    /// One after another without gaps, which takes a copy of what they see.
    Packed,
    /// As they lie in the copy, with those between lines that are none; sums are written afterwards.
    Gaps,
}

pub(super) fn cover(cover: &Cover<'_>, out: &mut [f32]) {
    let Cover { flat, groups, rows, .. } = *cover;
    let (images, k) = (cover.images * groups, flat.channels * flat.taps.len());
    let work = rows.saturating_mul(k).saturating_mul(flat.output[0] * flat.output[1]);
    let block = flat.block(images, work);
    let (blocks, way) = (flat.output[0].div_ceil(block), cover.way());
    let base = SendPtr(out.as_mut_ptr());
    let (end, size) = (out.len(), flat.channels * flat.source[0] * flat.source[1]);
    conv::run(images * blocks, work / blocks, |tasks| {
        let whole = flat.is_whole() && way != Way::Gaps;
        let room = if whole { 0 } else { flat.size(block) };
        let sums = match way {
            Way::Gaps => (rows * PANEL).max(FEW * WIDE),
            _ => TERMS.min(k) * PANEL + WIDTH,
        };
        let mut scratch = Storage::new(DType::F32, room + sums);
        let (copy, sums) = scratch.as_mut_slice::<f32>().split_at_mut(room);
        let (mut offsets, mut clean) = ((0, Vec::new()), false);
        for task in tasks {
            let (image, first) = (task / blocks, task % blocks * block);
            let lines = first..flat.output[0].min(first + block);
            if offsets.0 != lines.len() {
                offsets = (lines.len(), flat.offsets_of(whole, lines.len()));
            }
            let source = &cover.source[image * size..];
            let copy = if whole {
                &source[first * flat.source[1]..]
            } else {
                let copy = &mut copy[..flat.size(lines.len())];
                flat.fill(&source[..size], lines.clone(), clean, copy);
                clean = blocks == 1;
                copy
            };
            let (base, offsets) = (base.get(), &offsets.1[..]);
            let lines = Lines { cover, image, lines, offsets, copy, sums, base, end };
            match way {
                Way::Gaps => dispatch_lanes(lines),
                _ => lines.finished(way),
            }
        }
    });
}

impl Cover<'_> {
    /// Whether lines follow each other without gaps, in what is read and in what is written.
    fn is_one_line(&self) -> bool {
        self.flat.is_whole() && self.target.line == self.flat.output[1]
    }

    /// The cheapest.
    fn way(&self) -> Way {
        let (flat, rows, [height, width]) = (self.flat, self.rows, self.flat.output);
        if rows < FEW || self.target.column != 1 {
            return Way::Gaps;
        }
        let windows = height * width;
        let vectors = |windows: usize| windows.div_ceil(WIDTH);
        // A vector by itself costs a third more than one of two.
        let lone = |vectors: usize| vectors * rows + vectors % 2 * rows / 3;
        let (lines, stretches) = if self.is_one_line() {
            (lone(vectors(windows)), vectors(windows))
        } else {
            (height * lone(vectors(width)), height * vectors(width) + vectors(windows))
        };
        let packed = lone(vectors(windows)) + PACK * stretches;
        if self.collides() {
            return Way::Packed;
        }
        let pairs = if width <= WIDTH && !self.is_one_line() { lone(height) } else { usize::MAX };
        let gaps = if flat.is_whole() {
            usize::MAX
        } else {
            lone(vectors(flat.windows(height))) + vectors(windows) * rows / 8
        };
        let ways = [(Way::Lines, lines), (Way::Pairs, pairs), (Way::Packed, packed), (Way::Gaps, gaps)];
        ways.into_iter().min_by_key(|way| way.1).map_or(Way::Gaps, |way| way.0)
    }

    /// Whether what lies one below the other in an image that is read where it is would displace itself from the first
    /// cache: 64 sets of eight lines or more, which many rows read again and again.
    fn collides(&self) -> bool {
        let plane = self.flat.source[0] * self.flat.source[1];
        let sets = 64 >> (plane / WIDTH).trailing_zeros().min(6);
        self.rows >= 2 * WIDTH
            && self.is_one_line()
            && plane.is_multiple_of(WIDTH)
            && self.flat.channels.min(TERMS) > 4 * sets
    }
}

/// Some lines of windows of one group of an image.
struct Lines<'a> {
    cover: &'a Cover<'a>,
    /// Counted with the groups.
    image: usize,
    lines: Range<usize>,
    offsets: &'a [usize],
    copy: &'a [f32],
    sums: &'a mut [f32],
    /// The output: these lines of this image are written by nobody else.
    base: *mut f32,
    end: usize,
}

/// Windows that are multiplied at a time.
struct Panel {
    /// Where the first of them is: in the copy, and in the lines of the output.
    first: [usize; 2],
    /// How far the second vector is from the first, in either.
    second: [usize; 2],
    counts: [usize; 2],
}

impl Lines<'_> {
    /// Sums go from the registers to the output.
    fn finished(mut self, way: Way) {
        let Cover { flat, target, .. } = *self.cover;
        let (width, pitch) = (flat.output[1], flat.pitch());
        let terms: Vec<At<'_>> = self.offsets.chunks(TERMS).map(At::new).collect();
        let terms = &terms[..];
        let (count, length) =
            if self.cover.is_one_line() { (1, self.lines.len() * width) } else { (self.lines.len(), width) };
        match way {
            Way::Pairs => {
                for line in (0..count).step_by(2) {
                    let first = [line * pitch, line * target.line];
                    let counts = [width, if line + 1 < count { width } else { 0 }];
                    self.panel(&Panel { first, second: [pitch, target.line], counts }, terms, &[]);
                }
            }
            Way::Packed => {
                let mut stretches = Vec::with_capacity(PANEL);
                for start in (0..count * length).step_by(PANEL) {
                    stretches.clear();
                    let end = (start + PANEL).min(count * length);
                    let mut at = start;
                    while at < end {
                        let (line, column) = (at / length, at % length);
                        stretches.push([line * pitch + column, at - start]);
                        at = end.min(at + WIDTH.min(length - column));
                    }
                    let counts = [WIDTH.min(end - start), (end - start).saturating_sub(WIDTH)];
                    self.panel(
                        &Panel { first: [0, start], second: [WIDTH, WIDTH], counts },
                        terms,
                        &stretches,
                    );
                }
            }
            _ => {
                for line in 0..count {
                    for start in (0..length).step_by(PANEL) {
                        let first = [line * pitch + start, line * target.line + start];
                        let n = length - start;
                        let counts = [WIDTH.min(n), n.saturating_sub(WIDTH).min(WIDTH)];
                        self.panel(&Panel { first, second: [WIDTH, WIDTH], counts }, terms, &[]);
                    }
                }
            }
        }
    }

    /// One panel, of which what windows see is packed first if it lies in stretches: (place, column).
    fn panel(&mut self, panel: &Panel, terms: &[At<'_>], stretches: &[[usize; 2]]) {
        let Cover { groups, rows, left, bias, relu, target, .. } = *self.cover;
        let (k, group) = (self.offsets.len(), self.image % groups);
        let left = &left[group * rows * k..][..rows * k];
        let bias = bias.map(|bias| &bias[group * rows..][..rows]);
        let vectors = 1 + usize::from(panel.counts[1] > 0);
        let from =
            self.image * rows * target.plane + target.first + self.lines.start * target.line + panel.first[1];
        let length = [panel.counts[0], panel.second[1] + panel.counts[1]][vectors - 1];
        assert!(from + (rows - 1) * target.plane + length <= self.end);
        // SAFETY: inside the output, as asserted.
        let base = unsafe { self.base.add(from) };
        let apart = [target.plane, panel.second[1]];
        let whole = [[panel.first[0], 0], [panel.first[0] + WIDTH, WIDTH]];
        let seen = self.copy.get(panel.first[0]..).unwrap_or(&[]);
        for (i, &offsets) in terms.iter().enumerate() {
            let (start, here) = (i * TERMS, offsets.places().len());
            let (sizes, last) = ([rows, here, vectors], start + here == k);
            let left = Left { data: &left[start..], rows: Apart(k), step: 1 };
            let furthest = offsets.furthest(here) + (vectors - 1) * panel.second[0] + WIDTH;
            // Packed too at the end of the input, which is no copy with room behind it.
            let packed = !stretches.is_empty() || furthest > seen.len();
            if packed {
                let stretches = if stretches.is_empty() { &whole[..vectors] } else { stretches };
                dispatch_lanes(Pack { copy: self.copy, offsets: offsets.places(), stretches, to: self.sums });
            }
            let bias = if last { bias } else { None };
            // SAFETY: as asserted; see `base` of `Lines` for who else writes.
            unsafe {
                if relu && last {
                    let sink = Finished::<true>::new(base, apart, panel.counts, bias, start > 0);
                    self.multiply(sizes, left, packed, (seen, offsets, panel.second[0]), sink);
                } else {
                    let sink = Finished::<false>::new(base, apart, panel.counts, bias, start > 0);
                    self.multiply(sizes, left, packed, (seen, offsets, panel.second[0]), sink);
                }
            }
        }
    }

    fn multiply<S: Sink>(
        &self,
        sizes: [usize; 3],
        left: Left<'_, Apart>,
        packed: bool,
        (data, rows, second): (&[f32], At<'_>, usize),
        sink: S,
    ) {
        if packed {
            multiply_into(sizes, left, Right { data: self.sums, rows: Apart(PANEL), second: WIDTH }, sink);
        } else {
            multiply_into(sizes, left, Right { data, rows, second }, sink);
        }
    }
}

/// Copies stretches of up to [`WIDTH`] windows: from a place of the copy to a column of the panel.
struct Pack<'a> {
    copy: &'a [f32],
    offsets: &'a [usize],
    stretches: &'a [[usize; 2]],
    to: &'a mut [f32],
}

impl LaneKernel for Pack<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Pack { copy, offsets, stretches, to } = self;
        for (p, &offset) in offsets.iter().enumerate() {
            for &[place, column] in stretches {
                let seen = &copy[offset + place..];
                let lanes = match seen.first_chunk() {
                    Some(seen) => L::load(seen),
                    None => L::load_some(seen),
                };
                // What is too much the next stretch overwrites.
                if let Some(to) = to[p * PANEL + column..].first_chunk_mut() {
                    lanes.store(to);
                }
            }
        }
    }
}

impl LaneKernel for Lines<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Lines { cover, image, lines, offsets, copy, sums, base, end } = self;
        let Cover { flat, groups, rows, left, bias, relu, target, .. } = *cover;
        let (k, pitch, width) = (offsets.len(), flat.pitch(), flat.output[1]);
        let group = image % groups;
        let left = &left[group * rows * k..][..rows * k];
        let places = At::new(offsets);
        let windows = flat.windows(lines.len());
        let panel = if rows < FEW { WIDE } else { PANEL };
        for start in (0..windows).step_by(panel) {
            let n = panel.min(windows - start);
            if rows < FEW {
                for row in 0..rows {
                    wide::<L>(
                        &left[row * k..][..k],
                        offsets,
                        &copy[start..],
                        &mut sums[row * WIDE..][..WIDE],
                    );
                }
            } else {
                let left = Left { data: left, rows: Apart(k), step: 1 };
                multiply(
                    [rows, k, n],
                    left,
                    Right { data: &copy[start..], rows: places, second: WIDTH },
                    sums,
                    false,
                );
            }
            let mut at = start;
            while at < start + n {
                let (line, column) = (at / pitch, at % pitch);
                if column >= width {
                    at = (line + 1) * pitch;
                    continue;
                }
                let count = (width - column).min(start + n - at);
                let place = target.first + (lines.start + line) * target.line + column * target.column;
                for row in 0..rows {
                    let shift = L::splat(bias.map_or(0.0, |bias| bias[group * rows + row]));
                    let from = (image * rows + row) * target.plane + place;
                    let sums = &sums[row * panel + at - start..][..count];
                    assert!(from + (count - 1) * target.column < end);
                    if target.column == 1 {
                        // SAFETY: inside the output, as asserted; see `base` for who else writes.
                        let out = unsafe { std::slice::from_raw_parts_mut(base.add(from), count) };
                        let mut i = 0;
                        while i < count {
                            let end = count.min(i + WIDTH);
                            let sum = L::load_some(&sums[i..end]) + shift;
                            if relu { sum.relu() } else { sum }.store_some(&mut out[i..end]);
                            i = end;
                        }
                    } else {
                        let shift = bias.map_or(0.0, |bias| bias[group * rows + row]);
                        for (i, sum) in sums.iter().enumerate() {
                            // SAFETY: as above.
                            unsafe { *base.add(from + i * target.column) = sum + shift };
                        }
                    }
                }
                at += count;
            }
        }
    }
}

/// The sums of one row for [`WIDE`] windows.
#[inline(always)]
fn wide<L: Lanes>(left: &[f32], offsets: &[usize], copy: &[f32], sums: &mut [f32]) {
    let mut lanes = [L::zero(); WIDE / WIDTH];
    for p in 0..left.len() {
        let (v, copy) = (L::splat(left[p]), &copy[offsets[p]..][..WIDE]);
        for j in 0..lanes.len() {
            lanes[j] = v.mul_add(L::load_some(&copy[j * WIDTH..][..WIDTH]), lanes[j]);
        }
    }
    for j in 0..lanes.len() {
        lanes[j].store_some(&mut sums[j * WIDTH..][..WIDTH]);
    }
}
