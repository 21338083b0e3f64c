//! Elementary functions on one f32, free of branches, tables and calls, so that a loop over a slice that inlines
//! them becomes vector code of whatever width its function was compiled for. Only `+ - * /`, selects and integer
//! operations are used: the bits are the same on every instruction set. (`mul_add`, `round` and `floor` would be
//! calls into libm on baseline x86-64.) Errors are given in units in the last place (ulp) of the exact result,
//! measured on every f32 against the f64 functions of std. Polynomials are minimax fits.

mod double;
mod pow;
pub use double::{
    acos_f32, asin_f32, cosh_f32, exp_f64, exp_m1_f64, exp2_f32, exp2_f64, ln_1p_f64, ln_f64, log2_f32,
    log10_f32, sigmoid_f64, sinh_f32, tanh_f64,
};
pub use pow::{log2_f64, pow_f32, pow_f64};

/// 1.5 · 2²³. Adding it to |x| < 2²² rounds x to an integer, which then stands in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;
/// 1.5 · 2⁵², which does the same to |x| < 2⁵¹.
pub(crate) const ROUND_F64: f64 = 1.5 * (1u64 << 52) as f64;
/// ln 2 rounded to 15 bits: its product with an integer below 2⁸ is exact.
const LN2_HI: f32 = 0.693_145_75;
/// ln 2 - `LN2_HI`.
const LN2_LO: f32 = 1.428_606_8e-6;

/// 2ⁿ for -127 < n < 128; 0 for n = -127; anything else gives some number without a panic.
#[inline(always)]
fn exp2_i32(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// (eʳ - 1, n) where x = n ln 2 + r and |r| ≤ ln 2 / 2, for |x| < 150. A NaN gives (NaN, some n).
#[inline(always)]
fn exp_m1_reduced(x: f32) -> (f32, i32) {
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HI) - n * LN2_LO;
    let p = 0.001_393_689_3;
    let p = p * r + 0.008_366_545;
    let p = p * r + 0.041_666_444;
    let p = p * r + 0.166_665_43;
    let p = p * r + 0.5;
    (r + r * r * p, shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32)
}

/// ln(1 + f) + e ln 2 for -1/3 ≤ f < 1/3 and a whole e.
#[inline(always)]
fn ln_reduced(f: f32, e: f32) -> f32 {
    let p = -0.131_917_34;
    let p = p * f + 0.139_617_47;
    let p = p * f - 0.121_150_85;
    let p = p * f + 0.140_110_76;
    let p = p * f - 0.166_854_71;
    let p = p * f + 0.200_100_33;
    let p = p * f - 0.249_996_89;
    let p = p * f + 0.333_332_24;
    let f2 = f * f;
    // Smallest terms first.
    (f + (e * LN2_LO + f2 * (f * p - 0.5))) + e * LN2_HI
}

/// (m - 1, e) where x = m 2ᵉ and 2/3 ≤ m < 4/3, for a normal x > 0.
#[inline(always)]
fn split_exponent(x: f32) -> (f32, i32) {
    const TWO_THIRDS: u32 = 0x3f2a_aaab;
    let bits = x.to_bits().wrapping_sub(TWO_THIRDS);
    (f32::from_bits((bits & 0x007f_ffff) + TWO_THIRDS) - 1.0, bits as i32 >> 23)
}

/// eˣ. Error at most 1.02 ulp, subnormal results included; overflows to infinity where eˣ does.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    // Beyond these bounds the result is 0 or infinity anyway. Comparisons in this form let a NaN through.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let (m1, n) = exp_m1_reduced(x);
    // n runs from -150 to 128, past the exponents of a normal f32, hence two factors; only the last one rounds.
    let half = n >> 1;
    (1.0 + m1) * exp2_i32(half) * exp2_i32(n.wrapping_sub(half))
}

/// [`exp_f32`] for x ≤ 0, with the same bits.
#[inline(always)]
fn exp_below_f32(x: f32) -> f32 {
    /// 2⁻⁶⁴: of n from -150 to 0, n + 64 is the exponent of a normal f32.
    const DOWN: f32 = 1.0 / (1u128 << 64) as f32;
    let x = if x < -104.0 { -104.0 } else { x };
    let (m1, n) = exp_m1_reduced(x);
    (1.0 + m1) * exp2_i32(n.wrapping_add(64)) * DOWN
}

