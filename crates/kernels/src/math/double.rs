//! Exponentials and logarithms in f64, as plain as those of f32 in [`math`](crate::math): a loop that inlines them becomes
//! vector code, with the same bits on every instruction set. Errors are measured against sums of two f64. Then functions
//! of f32 that are calculated in f64; arcsine and arccosine among them call the crate `libm`, and are no vectors.

use super::ROUND_F64;

/// ln 2 rounded to 42 bits: its product with an integer below 2¹¹ is exact.
pub(super) const LN2_HI: f64 = 0.693_147_180_559_890_3;
/// ln 2 - `LN2_HI`.
pub(super) const LN2_LO: f64 = 5.497_923_018_708_371e-14;

/// 2ⁿ for -1023 < n < 1024, n + 1023 being given; 0 for 0.
#[inline(always)]
fn exp2_biased(n: u64) -> f64 {
    f64::from_bits(n << 52)
}

/// eʳ - 1 as a sum of two numbers, where r = high - low, |r| ≤ ln 2 / 2. The first of them is `high`.
#[inline(always)]
fn exp_m1_sum(high: f64, low: f64) -> (f64, f64) {
    let r = high - low;
    let p = 2.092_334_801_217_513e-9;
    let p = p * r + 2.510_833_198_199_845_8e-8;
    let p = p * r + 2.755_724_703_192_381e-7;
    let p = p * r + 2.755_724_639_036_24e-6;
    let p = p * r + 2.480_158_735_425_695e-5;
    let p = p * r + 1.984_126_988_375_156_3e-4;
    let p = p * r + 0.001_388_888_888_887_115;
    let p = p * r + 0.008_333_333_333_322_685;
    let p = p * r + 0.041_666_666_666_666_685;
    let p = p * r + 0.166_666_666_666_666_74;
    // r²/2 = high²/2 - high low, without the error of r.
    (high, 0.5 * high * high + (r * r * r * p - (low + low * high)))
}

/// ([`exp_m1_sum`] of r, n + 2048) where x + low = n ln 2 + r, for |x| < 1400 and a low of the size of an error in the last
/// bit. A NaN gives NaNs and some n.
#[inline(always)]
pub(super) fn exp_m1_reduced(x: f64, low: f64) -> ((f64, f64), u64) {
    let shifted = x * std::f64::consts::LOG2_E + ROUND_F64;
    let n = shifted - ROUND_F64;
    // The first product and the difference are exact.
    (exp_m1_sum(x - n * LN2_HI, n * LN2_LO - low), shifted.to_bits().wrapping_sub(ROUND_F64.to_bits() - 2048))
}

/// (1 + m1) 2ⁿ for -1077 < n < 1026, n + 2048 being given.
#[inline(always)]
pub(super) fn scaled((high, low): (f64, f64), n: u64) -> f64 {
    let sum = 1.0 + high;
    let m = sum + (high - (sum - 1.0) + low);
    // n runs past the exponents of a normal f64, hence two factors; only the last one rounds. No shift of a signed number,
    // for which AVX2 has no instruction.
    let half = n >> 1;
    m * exp2_biased(half.wrapping_sub(1)) * exp2_biased(n.wrapping_sub(half).wrapping_sub(1))
}

/// eˣ. Error at most 0.74 ulp, subnormal results included; overflows to infinity where eˣ does.
#[inline(always)]
pub fn exp_f64(x: f64) -> f64 {
    // Beyond these bounds the result is 0 or infinity anyway. Comparisons in this form let a NaN through.
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let (m1, n) = exp_m1_reduced(x, 0.0);
    scaled(m1, n)
}

/// 2ˣ. Error at most 0.74 ulp; exact for whole numbers.
#[inline(always)]
pub fn exp2_f64(x: f64) -> f64 {
    let x = if x > 1025.0 { 1025.0 } else { x };
    let x = if x < -1076.0 { -1076.0 } else { x };
    let shifted = x + ROUND_F64;
    let f = x - (shifted - ROUND_F64);
    let n = shifted.to_bits().wrapping_sub(ROUND_F64.to_bits() - 2048);
    /// `LN_2` - ln 2.
    const LN_2_LOW: f64 = -2.319_046_813_846_299_6e-17;
    scaled(exp_m1_sum(f * std::f64::consts::LN_2, f * LN_2_LOW), n)
}

