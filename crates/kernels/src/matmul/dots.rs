//! Products of one or a few `f32` rows with many, both with neighbours along the sum: a small batch through a layer. No
//! lane would be filled across the few; here the lanes go along the sum, and each element is a dot product.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::operand::{Operand, operands};
use super::{Finish, Matrix};
use crate::cache::caches;
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, is_narrow, prefetch};
use crate::pool::{self, SendPtr};

/// The most rows that are few.
const FEW: usize = 7;
/// The next rows of a vector's product are asked for where they are no farther. Processors without AVX-512 gain by it.
const AHEAD: usize = 2048;
/// Sums from which on the rows of a vector's product are taken by the place where they begin.
const LONG: usize = 4 * WIDTH;
/// Elements of rows that lie in the second-level cache.
const IN_L2: usize = 3 << 16;
/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 17;

/// Whether [`multiply`] is the better way.
pub(super) fn are_few([m, _, n]: [usize; 3], a: &Matrix<'_, f32>, b: &Matrix<'_, f32>) -> bool {
    (1..=FEW).contains(&m.min(n)) && a.columns == 1 && b.rows == 1
}

/// Whether all of the many lie in a wide second-level cache, if they were used before.
pub(super) fn are_near([m, k, n]: [usize; 3]) -> bool {
    m.max(n) * k <= IN_L2 && caches().is_second_wide
}

/// out = a·b, or out += a·b where `accumulate`, with its finish; the rows of `out`, of n elements, follow each other.
/// Whether the many are `near` changes no bit.
///
/// # Safety
/// Every element of a (m×k) and b (k×n) lies inside its slice, and the elements of `out` may be written. Either has at
/// most [`FEW`] rows or columns.
pub(super) unsafe fn multiply(
    near: bool,
    [m, k, n]: [usize; 3],
    a: Matrix<'_, f32>,
    b: Matrix<'_, f32>,
    out: SendPtr<f32>,
    accumulate: bool,
    finish: Finish<'_, f32>,
) {
    // SAFETY: the caller's.
    let (a, b) = unsafe { operands(a, b) };
    let turned = m > n;
    let (few, many, [m, n]) = if turned { (b, a, [n, m]) } else { (a, b, [m, n]) };
    let steps = if turned { [1, m] } else { [n, 1] };
    // Whole groups, so that the pieces do not decide how an element is summed.
    let group = group(per_tile(m, is_narrow()));
    let groups = n.div_ceil(group);
    let tasks = (m * n).saturating_mul(k).div_ceil(TASK).min(groups);
    pool::run(tasks, &|task| {
        let [from, to] = [task, task + 1].map(|i| (groups * i / tasks * group).min(n));
        dispatch_lanes(&Dots {
            m,
            k,
            few,
            many,
            range: from..to,
            near,
            out: &out,
            turned,
            steps,
            accumulate,
            finish,
        });
    });
}

/// Rows of the many in tiles whose sums fit a vector.
const fn group(per_tile: usize) -> usize {
    WIDTH / per_tile * per_tile
}

/// Rows of the many in a tile, so that the sums stay in registers.
const fn per_tile(few: usize, narrow: bool) -> usize {
    match few {
        0 | 1 => WIDTH,
        2 if narrow => 3,
        3 if narrow => 2,
        _ if narrow => 1,
        2 | 3 => 8,
        4 => 6,
        5 | 6 => 4,
        _ => 3,
    }
}

struct Dots<'a> {
    /// How many the few are.
    m: usize,
    k: usize,
    few: Operand,
    many: Operand,
    range: std::ops::Range<usize>,
    near: bool,
    out: &'a SendPtr<f32>,
    /// Whether the many are the result's rows and not its columns.
    turned: bool,
    /// From one of the few to the next in the result, and of the many.
    steps: [usize; 2],
    accumulate: bool,
    finish: Finish<'a, f32>,
}

