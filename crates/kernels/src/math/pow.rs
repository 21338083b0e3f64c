//! Powers, and the logarithm to base 2 in f64: what needs the logarithm of a number as a sum of two. As plain as the functions
//! of [`math`](crate::math), with the same bits on every instruction set.

use super::ROUND_F64;
use super::double::{
    LN2_HI, LN2_LO, exp_m1_reduced, ln_1p_terms, scaled, split_exponent, split_exponent_from,
};
use crate::num::Float;

/// The first 26 bits of x: the product of two such numbers is exact, and that of one and the rest of another, which has 27
/// bits.
#[inline(always)]
fn leading(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & !((1 << 27) - 1))
}

/// ln a for a > 0 as a sum of two numbers, the first of which is [`leading`]. Off by at most 2⁻⁶⁵ of its value.
#[inline(always)]
fn ln_sum(a: f64) -> (f64, f64) {
    const SQRT_3_4: f64 = 0.866_025_403_784_438_6;
    /// √1.5 - 1
    const BOUND: f64 = 0.224_744_871_391_589;
    /// ln 1.5 to the last bit of `LN2_HI`, and what it lacks.
    const LN_1_5: (f64, f64) = (0.405_465_108_108_273_85, -1.094_708_713_660_664e-13);
    /// The first 26 bits of ⅔, and the rest.
    const TWO_THIRDS: (f64, f64) = (0.666_666_671_633_720_4, -4.967_053_731_282_552e-9);
    let subnormal = a < f64::MIN_POSITIVE;
    let (f, n) = split_exponent_from(if subnormal { a * (1u64 << 52) as f64 } else { a }, SQRT_3_4);
    let n = n - if subnormal { 52.0 } else { 0.0 };
    // a = m 2ⁿ = (c + g) 2ⁿ with c = 1 or 1.5, and s = g / (2 c + g) is at most 0.102.
    let upper = f > BOUND;
    let g = if upper { f - 0.5 } else { f };
    let twice = if upper { 3.0 } else { 2.0 };
    let ln_c = if upper { LN_1_5 } else { (0.0, 0.0) };
    let divisor = twice + g;
    let inverse = 1.0 / divisor;
    let s_high = leading(g * inverse);
    let d_high = leading(divisor);
    let s_low = ((g - s_high * d_high) - s_high * (g - (d_high - twice))) * inverse;
    let s = s_high + s_low;
    // ln (m / c) = 2 artanh s = ⅔ s (3 + s² + r), as in FreeBSD's `pow`.
    let z = s * s;
    let r = 0.205_499_323_315_440_63;
    let r = r * z + 0.230_705_711_411_549_16;
    let r = r * z + 0.272_727_609_886_038_56;
    let r = r * z + 0.333_333_332_525_406_3;
    let r = r * z + 0.428_571_428_572_136_1;
    let r = r * z + 0.599_999_999_999_999_9;
    let r = z * z * r + s_low * (s_high + s);
    let z_high = s_high * s_high;
    let t_high = leading(3.0 + (z_high + r));
    let t_low = r - ((t_high - 3.0) - z_high);
    let high = s_high * t_high;
    let low = s_low * t_high + t_low * s;
    let p_high = leading(high + low);
    let p_low = low - (p_high - high);
    let high = TWO_THIRDS.0 * p_high;
    let low = TWO_THIRDS.1 * p_high + p_low * (2.0 / 3.0);
    // Exact, and either 0 or larger than what is added.
    let whole = n * LN2_HI + ln_c.0;
    let sum = whole + high;
    let low = (high - (sum - whole)) + (low + (n * LN2_LO + ln_c.1));
    let first = leading(sum + low);
    (first, low - (first - sum))
}

/// xʸ where C's `pow` has a special value, else `power`, which is |x|ʸ, times `sign`: that of x for odd y, and 1 for others.
/// `whole` is right for all but a NaN.
#[inline(always)]
fn special_cases<T: Float>(x: T, y: T, power: T, whole: bool, sign: T) -> T {
    let (zero, one, infinity, nan) = (T::lit(0.0), T::lit(1.0), -T::NEG_INFINITY, T::lit(f64::NAN));
    let power = if (x == zero) | (x.abs() == infinity) {
        if (x == zero) == (y < zero) { infinity } else { zero }
    } else {
        power
    };
    let power = if (x < zero) & !whole & (x > T::NEG_INFINITY) { nan } else { power * sign };
    #[allow(clippy::eq_op, reason = "a NaN")]
    let power = if (x != x) | (y != y) { nan } else { power };
    if (y == zero) | (x == one) { one } else { power }
}