/// eˣ - 1 for -40 ≤ x ≤ 710, and its sign for subnormal x.
#[inline(always)]
fn exp_m1_within(x: f64) -> f64 {
    let ((high, low), n) = exp_m1_reduced(x, 0.0);
    // Half of 2ⁿ (m1 + 1) - 1, so that n = 1024 does not overflow too early.
    let half_scale = exp2_biased(n.wrapping_sub(1026));
    let (less, high) = (half_scale - 0.5, half_scale * high);
    let sum = less + high;
    let lost = high - (sum - less) + (half_scale - less - 0.5);
    2.0 * (sum + (lost + half_scale * low))
}

/// eˣ - 1, full precision near 0. Error at most 0.82 ulp.
#[inline(always)]
pub fn exp_m1_f64(x: f64) -> f64 {
    let y = if x > 710.0 { 710.0 } else { x };
    let y = if y < -40.0 { -40.0 } else { y };
    let r = exp_m1_within(y);
    // Halving would round a subnormal, and the sum would lose the sign of -0.
    if x.abs() < 1e-17 { x } else { r }
}

/// (m - 1, n) where x = m 2ⁿ and √½ ≤ m < √2, for a normal x > 0.
#[inline(always)]
pub(super) fn split_exponent(x: f64) -> (f64, f64) {
    split_exponent_from(x, std::f64::consts::FRAC_1_SQRT_2)
}

/// (m - 1, n) where x = m 2ⁿ and least ≤ m < 2 least, for a normal x > 0 and a least from ½ to 1.
#[inline(always)]
pub(super) fn split_exponent_from(x: f64, least: f64) -> (f64, f64) {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits().wrapping_sub(least.to_bits());
    let m = f64::from_bits((bits & FRACTION) + least.to_bits());
    let biased = bits.wrapping_add(1023 << 52) >> 52;
    // As the low bits of 2⁵².
    (m - 1.0, f64::from_bits(biased | 1075 << 52) - ((1u64 << 52) + 1023) as f64)
}

/// (a, b) with ln(1 + f) = f - (a - b) for √½ ≤ 1 + f < √2.
/// With s = f / (2 + f), ln(1 + f) = 2 artanh s = f - f²/2 + s (f²/2 + 2 artanh s - 2 s), as in FreeBSD's `log`.
#[inline(always)]
pub(super) fn ln_1p_terms(f: f64) -> (f64, f64) {
    let s = f / (2.0 + f);
    let z = s * s;
    let p = 0.147_959_510_889_359_5;
    let p = p * z + 0.153_140_504_249_944_85;
    let p = p * z + 0.181_835_643_305_909_46;
    let p = p * z + 0.222_221_985_731_093_06;
    let p = p * z + 0.285_714_287_423_882_3;
    let p = p * z + 0.399_999_999_994_146_76;
    let p = p * z + 0.666_666_666_666_673_4;
    let half = 0.5 * f * f;
    (half, s * (half + z * p))
}

/// ln(1 + f) + n ln 2 + low for √½ ≤ 1 + f < √2, a whole n and a low of the size of an error in the last bit.
#[inline(always)]
fn ln_reduced(f: f64, n: f64, low: f64) -> f64 {
    let (half, rest) = ln_1p_terms(f);
    // Smallest terms first.
    n * LN2_HI + (f - (half - (rest + (n * LN2_LO + low))))
}

