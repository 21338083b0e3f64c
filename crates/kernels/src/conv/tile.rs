//! Small matrix products in registers: what convolutions are made of.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, prefetch};

/// Columns of a panel: what the second operand and the result are stored in.
pub(super) const PANEL: usize = 2 * WIDTH;

/// Where the rows of an operand begin.
pub(super) trait Rows: Copy {
    /// How many rows are reached from the address of one, the processor adding what lies between: there are not so many
    /// registers.
    const REACHED: usize;
    /// How far rows are apart, if all are equally far.
    fn apart(self) -> Option<usize>;
    /// # Safety
    /// `furthest` has been asked for more rows than this.
    unsafe fn at(self, row: usize) -> usize;
    /// The furthest of the first `count`, or more than that.
    ///
    /// # Panics
    /// If there are not so many.
    fn furthest(self, count: usize) -> usize;
}

/// So far apart.
#[derive(Clone, Copy)]
pub(super) struct Apart(pub(super) usize);
impl Rows for Apart {
    const REACHED: usize = 3;
    #[inline(always)]
    fn apart(self) -> Option<usize> {
        Some(self.0)
    }
    #[inline(always)]
    unsafe fn at(self, row: usize) -> usize {
        self.0 * row
    }
    #[inline(always)]
    fn furthest(self, count: usize) -> usize {
        self.0 * (count - 1)
    }
}

/// One after another.
#[derive(Clone, Copy)]
pub(super) struct Neighbours;
impl Rows for Neighbours {
    const REACHED: usize = usize::MAX;
    #[inline(always)]
    fn apart(self) -> Option<usize> {
        Some(1)
    }
    #[inline(always)]
    unsafe fn at(self, row: usize) -> usize {
        row
    }
    #[inline(always)]
    fn furthest(self, count: usize) -> usize {
        count - 1
    }
}

/// At these places.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    rows: &'a [usize],
    furthest: usize,
}
impl<'a> At<'a> {
    pub(super) fn new(rows: &'a [usize]) -> Self {
        At { rows, furthest: rows.iter().fold(0, |most, &at| most.max(at)) }
    }
    pub(super) fn places(self) -> &'a [usize] {
        self.rows
    }
}

/// Places that are used often: the furthest is known.
pub(super) struct Places {
    rows: Vec<usize>,
    furthest: usize,
}
impl Places {
    pub(super) fn new(rows: Vec<usize>) -> Self {
        Places { furthest: At::new(&rows).furthest, rows }
    }
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
    pub(super) fn at(&self) -> At<'_> {
        At { rows: &self.rows, furthest: self.furthest }
    }
}
impl Rows for At<'_> {
    const REACHED: usize = 1;
    #[inline(always)]
    fn apart(self) -> Option<usize> {
        None
    }
    #[inline(always)]
    unsafe fn at(self, row: usize) -> usize {
        // SAFETY: `furthest` made sure that there are so many.
        unsafe { *self.rows.get_unchecked(row) }
    }
    /// Of all, which is known already.
    #[inline(always)]
    fn furthest(self, count: usize) -> usize {
        assert!(count <= self.rows.len());
        self.furthest
    }
}

/// The first operand: where its rows begin, and where the terms of a sum are from there.
#[derive(Clone, Copy)]
pub(super) struct Left<'a, R, K> {
    pub(super) data: &'a [f32],
    pub(super) rows: R,
    pub(super) terms: K,
}

/// The second operand; neighbours in a row are neighbours in memory.
#[derive(Clone, Copy)]
pub(super) struct Right<'a, R> {
    pub(super) data: &'a [f32],
    pub(super) rows: R,
    /// How far the second vector of a row is from the first.
    pub(super) second: usize,
}

/// out = left · right, or out += left · right where `accumulate`: `rows` × `columns`, with sums over k. `out` is
/// (rows, [`PANEL`]), of which the first `columns`, rounded up to [`WIDTH`], are used; as many of `right` are read.
///
/// # Panics
/// If an operand lies outside its slice.
pub(super) fn multiply<A: Rows, K: Rows, B: Rows>(
    [rows, k, columns]: [usize; 3],
    left: Left<'_, A, K>,
    right: Right<'_, B>,
    out: &mut [f32],
    accumulate: bool,
) {
    let width = columns.next_multiple_of(WIDTH);
    if rows == 0 || width == 0 {
        return;
    }
    multiply_into([rows, k, width / WIDTH], left, right, Sums { out, apart: PANEL, accumulate });
}