impl LaneKernel for &Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        macro_rules! tiles {
            ($($few:literal)*) => {
                match self.m {
                    1 => self.vector::<L>(),
                    $($few if L::COLUMNS == 1 => self.tiles::<L, $few, { per_tile($few, true) }>(),)*
                    $($few => self.tiles::<L, $few, { per_tile($few, false) }>(),)*
                    m => unreachable!("{m} rows are not few"),
                }
            };
        }
        tiles!(2 3 4 5 6 7)
    }
}

impl Dots<'_> {
    /// As many tiles as have their sums in one vector each.
    #[inline(always)]
    fn tiles<L: Lanes, const F: usize, const M: usize>(&self) {
        for first in self.range.clone().step_by(group(M)) {
            let here = group(M).min(self.range.end - first);
            let mut rows = [[L::zero(); WIDTH]; F];
            for at in (0..here).step_by(M) {
                let sums = self.tile::<L, F, M>(first + at, M.min(here - at));
                for i in 0..F {
                    rows[i][at..at + M].copy_from_slice(&sums[i]);
                }
            }
            for i in 0..F {
                self.store(rows[i], i, first, here);
            }
        }
    }

    #[inline(always)]
    fn tile<L: Lanes, const F: usize, const M: usize>(&self, first: usize, here: usize) -> [[L; M]; F] {
        let mut sums = [[L::zero(); M]; F];
        // SAFETY: rows and steps lie inside the operands; where the many end, the last row is taken again.
        unsafe {
            let (mut few, mut many) = ([self.few.data; F], [self.many.data; M]);
            for (i, row) in few.iter_mut().enumerate() {
                *row = row.add(i * self.few.across);
            }
            for (i, row) in many.iter_mut().enumerate() {
                *row = row.add((first + i.min(here - 1)) * self.many.across);
            }
            let mut p = 0;
            while p + WIDTH <= self.k {
                let mut a = [L::zero(); F];
                for i in 0..F {
                    a[i] = L::load(&*few[i].add(p).cast());
                }
                for j in 0..M {
                    let b = L::load(&*many[j].add(p).cast());
                    for i in 0..F {
                        sums[i][j] = a[i].mul_add(b, sums[i][j]);
                    }
                }
                p += WIDTH;
            }
            let rest = self.k - p;
            if rest > 0 {
                for j in 0..M {
                    let b = L::load_some(std::slice::from_raw_parts(many[j].add(p), rest));
                    for i in 0..F {
                        let a = L::load_some(std::slice::from_raw_parts(few[i].add(p), rest));
                        sums[i][j] = a.mul_add(b, sums[i][j]);
                    }
                }
            }
        }
        sums
    }

    /// One row with all of the many.
    #[inline(always)]
    fn vector<L: Lanes>(&self) {
        // A sample comes from main memory: all of it at once.
        for p in (0..self.k).step_by(WIDTH) {
            prefetch(self.few.data.wrapping_add(p));
        }
        if L::COLUMNS == 1 {
            return self.groups::<L, 2, 2, 1, false>();
        }
        // Of long rows that are near, several vectors are read one after another; two rows at a time are too few for that. A
        // narrow second level, which gives all that it can either way, is some per cent slower so.
        let near = self.near && self.k >= 2 * LONG;
        match WIDTH >> self.many.across.trailing_zeros().min(4) {
            2 if near => self.groups::<L, 4, 1, 2, true>(),
            2 if self.k >= LONG => self.groups::<L, 8, 1, 2, false>(),
            4 if near => self.groups::<L, 4, 1, 4, true>(),
            4 if self.k >= LONG => self.groups::<L, 4, 1, 4, false>(),
            8 if self.k >= LONG => self.groups::<L, 2, 1, 8, false>(),
            _ if near => self.groups::<L, 4, 1, 1, true>(),
            _ => self.groups::<L, 8, 1, 1, false>(),
        }
    }

    /// R rows at a time, which are so far apart that they begin at the same place of a cache line, where the first row begins
    /// one: a vector that lies across two lines is two to read. More rows at a time are more lines on their way, as far as there
    /// are registers for the sums.
    #[inline(always)]
    fn groups<L: Lanes, const R: usize, const SUMS: usize, const APART: usize, const NEAR: bool>(&self) {
        for first in self.range.clone().step_by(WIDTH) {
            let here = WIDTH.min(self.range.end - first);
            // Sixteen registers would not hold them.
            if here == WIDTH && L::COLUMNS > 1 {
                self.store(self.whole::<L, R, SUMS, APART, NEAR>(first), 0, first, here);
                continue;
            }
            let mut rows = [L::zero(); WIDTH];
            for at in 0..APART {
                let head = self.head(at, APART);
                let mut at = at;
                while at + (R - 1) * APART < here {
                    let sums = self.dots::<L, R, SUMS, NEAR>(first + at, APART, head);
                    for r in 0..R {
                        rows[at + r * APART] = sums[r];
                    }
                    at += R * APART;
                }
                while at < here {
                    [rows[at]] = self.dots::<L, 1, SUMS, NEAR>(first + at, APART, head);
                    at += APART;
                }
            }
            self.store(rows, 0, first, here);
        }
    }

    /// Sixteen rows. Their sums stay in registers, since each part is written out, with a literal for its number: a loop would
    /// keep them in memory. The remainder only tells the compiler that no index is too large.
    #[inline(always)]
    fn whole<L: Lanes, const R: usize, const SUMS: usize, const APART: usize, const NEAR: bool>(
        &self,
        first: usize,
    ) -> [L; WIDTH] {
        const { assert!(R > 1 && WIDTH.is_multiple_of(R * APART)) };
        let mut rows = [L::zero(); WIDTH];
        macro_rules! parts {
            ($($part:literal)*) => {
                $(
                    if $part * R < WIDTH {
                        let at = $part % APART + $part / APART * (R * APART);
                        let sums = self.dots::<L, R, SUMS, NEAR>(first + at, APART, self.head(at, APART));
                        for r in 0..R {
                            rows[(at + r * APART) % WIDTH] = sums[r];
                        }
                    }
                )*
            };
        }
        parts!(0 1 2 3 4 5 6 7);
        rows
    }

    /// Elements before the first cache line that begins in row `at` of a group.
    #[inline(always)]
    fn head(&self, at: usize, apart: usize) -> usize {
        if apart == 1 { 0 } else { (at * self.many.across).wrapping_neg() % WIDTH }
    }

    #[inline(always)]
    fn dots<L: Lanes, const R: usize, const SUMS: usize, const NEAR: bool>(
        &self,
        row: usize,
        apart: usize,
        head: usize,
    ) -> [L; R] {
        // SAFETY: the rows of the many, and one of the few, have k elements.
        unsafe {
            let many = self.many.skip(row);
            dots::<L, R, SUMS, NEAR>(self.few.data, many.data, apart * many.across, self.k, head)
        }
    }

    /// Sums up each row, and stores them as results of number i of the few with so many of the many.
    #[inline(always)]
    fn store<L: Lanes>(&self, rows: [L; WIDTH], i: usize, first: usize, here: usize) {
        let sum = L::sum_each(rows);
        let at = i * self.steps[0] + first * self.steps[1];
        // SAFETY: an element of the result.
        let to = unsafe { self.out.get().add(at) };
        if !self.turned {
            // SAFETY: so many elements of a row of the result, which are ours alone.
            let to = unsafe { std::slice::from_raw_parts_mut(to, here) };
            let sum = if self.accumulate { sum + L::load_some(to) } else { sum };
            return self.finish.lanes(sum, first, here).store_some(to);
        }
        let mut values = [0.0; WIDTH];
        sum.store(&mut values);
        for j in 0..here {
            // SAFETY: as above; here they are elements of a column.
            let to = unsafe { &mut *to.add(j * self.steps[1]) };
            let sum = if self.accumulate { *to + values[j] } else { values[j] };
            *to = self.finish.one(sum, i);
        }
    }
}

