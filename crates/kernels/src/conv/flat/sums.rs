//! Sums of products that are written after all terms: where windows lie in a copy with gaps between lines, where those
//! of several images fill vectors, and where results lie apart in the output.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::lines::{Cover, Lines, TERMS};
use super::{FEW, WIDE};
use crate::conv::tile::{Apart, At, Left, Neighbours, PANEL, Right, multiply};
use crate::lanes::{LaneKernel, Lanes, Part, WIDTH, dispatch_lanes, prefetch};

/// Copies stretches of up to [`WIDTH`] windows: from a place of the copy to a column of the panel.
pub(super) struct Pack<'a> {
    pub(super) copy: &'a [f32],
    pub(super) offsets: &'a [usize],
    pub(super) stretches: &'a [[usize; 2]],
    pub(super) to: &'a mut [f32],
}

impl LaneKernel for Pack<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Pack { copy, offsets, stretches, to } = self;
        for (p, &offset) in offsets.iter().enumerate() {
            for &[place, column] in stretches {
                let seen = &copy[offset + place..];
                // The next panel: the processor does not foresee so many streams.
                prefetch(seen.as_ptr().wrapping_add(PANEL));
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

/// Windows of a line whose sums lie side by side.
#[derive(Clone, Copy)]
struct Stretch {
    /// The image, the line and the first window.
    at: [usize; 3],
    /// Their place among the sums.
    column: usize,
    count: usize,
}

impl Lines<'_> {
    /// Windows as they lie in the copy.
    pub(super) fn gaps(self, sums: &mut [f32]) {
        let Cover { flat, rows, .. } = *self.cover;
        let (pitch, width) = (flat.pitch(), flat.output[1]);
        let windows = flat.windows(self.lines.len());
        let panel = if rows < FEW { WIDE } else { PANEL };
        let size = sums.len() / self.offsets.len();
        let places: Vec<At<'_>> = self.offsets.iter().map(|offsets| At::new(offsets)).collect();
        for start in (0..windows).step_by(panel) {
            let n = panel.min(windows - start);
            for (set, sums) in sums.chunks_exact_mut(size).enumerate() {
                let (left, copy) = (self.left(set), &self.copy[start..]);
                if rows < FEW {
                    dispatch_lanes(Few { left, rows, offsets: &self.offsets[set], copy, sums });
                } else {
                    let (k, right) =
                        (places[set].places().len(), Right { data: copy, rows: places[set], second: WIDTH });
                    multiply(
                        [rows, k, n],
                        Left { data: left, rows: Apart(k), terms: Neighbours },
                        right,
                        sums,
                        false,
                    );
                }
            }
            let (mut stretches, mut at) = (Vec::new(), start);
            while at < start + n {
                let (line, column) = (at / pitch, at % pitch);
                if column >= width {
                    at = (line + 1) * pitch;
                    continue;
                }
                let count = (width - column).min(start + n - at);
                stretches.push(Stretch { at: [0, line, column], column: at - start, count });
                at += count;
            }
            self.write(sums, panel, &stretches);
        }
    }

    /// Windows of so many images one after another; what is seen of these lies so far apart.
    pub(super) fn batch(self, images: usize, apart: usize, sums: &mut [f32]) {
        let Cover { flat, rows, .. } = *self.cover;
        let pitch = flat.pitch();
        let [count, length] = self.straight();
        let size = sums.len() / self.offsets.len();
        let terms: Vec<Vec<At<'_>>> =
            self.offsets.iter().map(|offsets| offsets.chunks(TERMS).map(At::new).collect()).collect();
        for start in (0..images * count * length).step_by(PANEL) {
            let end = (start + PANEL).min(images * count * length);
            let (mut stretches, mut places, mut at) = (Vec::new(), Vec::new(), start);
            while at < end {
                let (image, line, column) = (at / (count * length), at / length % count, at % length);
                let n = WIDTH.min(length - column).min(end - at);
                stretches.push(Stretch { at: [image, line, column], column: at - start, count: n });
                places.push([image * apart + line * pitch + column, at - start]);
                at += n;
            }
            for (set, sums) in sums.chunks_exact_mut(size).enumerate() {
                let k = self.offsets[set].len();
                if k == 0 {
                    sums.fill(0.0);
                }
                for (i, offsets) in terms[set].iter().enumerate() {
                    let (offsets, to) = (offsets.places(), &mut *self.packed);
                    dispatch_lanes(Pack { copy: self.copy, offsets, stretches: &places, to });
                    let left = Left { data: &self.left(set)[i * TERMS..], rows: Apart(k), terms: Neighbours };
                    let right = Right { data: &*self.packed, rows: Apart(PANEL), second: WIDTH };
                    multiply([rows, offsets.len(), end - start], left, right, sums, i > 0);
                }
            }
            self.write(sums, PANEL, &stretches);
        }
    }

    /// Of the group.
    fn left(&self, set: usize) -> &[f32] {
        let Cover { groups, rows, sets, .. } = *self.cover;
        let k = self.offsets[set].len();
        &sets[set].left[self.image % groups * rows * k..][..rows * k]
    }

    fn write(&self, sums: &[f32], panel: usize, stretches: &[Stretch]) {
        let size = sums.len() / self.offsets.len();
        dispatch_lanes(Write { lines: self, sums, size, panel, stretches });
    }
}

/// Writes sums with their bias.
struct Write<'a> {
    lines: &'a Lines<'a>,
    sums: &'a [f32],
    /// Sums of a set, and of a row.
    size: usize,
    panel: usize,
    stretches: &'a [Stretch],
}

