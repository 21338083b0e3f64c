//! Products of one or a few `f32` rows with many, both with neighbours along the sum: a small batch through a layer. No
//! lane would be filled across the few; here the lanes go along the sum, and each element is a dot product.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::operand::{Operand, operands};
use super::{Finish, Matrix};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, prefetch};
use crate::pool::{self, SendPtr};

/// The most rows that are few.
const FEW: usize = 7;
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
    // Whole tiles, so that the pieces do not decide how an element is summed.
    let tasks = (m * n).saturating_mul(k).div_ceil(TASK);
    let step = n.div_ceil(tasks).next_multiple_of(per_tile(m));
    pool::run(n.div_ceil(step), &|task| {
        let range = task * step..((task + 1) * step).min(n);
        dispatch_lanes(Dots { m, k, few, many, range, out: &out, turned, steps, accumulate, finish });
    });
}

/// Rows of the many in a tile, so that the sums stay in registers.
const fn per_tile(few: usize) -> usize {
    match few {
        0 | 1 => WIDTH,
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
    out: &'a SendPtr<f32>,
    /// Whether the many are the result's rows and not its columns.
    turned: bool,
    /// From one of the few to the next in the result, and of the many.
    steps: [usize; 2],
    accumulate: bool,
    finish: Finish<'a, f32>,
}

impl LaneKernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.m {
            1 => self.vector::<L>(),
            2 => self.tiles::<L, 2, { per_tile(2) }>(),
            3 => self.tiles::<L, 3, { per_tile(3) }>(),
            4 => self.tiles::<L, 4, { per_tile(4) }>(),
            5 => self.tiles::<L, 5, { per_tile(5) }>(),
            6 => self.tiles::<L, 6, { per_tile(6) }>(),
            7 => self.tiles::<L, 7, { per_tile(7) }>(),
            m => unreachable!("{m} rows are not few"),
        }
    }
}

impl Dots<'_> {
    #[inline(always)]
    fn tiles<L: Lanes, const F: usize, const M: usize>(&self) {
        for first in self.range.clone().step_by(M) {
            self.tile::<L, F, M>(first, M.min(self.range.end - first));
        }
    }

    #[inline(always)]
    fn tile<L: Lanes, const F: usize, const M: usize>(&self, first: usize, here: usize) {
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
        for i in 0..F {
            let mut rows = [L::zero(); WIDTH];
            rows[..M].copy_from_slice(&sums[i]);
            self.store(rows, i, first, here);
        }
    }

    /// One row with all of the many.
    #[inline(always)]
    fn vector<L: Lanes>(&self) {
        // A sample comes from main memory: all of it at once.
        for p in (0..self.k).step_by(WIDTH) {
            prefetch(self.few.data.wrapping_add(p));
        }
        for first in self.range.clone().step_by(WIDTH) {
            let here = WIDTH.min(self.range.end - first);
            let mut rows = [L::zero(); WIDTH];
            let mut done = 0;
            if L::COLUMNS > 1 {
                self.some::<L, 4>(first, here, &mut done, &mut rows);
            }
            self.some::<L, 2>(first, here, &mut done, &mut rows);
            self.some::<L, 1>(first, here, &mut done, &mut rows);
            self.store(rows, 0, first, here);
        }
    }

    /// Of those rows of a tile that are not done, R at a time as long as there are as many. More rows at a time are more
    /// lines on their way from the second-level cache, as far as there are registers for the sums.
    #[inline(always)]
    fn some<L: Lanes, const R: usize>(
        &self,
        first: usize,
        here: usize,
        done: &mut usize,
        rows: &mut [L; WIDTH],
    ) {
        while *done + R <= here {
            // SAFETY: the rows of the many, and one of the few, have k elements.
            let sums = unsafe {
                let many = self.many.skip(first + *done);
                dots::<L, R>(self.few.data, many.data, many.across, self.k)
            };
            for r in 0..R {
                rows[*done + r] = sums[r];
            }
            *done += R;
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

/// Of each of R rows of `many`, `step` apart, sixteen sums whose sum is its product with one of k elements.
///
/// # Safety
/// They have as many.
#[inline(always)]
unsafe fn dots<L: Lanes, const R: usize>(one: *const f32, many: *const f32, step: usize, k: usize) -> [L; R] {
    let (mut even, mut odd) = ([L::zero(); R], [L::zero(); R]);
    let mut p = 0;
    // SAFETY: the caller's.
    unsafe {
        while p + 2 * WIDTH <= k {
            let (a, b) = (L::load(&*one.add(p).cast()), L::load(&*one.add(p + WIDTH).cast()));
            for r in 0..R {
                let row = many.add(r * step + p);
                even[r] = a.mul_add(L::load(&*row.cast()), even[r]);
                odd[r] = b.mul_add(L::load(&*row.add(WIDTH).cast()), odd[r]);
            }
            p += 2 * WIDTH;
        }
        while p < k {
            let here = WIDTH.min(k - p);
            let a = L::load_some(std::slice::from_raw_parts(one.add(p), here));
            for r in 0..R {
                let row = std::slice::from_raw_parts(many.add(r * step + p), here);
                even[r] = a.mul_add(L::load_some(row), even[r]);
            }
            p += here;
        }
    }
    for r in 0..R {
        even[r] = even[r] + odd[r];
    }
    even
}
