//! The lanes of AVX2 and FMA: two registers of 256 bits, of which there are sixteen.

#![allow(clippy::needless_range_loop, reason = "iterators over lanes are not always inlined")]

use super::{LaneKernel, Lanes, Part, Spread, WIDTH, opaque, operators, prefetch};
use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn run<K: LaneKernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

// SAFETY of all intrinsics below: `Avx2` and its half are used under `run` alone, whose callers have made sure of the
// instruction set; loads and stores get references to as many numbers, or pointers for which their callers answer.

#[derive(Clone, Copy)]
struct Avx2([__m256; 2]);

operators!(
    Avx2,
    [Add, add, _mm256_add_ps],
    [Sub, sub, _mm256_sub_ps],
    [Mul, mul, _mm256_mul_ps],
    [Div, div, _mm256_div_ps]
);

/// Eight of the lanes.
#[derive(Clone, Copy)]
struct Avx2Half([__m256; 1]);

operators!(Avx2Half, [Add, add, _mm256_add_ps], [Sub, sub, _mm256_sub_ps], [Mul, mul, _mm256_mul_ps]);

impl Part for Avx2Half {
    const COUNT: usize = 8;
    #[inline(always)]
    fn splat(v: f32) -> Self {
        // SAFETY: see above.
        Avx2Half([unsafe { _mm256_set1_ps(v) }])
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        Avx2Half([unsafe { _mm256_fmadd_ps(self.0[0], a.0[0], b.0[0]) }])
    }
    #[inline(always)]
    unsafe fn read(from: *const f32) -> Self {
        // SAFETY: the caller's.
        Avx2Half([unsafe { _mm256_loadu_ps(from) }])
    }
    #[inline(always)]
    unsafe fn read_some(from: *const f32, n: usize) -> Self {
        // SAFETY: the caller's; what the mask leaves out is not touched.
        Avx2Half([unsafe { _mm256_maskload_ps(from, _mm256_loadu_si256(masks(n).as_ptr().cast())) }])
    }
    #[inline(always)]
    unsafe fn write(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_ps(to, self.0[0]) };
    }
    #[inline(always)]
    unsafe fn write_some(self, to: *mut f32, n: usize) {
        // SAFETY: the caller's.
        unsafe { store_some(self.0[0], n, to) };
    }
    #[inline(always)]
    fn above_zero(self) -> Self {
        Avx2Half([above_zero(self.0[0])])
    }
}

