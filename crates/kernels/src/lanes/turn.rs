//! Rows of numbers into vectors that have one number of each row, and back.
//!
//! The vectors stay in registers only if no loop over them may end early and no array of them is handed on; so
//! bounds are checked once, before.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Lanes, WIDTH, prefetch};
use crate::{DType, Storage};
use std::ops::Range;

/// One number of each of sixteen rows.
pub(crate) type Pixel = [f32; WIDTH];

/// Room for pixels, each in a cache line of its own: one across two would take two loads.
pub(crate) struct Pixels(Storage);

impl Pixels {
    /// What is in it counts for nothing.
    pub(crate) fn new(count: usize) -> Pixels {
        Pixels(Storage::new(DType::F32, count * WIDTH))
    }

    pub(crate) fn zeros(count: usize) -> Pixels {
        let mut pixels = Pixels::new(count);
        pixels.all().fill([0.0; WIDTH]);
        pixels
    }

    pub(crate) fn all(&mut self) -> &mut [Pixel] {
        self.0.as_mut_slice::<f32>().as_chunks_mut().0
    }
}

/// Numbers in memory that fit a lane.
pub(crate) trait Number: Copy {
    fn load<L: Lanes>(from: &[Self]) -> L;
    fn store<L: Lanes>(lanes: L, to: &mut [Self]);
}

impl Number for f32 {
    #[inline(always)]
    fn load<L: Lanes>(from: &[f32]) -> L {
        L::load_some(from)
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, to: &mut [f32]) {
        lanes.store_some(to);
    }
}

impl Number for u8 {
    #[inline(always)]
    fn load<L: Lanes>(from: &[u8]) -> L {
        L::load_bytes(from)
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, to: &mut [u8]) {
        lanes.store_bytes(to);
    }
}

/// Where rows are: `count` of them, at most sixteen count, the first at `first` and each `apart` from the one before.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) first: usize,
    pub(crate) apart: usize,
    pub(crate) count: usize,
}

impl Rows {
    /// Asserts that `n` numbers of each row lie in a slice of this length, and gives the number of the last row.
    #[inline(always)]
    fn last(self, n: usize, len: usize) -> usize {
        let last = self.count.clamp(1, WIDTH) - 1;
        assert!(n <= WIDTH && self.first + last * self.apart + n <= len);
        last
    }
}

/// Vector i of `to` becomes number i of each row, for the first `n`; the vectors after these become anything. Lanes
/// without a row are as the last row. What lies `ahead` of the rows is asked for.
#[inline(always)]
pub(crate) fn turn_in<L: Lanes, T: Number>(
    from: &[T],
    rows: Rows,
    n: usize,
    ahead: usize,
    to: &mut [Pixel; WIDTH],
) {
    let last = rows.last(n, from.len());
    let mut lanes = [L::zero(); WIDTH];
    for p in 0..WIDTH {
        let at = from.as_ptr().wrapping_add(rows.first + p.min(last) * rows.apart);
        prefetch(at.wrapping_add(ahead).cast());
        // SAFETY: `last` asserted that they lie in the slice.
        lanes[p] = T::load(unsafe { std::slice::from_raw_parts(at, n) });
    }
    L::transpose_to(lanes, to);
}

/// The first `n` numbers of each row become those of the vectors.
#[inline(always)]
pub(crate) fn turn_out<L: Lanes, T: Number>(from: &[Pixel; WIDTH], to: &mut [T], rows: Rows, n: usize) {
    let last = rows.last(n, to.len());
    let mut lanes = [L::zero(); WIDTH];
    for i in 0..WIDTH {
        // Where the next numbers of each row go: the processor does not foresee so many streams.
        prefetch(to.as_ptr().wrapping_add(rows.first + i.min(last) * rows.apart + WIDTH).cast());
        lanes[i] = L::load(&from[i]);
    }
    let turned = L::transpose(lanes);
    for p in 0..WIDTH {
        let (at, n) = (rows.first + p.min(last) * rows.apart, if p > last { 0 } else { n });
        // SAFETY: `last` asserted that they lie in the slice.
        let to = unsafe { std::slice::from_raw_parts_mut(to.as_mut_ptr().add(at), n) };
        T::store(turned[p], to);
    }
}

/// Reads places `range` of planes that lie `size` apart, sixteen or as many as there are. `to` has room for fifteen
/// pixels more.
#[inline(always)]
pub(crate) fn read<L: Lanes, T: Number>(planes: &[T], size: usize, range: Range<usize>, to: &mut [Pixel]) {
    let count = planes.len() / size;
    for at in range.clone().step_by(WIDTH) {
        let n = WIDTH.min(range.end - at);
        let rows = Rows { first: at, apart: size, count };
        if let Some(to) = to[at - range.start..].first_chunk_mut() {
            // The next sixteen planes: the processor does not foresee so many streams.
            turn_in::<L, T>(planes, rows, n, WIDTH * size, to);
        }
    }
}

/// Writes places `range` of planes that lie `size` apart, from pixels with fifteen behind them.
#[inline(always)]
pub(crate) fn write<L: Lanes, T: Number>(from: &[Pixel], planes: &mut [T], size: usize, range: Range<usize>) {
    let count = planes.len() / size;
    for at in range.clone().step_by(WIDTH) {
        let n = WIDTH.min(range.end - at);
        if let Some(from) = from[at - range.start..].first_chunk() {
            turn_out::<L, T>(from, planes, Rows { first: at, apart: size, count }, n);
        }
    }
}