/// As [`multiply`], of one or two vectors of columns, into a sink.
///
/// # Panics
/// If an operand lies outside its slice.
#[inline]
pub(super) fn multiply_into<A: Rows, K: Rows, B: Rows, S: Sink>(
    [rows, k, vectors]: [usize; 3],
    left: Left<'_, A, K>,
    right: Right<'_, B>,
    sink: S,
) {
    assert!(rows > 0 && (vectors == 1 || vectors == 2) && sink.holds(rows, vectors));
    let furthest = left.rows.furthest(rows);
    if k > 0 {
        assert!(furthest + left.terms.furthest(k) < left.data.len());
        assert!(right.rows.furthest(k) + (vectors - 1) * right.second + WIDTH <= right.data.len());
    }
    dispatch_lanes(Multiply { sizes: [rows, k, vectors], left, right, sink });
}

/// What takes the sums.
pub(super) trait Sink {
    /// Whether there is room for so many rows and vectors of columns.
    fn holds(&self, rows: usize, vectors: usize) -> bool;
    /// What was there before, if the sums are added to that: for a row and a vector of columns.
    fn before<L: Lanes>(&self, row: usize, vector: usize) -> L;
    /// Whether they are.
    fn accumulates(&self) -> bool;
    /// Asks for the place of these sums before there are any, if that is worth while. Where a vector lies on two lines, the next
    /// one asks for the second.
    #[inline(always)]
    fn ask(&self, _: usize, _: usize) {}
    /// The sums of a row for a vector of columns.
    fn put<L: Lanes>(&mut self, row: usize, vector: usize, sums: L);
}

/// Rows of sums that lie so far apart.
pub(super) struct Sums<'a> {
    pub(super) out: &'a mut [f32],
    pub(super) apart: usize,
    pub(super) accumulate: bool,
}

impl Sink for Sums<'_> {
    #[inline(always)]
    fn holds(&self, rows: usize, vectors: usize) -> bool {
        (rows - 1) * self.apart + vectors * WIDTH <= self.out.len()
    }
    #[inline(always)]
    fn before<L: Lanes>(&self, row: usize, vector: usize) -> L {
        // SAFETY: `multiply_into` asserted that all rows lie in the slice.
        L::load(unsafe { &*self.out.as_ptr().add(row * self.apart + vector * WIDTH).cast() })
    }
    #[inline(always)]
    fn accumulates(&self) -> bool {
        self.accumulate
    }
    #[inline(always)]
    fn put<L: Lanes>(&mut self, row: usize, vector: usize, sums: L) {
        // SAFETY: as above.
        sums.store(unsafe { &mut *self.out.as_mut_ptr().add(row * self.apart + vector * WIDTH).cast() });
    }
}

/// Rows that lie so far apart, to which a bias is added, and of which max(0, …) is taken with `RELU`.
pub(super) struct Finished<'a, const RELU: bool> {
    base: *mut f32,
    apart: usize,
    /// How far the second vector is from the first.
    second: usize,
    /// Numbers of either vector.
    counts: [usize; 2],
    /// One for each row, `step` apart.
    bias: &'a [f32],
    step: usize,
    accumulate: bool,
    /// Whether places are worth asking for.
    asks: bool,
}

impl<'a, const RELU: bool> Finished<'a, RELU> {
    /// With a bias for each row, if there is one. What `is_far` is worth asking for.
    ///
    /// # Safety
    /// Nobody else uses the numbers of any row that is asked for, and there are as many biases.
    pub(super) unsafe fn new(
        base: *mut f32,
        [apart, second]: [usize; 2],
        counts: [usize; 2],
        bias: Option<&'a [f32]>,
        accumulate: bool,
        is_far: bool,
    ) -> Self {
        let (bias, step) = bias.map_or((&[0.0][..], 0), |bias| (bias, 1));
        // What is there before is read at once.
        let asks = is_far && !accumulate;
        Finished { base, apart, second, counts, bias, step, accumulate, asks }
    }

    /// Where the numbers of a row are.
    #[inline(always)]
    fn place(&self, row: usize, vector: usize) -> *mut f32 {
        self.base.wrapping_add(row * self.apart + vector * self.second)
    }
}

impl<const RELU: bool> Sink for Finished<'_, RELU> {
    /// Whoever made this answers for that.
    #[inline(always)]
    fn holds(&self, _: usize, _: usize) -> bool {
        true
    }
    #[inline(always)]
    fn before<L: Lanes>(&self, row: usize, vector: usize) -> L {
        // SAFETY: whoever made this answers for the numbers of the row.
        L::load_some(unsafe { std::slice::from_raw_parts(self.place(row, vector), self.counts[vector]) })
    }
    #[inline(always)]
    fn accumulates(&self) -> bool {
        self.accumulate
    }
    #[inline(always)]
    fn ask(&self, row: usize, vector: usize) {
        if self.asks {
            prefetch(self.place(row, vector));
        }
    }
    #[inline(always)]
    fn put<L: Lanes>(&mut self, row: usize, vector: usize, sums: L) {
        debug_assert!(row * self.step < self.bias.len());
        // SAFETY: whoever made this answers for the numbers of the row and its bias.
        unsafe {
            let sums = sums + L::splat(*self.bias.as_ptr().add(row * self.step));
            let out = std::slice::from_raw_parts_mut(self.place(row, vector), self.counts[vector]);
            if RELU { sums.relu() } else { sums }.store_some(out);
        }
    }
}