impl Lanes for Avx2 {
    type Part = Avx2Half;
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
    fn load_some(from: &[f32]) -> Self {
        if let Some(whole) = from.first_chunk() {
            return Self::load(whole);
        }
        let (from, masks) = (from.as_ptr(), masks(from.len()).as_ptr());
        // SAFETY: see above; what the masks leave out is not touched.
        Avx2(unsafe {
            [
                _mm256_maskload_ps(from, _mm256_loadu_si256(masks.cast())),
                _mm256_maskload_ps(from.wrapping_add(8), _mm256_loadu_si256(masks.add(8).cast())),
            ]
        })
    }
    #[inline(always)]
    fn store_some(self, to: &mut [f32]) {
        if let Some(whole) = to.first_chunk_mut() {
            return self.store(whole);
        }
        let (n, mut to, mut rest) = (to.len(), to.as_mut_ptr(), self.0[0]);
        // SAFETY: see above; the n numbers are the slice's.
        unsafe {
            if n & 8 != 0 {
                _mm256_storeu_ps(to, rest);
                (to, rest) = (to.add(8), self.0[1]);
            }
            store_few(rest, n, to);
        }
    }
    #[inline(always)]
    fn load_bytes(from: &[u8]) -> Self {
        let mut some = [0; WIDTH];
        let from = from.first_chunk().unwrap_or_else(|| {
            some[..from.len()].copy_from_slice(from);
            &some
        });
        // SAFETY: see above.
        Avx2(unsafe {
            let bytes = _mm_loadu_si128(from.as_ptr().cast());
            [
                _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
                _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_unpackhi_epi64(bytes, bytes))),
            ]
        })
    }
    #[inline(always)]
    fn store_bytes(self, to: &mut [u8]) {
        let mut bytes = [0; WIDTH];
        // SAFETY: see above.
        unsafe {
            let (low, high) = (_mm256_cvtps_epi32(self.0[0]), _mm256_cvtps_epi32(self.0[1]));
            // Halves of sixteen and of eight bits, in the order of the lanes again.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high));
            let both = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), both);
        }
        match to.first_chunk_mut() {
            Some(to) => *to = bytes,
            None => to.copy_from_slice(&bytes[..to.len()]),
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
    fn mul_add_half(self, a: Self, b: Self) -> Self {
        // SAFETY: see above.
        Avx2(unsafe { [_mm256_fmadd_ps(self.0[0], a.0[0], b.0[0]), b.0[1]] })
    }
    #[inline(always)]
    fn relu(mut self) -> Self {
        for i in 0..2 {
            self.0[i] = above_zero(self.0[i]);
        }
        self
    }
    #[inline(always)]
    fn alternate(low: Self, high: Self) -> [Self; 2] {
        let mut both = [low; 2];
        for (half, x) in [low.0, high.0].into_iter().enumerate() {
            // SAFETY: see above.
            unsafe {
                // Lanes 0 1 4 5 and 2 3 6 7 of each half register, put in order of pairs.
                let even = _mm256_shuffle_ps::<0b10_00_10_00>(x[0], x[1]);
                let odd = _mm256_shuffle_ps::<0b11_01_11_01>(x[0], x[1]);
                let order = |v| _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(v)));
                both[0].0[half] = order(even);
                both[1].0[half] = order(odd);
            }
        }
        both
    }
    #[inline(always)]
    fn interleave(even: Self, odd: Self) -> [Self; 2] {
        let mut both = [even; 2];
        for half in 0..2 {
            // SAFETY: see above.
            unsafe {
                let low = _mm256_unpacklo_ps(even.0[half], odd.0[half]);
                let high = _mm256_unpackhi_ps(even.0[half], odd.0[half]);
                both[half].0[0] = _mm256_permute2f128_ps::<0x20>(low, high);
                both[half].0[1] = _mm256_permute2f128_ps::<0x31>(low, high);
            }
        }
        both
    }
    #[inline(always)]
    fn max(mut self, other: Self) -> Self {
        for i in 0..2 {
            let (a, b) = (self.0[i], other.0[i]);
            // SAFETY: see above. The instruction gives its second operand where the numbers are equal or one is NaN.
            self.0[i] =
                unsafe { _mm256_blendv_ps(_mm256_max_ps(b, a), b, _mm256_cmp_ps::<_CMP_UNORD_Q>(b, b)) };
        }
        self
    }
    #[inline(always)]
    fn min(mut self, other: Self) -> Self {
        for i in 0..2 {
            let (a, b) = (self.0[i], other.0[i]);
            // SAFETY: see above. The instruction gives its second operand where the numbers are equal or one is NaN.
            self.0[i] =
                unsafe { _mm256_blendv_ps(_mm256_min_ps(b, a), b, _mm256_cmp_ps::<_CMP_UNORD_Q>(b, b)) };
        }
        self
    }
    #[inline(always)]
    fn larger(mut best: (Self, Self), other: (Self, Self)) -> (Self, Self) {
        for i in 0..2 {
            let (old, new) = (best.0.0[i], other.0.0[i]);
            // SAFETY: see above.
            unsafe {
                let take = _mm256_or_ps(
                    _mm256_cmp_ps::<_CMP_GT_OQ>(new, old),
                    _mm256_cmp_ps::<_CMP_UNORD_Q>(new, new),
                );
                best.0.0[i] = _mm256_blendv_ps(old, new, take);
                best.1.0[i] = _mm256_blendv_ps(best.1.0[i], other.1.0[i], take);
            }
        }
        best
    }
    #[inline(always)]
    fn where_equal(mut self, a: Self, b: Self) -> Self {
        for i in 0..2 {
            // SAFETY: see above.
            self.0[i] = unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(a.0[i], b.0[i]), self.0[i]) };
        }
        self
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
    #[inline(always)]
    fn sum_each(rows: [Self; WIDTH]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = rows;
        Avx2([
            sum_halves(sum_rows(a, b, c, d), sum_rows(e, f, g, h)),
            sum_halves(sum_rows(i, j, k, l), sum_rows(m, n, o, p)),
        ])
    }
    /// Squares of eight by themselves, for which the registers suffice.
    #[inline(always)]
    unsafe fn turn(from: Spread<*const f32>, n: usize, to: [*mut f32; WIDTH]) {
        // Rows may lie so far apart that more than eight displace each other from the cache.
        for top in 0..2 {
            for left in 0..2 {
                let n = n.saturating_sub(8 * left);
                if n == 0 {
                    continue;
                }
                let first = from.first.wrapping_add(8 * left);
                // SAFETY: whoever calls this answers for the numbers.
                unsafe {
                    let mut r = [_mm256_setzero_ps(); 8];
                    if n >= 8 && from.last >= 8 * top + 7 {
                        // All apart: no addresses to keep.
                        let first = opaque(first.wrapping_add(8 * top * from.apart));
                        for i in 0..8 {
                            let row = first.wrapping_add(i * from.apart);
                            r[i] = _mm256_loadu_ps(row);
                            if left == 0 {
                                prefetch(row.wrapping_add(from.ahead));
                            }
                        }
                    } else {
                        let mask = _mm256_loadu_si256(masks(n.min(8)).as_ptr().cast());
                        for i in 0..8 {
                            let row = first.wrapping_add(from.to_row(8 * top + i));
                            r[i] = _mm256_maskload_ps(row, mask);
                            if left == 0 {
                                prefetch(row.wrapping_add(from.ahead));
                            }
                        }
                    }
                    let r = square(r);
                    if n >= 8 {
                        for i in 0..8 {
                            _mm256_storeu_ps(to[8 * left + i].add(8 * top), r[i]);
                        }
                        continue;
                    }
                    for i in 0..7 {
                        if i < n {
                            _mm256_storeu_ps(to[8 * left + i].add(8 * top), r[i]);
                        }
                    }
                }
            }
        }
    }
    #[inline(always)]
    unsafe fn turn_back<const RELU: bool>(
        from: [*const f32; WIDTH],
        shift: Self,
        n: usize,
        to: Spread<*mut f32>,
    ) {
        for left in 0..2 {
            for top in 0..2 {
                let n = n.saturating_sub(8 * top);
                if n == 0 || 8 * left > to.last {
                    continue;
                }
                // SAFETY: whoever calls this answers for the numbers.
                unsafe {
                    let mut r = [_mm256_setzero_ps(); 8];
                    for i in 0..8 {
                        let v = _mm256_loadu_ps(from[8 * top + i].add(8 * left));
                        r[i] = _mm256_add_ps(v, shift.0[left]);
                        if RELU {
                            r[i] = above_zero(r[i]);
                        }
                    }
                    let r = square(r);
                    let first = to.first.wrapping_add(8 * left * to.apart + 8 * top);
                    let first = opaque(first).cast_mut();
                    let rows = to.last + 1 - 8 * left;
                    for i in 0..8 {
                        let row = first.wrapping_add(i * to.apart);
                        if n >= 8 && rows >= 8 {
                            _mm256_storeu_ps(row, r[i]);
                            if top == 0 {
                                prefetch(row.wrapping_add(to.ahead));
                            }
                        } else if i < rows {
                            store_some(r[i], n, row);
                        }
                    }
                }
            }
        }
    }
}

