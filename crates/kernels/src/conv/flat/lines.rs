//! Products with what windows see, of all windows of some lines.

use super::copy::Flat;
use super::sums::Pack;
use super::{FEW, WIDE};
use crate::conv::tile::{Apart, At, Finished, Left, Neighbours, PANEL, Right, Rows, Sink, multiply_into};
use crate::conv::{self, PARTS};
use crate::lanes::{WIDTH, dispatch_lanes};
use crate::pool::{self, SendPtr};
use crate::stream;
use crate::{DType, Storage};
use std::borrow::Cow;
use std::ops::Range;

/// Terms of a sum that are added up at a time: what windows see of them stays in the first cache.
pub(super) const TERMS: usize = 192;
/// Floats of the copies of images that are taken together.
const TOGETHER: usize = 1 << 16;
/// What it costs to pack a stretch of windows, in vectors multiplied and added.
const PACK: usize = 3;

/// And to write a stretch of sums afterwards, for all terms.
const WRITE: usize = 8;

/// Where results go: the element at (channel, line, column).
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) plane: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) first: usize,
    /// Columns of a line.
    pub(super) width: usize,
}

/// Positions that windows see, and what these are multiplied by: (group, row, channel and position).
pub(super) struct Set<'a> {
    pub(super) taps: Vec<[usize; 2]>,
    pub(super) left: Cow<'a, [f32]>,
}

/// Sums of products for all windows. The results of two sets lie side by side.
pub(super) struct Cover<'a> {
    pub(super) flat: &'a Flat,
    pub(super) images: usize,
    pub(super) groups: usize,
    pub(super) source: &'a [f32],
    pub(super) sets: &'a [Set<'a>],
    pub(super) rows: usize,
    /// For each row of each group.
    pub(super) bias: Option<&'a [f32]>,
    pub(super) relu: bool,
    pub(super) target: Target,
}

/// How windows meet in vectors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Line by line, from the registers to the output.
    Lines,
    /// Two lines at a time, each a vector.
    Pairs,
    /// One after another without gaps, which takes a copy of what they see.
    Packed,
    /// So too, of several images, or of two sets: sums are written afterwards.
    Batch(usize),
    /// As they lie in the copy, with those between lines that are none; sums are written afterwards.
    Gaps,
}

