//! Arithmetic that pointwise formulas are written in.
//!
//! A formula generic over [`Num`] runs on each element type, vectorises when it is inlined into a loop, and,
//! in the tensor crate, on whole tensors to build differentiable gradients.

use crate::dtype::Element;
use crate::{math, trig};
use std::num::Wrapping;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number, or something that is calculated with like one.
///
/// Comparisons give a [`Num::Mask`] rather than a `bool`, and [`Num::select`] takes the place of `if`, so that
/// one formula serves scalars, lanes and graphs.
pub trait Num:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// What a comparison gives.
    type Mask: Copy;
    /// A literal.
    fn lit(v: f64) -> Self;
    /// `a` where the mask holds, else `b`.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
    /// self < other
    fn lt(self, other: Self) -> Self::Mask;
    /// self ≤ other
    fn le(self, other: Self) -> Self::Mask;
    /// self = other
    fn equals(self, other: Self) -> Self::Mask;
    /// self > other
    #[inline(always)]
    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }
    /// self ≥ other
    #[inline(always)]
    fn ge(self, other: Self) -> Self::Mask {
        other.le(self)
    }
    /// eˣ
    fn exp(self) -> Self;
    /// eˣ − 1
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + x)
    fn ln_1p(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ)
    fn sigmoid(self) -> Self;
    /// selfᵉ
    fn pow(self, e: Self) -> Self;
    /// |x|
    fn abs(self) -> Self;
    /// 2ˣ
    fn exp2(self) -> Self;
    /// Logarithm to base 2.
    fn log2(self) -> Self;
    /// Logarithm to base 10.
    fn log10(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Tangent.
    fn tan(self) -> Self;
    /// Arcsine.
    fn asin(self) -> Self;
    /// Arccosine.
    fn acos(self) -> Self;
    /// Arctangent.
    fn atan(self) -> Self;
    /// Hyperbolic sine.
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(self) -> Self;
    /// The error function 2/√π ∫₀ˣ e⁻ᵗ² dt.
    fn erf(self) -> Self;
    /// The distribution function Φ of the normal distribution and its density φ.
    #[inline(always)]
    fn normal(self) -> [Self; 2] {
        normal_by_erf(self)
    }
    /// The largest whole number ≤ x.
    fn floor(self) -> Self;
    /// The smallest whole number ≥ x.
    fn ceil(self) -> Self;
    /// The whole number next to x toward zero.
    fn trunc(self) -> Self;
    /// The nearest whole number, the even one of two.
    fn round(self) -> Self;
    /// The remainder of self / other with the sign of self; 0 where an integer is divided by 0.
    fn fmod(self, other: Self) -> Self;
    /// self / other rounded toward zero; 0 where an integer is divided by 0.
    fn div_trunc(self, other: Self) -> Self;
    /// self / other rounded down; 0 where an integer is divided by 0.
    fn div_floor(self, other: Self) -> Self;
}

/// Φ and φ by what every number has.
#[inline(always)]
fn normal_by_erf<E: Num>(x: E) -> [E; 2] {
    let (half, root) = (E::lit(0.5), E::lit(std::f64::consts::FRAC_1_SQRT_2));
    [half + half * (x * root).erf(), (-(x * x * half)).exp() * E::lit(math::INV_SQRT_2_PI)]
}

/// The operands of a formula. A loop and not `map`, which is not always inlined, and then nothing is vectorised.
#[inline(always)]
pub fn to_nums<T: Element, const N: usize>(x: [T; N]) -> [T::Num; N] {
    let mut nums = [x[0].to_num(); N];
    for i in 1..N {
        nums[i] = x[i].to_num();
    }
    nums
}

/// An element type with a fractional part: `f32` or `f64`.
pub trait Float: Element<Num = Self> + Num<Mask = bool> {
    /// −∞
    const NEG_INFINITY: Self;
    /// The smallest positive number that is not subnormal.
    const MIN_POSITIVE: Self;
    /// eˣ for the terms of a sum whose largest are near 1: see [`math::exp_term_f32`].
    fn exp_term(self) -> Self;
}
impl Float for f32 {
    const NEG_INFINITY: Self = f32::NEG_INFINITY;
    const MIN_POSITIVE: Self = f32::MIN_POSITIVE;
    #[inline(always)]
    fn exp_term(self) -> Self {
        math::exp_term_f32(self)
    }
}
impl Float for f64 {
    const NEG_INFINITY: Self = f64::NEG_INFINITY;
    const MIN_POSITIVE: Self = f64::MIN_POSITIVE;
    #[inline(always)]
    fn exp_term(self) -> Self {
        math::exp_f64(self)
    }
}

macro_rules! comparisons {
    () => {
        type Mask = bool;
        #[inline(always)]
        fn select(mask: bool, a: Self, b: Self) -> Self {
            if mask { a } else { b }
        }
        #[inline(always)]
        fn lt(self, other: Self) -> bool {
            self < other
        }
        #[inline(always)]
        fn le(self, other: Self) -> bool {
            self <= other
        }
        #[inline(always)]
        fn equals(self, other: Self) -> bool {
            self == other
        }
    };
}