impl LaneKernel for Write<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Write { lines: Lines { cover, image, lines, base, end, .. }, sums, size, panel, stretches } =
            self;
        let Cover { groups, rows, sets, bias, relu, target, .. } = **cover;
        let bias = bias.map(|bias| &bias[image % groups * rows..][..rows]);
        let side_by_side = sets.len() > 1;
        // Plain loops: iterators over lanes are not always inlined.
        for s in 0..stretches.len() {
            let Stretch { at: [of, line, window], column, count } = stretches[s];
            let place = target.first + (lines.start + line) * target.line + window * target.column;
            // Of two sets the second may have one less.
            let n = if side_by_side { (2 * count).min(target.width - window * target.column) } else { count };
            let step = if side_by_side { 1 } else { target.column };
            for row in 0..rows {
                let shift = match bias {
                    Some(bias) => bias[row],
                    None => 0.0,
                };
                let from = ((image + of) * rows + row) * target.plane + place;
                assert!(from + (n - 1) * step < *end);
                let sums = &sums[row * panel + column..];
                if step > 1 {
                    for i in 0..n {
                        // SAFETY: inside the output, as asserted; see `base` for who else writes.
                        unsafe { *base.add(from + i * step) = sums[i] + shift };
                    }
                    continue;
                }
                // SAFETY: as above.
                let out = unsafe { std::slice::from_raw_parts_mut(base.add(from), n) };
                let mut i = 0;
                while i < n {
                    if side_by_side {
                        let even = L::load_some(&sums[i / 2..]) + L::splat(shift);
                        let odd = L::load_some(&sums[size + i / 2..]) + L::splat(shift);
                        let [low, high] = L::interleave(even, odd);
                        let (middle, end) = (n.min(i + WIDTH), n.min(i + 2 * WIDTH));
                        low.store_some(&mut out[i..middle]);
                        high.store_some(&mut out[middle..end]);
                        i = end;
                    } else {
                        let end = n.min(i + WIDTH);
                        let sum = L::load_some(&sums[i..]) + L::splat(shift);
                        if relu { sum.relu() } else { sum }.store_some(&mut out[i..end]);
                        i = end;
                    }
                }
            }
        }
    }
}

/// The sums of a few rows.
struct Few<'a> {
    left: &'a [f32],
    rows: usize,
    offsets: &'a [usize],
    copy: &'a [f32],
    sums: &'a mut [f32],
}

impl LaneKernel for Few<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let mut at = 0;
        // As many vectors of windows at a time as the registers allow.
        while at < WIDE {
            at += match self.rows {
                1 if L::PARTED => self.block::<L::Part, 1, 8>(at),
                1 => self.block::<L::Part, 1, 4>(at),
                2 => self.block::<L::Part, 2, 4>(at),
                _ => self.block::<L::Part, 3, 4>(at),
            };
        }
    }
}

impl Few<'_> {
    /// The sums of M rows for V vectors of windows, from this window on. Gives how many windows these are.
    #[inline(always)]
    fn block<P: Part, const M: usize, const V: usize>(&mut self, at: usize) -> usize {
        let Few { left, offsets, copy, ref mut sums, .. } = *self;
        let (k, n) = (offsets.len(), V * P::COUNT);
        assert!(left.len() == M * k && at + n <= WIDE && (M - 1) * WIDE + at + n <= sums.len());
        let mut lanes = [[P::splat(0.0); V]; M];
        for p in 0..k {
            let seen = &copy[offsets[p] + at..][..n];
            let mut weights = [P::splat(0.0); M];
            for i in 0..M {
                // SAFETY: of M rows of k, as asserted.
                weights[i] = P::splat(unsafe { *left.as_ptr().add(i * k + p) });
            }
            for j in 0..V {
                // SAFETY: in the slice of V vectors.
                let pixels = unsafe { P::read(seen.as_ptr().add(j * P::COUNT)) };
                for i in 0..M {
                    lanes[i][j] = weights[i].mul_add(pixels, lanes[i][j]);
                }
            }
        }
        for i in 0..M {
            for j in 0..V {
                // SAFETY: in the slice, as asserted.
                unsafe { lanes[i][j].write(sums.as_mut_ptr().add(i * WIDE + at + j * P::COUNT)) };
            }
        }
        n
    }
}
