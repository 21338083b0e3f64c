//! Small matrix products in registers: what convolutions are made of.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};

/// Columns of a panel: what the second operand and the result are stored in.
pub(super) const PANEL: usize = 2 * WIDTH;

/// Where the rows of an operand begin.
pub(super) trait Rows: Copy {
    fn at(self, row: usize) -> usize;
    /// The furthest of the first `count`.
    fn furthest(self, count: usize) -> usize;
}

/// So far apart.
#[derive(Clone, Copy)]
pub(super) struct Apart(pub(super) usize);
impl Rows for Apart {
    #[inline(always)]
    fn at(self, row: usize) -> usize {
        self.0 * row
    }
    #[inline(always)]
    fn furthest(self, count: usize) -> usize {
        self.0 * (count - 1)
    }
}

/// At these places.
impl Rows for &[usize] {
    #[inline(always)]
    fn at(self, row: usize) -> usize {
        self[row]
    }
    #[inline(always)]
    fn furthest(self, count: usize) -> usize {
        self[..count].iter().fold(0, |most, &at| most.max(at))
    }
}

/// The first operand; neighbours in a row are `step` apart.
#[derive(Clone, Copy)]
pub(super) struct Left<'a, R> {
    pub(super) data: &'a [f32],
    pub(super) rows: R,
    pub(super) step: usize,
}

/// The second operand; neighbours in a row are neighbours in memory.
#[derive(Clone, Copy)]
pub(super) struct Right<'a, R> {
    pub(super) data: &'a [f32],
    pub(super) rows: R,
}

/// out = left · right, or out += left · right where `accumulate`: `rows` × `columns`, with sums over k. `out` is
/// (rows, [`PANEL`]), of which the first `columns`, rounded up to [`WIDTH`], are used; as many of `right` are read.
///
/// # Panics
/// If an operand lies outside its slice.
pub(super) fn multiply<A: Rows, B: Rows>(
    [rows, k, columns]: [usize; 3],
    left: Left<'_, A>,
    right: Right<'_, B>,
    out: &mut [f32],
    accumulate: bool,
) {
    let width = columns.next_multiple_of(WIDTH);
    if rows == 0 || width == 0 {
        return;
    }
    assert!((rows - 1) * PANEL + width <= out.len());
    multiply_into([rows, k, columns], left, right, Panel { out, accumulate });
}

/// As [`multiply`], into a sink.
///
/// # Panics
/// If an operand lies outside its slice.
#[inline]
pub(super) fn multiply_into<A: Rows, B: Rows, S: Sink>(
    [rows, k, columns]: [usize; 3],
    left: Left<'_, A>,
    right: Right<'_, B>,
    sink: S,
) {
    let width = columns.next_multiple_of(WIDTH);
    assert!(width <= PANEL);
    if k > 0 {
        assert!(left.rows.furthest(rows) + (k - 1) * left.step < left.data.len());
        assert!(right.rows.furthest(k) + width <= right.data.len());
    }
    dispatch_lanes(Multiply { sizes: [rows, k, width], left, right, sink });
}

/// What takes the sums.
pub(super) trait Sink {
    /// The sums of a row for the columns from one on.
    fn put<L: Lanes>(&mut self, row: usize, column: usize, sums: L);
}

/// Rows of [`PANEL`].
struct Panel<'a> {
    out: &'a mut [f32],
    accumulate: bool,
}

impl Sink for Panel<'_> {
    #[inline(always)]
    fn put<L: Lanes>(&mut self, row: usize, column: usize, sums: L) {
        let out = &mut self.out[row * PANEL + column..][..WIDTH];
        let sums = if self.accumulate { L::load_some(out) + sums } else { sums };
        sums.store_some(out);
    }
}

/// Rows that lie so far apart, of so many numbers each, which are written finished.
pub(super) struct Finished<'a> {
    base: *mut f32,
    apart: usize,
    count: usize,
    bias: Option<&'a [f32]>,
    relu: bool,
}

impl<'a> Finished<'a> {
    /// With a bias for each row, if there is one, and max(0, …) of the sums.
    ///
    /// # Safety
    /// Nobody else uses the `count` numbers of any row that is asked for.
    pub(super) unsafe fn new(
        base: *mut f32,
        [apart, count]: [usize; 2],
        bias: Option<&'a [f32]>,
        relu: bool,
    ) -> Self {
        Finished { base, apart, count, bias, relu }
    }
}