pub(super) fn cover(cover: &Cover<'_>, out: &mut [f32]) {
    let Cover { flat, groups, rows, sets, .. } = *cover;
    let (images, taps) = (cover.images * groups, sets.iter().map(|set| set.taps.len()));
    let (k, all) = (flat.channels * taps.clone().max().unwrap_or(0), flat.channels * taps.sum::<usize>());
    let work = rows.saturating_mul(all).saturating_mul(flat.output[0] * flat.output[1]);
    let way = cover.way();
    let (block, together) = match way {
        Way::Batch(together) if together > 1 => (flat.output[0], together),
        // Which changes no sum.
        _ => (flat.block(if pool::is_alone() { PARTS } else { images }, work), 1),
    };
    let blocks = flat.output[0].div_ceil(block);
    let base = SendPtr(out.as_mut_ptr());
    let (end, size) = (out.len(), flat.channels * flat.source[0] * flat.source[1]);
    let tasks = images.div_ceil(together) * blocks;
    conv::run(tasks, work.saturating_mul(together) / blocks, |tasks| {
        let whole = flat.is_whole() && way != Way::Gaps;
        let room = if whole { 0 } else { flat.size(block) };
        let packed = TERMS.min(k) * PANEL + WIDTH;
        let sums = match way {
            Way::Gaps | Way::Batch(_) => sets.len() * (rows * PANEL).max(FEW * WIDE),
            _ => 0,
        };
        let mut scratch = Storage::new(DType::F32, room * together + packed + sums);
        let (copies, scratch) = scratch.as_mut_slice::<f32>().split_at_mut(room * together);
        let (packed, sums) = scratch.split_at_mut(packed);
        let (mut offsets, mut seen, mut clean) = (Vec::new(), 0, false);
        for task in tasks {
            let (first, line) = (task / blocks * together, task % blocks * block);
            let lines = line..flat.output[0].min(line + block);
            if seen != lines.len() {
                seen = lines.len();
                offsets = sets.iter().map(|set| flat.offsets_of(whole, seen, &set.taps)).collect();
            }
            let count = together.min(images - first);
            let source = &cover.source[first * size..];
            let (copy, apart) = if whole {
                (&source[line * flat.source[1]..], size)
            } else {
                let apart = flat.size(lines.len());
                let copies = &mut copies[..apart * count];
                for (source, copy) in source.chunks_exact(size).zip(copies.chunks_exact_mut(apart)) {
                    flat.fill(source, lines.clone(), clean, copy);
                }
                clean = blocks == 1;
                (&*copies, apart)
            };
            let (base, offsets) = (base.get(), &offsets[..]);
            let lines = Lines { cover, image: first, lines, offsets, copy, packed, base, end };
            match way {
                Way::Gaps => lines.gaps(sums),
                Way::Batch(_) => lines.batch(count, apart, sums),
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
        if rows < FEW {
            return Way::Gaps;
        }
        let windows = height * width;
        let vectors = |windows: usize| windows.div_ceil(WIDTH);
        // A vector by itself costs a third more than one of two.
        let lone = |vectors: usize| vectors * rows + vectors % 2 * rows / 3;
        // Writing stretches of sums afterwards, once for all terms.
        let terms = flat.channels * self.sets.iter().map(|set| set.taps.len()).max().unwrap_or(0);
        let write = |stretches: usize| stretches * rows * WRITE / terms.max(1);
        let (lines, stretches) = if self.is_one_line() {
            (lone(vectors(windows)), vectors(windows))
        } else {
            (height * lone(vectors(width)), height * vectors(width) + vectors(windows))
        };
        let packed = lone(vectors(windows)) + PACK * stretches;
        // Where windows are whole they are read where they are.
        let all = vectors(flat.windows(height));
        let gaps = if flat.is_whole() { usize::MAX } else { lone(all) + write(stretches.max(all)) };
        let (together, batch) = self.together(|images| {
            lone(vectors(images * windows)) + PACK * images * stretches + images * write(stretches)
        });
        let mut ways = vec![(Way::Gaps, gaps), (Way::Batch(together), batch)];
        if self.target.column == 1 && self.sets.len() == 1 {
            // Its vectors go over the ends of lines, which must follow each other in the output.
            if self.target.line == width {
                ways.push((Way::Packed, packed));
            }
            if !self.collides() {
                ways.push((Way::Lines, lines));
            }
            if width <= WIDTH && !self.is_one_line() {
                ways.push((Way::Pairs, lone(height)));
            }
        }
        ways.into_iter().min_by_key(|way| way.1).map_or(Way::Gaps, |way| way.0)
    }

    /// How many small images to take together, and what that costs for one.
    fn together(&self, cost: impl Fn(usize) -> usize) -> (usize, usize) {
        let [height, width] = self.flat.output;
        let small = self.groups == 1 && height * width <= 4 * PANEL && self.flat.size(height) <= TOGETHER;
        let most =
            if small { (self.images / 4).min(TOGETHER / self.flat.size(height)).clamp(1, 8) } else { 1 };
        let costs = (1..=most).map(|images| (images, cost(images).div_ceil(images)));
        costs.min_by_key(|images| images.1).unwrap_or((1, cost(1)))
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

/// Some lines of windows of one group of an image, or of several images.
pub(super) struct Lines<'a> {
    pub(super) cover: &'a Cover<'a>,
    /// The first, counted with the groups.
    pub(super) image: usize,
    pub(super) lines: Range<usize>,
    /// Of each set.
    pub(super) offsets: &'a [Vec<usize>],
    pub(super) copy: &'a [f32],
    /// Room for what windows see of some terms.
    pub(super) packed: &'a mut [f32],
    /// The output: these lines of these images are written by nobody else.
    pub(super) base: *mut f32,
    pub(super) end: usize,
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
    /// Lines without gaps, and how long they are.
    pub(super) fn straight(&self) -> [usize; 2] {
        let (count, width) = (self.lines.len(), self.cover.flat.output[1]);
        if self.cover.is_one_line() { [1, count * width] } else { [count, width] }
    }

    /// Sums go from the registers to the output.
    fn finished(mut self, way: Way) {
        let Cover { flat, target, .. } = *self.cover;
        let (width, pitch) = (flat.output[1], flat.pitch());
        let terms: Vec<At<'_>> = self.offsets[0].chunks(TERMS).map(At::new).collect();
        let terms = &terms[..];
        let [count, length] = self.straight();
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
        let Cover { groups, rows, sets, bias, relu, target, .. } = *self.cover;
        let (k, group) = (self.offsets[0].len(), self.image % groups);
        let left = &sets[0].left[group * rows * k..][..rows * k];
        let bias = bias.map(|bias| &bias[group * rows..][..rows]);
        let is_far = stream::is_far_to_write(self.end * size_of::<f32>());
        let vectors = 1 + usize::from(panel.counts[1] > 0);
        let from =
            self.image * rows * target.plane + target.first + self.lines.start * target.line + panel.first[1];
        let length = [panel.counts[0], panel.second[1] + panel.counts[1]][vectors - 1];
        assert!(from + (rows - 1) * target.plane + length <= self.end);
        // SAFETY: inside the output, as asserted.
        let base = unsafe { self.base.add(from) };
        let apart = [target.plane, panel.second[1]];
        let whole = [[panel.first[0], 0], [panel.first[0] + panel.second[0], WIDTH]];
        let seen = self.copy.get(panel.first[0]..).unwrap_or(&[]);
        for (i, &offsets) in terms.iter().enumerate() {
            let (start, here) = (i * TERMS, offsets.places().len());
            let (sizes, last) = ([rows, here, vectors], start + here == k);
            let left = Left { data: &left[start..], rows: Apart(k), terms: Neighbours };
            let furthest = offsets.furthest(here) + (vectors - 1) * panel.second[0] + WIDTH;
            // Packed too at the end of the input, which is no copy with room behind it.
            let packed = !stretches.is_empty() || furthest > seen.len();
            if packed {
                let stretches = if stretches.is_empty() { &whole[..vectors] } else { stretches };
                dispatch_lanes(Pack {
                    copy: self.copy,
                    offsets: offsets.places(),
                    stretches,
                    to: self.packed,
                });
            }
            let bias = if last { bias } else { None };
            // SAFETY: as asserted; see `base` of `Lines` for who else writes.
            unsafe {
                if relu && last {
                    let sink = Finished::<true>::new(base, apart, panel.counts, bias, start > 0, is_far);
                    self.multiply(sizes, left, packed, (seen, offsets, panel.second[0]), sink);
                } else {
                    let sink = Finished::<false>::new(base, apart, panel.counts, bias, start > 0, is_far);
                    self.multiply(sizes, left, packed, (seen, offsets, panel.second[0]), sink);
                }
            }
        }
    }

    fn multiply<S: Sink>(
        &self,
        sizes: [usize; 3],
        left: Left<'_, Apart, Neighbours>,
        packed: bool,
        (data, rows, second): (&[f32], At<'_>, usize),
        sink: S,
    ) {
        if packed {
            multiply_into(sizes, left, Right { data: self.packed, rows: Apart(PANEL), second: WIDTH }, sink);
        } else {
            multiply_into(sizes, left, Right { data, rows, second }, sink);
        }
    }
}
