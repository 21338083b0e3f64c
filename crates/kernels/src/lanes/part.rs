//! As many of the sixteen lanes as a register holds: where these are two, a loop that needs many registers does one half
//! after the other.

use super::{Lanes, WIDTH};
use std::ops::{Add, Mul, Sub};

/// Some of the sixteen lanes.
pub(crate) trait Part: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// How many.
    const COUNT: usize;
    /// The same number in all.
    fn splat(v: f32) -> Self;
    /// self · a + b
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// # Safety
    /// `COUNT` numbers may be read.
    unsafe fn read(from: *const f32) -> Self;
    /// The first `n`, fewer than all, and zeros.
    ///
    /// # Safety
    /// `n` numbers may be read.
    unsafe fn read_some(from: *const f32, n: usize) -> Self;
    /// # Safety
    /// `COUNT` numbers may be written.
    unsafe fn write(self, to: *mut f32);
    /// The first `n`, fewer than all.
    ///
    /// # Safety
    /// `n` numbers may be written.
    unsafe fn write_some(self, to: *mut f32, n: usize);
    /// max(0, self); NaN stays NaN.
    fn above_zero(self) -> Self;
}

impl<L: Lanes> Part for L {
    const COUNT: usize = WIDTH;
    #[inline(always)]
    fn splat(v: f32) -> Self {
        L::splat(v)
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        L::mul_add(self, a, b)
    }
    #[inline(always)]
    unsafe fn read(from: *const f32) -> Self {
        // SAFETY: the caller's.
        L::load(unsafe { &*from.cast() })
    }
    #[inline(always)]
    unsafe fn read_some(from: *const f32, n: usize) -> Self {
        // SAFETY: the caller's.
        L::load_some(unsafe { std::slice::from_raw_parts(from, n) })
    }
    #[inline(always)]
    unsafe fn write(self, to: *mut f32) {
        // SAFETY: the caller's.
        L::store(self, unsafe { &mut *to.cast() });
    }
    #[inline(always)]
    unsafe fn write_some(self, to: *mut f32, n: usize) {
        // SAFETY: the caller's.
        L::store_some(self, unsafe { std::slice::from_raw_parts_mut(to, n) });
    }
    #[inline(always)]
    fn above_zero(self) -> Self {
        self.relu()
    }
}
