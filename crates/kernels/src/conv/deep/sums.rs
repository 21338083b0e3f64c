//! The forward pass and the gradient of the input.

use super::copy::Copied;
use super::sweep::Sweep;
use super::{Pass, Side};
use crate::conv::tile::{Left, Neighbours, PANEL, Places, Right, Sums, multiply_into};
use crate::conv::{self, GRAIN, Shape, ahead, part};
use crate::lanes::{LaneKernel, Lanes, Spread, WIDTH, dispatch_lanes};
use crate::pool::{self, SendPtr};
use crate::strided::numel;
use crate::{DType, Storage};
use std::array::from_fn;

/// Terms of a sum that are added up at a time: a panel of weights for so many stays in the first cache. Where pixels are
/// swept, it is one vector wide and not two.
const TERMS: usize = 128;
const SWEPT: usize = 2 * TERMS;
/// Floats of sums, and of a copy, that stay in the second cache.
const SUMS: usize = 1 << 15;
const COPY: usize = 1 << 16;
/// And of weights.
const WEIGHTS: usize = 1 << 17;
/// Weights whose packing is worth a task.
const PACKED: usize = 1 << 13;
/// Tasks to cut the work into.
const TASKS: usize = 16;
/// Pixels to multiply at a time: so many images are taken together that short lines have as many.
pub(super) const PIXELS: usize = 14;

pub(super) struct Cover<'a> {
    pass: Pass<'a>,
    /// What is read and what is written.
    sides: [Side; 2],
    /// Images taken together, how many such sets meet the weights at a time, and lines to a block.
    together: usize,
    sets: usize,
    block: usize,
    copied: Copied,
    /// Whether each pixel is read once for all columns of the window.
    sweeps: bool,
    /// Channels that are added up at a time.
    chunk: usize,
    /// For each line that is written: the first line that it sees, and which of `terms` is its own.
    lines: Vec<Option<[usize; 2]>>,
    terms: Vec<Terms>,
}

/// Where the terms of so many channels are in the copy and in the weight: for `chunk` channels, and for those of the last
/// chunk.
type Terms = [[Places; 2]; 2];

/// Tasks to cut few images into. That changes no sum, so it may depend on the threads: each copies what it reads.
fn wanted() -> usize {
    if pool::is_alone() { 1 } else { TASKS.min(2 * pool::num_threads()) }
}

impl<'a> Cover<'a> {
    pub(super) fn new(pass: Pass<'a>) -> Self {
        let (shape, sides) = (pass.shape, pass.sides());
        let [from, to] = sides;
        // Pixels that are multiplied, and three more at a time, which is what weights and places cost; and the copies, where
        // several images take four times as long.
        let terms = numel(&[from.channels, shape.taps(), to.channels.div_ceil(PANEL), shape.output[0]]);
        let cost = |together: &usize| {
            let sets = shape.batch.div_ceil(*together);
            let copies = if *together > 1 { 4 * shape.batch } else { shape.batch };
            let pixels = from.channels * from.pixels();
            numel(&[sets, shape.output[1] * together + 3, terms]).saturating_add(numel(&[copies, pixels]))
        };
        let together = (1..=(PIXELS / shape.output[1]).min(shape.batch)).min_by_key(cost).unwrap_or(1);
        let height = to.size[0];
        // Lines that are read for each that is written.
        let read = from.size[0].div_ceil(height) * from.channels * from.pitch();
        let (sums, copy) = (SUMS / (to.pitch() * together * PANEL), COPY / (read * together));
        let worth = shape.work().saturating_mul(together) / GRAIN;
        let sets = shape.batch.div_ceil(together) * shape.groups;
        let pieces = wanted().div_ceil(sets.max(1)).min(worth).clamp(1, height);
        let block = sums.min(copy).clamp(1, height.div_ceil(pieces));
        let starts = (0..height).step_by(block);
        let most = starts.map(|line| pass.reach(line..height.min(line + block)).len()).max();
        let copied = Copied::new(from, together, most.unwrap_or(0));
        // Weights that do not stay in the second cache are read for more images at a time.
        let many = numel(&[shape.groups, to.channels, shape.rows()]) > WEIGHTS;
        let tasks = numel(&[shape.batch.div_ceil(together), shape.groups, height.div_ceil(block)]);
        let fit = (COPY / copied.size().max(1)).min(SUMS / (block * to.pitch() * together * PANEL));
        let sets = fit.min(tasks / if many { 2 } else { TASKS }).max(1);
        let sweeps = pass.sweeps();
        debug_assert!(!sweeps || together == 1, "pixels of several images are no neighbours");
        let chunk = if sweeps { SWEPT / shape.taps() } else { TERMS / shape.kernel[0] };
        let chunk = chunk.clamp(1, from.channels);
        let (lines, terms) = (Vec::new(), Vec::new());
        let mut cover = Cover { pass, sides, together, sets, block, copied, sweeps, chunk, lines, terms };
        cover.find_terms();
        cover
    }

