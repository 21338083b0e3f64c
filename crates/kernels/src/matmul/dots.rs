//! Products of a few `f32` rows with many, both with neighbours along the sum: a small batch through a layer. No lane
//! would be filled across the few; here the lanes go along the sum, and each element is a dot product.

use super::Matrix;
use super::tiles::{Operand, operands};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::pool::{self, SendPtr};

/// The most rows that are few.
const FEW: usize = 7;
/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 17;

/// Whether [`multiply`] is the better way.
pub(super) fn are_few([m, _, n]: [usize; 3], a: &Matrix<'_, f32>, b: &Matrix<'_, f32>) -> bool {
    (2..=FEW).contains(&m.min(n)) && a.columns == 1 && b.rows == 1
}

/// out = a·b, or out += a·b where `accumulate`; the rows of `out`, of n elements, are `width` apart.
///
/// # Safety
/// Every element of a (m×k) and b (k×n) lies inside its slice, and the elements of `out` may be written. Either has at
/// most [`FEW`] rows or columns.
pub(super) unsafe fn multiply(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, f32>,
    b: Matrix<'_, f32>,
    out: SendPtr<f32>,
    width: usize,
    accumulate: bool,
) {
    // SAFETY: the caller's.
    let (a, b) = unsafe { operands(a, b) };
    let turned = m > n;
    let (few, many, [m, n]) = if turned { (b, a, [n, m]) } else { (a, b, [m, n]) };
    let steps = if turned { [1, width] } else { [width, 1] };
    // Whole tiles, so that the pieces do not decide how an element is summed.
    let step = (TASK / (m * k).max(1)).clamp(1, n).next_multiple_of(per_tile(m));
    pool::run(n.div_ceil(step), &|task| {
        let range = task * step..((task + 1) * step).min(n);
        dispatch_lanes(Dots { m, k, few, many, range, out: &out, steps, accumulate });
    });
}

/// Rows of the many in a tile, so that the sums stay in registers.
const fn per_tile(few: usize) -> usize {
    match few {
        0..=3 => 8,
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
    /// From one of the few to the next in the result, and of the many.
    steps: [usize; 2],
    accumulate: bool,
}

impl LaneKernel for Dots<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.m {
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
        for (i, sums) in sums.iter().enumerate() {
            let mut rows = [L::zero(); WIDTH];
            rows[..M].copy_from_slice(sums);
            let columns = L::transpose(rows);
            let mut sum = L::zero();
            for column in columns {
                sum = sum + column;
            }
            let mut values = [0.0; WIDTH];
            sum.store(&mut values);
            for (j, value) in values.iter().enumerate().take(here) {
                let at = i * self.steps[0] + (first + j) * self.steps[1];
                // SAFETY: an element of the result, which is ours alone.
                let to = unsafe { &mut *self.out.get().add(at) };
                *to = if self.accumulate { *to + value } else { *value };
            }
        }
    }
}