/// [`exp_f32`] for -80 < x < 80, with the same bits.
#[inline(always)]
fn exp_near_f32(x: f32) -> f32 {
    let (m1, n) = exp_m1_reduced(x);
    (1.0 + m1) * exp2_i32(n)
}

/// eˣ for the terms of a sum whose largest are near 1, in fewer steps than [`exp_f32`] takes: 0 below -87.7, and e⁸⁰ above
/// 80. Off by at most 3 · 2⁻²⁴ (1 + |x|) eˣ, and by 2.2 · 2⁻²⁴ for x ≤ 0.
#[inline(always)]
#[allow(clippy::approx_constant, reason = "ln 2 is not the best coefficient")]
pub fn exp_term_f32(x: f32) -> f32 {
    // The exponent of the result, as it stands in an f32, ends up in the low bits.
    const SHIFT: f32 = ROUND + 127.0;
    let x = if x > 80.0 { 80.0 } else { x };
    let x = if x < -88.0 { -88.0 } else { x };
    let t = x * std::f32::consts::LOG2_E;
    let shifted = t + SHIFT;
    let f = t - (shifted - SHIFT);
    let p = 0.001_326_472_7;
    let p = p * f + 0.009_671_513;
    let p = p * f + 0.055_507_336;
    let p = p * f + 0.240_222_42;
    let p = p * f + 0.693_147;
    (p * f + 1.0) * f32::from_bits(shifted.to_bits() << 23)
}

/// eˣ - 1, full precision near 0. Error at most 1.70 ulp.
#[inline(always)]
pub fn exp_m1_f32(x: f32) -> f32 {
    let y = if x > 89.0 { 89.0 } else { x };
    let y = if y < -20.0 { -20.0 } else { y };
    let (m1, n) = exp_m1_reduced(y);
    // Half of 2ⁿ (m1 + 1) - 1, so that n = 128 does not overflow too early.
    let half_scale = exp2_i32(n.wrapping_sub(1));
    let r = 2.0 * (half_scale * m1 + (half_scale - 0.5));
    // Halving would round a subnormal, and the sum would lose the sign of -0.
    if x.abs() < 1e-8 { x } else { r }
}

/// The natural logarithm. Error at most 0.96 ulp. ln(±0) = -∞; NaN below zero.
#[inline(always)]
pub fn ln_f32(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let (f, e) = split_exponent(if subnormal { x * 8_388_608.0 } else { x });
    let r = ln_reduced(f, (e - if subnormal { 23 } else { 0 }) as f32);
    let r = if x < f32::INFINITY { r } else { x };
    let below = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    if x > 0.0 { r } else { below }
}

/// ln(1 + x), full precision near 0. Error at most 1.71 ulp. -∞ at -1; NaN below.
#[inline(always)]
pub fn ln_1p_f32(x: f32) -> f32 {
    let u = 1.0 + x;
    // What rounding took from the sum: exact, with the larger summand subtracted first.
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let (f, e) = split_exponent(u);
    // At e = 128 the lost part is far below an ulp, and 2⁻¹²⁸ is no normal number: 0 does.
    let unscale = exp2_i32((-e).max(-127));
    let r = ln_reduced(f + lost * unscale, e as f32);
    let r = if x < f32::INFINITY { r } else { x };
    let below = if x == -1.0 { f32::NEG_INFINITY } else { f32::NAN };
    // The sums above turn -0 into 0.
    (if x > -1.0 { r } else { below }).copysign(x)
}

/// The hyperbolic tangent. Error at most 2.56 ulp; odd, ±1 from |x| ≈ 9 on.
#[inline(always)]
pub fn tanh_f32(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 10.0 { 10.0 } else { a };
    let (m1, n) = exp_m1_reduced(a + a);
    let scale = exp2_i32(n);
    let em1 = scale * m1 + (scale - 1.0);
    (em1 / (em1 + 2.0)).copysign(x)
}

/// 1 / (1 + e⁻ˣ). Error at most 2.41 ulp, subnormal results included.
#[inline(always)]
pub fn sigmoid_f32(x: f32) -> f32 {
    // With e^-|x| ≤ 1 nothing overflows, and the left tail keeps its digits.
    let z = exp_below_f32(-x.abs());
    (if x < 0.0 { z } else { 1.0 }) / (1.0 + z)
}