/// The natural logarithm. Error at most 0.82 ulp. ln(±0) = -∞; NaN below zero.
#[inline(always)]
pub fn ln_f64(x: f64) -> f64 {
    let subnormal = x < f64::MIN_POSITIVE;
    let (f, n) = split_exponent(if subnormal { x * (1u64 << 52) as f64 } else { x });
    let r = ln_reduced(f, n - if subnormal { 52.0 } else { 0.0 }, 0.0);
    let r = if x < f64::INFINITY { r } else { x };
    let below = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    if x > 0.0 { r } else { below }
}

/// ln(1 + x), full precision near 0. Error at most 0.81 ulp. -∞ at -1; NaN below.
#[inline(always)]
pub fn ln_1p_f64(x: f64) -> f64 {
    let u = 1.0 + x;
    // What rounding took from the sum: exact, with the larger summand subtracted first.
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let (f, n) = split_exponent(u);
    let near = n == 0.0;
    let r = ln_reduced(if near { x } else { f }, n, if near { 0.0 } else { lost / u });
    let r = if x < f64::INFINITY { r } else { x };
    let below = if x == -1.0 { f64::NEG_INFINITY } else { f64::NAN };
    // The sums above turn -0 into 0.
    (if x > -1.0 { r } else { below }).copysign(x)
}

/// The hyperbolic tangent. Error at most 2.24 ulp; odd, ±1 from |x| ≈ 19 on.
#[inline(always)]
pub fn tanh_f64(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > 20.0 { 20.0 } else { a };
    let em1 = exp_m1_within(a + a);
    (em1 / (em1 + 2.0)).copysign(x)
}

/// 1 / (1 + e⁻ˣ). Error at most 2.1 ulp, subnormal results included.
#[inline(always)]
pub fn sigmoid_f64(x: f64) -> f64 {
    // With e^-|x| ≤ 1 nothing overflows, and the left tail keeps its digits.
    let z = exp_f64(-x.abs());
    (if x < 0.0 { z } else { 1.0 }) / (1.0 + z)
}

/// 2ˣ in f64. Error at most 0.501 ulp.
#[inline(always)]
pub fn exp2_f32(x: f32) -> f32 {
    exp2_f64(f64::from(x)) as f32
}

/// The logarithm to base 2 in f64. Error at most 0.501 ulp; exact where it is a whole number.
#[inline(always)]
pub fn log2_f32(x: f32) -> f32 {
    (ln_f64(f64::from(x)) * std::f64::consts::LOG2_E) as f32
}

/// The logarithm to base 10 in f64. Error at most 0.501 ulp; exact where it is a whole number.
#[inline(always)]
pub fn log10_f32(x: f32) -> f32 {
    (ln_f64(f64::from(x)) * std::f64::consts::LOG10_E) as f32
}

/// The arcsine in f64. Error at most 0.501 ulp.
#[inline(always)]
pub fn asin_f32(x: f32) -> f32 {
    libm::asin(f64::from(x)) as f32
}

/// The arccosine in f64. Error at most 0.501 ulp.
#[inline(always)]
pub fn acos_f32(x: f32) -> f32 {
    libm::acos(f64::from(x)) as f32
}

/// The hyperbolic sine in f64. Error at most 0.501 ulp.
#[inline(always)]
pub fn sinh_f32(x: f32) -> f32 {
    let a = f64::from(x.abs());
    // There it has long been infinite in f32.
    let em1 = exp_m1_within(if a > 100.0 { 100.0 } else { a });
    ((0.5 * (em1 + em1 / (em1 + 1.0))) as f32).copysign(x)
}

