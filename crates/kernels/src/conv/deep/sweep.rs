//! Sums of one vector of channels: a pixel is read once for all columns of the window that see it, where a read for each
//! product would keep the multipliers waiting, and so all positions of the window are terms of the same sums.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::sums::PIXELS;
use crate::conv::tile::{At, PANEL, Rows};
use crate::lanes::{LaneKernel, Lanes, WIDTH};

/// Columns of the windows that there are loops for.
pub(super) const ACROSS: [usize; 2] = [3, 5];

/// A line of sums: those that are there, and the products of some terms.
pub(super) struct Sweep<'a> {
    /// Lines that are read, each at a place.
    pub(super) data: &'a [f32],
    pub(super) places: At<'a>,
    /// What their pixels are multiplied by for a column of the window, each at a place; columns are so far apart.
    pub(super) weight: &'a [f32],
    pub(super) weights: At<'a>,
    pub(super) apart: usize,
    pub(super) across: usize,
    /// Whether the last column of the window sees the first pixel.
    pub(super) turned: bool,
    /// Columns before the first that is read, for the first sum.
    pub(super) before: usize,
    /// Pixels that are read and that are written.
    pub(super) widths: [usize; 2],
    pub(super) sums: &'a mut [f32],
}

impl LaneKernel for Sweep<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        match self.across {
            3 => self.line::<L, 3>(),
            5 => self.line::<L, 5>(),
            across => unreachable!("{across} columns"),
        }
    }
}

impl Sweep<'_> {
    /// As few blocks as the registers allow, of nearly equal length.
    #[inline(always)]
    fn line<L: Lanes, const ACROSS: usize>(&mut self) {
        let [read, written] = self.widths;
        let k = self.places.places().len();
        if k == 0 || written == 0 {
            return;
        }
        assert!(self.places.furthest(k) + read <= self.data.len());
        assert!(self.weights.furthest(k) + (ACROSS - 1) * self.apart + WIDTH <= self.weight.len());
        assert!((written - 1) * PANEL + WIDTH <= self.sums.len());
        let mut first = 0;
        for blocks in (1..=written.div_ceil(PIXELS)).rev() {
            let count = (written - first).div_ceil(blocks);
            match count {
                13.. => self.block::<L, ACROSS, 14>(first, count),
                11.. => self.block::<L, ACROSS, 12>(first, count),
                9.. => self.block::<L, ACROSS, 10>(first, count),
                _ => self.block::<L, ACROSS, 8>(first, count),
            }
            first += count;
        }
    }

    /// So many sums, which are at most M. Each pixel is written out with a literal for its number: a loop could leave the sums in
    /// memory.
    #[inline(always)]
    fn block<L: Lanes, const ACROSS: usize, const M: usize>(&mut self, first: usize, count: usize) {
        let [read, _] = self.widths;
        // Pixels are counted from the first that the first sum's window may see, at most four before the line; those that there
        // are have a bit.
        let [start, end] = [0, read].map(|column| (column + self.before).saturating_sub(first));
        let present = ((1u32 << end.min(count + ACROSS - 1)) - 1) & (!0 << start);
        let out = self.sums.as_mut_ptr().wrapping_add(first * PANEL);
        let mut sums = [L::zero(); M];
        for i in 0..M {
            if i < count {
                // SAFETY: `line` asserted that all sums lie in the slice.
                sums[i] = L::load(unsafe { &*out.add(i * PANEL).cast() });
            }
        }
        let data = self.data.as_ptr().wrapping_add(first).wrapping_sub(self.before);
        for p in 0..self.places.places().len() {
            // SAFETY: there are so many places.
            let (line, weight) = unsafe { (data.wrapping_add(self.places.at(p)), self.weights.at(p)) };
            let mut lanes = [L::zero(); ACROSS];
            for t in 0..ACROSS {
                let column = if self.turned { ACROSS - 1 - t } else { t };
                // SAFETY: `line` asserted that all weights lie in the slice.
                lanes[t] =
                    L::load(unsafe { &*self.weight.as_ptr().add(weight + column * self.apart).cast() });
            }
            macro_rules! pixels {
                ($($pixel:literal)*) => {
                    $(
                        if $pixel < M + ACROSS - 1 && present >> $pixel & 1 == 1 {
                            // SAFETY: a pixel of the line, which `line` asserted to lie in the slice.
                            let v = L::splat(unsafe { *line.wrapping_add($pixel) });
                            for t in 0..ACROSS {
                                if t <= $pixel && $pixel - t < M {
                                    sums[($pixel - t) % M] = v.mul_add(lanes[t], sums[($pixel - t) % M]);
                                }
                            }
                        }
                    )*
                };
            }
            pixels!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17);
        }
        for i in 0..M {
            if i < count {
                // SAFETY: as above.
                sums[i].store(unsafe { &mut *out.add(i * PANEL).cast() });
            }
        }
    }
}
