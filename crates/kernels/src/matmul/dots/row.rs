//! The product of one row with many: as fast as the many are read.

use super::Dots;
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, is_narrow, opaque, prefetch};
use std::ops::Range;

/// The next rows are asked for where they are no farther. Processors without AVX-512 gain by it.
const AHEAD: usize = 2048;
/// Sums from which on rows are taken by the place where they begin.
const LONG: usize = 4 * WIDTH;
/// Vectors of a row that are read before those of the next, where a sum has twice as many: there are registers for so many
/// beside the sums of sixteen rows.
const BLOCK: usize = 12;

/// Results of those of the many.
pub(super) fn multiply(dots: &Dots<'_>, range: Range<usize>) {
    // A sample comes from main memory: all of it at once.
    for p in (0..dots.k).step_by(WIDTH) {
        prefetch(dots.few.data.wrapping_add(p));
    }
    if is_narrow() {
        return dispatch_lanes(Narrow(dots, range));
    }
    let end = range.end - range.len() % WIDTH;
    if end > range.start {
        let groups = range.start..end;
        // Four rows leave the one in the first-level cache; more are more lines on their way, where they come from afar.
        let apart = if dots.k < LONG { 1 } else { WIDTH >> dots.many.across.trailing_zeros().min(4) };
        match (apart, dots.is_far) {
            (2, false) => dispatch_lanes(Groups::<4, 2>(dots, groups)),
            (2, true) => dispatch_lanes(Groups::<8, 2>(dots, groups)),
            (4, _) => dispatch_lanes(Groups::<4, 4>(dots, groups)),
            (8, _) => dispatch_lanes(Groups::<2, 8>(dots, groups)),
            (_, false) => dispatch_lanes(Groups::<4, 1>(dots, groups)),
            (_, true) => dispatch_lanes(Groups::<8, 1>(dots, groups)),
        }
    }
    if end < range.end {
        dispatch_lanes(Rest(dots, end..range.end));
    }
}

/// With sixteen registers: two rows at a time.
struct Narrow<'a>(&'a Dots<'a>, Range<usize>);

impl LaneKernel for Narrow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        if L::COLUMNS > 1 {
            unreachable!("thirty-two registers");
        }
        let Narrow(dots, range) = self;
        let ahead = if 2 * dots.many.across <= AHEAD { 2 * dots.many.across } else { 0 };
        for first in range.clone().step_by(WIDTH) {
            let here = WIDTH.min(range.end - first);
            let mut rows = [L::zero(); WIDTH];
            let mut at = 0;
            while at + 2 <= here {
                let sums = Rows::<2>::of(dots, first + at, 1, 2).add([[L::zero(); 2]; 2], 0, ahead);
                rows[at..at + 2].copy_from_slice(&sums);
                at += 2;
            }
            if at < here {
                [rows[at]] = Rows::<1>::of(dots, first + at, 1, 1).add([[L::zero(); 1]; 2], 0, ahead);
            }
            dots.store(rows, 0, first, here);
        }
    }
}

/// With thirty-two registers: whole groups of sixteen rows, R at a time, which are so far APART that they begin at the same place
/// of a cache line, where the first begins one: a vector that lies across two lines is two to read.
struct Groups<'a, const R: usize, const APART: usize>(&'a Dots<'a>, Range<usize>);

impl<const R: usize, const APART: usize> LaneKernel for Groups<'_, R, APART> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        const { assert!(R > 1 && WIDTH.is_multiple_of(R * APART)) };
        if L::COLUMNS == 1 {
            unreachable!("sixteen registers");
        }
        let Groups(dots, range) = self;
        for first in range.step_by(WIDTH) {
            let mut rows = [L::zero(); WIDTH];
            // Their sums stay in registers, since each part is written out, with a literal for its number: a loop would keep
            // them in memory. The remainder only tells the compiler that no index is too large.
            macro_rules! parts {
                ($($part:literal)*) => {
                    $(
                        if $part * R < WIDTH {
                            let at = $part % APART + $part / APART * (R * APART);
                            let part = Rows::<R>::of(dots, first + at, APART, R);
                            let sums = if APART > 1 {
                                part.lines::<L>((at * dots.many.across).wrapping_neg() % WIDTH)
                            } else if R > 4 {
                                part.lines::<L>(0)
                            } else {
                                part.blocks::<L>()
                            };
                            for r in 0..R {
                                rows[(at + r * APART) % WIDTH] = sums[r];
                            }
                        }
                    )*
                };
            }
            parts!(0 1 2 3 4 5 6 7);
            dots.store(rows, 0, first, WIDTH);
        }
    }
}

/// With thirty-two registers: the last rows, fewer than sixteen.
struct Rest<'a>(&'a Dots<'a>, Range<usize>);

