//! The lanes of AVX-512: one register of 512 bits, of which there are 32.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{LaneKernel, Lanes, WIDTH, operators};
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn run<K: LaneKernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

// SAFETY of all intrinsics below: `Avx512` is used under `run` alone, whose callers have made sure of the instruction set;
// loads and stores get references to sixteen numbers.

#[derive(Clone, Copy)]
struct Avx512([__m512; 1]);

operators!(
    Avx512,
    [Add, add, _mm512_add_ps],
    [Sub, sub, _mm512_sub_ps],
    [Mul, mul, _mm512_mul_ps],
    [Div, div, _mm512_div_ps]
);

#[inline(always)]
fn first(n: usize) -> __mmask16 {
    if n >= WIDTH { !0 } else { (1 << n) - 1 }
}

impl Lanes for Avx512 {
    type Part = Avx512;
    const ROWS: usize = 12;
    const COLUMNS: usize = 2;
    const WIDE: [usize; 2] = [9, 3];
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
    fn load_halves(low: &[f32; WIDTH / 2], high: &[f32; WIDTH / 2]) -> Self {
        // SAFETY: see above.
        Avx512(unsafe {
            let (low, high) = (_mm256_loadu_ps(low.as_ptr()), _mm256_loadu_ps(high.as_ptr()));
            [_mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high)]
        })
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
    fn rotate(self, by: usize) -> Self {
        // SAFETY: see above. Of an index the last four bits count.
        Avx512([unsafe {
            let ring = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            _mm512_permutexvar_ps(_mm512_add_epi32(ring, _mm512_set1_epi32(by as i32)), self.0[0])
        }])
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        Avx512([unsafe { _mm512_fmadd_ps(self.0[0], a.0[0], b.0[0]) }])
    }
    #[inline(always)]
    fn mul_add_half(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        Avx512(unsafe {
            let (x, a) = (_mm512_castps512_ps256(self.0[0]), _mm512_castps512_ps256(a.0[0]));
            [_mm512_castps256_ps512(_mm256_fmadd_ps(x, a, _mm512_castps512_ps256(b.0[0])))]
        })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // SAFETY: see above. Not less or equal: above, or NaN.
        Avx512([unsafe {
            let above = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(self.0[0], _mm512_setzero_ps());
            _mm512_maskz_mov_ps(above, self.0[0])
        }])
    }
    #[inline(always)]
    fn alternate(low: Self, high: Self) -> [Self; 2] {
        // SAFETY: see above.
        unsafe {
            let even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
            let odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
            [
                Avx512([_mm512_permutex2var_ps(low.0[0], even, high.0[0])]),
                Avx512([_mm512_permutex2var_ps(low.0[0], odd, high.0[0])]),
            ]
        }
    }
    #[inline(always)]
    fn interleave(even: Self, odd: Self) -> [Self; 2] {
        // SAFETY: see above.
        unsafe {
            let low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
            let high = _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);
            [
                Avx512([_mm512_permutex2var_ps(even.0[0], low, odd.0[0])]),
                Avx512([_mm512_permutex2var_ps(even.0[0], high, odd.0[0])]),
            ]
        }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see above. The instruction gives its second operand where the numbers are equal or one is NaN.
        Avx512([unsafe {
            let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(other.0[0], other.0[0]);
            _mm512_mask_mov_ps(_mm512_max_ps(other.0[0], self.0[0]), is_nan, other.0[0])
        }])
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: as for `max`.
        Avx512([unsafe {
            let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(other.0[0], other.0[0]);
            _mm512_mask_mov_ps(_mm512_min_ps(other.0[0], self.0[0]), is_nan, other.0[0])
        }])
    }
    #[inline(always)]
    fn larger((old, a): (Self, Self), (new, b): (Self, Self)) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let take = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(new.0[0], old.0[0])
                | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(new.0[0], new.0[0]);
            let best = Avx512([_mm512_mask_mov_ps(old.0[0], take, new.0[0])]);
            (best, Avx512([_mm512_mask_mov_ps(a.0[0], take, b.0[0])]))
        }
    }
    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        Avx512([unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a.0[0], b.0[0]), self.0[0]) }])
    }
    #[inline(always)]
    fn load_bytes(from: &[u8]) -> Self {
        // SAFETY: see above; what the mask leaves out is not touched.
        Avx512([unsafe {
            let bytes = _mm_maskz_loadu_epi8(first(from.len()), from.as_ptr().cast());
            _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes))
        }])
    }
    #[inline(always)]
    fn store_bytes(self, to: &mut [u8]) {
        // SAFETY: see above; what the mask leaves out is not touched.
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(self.0[0]));
            _mm_mask_storeu_epi8(to.as_mut_ptr().cast(), first(to.len()), bytes);
        }
    }
    #[inline(always)]
    fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
        let mut columns = rows;
        let turned = columns_of(rows);
        for i in 0..WIDTH {
            columns[i] = Avx512([turned[i]]);
        }
        columns
    }
    #[inline(always)]
    fn sum_each(rows: [Self; WIDTH]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = rows;
        let upper = sum_pairs(sum_fours(a, b, c, d), sum_fours(e, f, g, h));
        let lower = sum_pairs(sum_fours(i, j, k, l), sum_fours(m, n, o, p));
        Avx512([sum_pairs(upper, lower)])
    }
}