    /// Lines which see as many lines in the same way share their terms.
    fn find_terms(&mut self) {
        let (mut known, down) = (Vec::new(), self.pass.shape.kernel[0]);
        for line in 0..self.sides[1].size[0] {
            let seen = self.pass.seen(line);
            let Some(&[_, first]) = seen.first() else {
                self.lines.push(None);
                continue;
            };
            let taps: Vec<usize> = seen.iter().map(|seen| seen[0]).collect();
            let at = known.iter().position(|known| *known == taps).unwrap_or_else(|| {
                let places = |channels: usize, at: &dyn Fn(usize, [usize; 2]) -> usize| {
                    Places::new(
                        (0..channels).flat_map(|c| seen.iter().map(move |&seen| at(c, seen))).collect(),
                    )
                };
                let [plane, pitch] = [self.copied.plane(), self.copied.line()];
                let read = |c, [_, line]: [usize; 2]| c * plane + (line - first) * pitch;
                let weight = |c, [tap, _]: [usize; 2]| (c * down + tap) * PANEL;
                let last = (self.sides[0].channels - 1) % self.chunk + 1;
                self.terms.push([self.chunk, last].map(|n| [places(n, &read), places(n, &weight)]));
                known.push(taps);
                known.len() - 1
            });
            self.lines.push(Some([first, at]));
        }
    }

    pub(super) fn run(
        &self,
        source: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
        out: &mut [f32],
    ) {
        let Cover { pass, sides: [from, to], together, sets, block, copied, .. } = *self;
        let Shape { batch, groups, .. } = *pass.shape;
        let most = together * sets;
        let (heaps, blocks, panels) =
            (batch.div_ceil(most) * groups, to.size[0].div_ceil(block), self.panels());
        // Weights that are used once are packed where they are used, and stay in the second cache.
        let mut packed = (heaps * blocks > groups).then(|| self.pack(weight));
        let packed = packed.as_mut().map(|packed| &*packed.as_mut_slice::<f32>());
        let work = pass.shape.work().saturating_mul(most) / blocks;
        // Ranges of panels where there are few images, each with its own copy.
        let splits = wanted().div_ceil((heaps * blocks).max(1)).min(panels).min(work / GRAIN).max(1);
        let (pixels, size) = (from.channels * from.pixels(), copied.size());
        let room = self.room();
        let (base, end) = (SendPtr(out.as_mut_ptr()), out.len());
        conv::run(heaps * blocks * splits, work / splits, |tasks| {
            let own = if packed.is_none() { self.panel() } else { 0 };
            let mut scratch = Storage::new(DType::F32, own + sets * (size + room));
            let (own, scratch) = scratch.as_mut_slice::<f32>().split_at_mut(own);
            let (copy, sums) = scratch.split_at_mut(sets * size);
            for task in tasks {
                let (heap, split) = (task / splits / blocks, task % splits);
                let (first, group) = (heap / groups * most, heap % groups);
                let start = task / splits % blocks * block;
                let lines = start..to.size[0].min(start + block);
                let images = first..batch.min(first + most);
                let reach = pass.reach(lines.clone());
                if !reach.is_empty() {
                    for (i, image) in images.clone().enumerate() {
                        let source = &source[(image * groups + group) * pixels..][..pixels];
                        copied.fill(source, reach.clone(), i % together, &mut copy[i / together * size..]);
                    }
                }
                for panel in part(panels, splits, split) {
                    let channels = PANEL.min(to.channels - panel * PANEL);
                    let number = group * panels + panel;
                    let weight = if let Some(packed) = packed {
                        &packed[number * self.panel()..][..self.panel()]
                    } else {
                        self.pack_panel(weight, number, own);
                        &*own
                    };
                    let sums = &mut sums[..images.len().div_ceil(together) * room];
                    self.add([lines.start, lines.end, reach.start], channels, weight, copy, sums);
                    let channel = group * to.channels + panel * PANEL;
                    let bias: [f32; PANEL] =
                        from_fn(|c| bias.and_then(|bias| bias.get(channel + c)).copied().unwrap_or(0.0));
                    for (i, image) in images.clone().enumerate() {
                        let plane = to.pixels();
                        let from =
                            (image * groups * to.channels + channel) * plane + lines.start * to.size[1];
                        let count = lines.len() * to.size[1];
                        assert!(from + (channels - 1) * plane + count <= end);
                        // SAFETY: inside the output, as asserted.
                        let out = unsafe { base.get().add(from) };
                        let sums = &sums[i / together * room + i % together * PANEL..];
                        dispatch_lanes(Write { to, together, sums, count, channels, bias, relu, out });
                    }
                }
            }
        });
    }

