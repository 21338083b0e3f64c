//! The lanes of every target: an array.

#![allow(clippy::needless_range_loop, reason = "see `operators`")]

use super::{Lanes, WIDTH, operators};
use std::ops::{Add, Div, Mul, Sub};

/// What every target has: the compiler makes of it what it can.
#[derive(Clone, Copy)]
pub(super) struct Scalar([f32; WIDTH]);

operators!(Scalar, [Add, add, f32::add], [Sub, sub, f32::sub], [Mul, mul, f32::mul], [Div, div, f32::div]);

impl Lanes for Scalar {
    type Part = Scalar;
    const ROWS: usize = 2;
    const COLUMNS: usize = 1;
    #[inline(always)]
    fn splat(v: f32) -> Self {
        Scalar([v; WIDTH])
    }
    #[inline(always)]
    fn load(from: &[f32; WIDTH]) -> Self {
        Scalar(*from)
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; WIDTH]) {
        *to = self.0;
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    #[inline(always)]
    fn mul_add_half(self, a: Self, mut b: Self) -> Self {
        for i in 0..WIDTH / 2 {
            b.0[i] += self.0[i] * a.0[i];
        }
        b
    }
    #[inline(always)]
    fn relu(mut self) -> Self {
        for i in 0..WIDTH {
            self.0[i] = if self.0[i] <= 0.0 { 0.0 } else { self.0[i] };
        }
        self
    }
    #[inline(always)]
    fn alternate(low: Self, high: Self) -> [Self; 2] {
        let mut both = [low; 2];
        for i in 0..WIDTH / 2 {
            for j in 0..2 {
                both[j].0[i] = low.0[2 * i + j];
                both[j].0[WIDTH / 2 + i] = high.0[2 * i + j];
            }
        }
        both
    }
    #[inline(always)]
    fn interleave(even: Self, odd: Self) -> [Self; 2] {
        let mut both = [even; 2];
        for i in 0..WIDTH / 2 {
            for (half, at) in [(0, i), (1, WIDTH / 2 + i)] {
                both[half].0[2 * i] = even.0[at];
                both[half].0[2 * i + 1] = odd.0[at];
            }
        }
        both
    }
    #[inline(always)]
    fn max(mut self, other: Self) -> Self {
        for i in 0..WIDTH {
            let (a, b) = (self.0[i], other.0[i]);
            self.0[i] = if b > a || b.is_nan() { b } else { a };
        }
        self
    }
    #[inline(always)]
    fn min(mut self, other: Self) -> Self {
        for i in 0..WIDTH {
            let (a, b) = (self.0[i], other.0[i]);
            self.0[i] = if b < a || b.is_nan() { b } else { a };
        }
        self
    }
    #[inline(always)]
    fn larger(mut best: (Self, Self), other: (Self, Self)) -> (Self, Self) {
        for i in 0..WIDTH {
            let (old, new) = (best.0.0[i], other.0.0[i]);
            if new > old || new.is_nan() {
                (best.0.0[i], best.1.0[i]) = (new, other.1.0[i]);
            }
        }
        best
    }
    #[inline(always)]
    fn where_equal(mut self, a: Self, b: Self) -> Self {
        for i in 0..WIDTH {
            self.0[i] = if a.0[i] == b.0[i] { self.0[i] } else { 0.0 };
        }
        self
    }
    #[inline(always)]
    fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
        let mut columns = rows;
        for i in 0..WIDTH {
            for j in 0..WIDTH {
                columns[i].0[j] = rows[j].0[i];
            }
        }
        columns
    }
}