struct Multiply<'a, A, K, B, S> {
    sizes: [usize; 3],
    left: Left<'a, A, K>,
    right: Right<'a, B>,
    sink: S,
}

impl<A: Rows, K: Rows, B: Rows, S: Sink> LaneKernel for Multiply<'_, A, K, B, S> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        if self.sizes[2] > 1 && L::COLUMNS > 1 {
            self.blocks::<L, 2>(0);
            return;
        }
        for vector in 0..self.sizes[2] {
            self.blocks::<L, 1>(vector);
        }
    }
}

impl<A: Rows, K: Rows, B: Rows, S: Sink> Multiply<'_, A, K, B, S> {
    /// N vectors of columns, from this one on: as few blocks of rows as the registers allow, of equal height.
    #[inline(always)]
    fn blocks<L: Lanes, const N: usize>(&mut self, vector: usize) {
        let [rows, ..] = self.sizes;
        // Two more where their addresses take no registers.
        let most = if L::ROWS >= 12 && A::REACHED > 1 { 14 } else { L::ROWS };
        let (mut row, mut blocks) = (0, rows.div_ceil(most));
        while row < rows {
            let height = (rows - row).div_ceil(blocks);
            match height {
                14 if L::ROWS >= 12 => self.block::<L, 14, N>(row, vector),
                13 if L::ROWS >= 12 => self.block::<L, 13, N>(row, vector),
                12 if L::ROWS >= 12 => self.block::<L, 12, N>(row, vector),
                11 if L::ROWS >= 12 => self.block::<L, 11, N>(row, vector),
                10 if L::ROWS >= 12 => self.block::<L, 10, N>(row, vector),
                9 if L::ROWS >= 12 => self.block::<L, 9, N>(row, vector),
                8 if L::ROWS >= 12 => self.block::<L, 8, N>(row, vector),
                7 if L::ROWS >= 12 => self.block::<L, 7, N>(row, vector),
                6 if L::ROWS >= 6 => self.block::<L, 6, N>(row, vector),
                5 if L::ROWS >= 6 => self.block::<L, 5, N>(row, vector),
                4 if L::ROWS >= 6 => self.block::<L, 4, N>(row, vector),
                3 if L::ROWS >= 6 => self.block::<L, 3, N>(row, vector),
                2 => self.block::<L, 2, N>(row, vector),
                _ => self.block::<L, 1, N>(row, vector),
            }
            (row, blocks) = (row + height, blocks - 1);
        }
    }

    /// M rows and N vectors of columns, whose sums stay in registers.
    #[inline(always)]
    fn block<L: Lanes, const M: usize, const N: usize>(&mut self, row: usize, vector: usize) {
        let [_, k, _] = self.sizes;
        let Left { data: a, rows, terms } = self.left;
        let mut starts = [a.as_ptr(); M];
        let (apart, each) = (rows.apart().unwrap_or(0), A::REACHED.min(M));
        for i in 0..M.div_ceil(each) {
            // SAFETY: `multiply_into` asked for all rows.
            starts[i] = a.as_ptr().wrapping_add(unsafe { rows.at(row + i * each) });
        }
        let mut sums = [[L::zero(); N]; M];
        if self.sink.accumulates() {
            for i in 0..M {
                for j in 0..N {
                    sums[i][j] = self.sink.before(row + i, vector + j);
                }
            }
        }
        for i in 0..M {
            for j in 0..N {
                self.sink.ask(row + i, vector + j);
            }
        }
        let b = self.right.data.as_ptr().wrapping_add(vector * self.right.second);
        for p in 0..k {
            let mut lanes = [L::zero(); N];
            for j in 0..N {
                // SAFETY: `multiply_into` asserted that both vectors of row p lie in the slice.
                lanes[j] = L::load(unsafe { &*b.add(self.right.rows.at(p) + j * self.right.second).cast() });
            }
            // SAFETY: `multiply_into` asked for all terms.
            let term = unsafe { terms.at(p) };
            for at in 0..M.div_ceil(each) {
                let start = starts[at].wrapping_add(term);
                for i in at * each..M.min(at * each + each) {
                    // SAFETY: term p of that row, which `multiply_into` asserted to lie in the slice.
                    let v = L::splat(unsafe { *start.add((i - at * each) * apart) });
                    for j in 0..N {
                        sums[i][j] = v.mul_add(lanes[j], sums[i][j]);
                    }
                }
            }
        }
        for i in 0..M {
            for j in 0..N {
                self.sink.put(row + i, vector + j, sums[i][j]);
            }
        }
    }
}
