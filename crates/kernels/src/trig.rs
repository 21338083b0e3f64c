//! Sine, cosine and tangent of one f32, in the manner of [`math`](crate::math): without branches or calls, the same bits on
//! every instruction set; at the end, cosine and sine of parts of a full turn for random numbers.
//!
//! With x = m 2ᵏ and a whole m below 2²⁴, x/π mod 2 is m · (2ᵏ/π mod 2). The second factor is cut out of the bits of 1/π in
//! two parts: the product of m with the 29 bits of the first is exact in f64, and so is what is left of it after taking the
//! nearest whole number. So an angle of 10³⁸ costs what one of 1 does, and loses no digit. The polynomials are minimax
//! fits with errors below 7 · 10⁻¹⁰.

use crate::math::ROUND_F64;

/// 2ⁿ for -1023 < n < 1024.
#[inline(always)]
fn exp2(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// A whole number below 2⁵².
#[inline(always)]
fn whole(n: u64) -> f64 {
    f64::from_bits(n | 1075 << 52) - (1u64 << 52) as f64
}

/// Two numbers whose sum is |x|/π but for a multiple of 2, the first exact and below 2²⁵.
#[inline(always)]
fn half_turns(x: f32) -> (f64, f64) {
    /// The bits of 1/π behind the point.
    const BITS: [u64; 4] =
        [0x517c_c1b7_2722_0a94, 0xfe13_abe8_fa9a_6ee0, 0x6db1_4acc_9e21_c820, 0xff28_b1d5_ef5d_e2b0];
    let bits = u64::from(x.to_bits() & 0x7fff_ffff);
    let exponent = bits >> 23;
    // A subnormal's bits weigh as those of the smallest normal number.
    let (implicit, weight) = if exponent == 0 { (0, 1) } else { (1 << 23, exponent) };
    let m = whole(bits & 0x007f_ffff | implicit);
    let k = weight as i64 - 150;
    // From the bit of weight 2⁰ on, or from the first if that weighs less.
    let skipped = if k > 1 { k as u64 - 1 } else { 0 };
    let later = skipped >= 64;
    let first = if later { BITS[1] } else { BITS[0] };
    let second = if later { BITS[2] } else { BITS[1] };
    let third = if later { BITS[3] } else { BITS[2] };
    let shift = skipped & 63;
    let first = first << shift | second >> 1 >> (63 - shift);
    let second = second << shift | third >> 1 >> (63 - shift);
    let last = exp2(if k > 1 { 1 } else { k } - 29);
    let low = whole((first << 29 | second >> 35) >> 12) * (1.0 / (1u64 << 52) as f64);
    let m = if exponent == 255 { f64::NAN } else { m * last };
    (m * whole(first >> 35), m * low)
}

/// The nearest whole number's lowest bit as a sign bit, and what x exceeds the number by.
#[inline(always)]
fn nearest(x: f64) -> (u64, f64) {
    let shifted = x + ROUND_F64;
    (shifted.to_bits() << 63, x - (shifted - ROUND_F64))
}

/// sin πr for |r| < 0.5635.
#[inline(always)]
fn sin_pi(r: f64) -> f64 {
    let t = r * r;
    let p = -0.006_928_355_145_294_021;
    let p = p * t + 0.081_984_868_375_750_39;
    let p = p * t - 0.599_237_175_432_141_3;
    let p = p * t + 2.550_161_914_189_183_6;
    let p = p * t - 5.167_712_718_664_359;
    let p = p * t + 3.141_592_653_295_318_4;
    r * p
}

/// The sine. Error at most 0.502 ulp.
#[inline(always)]
pub fn sin_f32(x: f32) -> f32 {
    let (high, low) = half_turns(x);
    let (sign, rest) = nearest(high);
    let sine = f64::from_bits(sin_pi(rest + low).to_bits() ^ sign) as f32;
    f32::from_bits(sine.to_bits() ^ x.to_bits() & 1 << 31)
}

/// The cosine. Error at most 0.502 ulp.
#[inline(always)]
pub fn cos_f32(x: f32) -> f32 {
    let (high, low) = half_turns(x);
    let (sign, rest) = nearest(high + 0.5);
    f64::from_bits(sin_pi(rest + low).to_bits() ^ sign) as f32
}

/// The tangent. Error at most 0.52 ulp.
#[inline(always)]
pub fn tan_f32(x: f32) -> f32 {
    let (high, low) = half_turns(x);
    // In quarter turns: an odd number of them turns tan into -1 / tan.
    let (odd, rest) = nearest(high + high);
    let r = rest + (low + low);
    let t = r * r;
    let s = 0.000_156_821_276_603_156_7;
    let s = s * t - 0.004_680_467_699_872_581;
    let s = s * t + 0.079_692_438_650_092_78;
    let s = s * t - 0.645_964_087_870_054_5;
    let s = s * t + 1.570_796_326_714_874_6;
    let s = s * r;
    let c = 0.000_893_417_548_858_933_5;
    let c = c * t - 0.020_854_051_626_246_706;
    let c = c * t + 0.253_668_083_855_899_3;
    let c = c * t - 1.233_700_473_369_836_5;
    let c = c * t + 0.999_999_999_315_509_5;
    let tan = (if odd == 0 { s / c } else { -c / s }) as f32;
    f32::from_bits(tan.to_bits() ^ x.to_bits() & 1 << 31)
}

/// Cosine and sine of `turns` / 2³² of a full turn, within 1e-7: reduced to an eighth as integers, then by
/// minimax polynomials.
#[inline(always)]
pub(crate) fn cos_sin_turns(turns: u32) -> (f32, f32) {
    let quadrant = turns.wrapping_add(1 << 29) >> 30;
    let x = turns.wrapping_sub(quadrant << 30) as i32 as f32 * (std::f32::consts::TAU / (1u64 << 32) as f32);
    let z = x * x;
    let sin = x + x * z * (-0.166_666_55 + z * (0.008_332_192 - z * 0.000_195_187_91));
    let cos = 1.0 + z * (-0.5 + z * (0.041_666_646 + z * (-0.001_388_730_2 + z * 2.443_098e-5)));
    let swap = quadrant & 1 != 0;
    let (c, s) = (if swap { sin } else { cos }, if swap { cos } else { sin });
    // cos is negative in quadrants 1 and 2, sin in 2 and 3: there, bit 1 of these sums becomes the sign.
    let (cos_sign, sin_sign) = (((quadrant + 1) & 2) << 30, (quadrant & 2) << 30);
    (f32::from_bits(c.to_bits() ^ cos_sign), f32::from_bits(s.to_bits() ^ sin_sign))
}

/// Cosine and sine of `turns` of a full turn, 0 ≤ turns < 1, within 7e-16. The polynomials are minimax fits.
#[inline(always)]
pub(crate) fn cos_sin_turns_f64(turns: f64) -> (f64, f64) {
    let shifted = 4.0 * turns + ROUND_F64;
    let quadrant = shifted.to_bits();
    let x = 4.0 * turns - (shifted - ROUND_F64);
    let z = x * x;
    let p = 5.633_720_988_350_202e-8;
    let p = p * z - 3.598_641_754_299_795e-6;
    let p = p * z + 0.000_160_441_150_291_618_98;
    let p = p * z - 0.004_681_754_132_282_416;
    let p = p * z + 0.079_692_626_246_039_57;
    let p = p * z - 0.645_964_097_506_244_3;
    let sin = x * (p * z + std::f64::consts::FRAC_PI_2);
    let p = -6.322_090_237_398_905e-9;
    let p = p * z + 4.710_617_454_500_485e-7;
    let p = p * z - 2.520_203_705_611_995e-5;
    let p = p * z + 0.000_919_260_274_236_646_2;
    let p = p * z - 0.020_863_480_763_316_525;
    let p = p * z + 0.253_669_507_901_047;
    let p = p * z - 1.233_700_550_136_169_7;
    let cos = p * z + 1.0;
    let swap = quadrant & 1 != 0;
    let (c, s) = (if swap { sin } else { cos }, if swap { cos } else { sin });
    // As above.
    let (cos_sign, sin_sign) = ((quadrant.wrapping_add(1) & 2) << 62, (quadrant & 2) << 62);
    (f64::from_bits(c.to_bits() ^ cos_sign), f64::from_bits(s.to_bits() ^ sin_sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::tests::{check, worst_ulp};

    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    const TINY: f32 = f32::from_bits(1);

    #[test]
    fn sin() {
        let worst = worst_ulp(sin_f32, f64::sin);
        assert!(worst < 0.502, "{worst} ulp");
        check(
            sin_f32,
            &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (INF, NAN), (-INF, NAN), (NAN, NAN)],
        );
    }

    #[test]
    fn cos() {
        let worst = worst_ulp(cos_f32, f64::cos);
        assert!(worst < 0.502, "{worst} ulp");
        check(cos_f32, &[(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN)]);
    }

    #[test]
    fn tan() {
        let worst = worst_ulp(tan_f32, f64::tan);
        assert!(worst < 0.52, "{worst} ulp");
        check(
            tan_f32,
            &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (INF, NAN), (-INF, NAN), (NAN, NAN)],
        );
    }

    /// The f32s that come nearest to multiples of π/2.
    #[test]
    fn near_multiples_of_a_right_angle() {
        let bits = |bits| f32::from_bits(bits);
        for n in 1..200_000 {
            let near = (f64::from(n) * std::f64::consts::FRAC_PI_2) as f32;
            for x in [near, bits(near.to_bits() - 1), bits(near.to_bits() + 1)] {
                let wide = f64::from(x);
                for (got, want) in
                    [(sin_f32(x), wide.sin()), (cos_f32(x), wide.cos()), (tan_f32(x), wide.tan())]
                {
                    assert!(
                        (f64::from(got) - want).abs() <= 0.52 * 1.2e-7 * want.abs(),
                        "at {x}: {got} for {want}"
                    );
                }
            }
        }
    }

    #[test]
    fn cosine_and_sine() {
        for turns in (0..=u32::MAX).step_by(40_009) {
            let (cos, sin) = cos_sin_turns(turns);
            let (s, c) = (f64::from(turns) / 2f64.powi(32) * std::f64::consts::TAU).sin_cos();
            assert!((f64::from(cos) - c).abs() < 1e-7 && (f64::from(sin) - s).abs() < 1e-7, "{turns}");
        }
    }

    #[test]
    fn cosine_and_sine_f64() {
        for i in 0..200_000 {
            // The bounds of the eighths as well.
            let turns = if i < 8 { i as f64 / 8.0 } else { crate::rng::uniform_f64(1, i) };
            let (cos, sin) = cos_sin_turns_f64(turns);
            // In eighths, so that the angle is small and its error too.
            let eighths = (8.0 * turns).floor();
            let (s, c) = ((turns - eighths / 8.0) * std::f64::consts::TAU).sin_cos();
            let (s0, c0) = (eighths * std::f64::consts::TAU / 8.0).sin_cos();
            let (want_cos, want_sin) = (c0 * c - s0 * s, s0 * c + c0 * s);
            assert!((cos - want_cos).abs() < 7e-16 && (sin - want_sin).abs() < 7e-16, "{turns}: {cos} {sin}");
        }
    }
}