macro_rules! float {
    ($t:ty, $($function:ident: $of:path),*; normal: $normal:path, pow: $pow:path, fmod: $fmod:expr) => {
        impl Num for $t {
            comparisons!();
            $(
                #[inline(always)]
                fn $function(self) -> Self {
                    $of(self)
                }
            )*
            #[inline(always)]
            fn lit(v: f64) -> Self {
                v as $t
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn normal(self) -> [Self; 2] {
                $normal(self)
            }
            #[inline(always)]
            fn pow(self, e: Self) -> Self {
                $pow(self, e)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                <$t>::floor(self)
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                <$t>::ceil(self)
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                <$t>::trunc(self)
            }
            #[inline(always)]
            fn round(self) -> Self {
                <$t>::round_ties_even(self)
            }
            #[inline(always)]
            fn fmod(self, other: Self) -> Self {
                $fmod(self, other)
            }
            #[inline(always)]
            fn div_trunc(self, other: Self) -> Self {
                (self / other).trunc()
            }
            /// As Python's `//`: exact where the rounded quotient would fall on the wrong side of a whole number.
            fn div_floor(self, other: Self) -> Self {
                if other == 0.0 {
                    return self / other;
                }
                let rest = $fmod(self, other);
                let mut quotient = (self - rest) / other;
                if rest != 0.0 && (other < 0.0) != (rest < 0.0) {
                    quotient -= 1.0;
                }
                if quotient == 0.0 {
                    return (0.0 as $t).copysign(self / other);
                }
                let floor = quotient.floor();
                if quotient - floor > 0.5 { floor + 1.0 } else { floor }
            }
        }
    };
}
// What is not ours comes from the crate `libm` and not from the C library by way of the standard library: the bits are the
// same whatever C library there is, and a program that needs none of it is smaller in memory.
float!(
    f32,
    exp: math::exp_f32,
    exp_m1: math::exp_m1_f32,
    ln: math::ln_f32,
    ln_1p: math::ln_1p_f32,
    tanh: math::tanh_f32,
    sigmoid: math::sigmoid_f32,
    exp2: math::exp2_f32,
    log2: math::log2_f32,
    log10: math::log10_f32,
    sin: trig::sin_f32,
    cos: trig::cos_f32,
    tan: trig::tan_f32,
    asin: math::asin_f32,
    acos: math::acos_f32,
    atan: math::atan_f32,
    sinh: math::sinh_f32,
    cosh: math::cosh_f32,
    erf: math::erf_f32;
    normal: math::normal_f32,
    pow: math::pow_f32,
    fmod: math::fmod_f32
);
float!(
    f64,
    exp: math::exp_f64,
    exp_m1: math::exp_m1_f64,
    ln: math::ln_f64,
    ln_1p: math::ln_1p_f64,
    tanh: math::tanh_f64,
    sigmoid: math::sigmoid_f64,
    exp2: math::exp2_f64,
    log2: math::log2_f64,
    log10: libm::log10,
    sin: libm::sin,
    cos: libm::cos,
    tan: libm::tan,
    asin: libm::asin,
    acos: libm::acos,
    atan: libm::atan,
    sinh: libm::sinh,
    cosh: libm::cosh,
    erf: libm::erf;
    normal: normal_by_erf,
    pow: math::pow_f64,
    fmod: |x: f64, y: f64| x % y
);

// Integers reach the transcendental functions only where an op keeps its integer type, which none of those
// that use them does; going through f64 keeps the trait whole without a way to panic.
macro_rules! integer {
    ($t:ty, $($function:ident)*) => {
        impl Num for Wrapping<$t> {
            comparisons!();
            $(
                fn $function(self) -> Self {
                    Self::lit(Num::$function(self.0 as f64))
                }
            )*
            #[inline(always)]
            fn lit(v: f64) -> Self {
                Wrapping(v as $t)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                self
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                self
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                self
            }
            #[inline(always)]
            fn round(self) -> Self {
                self
            }
            fn fmod(self, other: Self) -> Self {
                if other.0 == 0 { other } else { self % other }
            }
            fn div_trunc(self, other: Self) -> Self {
                if other.0 == 0 { other } else { self / other }
            }
            fn div_floor(self, other: Self) -> Self {
                let rest = self.fmod(other);
                #[allow(unused_comparisons)]
                let down = rest.0 != 0 && (rest.0 < 0) != (other.0 < 0);
                self.div_trunc(other) - Wrapping(down as $t)
            }
            /// By squaring, wrapping; a negative exponent gives 0 except for bases ±1.
            fn pow(self, e: Self) -> Self {
                #[allow(unused_comparisons)]
                if e.0 < 0 {
                    let odd = e.0 & 1 == 1;
                    return match self {
                        s if s == Wrapping(1) => s,
                        s if s == -Wrapping(1) => {
                            if odd {
                                s
                            } else {
                                Wrapping(1)
                            }
                        }
                        _ => Wrapping(0),
                    };
                }
                let (mut base, mut e, mut r) = (self, e.0, Wrapping(1));
                while e != 0 {
                    if e & 1 == 1 {
                        r *= base;
                    }
                    base *= base;
                    e >>= 1;
                }
                r
            }
            #[inline(always)]
            fn abs(self) -> Self {
                #[allow(unused_comparisons)]
                if self.0 < 0 { -self } else { self }
            }
        }
    };
}
integer!(i64, exp exp_m1 ln ln_1p sqrt tanh sigmoid exp2 log2 log10 sin cos tan asin acos atan sinh cosh erf);
integer!(u8, exp exp_m1 ln ln_1p sqrt tanh sigmoid exp2 log2 log10 sin cos tan asin acos atan sinh cosh erf);
