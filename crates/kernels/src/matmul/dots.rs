//! Products of one or a few `f32` rows with many, both with neighbours along the sum: a small batch through a layer. No
//! lane would be filled across the few; here the lanes go along the sum, and each element is a dot product.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

mod row;

use super::operand::{Operand, operands};
use super::{Finish, Matrix};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, is_narrow};
use crate::pool::{self, SendPtr};
use std::ops::Range;

/// The most rows that are few.
const FEW: usize = 7;
/// Elements of the many that stay in the second-level cache.
const IN_L2: usize = 3 << 16;
/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 17;

/// Whether [`multiply`] is the better way.
pub(super) fn are_few([m, _, n]: [usize; 3], a: &Matrix<'_, f32>, b: &Matrix<'_, f32>) -> bool {
    (1..=FEW).contains(&m.min(n)) && a.columns == 1 && b.rows == 1
}

/// out = a·b, or out += a·b where `accumulate`, with its finish; the rows of `out`, of n elements, follow each other.
///
/// # Safety
/// Every element of a (m×k) and b (k×n) lies inside its slice, and the elements of `out` may be written. Either has at
/// most [`FEW`] rows or columns.
pub(super) unsafe fn multiply(
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
    let is_far = n.saturating_mul(k) > IN_L2;
    let dots = Dots { m, k, few, many, is_far, out: &out, turned, steps, accumulate, finish };
    let tasks = (m * n).saturating_mul(k).div_ceil(TASK);
    if tasks == 1 || pool::is_alone() {
        return dots.run(0..n);
    }
    // Whole groups, so that the pieces do not decide how an element is summed.
    let group = group(per_tile(m, is_narrow()));
    let groups = n.div_ceil(group);
    let tasks = tasks.min(groups);
    pool::run(tasks, &|task| {
        let [from, to] = [task, task + 1].map(|i| (groups * i / tasks * group).min(n));
        dots.run(from..to);
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
    /// Whether the second-level cache does not hold all of the many.
    is_far: bool,
    out: &'a SendPtr<f32>,
    /// Whether the many are the result's rows and not its columns.
    turned: bool,
    /// From one of the few to the next in the result, and of the many.
    steps: [usize; 2],
    accumulate: bool,
    finish: Finish<'a, f32>,
}

/// Products of two rows and more with those of the many.
struct Tiles<'a>(&'a Dots<'a>, Range<usize>);

impl LaneKernel for Tiles<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Tiles(dots, range) = self;
        macro_rules! tiles {
            ($($few:literal)*) => {
                match dots.m {
                    $($few if L::COLUMNS == 1 => dots.tiles::<L, $few, { per_tile($few, true) }>(range),)*
                    $($few => dots.tiles::<L, $few, { per_tile($few, false) }>(range),)*
                    m => unreachable!("{m} rows are not few"),
                }
            };
        }
        tiles!(2 3 4 5 6 7)
    }
}

impl Dots<'_> {
    fn run(&self, range: Range<usize>) {
        if self.m == 1 { row::multiply(self, range) } else { dispatch_lanes(Tiles(self, range)) }
    }

    /// As many tiles as have their sums in one vector each.
    #[inline(always)]
    fn tiles<L: Lanes, const F: usize, const M: usize>(&self, range: Range<usize>) {
        for first in range.clone().step_by(group(M)) {
            let here = group(M).min(range.end - first);
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