/// Without loops and closures, so that all stays in registers.
#[inline(always)]
fn columns_of(rows: [Avx512; WIDTH]) -> [__m512; WIDTH] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = rows;
    let upper = eights(fours(pairs(a, b), pairs(c, d)), fours(pairs(e, f), pairs(g, h)));
    let lower = eights(fours(pairs(i, j), pairs(k, l)), fours(pairs(m, n), pairs(o, p)));
    whole(upper, lower)
}

// The steps of a transposition, in each quarter of the vectors; then the quarters change places.

#[inline(always)]
fn pairs(a: Avx512, b: Avx512) -> [__m512; 2] {
    // SAFETY: see above.
    unsafe { [_mm512_unpacklo_ps(a.0[0], b.0[0]), _mm512_unpackhi_ps(a.0[0], b.0[0])] }
}

/// Columns c, c + 4, c + 8 and c + 12 of four rows, for each c below 4.
#[inline(always)]
fn fours(a: [__m512; 2], b: [__m512; 2]) -> [__m512; 4] {
    // SAFETY: see above.
    unsafe {
        [
            _mm512_shuffle_ps::<0b01_00_01_00>(a[0], b[0]),
            _mm512_shuffle_ps::<0b11_10_11_10>(a[0], b[0]),
            _mm512_shuffle_ps::<0b01_00_01_00>(a[1], b[1]),
            _mm512_shuffle_ps::<0b11_10_11_10>(a[1], b[1]),
        ]
    }
}

#[inline(always)]
fn even(a: __m512, b: __m512) -> __m512 {
    // SAFETY: see above.
    unsafe { _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b) }
}

#[inline(always)]
fn odd(a: __m512, b: __m512) -> __m512 {
    // SAFETY: see above.
    unsafe { _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b) }
}

/// In each quarter the four rows' sums of their quarters.
#[inline(always)]
fn sum_fours(a: Avx512, b: Avx512, c: Avx512, d: Avx512) -> __m512 {
    let ([a, b], [c, d]) = (pairs(a, b), pairs(c, d));
    // SAFETY: see above.
    unsafe {
        let (a, c) = (_mm512_add_ps(a, b), _mm512_add_ps(c, d));
        let low = _mm512_shuffle_ps::<0b01_00_01_00>(a, c);
        _mm512_add_ps(low, _mm512_shuffle_ps::<0b11_10_11_10>(a, c))
    }
}

/// The sums of neighbouring quarters, first those of the one.
#[inline(always)]
fn sum_pairs(a: __m512, b: __m512) -> __m512 {
    // SAFETY: see above.
    unsafe { _mm512_add_ps(even(a, b), odd(a, b)) }
}

/// Columns c and c + 8 of eight rows, for each c below 8.
#[inline(always)]
fn eights(a: [__m512; 4], b: [__m512; 4]) -> [__m512; 8] {
    [
        even(a[0], b[0]),
        even(a[1], b[1]),
        even(a[2], b[2]),
        even(a[3], b[3]),
        odd(a[0], b[0]),
        odd(a[1], b[1]),
        odd(a[2], b[2]),
        odd(a[3], b[3]),
    ]
}

#[inline(always)]
fn whole(a: [__m512; 8], b: [__m512; 8]) -> [__m512; 16] {
    [
        even(a[0], b[0]),
        even(a[1], b[1]),
        even(a[2], b[2]),
        even(a[3], b[3]),
        even(a[4], b[4]),
        even(a[5], b[5]),
        even(a[6], b[6]),
        even(a[7], b[7]),
        odd(a[0], b[0]),
        odd(a[1], b[1]),
        odd(a[2], b[2]),
        odd(a[3], b[3]),
        odd(a[4], b[4]),
        odd(a[5], b[5]),
        odd(a[6], b[6]),
        odd(a[7], b[7]),
    ]
}