    /// Panels of a group's channels that are written.
    fn panels(&self) -> usize {
        self.sides[1].channels.div_ceil(PANEL)
    }

    /// Floats of the weights of a panel.
    fn panel(&self) -> usize {
        self.sides[0].channels * self.pass.shape.taps() * PANEL
    }

    /// Floats of the sums of a panel for a set of images.
    fn room(&self) -> usize {
        self.block * self.sides[1].pitch() * self.together * PANEL
    }

    /// The sums of a panel of some sets for lines from `start` to `end`; `first` is the first line of the copy.
    fn add(
        &self,
        [start, end, first]: [usize; 3],
        channels: usize,
        weight: &[f32],
        copy: &[f32],
        sums: &mut [f32],
    ) {
        let Cover { pass, sides: [from, to], together, copied, chunk, .. } = *self;
        let Shape { kernel: [down, across], .. } = *pass.shape;
        sums.fill(0.0);
        let lines = [start, end, first];
        if self.sweeps {
            let (before, turned) = pass.first_column();
            for channel in (0..from.channels).step_by(chunk) {
                self.each_line(channel, lines, copy, sums, |data, [places, weights], sums| {
                    dispatch_lanes(Sweep {
                        data,
                        places: places.at(),
                        weight: &weight[channel * down * PANEL..],
                        weights: weights.at(),
                        apart: from.channels * down * PANEL,
                        across,
                        turned,
                        before,
                        widths: [from.size[1], to.size[1]],
                        sums,
                    });
                });
            }
            return;
        }
        for tap in 0..across {
            let Some(([read, written], count)) = pass.stretch(tap) else { continue };
            for channel in (0..from.channels).step_by(chunk) {
                let weight = &weight[(tap * from.channels + channel) * down * PANEL..];
                self.each_line(channel, lines, copy, sums, |data, [places, weights], sums| {
                    let data = &data[copied.column(read)..];
                    let left = Left { data, rows: Neighbours, terms: places.at() };
                    let right = Right { data: weight, rows: weights.at(), second: WIDTH };
                    let out = &mut sums[to.place(written) * together * PANEL..];
                    let sizes = [count * together, places.len(), channels.div_ceil(WIDTH)];
                    multiply_into(sizes, left, right, Sums { out, apart: PANEL, accumulate: true });
                });
            }
        }
    }

    /// Calls `f` for each line of each set, with what is read of it from this channel on, its terms, and its sums.
    #[inline(always)]
    fn each_line(
        &self,
        channel: usize,
        [start, end, first]: [usize; 3],
        copy: &[f32],
        sums: &mut [f32],
        mut f: impl FnMut(&[f32], &[Places; 2], &mut [f32]),
    ) {
        let Cover { sides: [from, to], together, copied, chunk, .. } = *self;
        let last = usize::from(channel + chunk >= from.channels);
        for (set, sums) in sums.chunks_exact_mut(self.room()).enumerate() {
            let copy = &copy[set * copied.size() + channel * copied.plane()..];
            for line in start..end {
                let Some([seen, at]) = self.lines[line] else { continue };
                let data = &copy[(seen - first) * copied.line()..];
                f(data, &self.terms[at][last], &mut sums[(line - start) * to.pitch() * together * PANEL..]);
            }
        }
    }

    /// The weights of all panels, of each group.
    fn pack(&self, weight: &[f32]) -> Storage {
        let all = self.pass.shape.groups * self.panels();
        let mut packed = Storage::new(DType::F32, all * self.panel());
        let step = (PACKED / self.panel()).max(1);
        pool::chunks_mut(packed.as_mut_slice(), step * self.panel(), |start, to_all| {
            for (i, packed) in to_all.chunks_exact_mut(self.panel()).enumerate() {
                self.pack_panel(weight, start / self.panel() + i, packed);
            }
        });
        packed
    }