/// xʸ. Error at most 0.51 ulp, over a grid of both; special values are those of C's `pow`. In `f64`: the logarithm's error
/// grows with the result's exponent.
#[inline(always)]
pub fn pow_f32(x: f32, y: f32) -> f32 {
    let (a, e) = (f64::from(x.abs()), f64::from(y));
    // s = (m − 1) / (m + 1), and log₂ m = 2 artanh s / ln 2.
    let (m1, n) = split_exponent(a);
    let s = m1 / (m1 + 2.0);
    let z = s * s;
    let p = 1.0 / 15.0;
    let p = p * z + 1.0 / 13.0;
    let p = p * z + 1.0 / 11.0;
    let p = p * z + 1.0 / 9.0;
    let p = p * z + 1.0 / 7.0;
    let p = p * z + 1.0 / 5.0;
    let p = p * z + 1.0 / 3.0;
    let p = p * z + 1.0;
    let t = e * (n + p * (s * (2.0 * std::f64::consts::LOG2_E)));
    // Beyond these bounds the result is 0 or infinity anyway. Comparisons in this form let a NaN through.
    let t = if t > 200.0 { 200.0 } else { t };
    let t = if t < -200.0 { -200.0 } else { t };
    let shifted = t + ROUND_F64;
    let f = (t - (shifted - ROUND_F64)) * std::f64::consts::LN_2;
    let q = 1.0 / 40_320.0;
    let q = q * f + 1.0 / 5040.0;
    let q = q * f + 1.0 / 720.0;
    let q = q * f + 1.0 / 120.0;
    let q = q * f + 1.0 / 24.0;
    let q = q * f + 1.0 / 6.0;
    let q = q * f + 0.5;
    let q = q * f + 1.0;
    let q = q * f + 1.0;
    let power = (q * f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52)) as f32;
    // From 2²⁴ on all are even.
    let large = y.abs() >= 16_777_216.0;
    let rounded = e + ROUND_F64;
    let whole = large | (rounded - ROUND_F64 == e);
    let odd = !large & whole & (rounded.to_bits() & 1 == 1);
    let power = if a == 1.0 { 1.0 } else { power };
    special_cases(x, y, power, whole, if odd { 1f32.copysign(x) } else { 1.0 })
}

/// xʸ. Error at most 0.76 ulp, subnormal results included; special values are those of C's `pow`. Where xʸ is an f64 and not
/// subnormal, it is the result.
#[inline(always)]
pub fn pow_f64(x: f64, y: f64) -> f64 {
    // Beyond these bounds the result is 0, 1 or infinity anyway. Comparisons in this form let a NaN through.
    const FAR: f64 = (1u128 << 64) as f64;
    let e = if y > FAR { FAR } else { y };
    let e = if e < -FAR { -FAR } else { e };
    let (ln, ln_low) = ln_sum(x.abs());
    let e_high = leading(e);
    let (high, low) = (e_high * ln, (e - e_high) * ln + e * ln_low);
    let t = high + low;
    let low = low - (t - high);
    let low = if t.abs() > 746.0 { 0.0 } else { low };
    let t = if t > 710.0 { 710.0 } else { t };
    let t = if t < -746.0 { -746.0 } else { t };
    let (m1, n) = exp_m1_reduced(t, low);
    let power = scaled(m1, n);
    // From 2⁵² on all are whole, from 2⁵³ on even.
    const WHOLE: f64 = (1u64 << 52) as f64;
    let b = y.abs();
    let b = if b > 2.0 * WHOLE { 2.0 * WHOLE } else { b };
    let large = b >= WHOLE;
    let rounded = if large { b } else { b + WHOLE };
    let whole = large | (rounded - WHOLE == b);
    let odd = whole & (rounded.to_bits() & 1 == 1);
    special_cases(x, y, power, whole, if odd { 1f64.copysign(x) } else { 1.0 })
}

/// The logarithm to base 2. Error at most 0.72 ulp; exact for powers of two. log2(±0) = -∞; NaN below zero.
#[inline(always)]
pub fn log2_f64(x: f64) -> f64 {
    /// The first bits of 1 / ln 2, and the rest.
    const LOG2_E: (f64, f64) = (1.442_695_021_629_333_5, 1.925_962_991_126_617_5e-8);
    let subnormal = x < f64::MIN_POSITIVE;
    let (f, n) = split_exponent(if subnormal { x * (1u64 << 52) as f64 } else { x });
    let n = n - if subnormal { 52.0 } else { 0.0 };
    let (half, rest) = ln_1p_terms(f);
    let high = leading(f - half);
    let low = (f - high - half) + rest;
    let first = high * LOG2_E.0;
    let second = (low + high) * LOG2_E.1 + low * LOG2_E.0;
    let sum = n + first;
    let r = sum + (second + (first - (sum - n)));
    let r = if x < f64::INFINITY { r } else { x };
    let below = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    if x > 0.0 { r } else { below }
}