/// The hyperbolic cosine in f64. Error at most 0.501 ulp.
#[inline(always)]
pub fn cosh_f32(x: f32) -> f32 {
    let a = f64::from(x.abs());
    let power = exp_f64(if a > 100.0 { 100.0 } else { a });
    (0.5 * (power + 1.0 / power)) as f32
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    /// The smallest subnormal.
    const TINY: f64 = f64::from_bits(1);

    /// ln 2 - `LN2_HI` - `LN2_LO`.
    const LN2_LAST: f64 = 1.947_045_092_380_75e-31;
    pub(in crate::math) const LN2: Wide = Wide(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

    /// (a + b) with |b| at most half an ulp of a: some 106 bits.
    #[derive(Clone, Copy)]
    pub(in crate::math) struct Wide(pub f64, pub f64);

    impl Wide {
        pub(in crate::math) fn sum(a: f64, b: f64) -> Self {
            let s = a + b;
            let from_b = s - a;
            Wide(s, (a - (s - from_b)) + (b - from_b))
        }
        pub(in crate::math) fn add(self, other: Wide) -> Self {
            let high = Wide::sum(self.0, other.0);
            let low = Wide::sum(self.1, other.1);
            let sum = Wide::sum(high.0, high.1 + low.0);
            Wide::sum(sum.0, sum.1 + low.1)
        }
        pub(in crate::math) fn mul(self, other: Wide) -> Self {
            let high = self.0 * other.0;
            Wide::sum(high, self.0.mul_add(other.0, -high) + (self.0 * other.1 + self.1 * other.0))
        }
        pub(in crate::math) fn div(self, other: Wide) -> Self {
            let first = self.0 / other.0;
            let rest = self.add(Wide(-first, 0.0).mul(other));
            let second = rest.0 / other.0;
            let rest = rest.add(Wide(-second, 0.0).mul(other));
            Wide::sum(first, second).add(Wide(rest.0 / other.0, 0.0))
        }
        pub(in crate::math) fn scale(self, n: i32) -> Self {
            Wide(scale(self.0, n), scale(self.1, n))
        }
    }

    /// x 2ⁿ, rounded once at most.
    pub(in crate::math) fn scale(x: f64, n: i32) -> f64 {
        let n = n.clamp(-3000, 3000);
        let part = n / 3;
        x * 2f64.powi(part) * 2f64.powi(part) * 2f64.powi(n - 2 * part)
    }

    /// (eʳ - 1, n) with x = n ln 2 + r.
    fn exp_m1_wide(x: Wide) -> (Wide, i32) {
        if x.0.abs() < 1e-200 {
            return (x, 0);
        }
        let n = (x.0 * std::f64::consts::LOG2_E).round();
        let r = x.add(Wide(-n * LN2_HI, 0.0)).add(Wide(-n, 0.0).mul(Wide(LN2_LO, LN2_LAST)));
        let r = r.scale(-4);
        let terms = (2..=15)
            .rev()
            .fold(Wide(1.0, 0.0), |sum, k| sum.mul(r).div(Wide(f64::from(k), 0.0)).add(Wide(1.0, 0.0)));
        // e²ʳ - 1 = (eʳ - 1) (eʳ - 1 + 2)
        let m1 = (0..4).fold(r.mul(terms), |m1, _| m1.mul(m1.add(Wide(2.0, 0.0))));
        (m1, n as i32)
    }

    /// eˣ as a number times 2ⁿ.
    pub(in crate::math) fn exp_wide(x: Wide) -> (Wide, i32) {
        let (m1, n) = exp_m1_wide(x);
        (m1.add(Wide(1.0, 0.0)), n)
    }

    /// eˣ - 1 likewise.
    fn expm1_wide(x: Wide) -> (Wide, i32) {
        let (m1, n) = exp_m1_wide(x);
        match n {
            0 => (m1, 0),
            // There the 1 is below the last bit.
            120.. => (m1.add(Wide(1.0, 0.0)), n),
            _ => (m1.add(Wide(1.0, 0.0)).scale(n).add(Wide(-1.0, 0.0)), 0),
        }
    }

    /// The largest error in ulp over f64s from all over the range, and more of them where the function changes. `exact` is
    /// asked where `f` should give neither NaN nor infinity.
    fn worst_ulp(f: fn(f64) -> f64, std: fn(f64) -> f64, exact: fn(f64) -> (Wide, i32)) -> f64 {
        let mut worst = 0.0f64;
        let bits = (0..=u64::MAX).step_by(u64::MAX as usize / 100_003).map(f64::from_bits);
        let ranges = [0.3, 1.0, 3.0, 40.0, 745.2];
        let near = (0..50_000).flat_map(|i| ranges.map(|r| r * (crate::rng::uniform_f64(1, i) * 2.0 - 1.0)));
        for x in bits.chain(near).chain((0..50_000).map(|i| 2.0 * crate::rng::uniform_f64(2, i))) {
            let (got, rounded) = (f(x), std(x));
            if !rounded.is_finite() || rounded == 0.0 {
                assert!(
                    got.to_bits() == rounded.to_bits() || got.is_nan() && rounded.is_nan(),
                    "at {x:e}: {got:e}"
                );
                continue;
            }
            let (want, n) = exact(x);
            let exponent = (want.0.to_bits() >> 52 & 0x7ff) as i32 - 1023;
            let ulp = (exponent + n).max(-1022) - 52;
            let want = want.scale(n - ulp);
            let error = (scale(got, -ulp) - want.0 - want.1).abs();
            worst = worst.max(error);
        }
        worst
    }

    /// `f` gives these very bits (any NaN for a NaN).
    pub(in crate::math) fn check(f: fn(f64) -> f64, pairs: &[(f64, f64)]) {
        for &(x, want) in pairs {
            let got = f(x);
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "at {x:e}: {got:e} for {want:e}"
            );
        }
    }

    #[test]
    fn exp() {
        let worst = worst_ulp(exp_f64, f64::exp, |x| exp_wide(Wide(x, 0.0)));
        assert!(worst < 0.74, "{worst} ulp");
        check(
            exp_f64,
            &[(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (-NAN, NAN)],
        );
        // Both sides of overflow and of underflow.
        check(exp_f64, &[(709.782_712_893_384_1, INF), (f64::MAX, INF), (f64::MIN, 0.0)]);
        check(exp_f64, &[(-745.133_219_101_941_1, TINY), (-745.133_219_101_941_2, 0.0)]);
        assert!(exp_f64(709.782_712_893_383_9).is_finite());
    }

    #[test]
    fn exp2() {
        let worst = worst_ulp(exp2_f64, f64::exp2, |x| {
            let (power, n) = exp_wide(Wide(x - x.round(), 0.0).mul(LN2));
            (power, n + x.round() as i32)
        });
        assert!(worst < 0.74, "{worst} ulp");
        check(
            exp2_f64,
            &[(INF, INF), (1024.0, INF), (f64::MAX, INF), (-INF, 0.0), (f64::MIN, 0.0), (NAN, NAN)],
        );
        for n in -1080..1024 {
            check(exp2_f64, &[(f64::from(n), scale(1.0, n))]);
        }
    }

    #[test]
    fn exp_m1() {
        let worst = worst_ulp(exp_m1_f64, f64::exp_m1, |x| expm1_wide(Wide(x, 0.0)));
        assert!(worst < 0.82, "{worst} ulp");
        check(exp_m1_f64, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (1e-20, 1e-20)]);
        check(
            exp_m1_f64,
            &[(INF, INF), (-INF, -1.0), (NAN, NAN), (709.782_712_893_384_1, INF), (f64::MIN, -1.0)],
        );
        assert!(exp_m1_f64(709.782_712_893_383_9).is_finite());
    }

    #[test]
    fn ln() {
        // A step of Newton's from std's logarithm.
        let worst = worst_ulp(ln_f64, f64::ln, |x| {
            let (m1, n) = split_exponent(if x < f64::MIN_POSITIVE { x * 2f64.powi(52) } else { x });
            let n = n as i32 - if x < f64::MIN_POSITIVE { 52 } else { 0 };
            let y = x.ln();
            let (power, k) = exp_wide(Wide(-y, 0.0));
            let c = Wide(1.0 + m1, 0.0).mul(power).scale(n + k).add(Wide(-1.0, 0.0));
            (Wide(y, 0.0).add(c).add(Wide(-0.5, 0.0).mul(c).mul(c)), 0)
        });
        assert!(worst < 0.82, "{worst} ulp");
        check(
            ln_f64,
            &[(0.0, -INF), (-0.0, -INF), (-TINY, NAN), (-1.0, NAN), (-INF, NAN), (NAN, NAN), (-NAN, NAN)],
        );
        check(
            ln_f64,
            &[(1.0, 0.0), (INF, INF), (TINY, -744.440_071_921_381_2), (f64::MAX, 709.782_712_893_384)],
        );
    }

    #[test]
    fn ln_1p() {
        let worst = worst_ulp(ln_1p_f64, f64::ln_1p, |x| {
            let y = x.ln_1p();
            let (power, n) = expm1_wide(Wide(y, 0.0));
            let rest = Wide(scale(x, -n), 0.0).add(power.mul(Wide(-1.0, 0.0)));
            let c = rest.div(Wide::sum(scale(1.0, -n), scale(x, -n)));
            (Wide(y, 0.0).add(c).add(Wide(-0.5, 0.0).mul(c).mul(c)), 0)
        });
        assert!(worst < 0.81, "{worst} ulp");
        check(ln_1p_f64, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (-1e-20, -1e-20)]);
        check(ln_1p_f64, &[(-1.0, -INF), (-1.000_000_1, NAN), (-INF, NAN), (NAN, NAN), (INF, INF)]);
        check(ln_1p_f64, &[(f64::MAX, 709.782_712_893_384)]);
    }

    #[test]
    fn tanh() {
        let worst = worst_ulp(tanh_f64, f64::tanh, |x| {
            let (m1, n) = expm1_wide(Wide(2.0 * x.clamp(-30.0, 30.0), 0.0));
            let m1 = m1.scale(n);
            (m1.div(m1.add(Wide(2.0, 0.0))), 0)
        });
        assert!(worst < 2.24, "{worst} ulp");
        check(tanh_f64, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (NAN, NAN), (-NAN, NAN)]);
        check(tanh_f64, &[(19.5, 1.0), (-19.5, -1.0), (INF, 1.0), (-INF, -1.0)]);
    }

    #[test]
    fn sigmoid() {
        let std = |x: f64| if x < -700.0 { x.exp() } else { 1.0 / (1.0 + (-x).exp()) };
        let worst = worst_ulp(sigmoid_f64, std, |x| {
            let (power, n) = exp_wide(Wide(x.min(50.0), 0.0));
            if n < -200 {
                return (power, n);
            }
            let power = power.scale(n);
            (power.div(power.add(Wide(1.0, 0.0))), 0)
        });
        assert!(worst < 2.1, "{worst} ulp");
        check(sigmoid_f64, &[(0.0, 0.5), (-0.0, 0.5), (TINY, 0.5), (40.0, 1.0), (-746.0, 0.0)]);
        check(sigmoid_f64, &[(INF, 1.0), (-INF, 0.0), (NAN, NAN), (-NAN, NAN)]);
    }

    /// Those of an f32.
    #[test]
    fn in_f64() {
        use super::super::tests::worst_ulp;
        assert!(worst_ulp(exp2_f32, f64::exp2) < 0.501);
        assert!(worst_ulp(log2_f32, f64::log2) < 0.501);
        assert!(worst_ulp(log10_f32, f64::log10) < 0.501);
        assert!(worst_ulp(asin_f32, f64::asin) < 0.501);
        assert!(worst_ulp(acos_f32, f64::acos) < 0.501);
        assert!(worst_ulp(sinh_f32, f64::sinh) < 0.501);
        assert!(worst_ulp(cosh_f32, f64::cosh) < 0.501);
        for n in -149..128 {
            assert_eq!(log2_f32(scale(1.0, n) as f32), n as f32);
            assert_eq!(exp2_f32(n as f32), scale(1.0, n) as f32);
        }
        for n in 0..=10 {
            assert_eq!(log10_f32(10f32.powi(n)), n as f32);
        }
        for x in [-0.0, 1e-45, -1e-45, INF as f32] {
            assert_eq!(sinh_f32(x).to_bits(), x.to_bits());
        }
    }
}