impl LaneKernel for Rest<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        if L::COLUMNS == 1 {
            unreachable!("sixteen registers");
        }
        let Rest(dots, range) = self;
        let (first, here) = (range.start, range.len());
        let mut rows = [L::zero(); WIDTH];
        macro_rules! parts {
            ($($part:literal)*) => {
                $(
                    let sums = Rows::<4>::of(dots, first + $part * 4, 1, here - $part * 4).blocks::<L>();
                    for r in 0..4 {
                        rows[$part * 4 + r] = sums[r];
                    }
                )*
            };
        }
        match here.div_ceil(4) {
            // A dot product: nothing else is under way while one sum waits for its next term.
            1 if range == (0..1) => {
                [rows[0]] = Rows::<1>::of(dots, first, 1, 1).add([[L::zero(); 1]; 4], 0, 0)
            }
            1 => {
                parts!(0);
            }
            2 => {
                parts!(0 1);
            }
            3 => {
                parts!(0 1 2);
            }
            _ => {
                parts!(0 1 2 3);
            }
        }
        dots.store(rows, 0, first, here);
    }
}

/// R of the many, and the one row.
struct Rows<const R: usize> {
    one: *const f32,
    many: [*const f32; R],
    /// Elements of each.
    k: usize,
}

impl<const R: usize> Rows<R> {
    /// Those from number `row` on, so far apart; where only `left` are there, the last of them again.
    #[inline(always)]
    fn of(dots: &Dots<'_>, row: usize, apart: usize, left: usize) -> Rows<R> {
        // SAFETY: one of the many.
        let first = unsafe { dots.many.skip(row).data };
        // The compiler would prepare the addresses of all parts of a group at once, and keep them in memory.
        let first = opaque(first);
        let mut many = [first; R];
        for r in 1..R {
            // SAFETY: one of the many too.
            many[r] = unsafe { first.add(r.min(left - 1) * apart * dots.many.across) };
        }
        Rows { one: dots.few.data, many, k: dots.k }
    }

    /// Sixteen partial sums of each row's product, of blocks of vectors: processors foresee what follows. Of many rows at a time, and
    /// from afar, they are no faster.
    #[inline(always)]
    fn blocks<L: Lanes>(&self) -> [L; R] {
        let mut sums = [L::zero(); R];
        let mut p = 0;
        if self.k >= 2 * BLOCK * WIDTH {
            while p + BLOCK * WIDTH <= self.k {
                let mut a = [L::zero(); BLOCK];
                // SAFETY: so many elements are left.
                unsafe {
                    for i in 0..BLOCK {
                        a[i] = L::load(&*self.one.add(p + i * WIDTH).cast());
                    }
                    for r in 0..R {
                        for i in 0..BLOCK {
                            let b = L::load(&*self.many[r].add(p + i * WIDTH).cast());
                            sums[r] = a[i].mul_add(b, sums[r]);
                        }
                    }
                }
                p += BLOCK * WIDTH;
            }
        }
        self.add::<L, 1>([sums], p, 0)
    }

    /// The same with the first `head` elements as a vector by themselves. That changes no bit: each lane's terms have the same
    /// order.
    #[inline(always)]
    fn lines<L: Lanes>(&self, head: usize) -> [L; R] {
        let mut sums = [L::zero(); R];
        if head > 0 {
            debug_assert!(head < WIDTH && WIDTH <= self.k);
            // SAFETY: a row is longer.
            let a = L::load_some(unsafe { std::slice::from_raw_parts(self.one, head) });
            for r in 0..R {
                // SAFETY: as above.
                let b = L::load_some(unsafe { std::slice::from_raw_parts(self.many[r], head) });
                // Their lanes are those that they will have with the others.
                sums[r] = a.mul_add(b, L::zero()).rotate(head);
            }
        }
        let mut sums = self.add::<L, 1>([sums], head, 0);
        if head > 0 {
            for r in 0..R {
                sums[r] = sums[r].rotate(WIDTH - head);
            }
        }
        sums
    }

    /// Adds the terms from `p` on to partial sums, vectors that follow one another to different SUMS; then those are added up.
    /// With sixteen registers elements so far `ahead` are asked for.
    #[inline(always)]
    fn add<L: Lanes, const SUMS: usize>(
        &self,
        mut sums: [[L; R]; SUMS],
        mut p: usize,
        ahead: usize,
    ) -> [L; R] {
        // SAFETY: the rows have k elements.
        unsafe {
            while p + SUMS * WIDTH <= self.k {
                for s in 0..SUMS {
                    let a = L::load(&*self.one.add(p).cast());
                    for r in 0..R {
                        let row = self.many[r].add(p);
                        if L::COLUMNS == 1 {
                            prefetch(row.wrapping_add(ahead));
                        }
                        sums[s][r] = a.mul_add(L::load(&*row.cast()), sums[s][r]);
                    }
                    p += WIDTH;
                }
            }
            while p < self.k {
                let here = WIDTH.min(self.k - p);
                let a = L::load_some(std::slice::from_raw_parts(self.one.add(p), here));
                for r in 0..R {
                    let row = std::slice::from_raw_parts(self.many[r].add(p), here);
                    sums[0][r] = a.mul_add(L::load_some(row), sums[0][r]);
                }
                p += here;
            }
        }
        for s in 1..SUMS {
            for r in 0..R {
                sums[0][r] = sums[0][r] + sums[s][r];
            }
        }
        sums[0]
    }
}