/// As many ones as there are numbers, then zeros.
#[inline(always)]
fn masks(n: usize) -> &'static [i32] {
    static MASKS: [[i32; WIDTH]; 2] = [[-1; WIDTH], [0; WIDTH]];
    &MASKS.as_flattened()[WIDTH - n..][..WIDTH]
}

/// The first `n` of eight numbers, or all.
#[inline(always)]
unsafe fn store_some(numbers: __m256, n: usize, to: *mut f32) {
    // SAFETY: the caller answers for the numbers.
    unsafe {
        if n >= 8 {
            _mm256_storeu_ps(to, numbers);
        } else {
            store_few(numbers, n, to);
        }
    }
}

/// The first `n` modulo 8 of eight numbers. Not by masks, which take some AMD processors dozens of steps.
#[inline(always)]
unsafe fn store_few(numbers: __m256, n: usize, mut to: *mut f32) {
    // SAFETY: the caller answers for the numbers.
    unsafe {
        let mut four = _mm256_castps256_ps128(numbers);
        if n & 4 != 0 {
            _mm_storeu_ps(to, four);
            (to, four) = (to.add(4), _mm256_extractf128_ps::<1>(numbers));
        }
        if n & 2 != 0 {
            _mm_storel_pd(to.cast(), _mm_castps_pd(four));
            (to, four) = (to.add(2), _mm_movehl_ps(four, four));
        }
        if n & 1 != 0 {
            _mm_store_ss(to, four);
        }
    }
}

/// max(0, v); NaN stays.
#[inline(always)]
fn above_zero(v: __m256) -> __m256 {
    // SAFETY: see above. Not less or equal: above, or NaN.
    unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(v, _mm256_setzero_ps()), v) }
}

/// In each half the four rows' sums of their halves.
#[inline(always)]
fn sum_rows(a: Avx2, b: Avx2, c: Avx2, d: Avx2) -> __m256 {
    // SAFETY: see above.
    unsafe {
        let (a, b) = (_mm256_add_ps(a.0[0], a.0[1]), _mm256_add_ps(b.0[0], b.0[1]));
        let (c, d) = (_mm256_add_ps(c.0[0], c.0[1]), _mm256_add_ps(d.0[0], d.0[1]));
        let a = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let c = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        let low = _mm256_shuffle_ps::<0b01_00_01_00>(a, c);
        _mm256_add_ps(low, _mm256_shuffle_ps::<0b11_10_11_10>(a, c))
    }
}

/// The sums of both halves, first those of the one.
#[inline(always)]
fn sum_halves(a: __m256, b: __m256) -> __m256 {
    // SAFETY: see above.
    unsafe { _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b)) }
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