/// The error function. Error at most 1.6 ulp. The two polynomials are
/// [Juffa's](https://stackoverflow.com/questions/35148198).
#[inline(always)]
pub fn erf_f32(x: f32) -> f32 {
    let (a, s) = (x.abs(), x * x);
    let p = -5.967_617e-4;
    let p = p * s + 0.004_991_194_2;
    let p = p * s - 0.026_768_135;
    let p = p * s + 0.112_819_925;
    let p = p * s - 0.376_125_34;
    let p = p * s + 0.128_379_17;
    let near = p * x + x;
    // erf is 1 from here on; what is infinite would give NaN.
    let a = if a > 4.0 { 4.0 } else { a };
    let s = a * a;
    let q = (-1.728_534_7e-5 * a + 3.831_971_3e-4) * s + (-0.003_883_964_4 * a + 0.024_254_622);
    let q = q * a - 0.106_777_88;
    let q = q * a - 0.634_846_7;
    let q = q * a - 0.128_717_51;
    let far = (1.0 - exp_near_f32(q * a - a)).copysign(x);
    if x.abs() > 0.927_734_4 { far } else { near }
}

/// 1/√(2π)
pub(crate) const INV_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;

/// The distribution function Φ of the normal distribution and its density φ. Errors at most 5 · 2⁻²⁴ (1 + x²) for |x| ≤ 13, relative
/// to what is below a half, which is 0 beyond. Φ(-|x|) is e^(-x²/2) times a polynomial in (|x| - 3.5)/(|x| + 3.5).
#[inline(always)]
pub fn normal_f32(x: f32) -> [f32; 2] {
    let a = x.abs();
    // What is infinite would give NaN.
    let a = if a > 20.0 { 20.0 } else { a };
    let v = (a - 3.5) / (a + 3.5);
    let e = exp_term_f32(a * a * -0.5);
    let p = 1.588_524e-4;
    let p = p * v + 3.616_800_9e-4;
    let p = p * v - 0.001_405_287;
    let p = p * v - 0.001_557_943;
    let p = p * v + 0.019_071_126;
    let p = p * v - 0.061_639_3;
    let p = p * v + 0.125_854_87;
    let p = p * v - 0.187_139_72;
    let p = p * v + 0.106_345_16;
    let tail = p * e;
    [if x < 0.0 { tail } else { 1.0 - tail }, e * INV_SQRT_2_PI as f32]
}

/// The arctangent. Error at most 1.63 ulp.
#[inline(always)]
pub fn atan_f32(x: f32) -> f32 {
    /// π/2 - `FRAC_PI_2`.
    const FRAC_PI_2_LOW: f32 = -4.371_139e-8;
    let a = x.abs();
    // Beyond 1 it is a right angle less that of the reciprocal.
    let z = if a > 1.0 { 1.0 / a } else { a };
    let t = z * z;
    let p = -0.001_793_588_2;
    let p = p * t + 0.010_914_455;
    let p = p * t - 0.031_177_565;
    let p = p * t + 0.057_957_31;
    let p = p * t - 0.084_034_34;
    let p = p * t + 0.109_521_8;
    let p = p * t - 0.142_642_41;
    let p = p * t + 0.199_985_49;
    let p = p * t - 0.333_333;
    let near = z + z * (t * p);
    let r = if a > 1.0 { std::f32::consts::FRAC_PI_2 - (near - FRAC_PI_2_LOW) } else { near };
    r.copysign(x)
}

