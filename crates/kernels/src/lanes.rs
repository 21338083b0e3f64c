//! Sixteen `f32` side by side, for loops that the compiler does not keep in registers by itself.
//!
//! A loop is written once over [`Lanes`], as the `run` of a [`LaneKernel`]; [`dispatch_lanes`] compiles it for each
//! instruction set. Unlike those of [`isa`](crate::isa), these loops multiply and add in one rounding where the
//! processor can, so that their results differ between the sets by rounding. Another set is one more implementation.

#![allow(clippy::needless_range_loop, reason = "see `operators`")]

use crate::isa::{Isa, isa};
use std::ops::{Add, Mul, Sub};

/// How many there are.
pub(crate) const WIDTH: usize = 16;

/// Sixteen `f32`. The implementations for an instruction set are named nowhere but in [`dispatch_lanes`], which has
/// made sure that the processor has it.
pub(crate) trait Lanes: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// How many, times [`Self::COLUMNS`], fit into the registers beside the operands of a matrix product.
    const ROWS: usize;
    /// How many a row of such a block has.
    const COLUMNS: usize;
    /// The same number in all.
    fn splat(v: f32) -> Self;
    /// From memory.
    fn load(from: &[f32; WIDTH]) -> Self;
    /// To memory.
    fn store(self, to: &mut [f32; WIDTH]);
    /// self · a + b
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// Lane j of row i becomes lane i of row j.
    fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH];

    /// All zero.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// The first sixteen of a slice, or as many as it has and zeros.
    #[inline(always)]
    fn load_some(from: &[f32]) -> Self {
        if let Some(whole) = from.first_chunk() {
            return Self::load(whole);
        }
        let mut lanes = [0.0; WIDTH];
        lanes[..from.len()].copy_from_slice(from);
        Self::load(&lanes)
    }

    /// As many as the slice holds, from the first on.
    #[inline(always)]
    fn store_some(self, to: &mut [f32]) {
        if let Some(whole) = to.first_chunk_mut() {
            return self.store(whole);
        }
        let mut lanes = [0.0; WIDTH];
        self.store(&mut lanes);
        let n = to.len();
        to.copy_from_slice(&lanes[..n]);
    }
}