/// Of each of R rows of `many`, `step` apart, sixteen partial sums of its dot product with `one`, both of k elements. The
/// first `head` of them are a vector by themselves, which with one of SUMS changes no bit: each lane's terms have the same
/// order. Vectors that follow one another go to different SUMS.
///
/// # Safety
/// They have as many, and `head` is no more than `k`.
#[inline(always)]
unsafe fn dots<L: Lanes, const R: usize, const SUMS: usize, const NEAR: bool>(
    one: *const f32,
    many: *const f32,
    step: usize,
    k: usize,
    head: usize,
) -> [L; R] {
    let mut sums = [[L::zero(); R]; SUMS];
    let mut p = head;
    let ahead = if R * step <= AHEAD { R * step } else { 0 };
    // SAFETY: the caller's.
    unsafe {
        if p > 0 {
            let a = L::load_some(std::slice::from_raw_parts(one, p));
            for r in 0..R {
                let b = L::load_some(std::slice::from_raw_parts(many.add(r * step), p));
                // Their lanes are those that they will have with the others.
                sums[0][r] = a.mul_add(b, L::zero()).rotate(p);
            }
        }
        // Several vectors of a row before those of the next: processors foresee what follows. Those of the one stay in registers.
        macro_rules! blocks {
            ($($vectors:literal)*) => {
                $(
                    while p + $vectors * WIDTH <= k {
                        let mut a = [L::zero(); $vectors];
                        for i in 0..$vectors {
                            a[i] = L::load(&*one.add(p + i * WIDTH).cast());
                        }
                        for r in 0..R {
                            for i in 0..$vectors {
                                let b = L::load(&*many.add(r * step + p + i * WIDTH).cast());
                                sums[0][r] = a[i].mul_add(b, sums[0][r]);
                            }
                        }
                        p += $vectors * WIDTH;
                    }
                )*
            };
        }
        if NEAR {
            blocks!(16 8 4);
        }
        while p + SUMS * WIDTH <= k {
            for s in 0..SUMS {
                let a = L::load(&*one.add(p).cast());
                for r in 0..R {
                    let row = many.add(r * step + p);
                    if L::COLUMNS == 1 {
                        prefetch(row.wrapping_add(ahead));
                    }
                    sums[s][r] = a.mul_add(L::load(&*row.cast()), sums[s][r]);
                }
                p += WIDTH;
            }
        }
        while p < k {
            let here = WIDTH.min(k - p);
            let a = L::load_some(std::slice::from_raw_parts(one.add(p), here));
            for r in 0..R {
                let row = std::slice::from_raw_parts(many.add(r * step + p), here);
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
    if head > 0 {
        for r in 0..R {
            sums[0][r] = sums[0][r].rotate(WIDTH - head);
        }
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the two a processor takes depends on its caches.
    #[test]
    fn rows_that_are_near_give_the_same_bits_as_others() {
        let number = |i: usize| (i * 7919 % 1009) as f32 / 1009.0 - 0.5;
        for [k, n] in [[128, 16], [200, 200], [300, 17], [784, 50], [1000, 33]] {
            let (x, weight): (Vec<_>, Vec<_>) =
                ((1..=k).map(number).collect(), (0..k * n).map(number).collect());
            let product = |near: bool| {
                let mut out = vec![0.0f32; n];
                let a = Matrix { data: &x, offset: 0, rows: k, columns: 1 };
                let b = Matrix { data: &weight, offset: 0, rows: 1, columns: k };
                // SAFETY: the slices hold as many.
                unsafe {
                    multiply(near, [1, k, n], a, b, SendPtr(out.as_mut_ptr()), false, Finish::default())
                };
                out.iter().map(|y| y.to_bits()).collect::<Vec<_>>()
            };
            assert_eq!(product(true), product(false), "{k} numbers in each of {n} rows");
        }
    }
}