/// What is left of x after as many whole y as fit, with the sign of x: exact, C's `fmod`. The common case, a quotient that is
/// no large number, is not left to the standard library, whose loop goes bit by bit.
#[inline(always)]
pub fn fmod_f32(x: f32, y: f32) -> f32 {
    /// Not inlined: an instruction would be carried out always, and its result thrown away.
    #[cold]
    #[inline(never)]
    fn of_any(x: f32, y: f32) -> f32 {
        x % y
    }
    let (a, b) = (f64::from(x), f64::from(y));
    let quotient = a / b;
    // Not below them for NaN either.
    if quotient.abs() < (1 << 29) as f64 && b.abs() < f64::INFINITY {
        // The product has at most 24 + 29 bits. The quotient was not rounded up to a whole number: below one it is at least
        // 2⁻²⁴ short of it.
        let rest = a - f64::from(quotient as i32) * b;
        return (rest as f32).abs().copysign(x);
    }
    of_any(x, y)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The largest error in ulp over f32s from all over the range, including infinities, NaNs and subnormals.
    pub(crate) fn worst_ulp(f: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        let mut worst = 0.0f64;
        for bits in (0..=u32::MAX).step_by(19_997) {
            let x = f32::from_bits(bits);
            let (got, want) = (f(x), exact(f64::from(x)));
            let rounded = want as f32;
            if want.is_nan() || !rounded.is_finite() {
                assert!(got == rounded || got.is_nan() && want.is_nan(), "at {x:e}: {got:e} for {want:e}");
                continue;
            }
            let size = rounded.abs().max(f32::MIN_POSITIVE);
            let ulp = f64::from(f32::from_bits(size.to_bits() & 0x7f80_0000)) * f64::from(f32::EPSILON);
            worst = worst.max((f64::from(got) - want).abs() / ulp);
        }
        worst
    }

    /// `f` gives these very bits (any NaN for a NaN).
    pub(crate) fn check(f: fn(f32) -> f32, pairs: &[(f32, f32)]) {
        for &(x, want) in pairs {
            let got = f(x);
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "at {x:e}: {got:e} for {want:e}"
            );
        }
    }

    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    /// The smallest subnormal.
    const TINY: f32 = f32::from_bits(1);

    #[test]
    fn exp() {
        assert!(worst_ulp(exp_f32, f64::exp) < 1.02);
        check(
            exp_f32,
            &[(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (-NAN, NAN)],
        );
        // Both sides of overflow and of underflow.
        check(
            exp_f32,
            &[(88.722_84, INF), (f32::MAX, INF), (-103.972, TINY), (-103.973, 0.0), (f32::MIN, 0.0)],
        );
        assert!(exp_f32(88.722_83).is_finite());
    }

    #[test]
    fn exp_below() {
        for bits in (0..=NAN.to_bits()).step_by(1_009).chain([INF.to_bits(), 0]) {
            let x = -f32::from_bits(bits);
            let (got, want) = (exp_below_f32(x), exp_f32(x));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "at {x:e}");
        }
    }

    #[test]
    fn exp_near() {
        for i in 0..=2_000_000 {
            let x = (i - 1_000_000) as f32 * 7.9e-5;
            assert_eq!(exp_near_f32(x).to_bits(), exp_f32(x).to_bits(), "at {x}");
        }
    }

    #[test]
    fn exp_term() {
        for i in 0..=2_000_000 {
            let x = 80.0 - i as f32 * 9e-5;
            let (got, exact) = (f64::from(exp_term_f32(x)), f64::from(x).exp());
            let bound = 3.0 * 2f64.powi(-24) * exact * (1.0 + f64::from(x.abs()));
            assert!((got - exact).abs() <= bound.max(1e-38), "at {x}: {got:e} for {exact:e}");
            assert!(x > 0.0 || (got - exact).abs() < 2.2 * 2f64.powi(-24), "at {x}: {got:e} for {exact:e}");
        }
        check(
            exp_term_f32,
            &[(0.0, 1.0), (-0.0, 1.0), (-88.0, 0.0), (-INF, 0.0), (f32::MIN, 0.0), (NAN, NAN)],
        );
        check(exp_term_f32, &[(INF, exp_term_f32(80.0)), (f32::MAX, exp_term_f32(80.0))]);
    }

    #[test]
    fn exp_m1() {
        assert!(worst_ulp(exp_m1_f32, f64::exp_m1) < 1.7);
        check(exp_m1_f32, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (1e-20, 1e-20)]);
        check(exp_m1_f32, &[(INF, INF), (-INF, -1.0), (NAN, NAN), (88.722_84, INF), (f32::MIN, -1.0)]);
        assert!(exp_m1_f32(88.722_83).is_finite());
    }

    #[test]
    fn ln() {
        assert!(worst_ulp(ln_f32, f64::ln) < 0.96);
        check(
            ln_f32,
            &[(0.0, -INF), (-0.0, -INF), (-TINY, NAN), (-1.0, NAN), (-INF, NAN), (NAN, NAN), (-NAN, NAN)],
        );
        check(ln_f32, &[(1.0, 0.0), (INF, INF), (TINY, -103.278_93), (f32::MAX, 88.722_84)]);
    }

    #[test]
    fn ln_1p() {
        assert!(worst_ulp(ln_1p_f32, f64::ln_1p) < 1.71);
        check(ln_1p_f32, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (-1e-20, -1e-20)]);
        check(
            ln_1p_f32,
            &[(-1.0, -INF), (-1.000_000_1, NAN), (-INF, NAN), (NAN, NAN), (INF, INF), (f32::MAX, 88.722_84)],
        );
    }

    #[test]
    fn tanh() {
        assert!(worst_ulp(tanh_f32, f64::tanh) < 2.56);
        check(tanh_f32, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY)]);
        check(tanh_f32, &[(9.5, 1.0), (-9.5, -1.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (-NAN, NAN)]);
    }

    #[test]
    fn erf() {
        assert!(worst_ulp(erf_f32, libm::erf) < 1.6);
        check(
            erf_f32,
            &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (4.1, 1.0)],
        );
    }

    #[test]
    fn normal() {
        for i in 0..=2_600_000 {
            let x = (i - 1_300_000) as f32 * 1e-5;
            let ([cdf, density], y) = (normal_f32(x), f64::from(x));
            let below = 0.5 * libm::erfc(y.abs() * std::f64::consts::FRAC_1_SQRT_2);
            let exact = [if y < 0.0 { below } else { 1.0 - below }, (-0.5 * y * y).exp() * INV_SQRT_2_PI];
            let bound = 5.0 * 2f64.powi(-24) * (1.0 + y * y);
            for (got, exact) in [cdf, density].into_iter().zip(exact) {
                let size = if exact > 0.5 { 1.0 } else { exact };
                assert!((f64::from(got) - exact).abs() <= bound * size, "at {x}: {got:e} for {exact:e}");
            }
        }
        for (x, cdf) in
            [(0.0, 0.5), (-0.0, 0.5), (TINY, 0.5), (20.0, 1.0), (-20.0, 0.0), (INF, 1.0), (-INF, 0.0)]
        {
            assert_eq!(normal_f32(x)[0], cdf, "at {x}");
        }
        assert!(normal_f32(NAN).iter().all(|v| v.is_nan()));
    }

    #[test]
    fn sigmoid() {
        assert!(worst_ulp(sigmoid_f32, |x| 1.0 / (1.0 + (-x).exp())) < 2.41);
        check(
            sigmoid_f32,
            &[(0.0, 0.5), (-0.0, 0.5), (TINY, 0.5), (20.0, 1.0), (-103.972, TINY), (-104.0, 0.0)],
        );
        check(sigmoid_f32, &[(INF, 1.0), (-INF, 0.0), (NAN, NAN), (-NAN, NAN)]);
    }

    #[test]
    fn atan() {
        let worst = worst_ulp(atan_f32, f64::atan);
        assert!(worst < 1.63, "{worst} ulp");
        let right = std::f32::consts::FRAC_PI_2;
        check(
            atan_f32,
            &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (INF, right), (-INF, -right), (NAN, NAN), (-NAN, NAN)],
        );
    }

    #[test]
    fn fmod() {
        let special = [0.0, TINY, 1.0, 0.37, 3.0, 1e-20, 8_388_607.5, 3e38, INF, NAN];
        let near = |v: f32| [v, f32::from_bits(v.to_bits().wrapping_sub(1)), f32::from_bits(v.to_bits() + 1)];
        let mut pairs: Vec<(f32, f32)> = Vec::new();
        for x in special {
            pairs.extend(special.iter().flat_map(|&y| [(x, y), (-x, y), (x, -y), (-x, -y)]));
        }
        for i in 0..200_000 {
            let y = crate::rng::uniform_f32(1, i) * 3.0 + 1e-3;
            let x = crate::rng::uniform_f32(2, i) * 100.0 - 50.0;
            // And those next to a multiple.
            let multiple = y * (x * 1000.0).round();
            pairs.extend(near(multiple).into_iter().chain([x]).map(|x| (x, y)));
        }
        for (x, y) in pairs {
            let (got, want) = (fmod_f32(x, y), x % y);
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "{x} % {y}: {got} for {want}"
            );
        }
    }
}