    /// The weights of a panel as (column of the window, channel that is read, line of the window, channel that is written).
    fn pack_panel(&self, weight: &[f32], panel: usize, packed: &mut [f32]) {
        let Cover { pass: Pass { shape, backward }, sides: [from, to], .. } = *self;
        let (taps, [down, across]) = (shape.taps(), shape.kernel);
        // Distances of channels that are read and that are written.
        let apart = if backward { [shape.rows(), taps] } else { [taps, shape.rows()] };
        let block = if apart[0] == taps { WIDTH.min(from.channels) } else { 1 };
        let place = |c: usize, tap: usize| (tap % across * from.channels + c) * down + tap / across;
        let places: Vec<usize> = (0..block * taps).map(|i| place(i / taps, i % taps) * PANEL).collect();
        let (group, panel) = (panel / self.panels(), panel % self.panels());
        let group = &weight[group * shape.outputs * shape.rows()..][..shape.outputs * shape.rows()];
        let channels = [from.channels, PANEL.min(to.channels - panel * PANEL)];
        let weight = &group[panel * PANEL * apart[1]..];
        dispatch_lanes(Turn { weight, apart, channels, taps, down, places: &places, packed });
    }
}

/// Makes the channels that are written neighbours, for each that is read and each position of the window.
struct Turn<'a> {
    weight: &'a [f32],
    /// Distances of channels that are read and that are written, and how many there are.
    apart: [usize; 2],
    channels: [usize; 2],
    /// Positions of the window, and its lines.
    taps: usize,
    down: usize,
    /// Where the positions go of a block of channels that follow each other in the weight: sixteen, or one.
    places: &'a [usize],
    packed: &'a mut [f32],
}

impl LaneKernel for Turn<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Turn { weight, apart, channels, taps, down, places, packed } = self;
        let (block, ahead) = (places.len() / taps, ahead(taps, apart[0]));
        for first in (0..channels[1]).step_by(WIDTH) {
            let last = (channels[1] - first).min(WIDTH) - 1;
            for c in (0..channels[0]).step_by(block) {
                let here = block.min(channels[0] - c) * taps;
                for (i, places) in places[..here].chunks(WIDTH).enumerate() {
                    let (at, n) = (c * apart[0] + first * apart[1] + i * WIDTH, places.len());
                    assert!(at + last * apart[1] + n <= weight.len());
                    let mut to = [packed.as_mut_ptr(); WIDTH];
                    for (to, place) in to.iter_mut().zip(places) {
                        let at = place + c * down * PANEL + first;
                        assert!(at + WIDTH <= packed.len());
                        *to = to.wrapping_add(at);
                    }
                    let first = weight.as_ptr().wrapping_add(at);
                    let rows = Spread { first, apart: apart[1], last, ahead };
                    // Sixteen numbers need not be counted.
                    // SAFETY: in the slices, as asserted.
                    unsafe { if n == WIDTH { L::turn(rows, WIDTH, to) } else { L::turn(rows, n, to) } };
                }
            }
        }
    }
}

/// Writes the sums of an image with their bias, channel by channel.
struct Write<'a> {
    to: Side,
    together: usize,
    sums: &'a [f32],
    /// Pixels of each channel, and channels.
    count: usize,
    channels: usize,
    bias: [f32; PANEL],
    relu: bool,
    /// The first pixel of the first channel: so many pixels of all channels are written by nobody else.
    out: *mut f32,
}

impl LaneKernel for Write<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Write { to, together, sums, count, channels, bias, relu, out } = self;
        let [width, pitch] = [to.size[1], to.pitch()];
        // Any place is at most the last of its line.
        assert!(
            (count.div_ceil(width) * pitch - 1) * together * PANEL + PANEL
                <= sums.len() + (together - 1) * PANEL
        );
        for pixel in (0..count).step_by(WIDTH) {
            let n = WIDTH.min(count - pixel);
            let mut places = [0; WIDTH];
            let (mut line, mut column) = (pixel / width, pixel % width);
            for i in 0..n {
                places[i] = (line * pitch + to.place(column)) * together * PANEL;
                column += 1;
                if column == width {
                    (line, column) = (line + 1, 0);
                }
            }
            for first in (0..channels).step_by(WIDTH) {
                let last = (channels - first).min(WIDTH) - 1;
                let mut pixels = [sums.as_ptr(); WIDTH];
                for i in 0..WIDTH {
                    pixels[i] = pixels[i].wrapping_add(places[i] + first);
                }
                let (shift, plane) = (L::load_some(&bias[first..]), to.pixels());
                let first = out.wrapping_add(first * plane + pixel);
                let rows = Spread { first, apart: plane, last, ahead: WIDTH };
                // SAFETY: of pixels that there are: in the slice, as asserted; whoever gave `out` answers for so many pixels of
                // each channel.
                unsafe {
                    if relu {
                        L::turn_back::<true>(pixels, shift, n, rows);
                    } else {
                        L::turn_back::<false>(pixels, shift, n, rows);
                    }
                }
            }
        }
    }
}