#[cfg(test)]
mod tests {
    use super::super::double::tests::{LN2, Wide, check, exp_wide, scale};
    use super::*;

    #[test]
    fn pow_in_f32() {
        let special = [
            0.0,
            1.0,
            0.5,
            2.0,
            3.0,
            2.5,
            1e-20,
            1e20,
            16_777_215.0,
            16_777_216.0,
            8_388_607.5,
            3e38,
            f32::from_bits(1),
            f32::INFINITY,
            f32::NAN,
        ];
        let special = || special.into_iter().flat_map(|v: f32| [v, -v]);
        for x in special() {
            for y in special() {
                let (got, want) = (pow_f32(x, y), (f64::from(x).powf(f64::from(y))) as f32);
                assert!(
                    got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                    "{x:e} to the power {y:e}: {got:e} for {want:e}"
                );
            }
        }
        let mut worst = 0.0f64;
        for y in [-40.0f32, -3.7, -1.0, -0.3, 0.01, 0.7, 1.5, 2.2, 3.0, 5.1, 31.0] {
            for i in 0..100_000u32 {
                let x = f32::from_bits(0x3000_0000 + i * 0x1000);
                let (got, want) = (f64::from(pow_f32(x, y)), f64::from(x).powf(f64::from(y)));
                let size = (want as f32).max(f32::MIN_POSITIVE);
                let ulp = f64::from(f32::from_bits(size.to_bits() & 0x7f80_0000)) * f64::from(f32::EPSILON);
                if (want as f32).is_finite() {
                    worst = worst.max((got - want).abs() / ulp);
                } else {
                    assert_eq!(got, f64::INFINITY);
                }
            }
        }
        assert!(worst < 0.51, "{worst} ulp");
    }

    /// ln a for a > 0.
    fn ln_wide(a: f64) -> Wide {
        let subnormal = a < f64::MIN_POSITIVE;
        let (f, n) = split_exponent(if subnormal { a * 2f64.powi(52) } else { a });
        let s = Wide(f, 0.0).div(Wide::sum(2.0, f));
        let z = s.mul(s);
        let series = (0..23).rev().fold(Wide(0.0, 0.0), |sum, k| {
            sum.mul(z).add(Wide(1.0, 0.0).div(Wide(f64::from(2 * k + 1), 0.0)))
        });
        let n = n - if subnormal { 52.0 } else { 0.0 };
        LN2.mul(Wide(n, 0.0)).add(s.mul(series).scale(1))
    }

    /// The error of `got` in ulp.
    fn error(got: f64, (want, n): (Wide, i32)) -> f64 {
        let exponent = (want.0.to_bits() >> 52 & 0x7ff) as i32 - 1023;
        let ulp = (exponent + n).max(-1022) - 52;
        let want = want.scale(n - ulp);
        (scale(got, -ulp) - want.0 - want.1).abs()
    }

    fn same(got: f64, want: f64) -> bool {
        got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan()
    }

    #[test]
    fn special_powers() {
        let two = |n: i32| 2f64.powi(n);
        let special = [0.0, 1.0, 0.5, 2.0, 3.0, 2.5, 7.0, 1e-200, 1e200, 1e-310, f64::from_bits(1), f64::MAX]
            .into_iter()
            .chain([f64::MIN_POSITIVE, f64::INFINITY, f64::NAN, f64::from_bits(f64::NAN.to_bits() + 1)])
            .chain([
                1.0 - f64::EPSILON / 2.0,
                1.0 + f64::EPSILON,
                two(31) - 1.0,
                two(51) - 0.5,
                two(51) + 0.5,
            ])
            .chain([two(51) + 1.0, two(52) - 0.5, two(52) - 1.0, two(52), two(52) + 1.0, two(53) - 1.0])
            .chain([two(53), two(53) + 2.0, two(54) + 4.0, two(63), two(64), two(100)]);
        let special: Vec<f64> = special.flat_map(|v| [v, -v]).collect();
        for &x in &special {
            for &y in &special {
                let (got, want) = (pow_f64(x, y), x.powf(y));
                // What is no special case may be off by one.
                let near = want.is_finite() && want != 0.0 && got.to_bits().abs_diff(want.to_bits()) <= 1;
                let rounded = near && want.abs() != 1.0 && x.abs() != 1.0 && y != 1.0;
                assert!(same(got, want) || rounded, "{x:e} to the power {y:e}: {got:e} for {want:e}");
            }
        }
    }

