//! Rows of numbers into vectors that have one number of each row, and back.
//!
//! The vectors stay in registers only if no loop over them may end early and no array of them is handed on; so
//! bounds are checked once, before.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{Lanes, Spread, WIDTH, prefetch};
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

    /// [`Lanes::turn`]
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn turn<L: Lanes>(from: Spread<*const Self>, n: usize, to: [*mut f32; WIDTH]) {
        // SAFETY: the caller's.
        unsafe { turn::<L, Self>(from, n, to) };
    }

    /// [`Lanes::turn_back`] without a shift.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    unsafe fn turn_back<L: Lanes>(from: [*const f32; WIDTH], n: usize, to: Spread<*mut Self>) {
        // SAFETY: the caller's.
        unsafe { turn_back::<L, Self, false>(from, L::splat(-0.0), n, to) };
    }
}

/// [`Lanes::turn`] in registers, of any numbers.
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn turn<L: Lanes, T: Number>(from: Spread<*const T>, n: usize, to: [*mut f32; WIDTH]) {
    let mut rows = [L::zero(); WIDTH];
    for i in 0..WIDTH {
        let row = from.first.wrapping_add(from.to_row(i));
        prefetch(row.wrapping_add(from.ahead).cast());
        // SAFETY: the caller's.
        rows[i] = T::load(unsafe { std::slice::from_raw_parts(row, n) });
    }
    let columns = L::transpose(rows);
    for i in 0..WIDTH {
        if i < n {
            // SAFETY: the caller's.
            columns[i].store(unsafe { &mut *to[i].cast() });
        }
    }
}

/// [`Lanes::turn_back`] in registers, to any numbers.
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn turn_back<L: Lanes, T: Number, const RELU: bool>(
    from: [*const f32; WIDTH],
    shift: L,
    n: usize,
    to: Spread<*mut T>,
) {
    let mut columns = [L::zero(); WIDTH];
    for i in 0..WIDTH {
        // SAFETY: the caller's.
        let column = L::load(unsafe { &*from[i].cast() }) + shift;
        columns[i] = if RELU { column.relu() } else { column };
    }
    let turned = L::transpose(columns);
    for i in 0..WIDTH {
        let row = to.first.wrapping_add(to.to_row(i));
        prefetch(row.wrapping_add(to.ahead).cast_const().cast());
        // SAFETY: the caller's.
        let row = unsafe { std::slice::from_raw_parts_mut(row, if i > to.last { 0 } else { n }) };
        T::store(turned[i], row);
    }
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
    #[inline(always)]
    unsafe fn turn<L: Lanes>(from: Spread<*const f32>, n: usize, to: [*mut f32; WIDTH]) {
        // SAFETY: the caller's.
        unsafe { L::turn(from, n, to) };
    }
    #[inline(always)]
    unsafe fn turn_back<L: Lanes>(from: [*const f32; WIDTH], n: usize, to: Spread<*mut f32>) {
        // SAFETY: the caller's.
        unsafe { L::turn_back::<false>(from, L::splat(-0.0), n, to) };
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

/// Vector i of `to` becomes number i of each row, for the first `n`; the vectors after these stay. Lanes
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
    let rows = Spread { first: from.as_ptr().wrapping_add(rows.first), apart: rows.apart, last, ahead };
    let mut places = [std::ptr::null_mut(); WIDTH];
    for i in 0..WIDTH {
        places[i] = to[i].as_mut_ptr();
    }
    // SAFETY: `last` asserted that the rows lie in the slice.
    unsafe { T::turn::<L>(rows, n, places) };
}

/// The first `n` numbers of each row become those of the vectors.
#[inline(always)]
pub(crate) fn turn_out<L: Lanes, T: Number>(from: &[Pixel; WIDTH], to: &mut [T], rows: Rows, n: usize) {
    let last = rows.last(n, to.len());
    // What comes next of each row is asked for: the processor does not foresee so many streams.
    let first = to.as_mut_ptr().wrapping_add(rows.first);
    let rows = Spread { first, apart: rows.apart, last, ahead: WIDTH };
    let mut starts = [std::ptr::null(); WIDTH];
    for i in 0..WIDTH {
        starts[i] = from[i].as_ptr();
    }
    // SAFETY: `last` asserted that the rows lie in the slice.
    unsafe { T::turn_back::<L>(starts, n, rows) };
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