impl Sink for Finished<'_> {
    #[inline(always)]
    fn put<L: Lanes>(&mut self, row: usize, column: usize, sums: L) {
        let n = self.count.saturating_sub(column).min(WIDTH);
        let sums = match self.bias {
            Some(bias) => sums + L::splat(bias[row]),
            None => sums,
        };
        // SAFETY: whoever made this answers for the numbers of the row.
        let out = unsafe { std::slice::from_raw_parts_mut(self.base.add(row * self.apart + column), n) };
        if self.relu { sums.relu() } else { sums }.store_some(out);
    }
}

struct Multiply<'a, A, B, S> {
    sizes: [usize; 3],
    left: Left<'a, A>,
    right: Right<'a, B>,
    sink: S,
}

impl<A: Rows, B: Rows, S: Sink> LaneKernel for Multiply<'_, A, B, S> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        if self.sizes[2] > WIDTH && L::COLUMNS > 1 {
            self.blocks::<L, 2>(0);
            return;
        }
        for column in (0..self.sizes[2]).step_by(WIDTH) {
            self.blocks::<L, 1>(column);
        }
    }
}

impl<A: Rows, B: Rows, S: Sink> Multiply<'_, A, B, S> {
    /// N registers of columns, from this one on: as few blocks of rows as the registers allow, of equal height.
    #[inline(always)]
    fn blocks<L: Lanes, const N: usize>(&mut self, column: usize) {
        let [rows, ..] = self.sizes;
        let (mut row, mut blocks) = (0, rows.div_ceil(L::ROWS));
        while row < rows {
            let height = (rows - row).div_ceil(blocks);
            match height {
                12 if L::ROWS >= 12 => self.block::<L, 12, N>(row, column),
                11 if L::ROWS >= 12 => self.block::<L, 11, N>(row, column),
                10 if L::ROWS >= 12 => self.block::<L, 10, N>(row, column),
                9 if L::ROWS >= 12 => self.block::<L, 9, N>(row, column),
                8 if L::ROWS >= 12 => self.block::<L, 8, N>(row, column),
                7 if L::ROWS >= 12 => self.block::<L, 7, N>(row, column),
                6 if L::ROWS >= 6 => self.block::<L, 6, N>(row, column),
                5 if L::ROWS >= 6 => self.block::<L, 5, N>(row, column),
                4 if L::ROWS >= 6 => self.block::<L, 4, N>(row, column),
                3 if L::ROWS >= 6 => self.block::<L, 3, N>(row, column),
                2 => self.block::<L, 2, N>(row, column),
                _ => self.block::<L, 1, N>(row, column),
            }
            (row, blocks) = (row + height, blocks - 1);
        }
    }

    /// M rows and N registers of columns, whose sums stay in registers.
    #[inline(always)]
    fn block<L: Lanes, const M: usize, const N: usize>(&mut self, row: usize, column: usize) {
        let [_, k, _] = self.sizes;
        let Left { data: a, rows, step } = self.left;
        let mut starts = [0; M];
        for i in 0..M {
            starts[i] = rows.at(row + i);
        }
        let mut sums = [[L::zero(); N]; M];
        let (mut a, b) = (a.as_ptr(), self.right.data.as_ptr());
        for p in 0..k {
            let mut lanes = [L::zero(); N];
            for j in 0..N {
                // SAFETY: `multiply_into` asserted that all of row p up to the width of the product lies in the slice.
                lanes[j] = L::load(unsafe { &*b.add(self.right.rows.at(p) + column + j * WIDTH).cast() });
            }
            for i in 0..M {
                // SAFETY: element p of that row, which `multiply_into` asserted to lie in the slice.
                let v = L::splat(unsafe { *a.add(starts[i]) });
                for j in 0..N {
                    sums[i][j] = v.mul_add(lanes[j], sums[i][j]);
                }
            }
            a = a.wrapping_add(step);
        }
        for i in 0..M {
            for j in 0..N {
                self.sink.put(row + i, column + j * WIDTH, sums[i][j]);
            }
        }
    }
}