    #[test]
    fn exact_powers() {
        for n in -1074..1024 {
            assert_eq!(pow_f64(2.0, f64::from(n)), scale(1.0, n));
            assert_eq!(pow_f64(0.5, f64::from(n)), scale(1.0, -n));
            assert_eq!(pow_f64(scale(1.0, n & !1), 0.5), scale(1.0, n >> 1));
        }
        for base in 3..2000u64 {
            let mut power = base;
            for y in 2.. {
                power = match power.checked_mul(base) {
                    Some(power) if power <= 1 << 53 => power,
                    _ => break,
                };
                assert_eq!(pow_f64(base as f64, f64::from(y)), power as f64);
                assert_eq!(
                    pow_f64(-(base as f64), f64::from(y)),
                    (power as f64).copysign(0.5 - f64::from(y & 1))
                );
                assert_eq!(pow_f64(power as f64, 1.0), power as f64);
            }
            assert_eq!(pow_f64((base * base) as f64, 0.5), base as f64);
        }
    }

    #[test]
    fn logarithm_as_a_sum() {
        let mut worst = 0.0f64;
        for i in 0..100_000 {
            let any = f64::from_bits((crate::rng::uniform_f64(1, i) * f64::INFINITY.to_bits() as f64) as u64);
            let near = 1.0 + (crate::rng::uniform_f64(2, i) - 0.5) * 2f64.powi(-(i as i32 % 53));
            for x in [any, near, 0.6 + 1.3 * crate::rng::uniform_f64(3, i)] {
                let (want, (high, low)) = (ln_wide(x), ln_sum(x));
                assert_eq!(high, leading(high));
                worst =
                    worst.max(((high - want.0) + (low - want.1)).abs() / want.0.abs().max(f64::MIN_POSITIVE));
            }
        }
        assert!(worst < 2f64.powi(-65), "{worst:e}");
    }

    #[test]
    fn pow_in_f64() {
        let uniform = |stream, i| crate::rng::uniform_f64(stream, i);
        let mut worst = (0.0f64, 0.0, 0.0);
        let mut subnormal = 0;
        let mut measure = |x: f64, y: f64| {
            let (got, rounded) = (pow_f64(x, y), x.powf(y));
            if !rounded.is_finite() || rounded == 0.0 || got == 0.0 || got == f64::INFINITY {
                // The last of the numbers may be half an ulp and a little from the bound.
                let next = f64::from_bits(got.to_bits().min(rounded.to_bits()) + 1);
                assert!(same(got, rounded) || next == got.max(rounded), "{x:e} to the power {y:e}: {got:e}");
                return;
            }
            subnormal += usize::from(rounded < f64::MIN_POSITIVE);
            let error = error(got, exp_wide(ln_wide(x).mul(Wide(y, 0.0))));
            if error > worst.0 {
                worst = (error, x, y);
            }
        };
        for i in 0..60_000 {
            // Those whose power has any exponent: x of all exponents, near 1 up to the last bit, and about 1.
            let any = f64::from_bits((uniform(1, i) * f64::INFINITY.to_bits() as f64) as u64);
            let near = 1.0 + (uniform(2, i) - 0.5) * 2f64.powi(-((uniform(3, i) * 53.0) as i32));
            let about = 0.6 + 1.3 * uniform(4, i);
            for (k, x) in [any, near, about].into_iter().enumerate() {
                let ln = x.ln();
                if ln == 0.0 {
                    continue;
                }
                let target = -746.0 + 1457.0 * uniform(5 + k as u64, i);
                measure(x, target / ln);
                measure(x, (-709.0 - 37.0 * uniform(8 + k as u64, i)) / ln);
                measure(x, (200.0 * uniform(11, i) - 100.0).round());
                measure(x, 8.0 * uniform(12, i) - 4.0);
            }
        }
        assert!(subnormal > 100_000, "{subnormal}");
        assert!(worst.0 < 0.76, "{worst:?}");
    }

    #[test]
    fn log2() {
        let mut worst = (0.0f64, 0.0);
        for i in 0..150_000 {
            let any = f64::from_bits((crate::rng::uniform_f64(1, i) * f64::INFINITY.to_bits() as f64) as u64);
            let near = 1.0 + (crate::rng::uniform_f64(2, i) - 0.5) * 2f64.powi(-(i as i32 % 53));
            for x in [any, near, 4.0 * crate::rng::uniform_f64(3, i)] {
                if x == 1.0 || x == 0.0 {
                    continue;
                }
                let error = error(log2_f64(x), (ln_wide(x).div(LN2), 0));
                if error > worst.0 {
                    worst = (error, x);
                }
            }
        }
        assert!(worst.0 < 0.72, "{worst:?}");
        for n in -1074..1024 {
            assert_eq!(log2_f64(scale(1.0, n)), f64::from(n));
        }
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        check(log2_f64, &[(0.0, -inf), (-0.0, -inf), (-1.0, nan), (-f64::from_bits(1), nan), (-inf, nan)]);
        check(log2_f64, &[(1.0, 0.0), (inf, inf), (nan, nan), (-nan, nan), (f64::MAX, 1024.0)]);
    }
}