/// Asks for a cache line that is read soon. Any address will do.
#[inline(always)]
pub(crate) fn prefetch(at: *const f32) {
    // SAFETY: touches nothing; every x86-64 processor has it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// A loop to be compiled for each instruction set. Mark `run` `#[inline(always)]`.
pub(crate) trait LaneKernel {
    /// What the loop returns.
    type Output;
    /// The loop.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Runs a kernel with the lanes of the instruction set in use.
#[inline]
pub(crate) fn dispatch_lanes<K: LaneKernel>(kernel: K) -> K::Output {
    match isa() {
        Isa::Scalar => kernel.run::<Scalar>(),
        // SAFETY: `isa` returns a set only if the processor has it.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { x86::avx2(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { x86::avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => kernel.run::<Scalar>(),
    }
}

/// Rows and columns of a block of results that stays in the registers, in the instruction set in use.
pub(crate) fn tile_size() -> (usize, usize) {
    struct Size;
    impl LaneKernel for Size {
        type Output = (usize, usize);
        #[inline(always)]
        fn run<L: Lanes>(self) -> (usize, usize) {
            (L::ROWS, L::COLUMNS)
        }
    }
    dispatch_lanes(Size)
}

/// Addition, subtraction and multiplication, register by register. Here and below there are loops where the standard
/// library has functions that take closures: those are not always inlined, which would lose the instruction set.
macro_rules! operators {
    ($lanes:ident, $([$trait:ident, $name:ident, $one:path]),*) => {
        $(impl $trait for $lanes {
            type Output = Self;
            #[inline(always)]
            fn $name(mut self, other: Self) -> Self {
                for i in 0..self.0.len() {
                    // SAFETY: see the type; of numbers it is safe.
                    #[allow(unused_unsafe)]
                    unsafe { self.0[i] = $one(self.0[i], other.0[i]) };
                }
                self
            }
        })*
    };
}

/// What every target has: the compiler makes of it what it can.
#[derive(Clone, Copy)]
struct Scalar([f32; WIDTH]);

operators!(Scalar, [Add, add, f32::add], [Sub, sub, f32::sub], [Mul, mul, f32::mul]);

impl Lanes for Scalar {
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

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Add, LaneKernel, Lanes, Mul, Sub, WIDTH};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn avx2<K: LaneKernel>(kernel: K) -> K::Output {
        kernel.run::<Avx2>()
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn avx512<K: LaneKernel>(kernel: K) -> K::Output {
        kernel.run::<Avx512>()
    }

    // SAFETY of all intrinsics below: `Avx2` and `Avx512` are used under `avx2` and `avx512` alone, whose callers have
    // made sure of the instruction set; loads and stores get references to sixteen numbers.

    #[derive(Clone, Copy)]
    struct Avx2([__m256; 2]);

    operators!(Avx2, [Add, add, _mm256_add_ps], [Sub, sub, _mm256_sub_ps], [Mul, mul, _mm256_mul_ps]);

    impl Lanes for Avx2 {
        const ROWS: usize = 6;
        const COLUMNS: usize = 1;
        #[inline(always)]
        fn splat(v: f32) -> Self {
            // SAFETY: see above.
            Avx2([unsafe { _mm256_set1_ps(v) }; 2])
        }
        #[inline(always)]
        fn load(from: &[f32; WIDTH]) -> Self {
            let (low, high) = from.split_at(8);
            // SAFETY: see above.
            Avx2(unsafe { [_mm256_loadu_ps(low.as_ptr()), _mm256_loadu_ps(high.as_ptr())] })
        }
        #[inline(always)]
        fn store(self, to: &mut [f32; WIDTH]) {
            let (low, high) = to.split_at_mut(8);
            // SAFETY: see above.
            unsafe {
                _mm256_storeu_ps(low.as_mut_ptr(), self.0[0]);
                _mm256_storeu_ps(high.as_mut_ptr(), self.0[1]);
            }
        }
        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: see above.
            Avx2(unsafe {
                [_mm256_fmadd_ps(self.0[0], a.0[0], b.0[0]), _mm256_fmadd_ps(self.0[1], a.0[1], b.0[1])]
            })
        }
        #[inline(always)]
        fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
            // Four squares of 8, each transposed; the two off the diagonal change places.
            let mut columns = rows;
            for top in 0..2 {
                for left in 0..2 {
                    let mut r = [rows[0].0[0]; 8];
                    for i in 0..8 {
                        r[i] = rows[8 * top + i].0[left];
                    }
                    let r = square(r);
                    for i in 0..8 {
                        columns[8 * left + i].0[top] = r[i];
                    }
                }
            }
            columns
        }
    }

    #[inline(always)]
    fn square(r: [__m256; 8]) -> [__m256; 8] {
        let (mut pairs, mut fours, mut out) = (r, r, r);
        // SAFETY: see above.
        unsafe {
            for i in (0..8).step_by(2) {
                pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
                pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
            }
            // Rows 4h … 4h + 3: column c of either half.
            for h in [0, 4] {
                for c in [0, 2] {
                    let (a, b) = (pairs[h + c / 2], pairs[h + 2 + c / 2]);
                    fours[h + c] = _mm256_shuffle_ps::<0b01_00_01_00>(a, b);
                    fours[h + c + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(a, b);
                }
            }
            for i in 0..4 {
                out[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[4 + i]);
                out[4 + i] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[4 + i]);
            }
        }
        out
    }

    #[derive(Clone, Copy)]
    struct Avx512([__m512; 1]);

    operators!(Avx512, [Add, add, _mm512_add_ps], [Sub, sub, _mm512_sub_ps], [Mul, mul, _mm512_mul_ps]);

    #[inline(always)]
    fn first(n: usize) -> __mmask16 {
        if n >= WIDTH { !0 } else { (1 << n) - 1 }
    }

    impl Lanes for Avx512 {
        const ROWS: usize = 12;
        const COLUMNS: usize = 2;
        #[inline(always)]
        fn splat(v: f32) -> Self {
            // SAFETY: see above.
            Avx512([unsafe { _mm512_set1_ps(v) }])
        }
        #[inline(always)]
        fn load(from: &[f32; WIDTH]) -> Self {
            // SAFETY: see above.
            Avx512([unsafe { _mm512_loadu_ps(from.as_ptr()) }])
        }
        #[inline(always)]
        fn store(self, to: &mut [f32; WIDTH]) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0[0]) };
        }
        #[inline(always)]
        fn load_some(from: &[f32]) -> Self {
            // SAFETY: see above; what the mask leaves out is not touched.
            Avx512([unsafe { _mm512_maskz_loadu_ps(first(from.len()), from.as_ptr()) }])
        }
        #[inline(always)]
        fn store_some(self, to: &mut [f32]) {
            // SAFETY: see above; what the mask leaves out is not touched.
            unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first(to.len()), self.0[0]) };
        }
        #[inline(always)]
        fn mul_add(self, a: Self, b: Self) -> Self {
            // SAFETY: see above.
            Avx512([unsafe { _mm512_fmadd_ps(self.0[0], a.0[0], b.0[0]) }])
        }
        #[inline(always)]
        fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
            let mut r = [rows[0].0[0]; WIDTH];
            for i in 0..WIDTH {
                r[i] = rows[i].0[0];
            }
            let (mut pairs, mut fours, mut eights, mut columns) = (r, r, r, rows);
            // SAFETY: see above.
            unsafe {
                for i in (0..WIDTH).step_by(2) {
                    pairs[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
                    pairs[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
                }
                // Rows h … h + 3: columns c, c + 4, c + 8 and c + 12.
                for h in (0..WIDTH).step_by(4) {
                    for c in [0, 2] {
                        let (a, b) = (pairs[h + c / 2], pairs[h + 2 + c / 2]);
                        fours[h + c] = _mm512_shuffle_ps::<0b01_00_01_00>(a, b);
                        fours[h + c + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(a, b);
                    }
                }
                // Rows h … h + 7: columns c and c + 8, then c + 4 and c + 12.
                for h in [0, 8] {
                    for c in 0..4 {
                        let (a, b) = (fours[h + c], fours[h + 4 + c]);
                        eights[h + c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                        eights[h + 4 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
                    }
                }
                for c in 0..8 {
                    let (a, b) = (eights[c], eights[8 + c]);
                    columns[c].0[0] = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                    columns[8 + c].0[0] = _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
                }
            }
            columns
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Check;
    impl LaneKernel for Check {
        type Output = ();
        #[inline(always)]
        fn run<L: Lanes>(self) {
            let number = |i: usize, j: usize| (i * WIDTH + j) as f32;
            let rows = std::array::from_fn(|i| L::load(&std::array::from_fn(|j| number(i, j))));
            for (i, row) in L::transpose(rows).into_iter().enumerate() {
                let mut got = [0.0; WIDTH];
                row.store(&mut got);
                assert_eq!(got, std::array::from_fn(|j| number(j, i)), "column {i}");
            }
            for n in 0..=WIDTH + 1 {
                let from: Vec<f32> = (0..n).map(|i| i as f32 + 1.0).collect();
                let mut to = vec![9.0; n];
                let v = L::load_some(&from).mul_add(L::splat(2.0), L::splat(1.0)) - L::zero() * L::zero();
                v.store_some(&mut to);
                let want: Vec<f32> = from
                    .iter()
                    .enumerate()
                    .map(|(i, x)| if i < WIDTH { x * 2.0 + 1.0 } else { 9.0 })
                    .collect();
                assert_eq!(to, want);
            }
        }
    }

    #[test]
    fn lanes_load_store_and_transpose() {
        Check.run::<Scalar>();
        dispatch_lanes(Check);
    }
}
