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
        self.exp()
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
    ($t:ty, exp: $exp:path, exp_m1: $exp_m1:path, ln: $ln:path, ln_1p: $ln_1p:path,
     tanh: $tanh:path, erf: $erf:path, pow: $pow:path, atan: $atan:path,
     sin: $sin:path, cos: $cos:path, tan: $tan:path, fmod: $fmod:expr, sigmoid: $sigmoid:expr) => {
        impl Num for $t {
            comparisons!();
            #[inline(always)]
            fn lit(v: f64) -> Self {
                v as $t
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                $exp_m1(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                $ln_1p(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                $tanh(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                $sigmoid(self)
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
            fn exp2(self) -> Self {
                <$t>::exp2(self)
            }
            #[inline(always)]
            fn log2(self) -> Self {
                <$t>::log2(self)
            }
            #[inline(always)]
            fn log10(self) -> Self {
                <$t>::log10(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                $sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                $cos(self)
            }
            #[inline(always)]
            fn tan(self) -> Self {
                $tan(self)
            }
            #[inline(always)]
            fn asin(self) -> Self {
                <$t>::asin(self)
            }
            #[inline(always)]
            fn acos(self) -> Self {
                <$t>::acos(self)
            }
            #[inline(always)]
            fn atan(self) -> Self {
                $atan(self)
            }
            #[inline(always)]
            fn sinh(self) -> Self {
                <$t>::sinh(self)
            }
            #[inline(always)]
            fn cosh(self) -> Self {
                <$t>::cosh(self)
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
            fn erf(self) -> Self {
                $erf(self)
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
float!(
    f32,
    exp: math::exp_f32,
    exp_m1: math::exp_m1_f32,
    ln: math::ln_f32,
    ln_1p: math::ln_1p_f32,
    tanh: math::tanh_f32,
    erf: math::erf_f32,
    pow: math::pow_f32,
    atan: math::atan_f32,
    sin: trig::sin_f32,
    cos: trig::cos_f32,
    tan: trig::tan_f32,
    fmod: math::fmod_f32,
    sigmoid: math::sigmoid_f32
);
float!(
    f64,
    exp: f64::exp,
    exp_m1: f64::exp_m1,
    ln: f64::ln,
    ln_1p: f64::ln_1p,
    tanh: f64::tanh,
    erf: libm::erf,
    pow: f64::powf,
    atan: f64::atan,
    sin: f64::sin,
    cos: f64::cos,
    tan: f64::tan,
    fmod: |x: f64, y: f64| x % y,
    sigmoid: |x: f64| 1.0 / (1.0 + (-x).exp())
);

// Integers reach the transcendental functions only where an op keeps its integer type, which none of those
// that use them does; going through f64 keeps the trait whole without a way to panic.
macro_rules! integer {
    ($t:ty) => {
        impl Num for Wrapping<$t> {
            comparisons!();
            #[inline(always)]
            fn lit(v: f64) -> Self {
                Wrapping(v as $t)
            }
            fn exp(self) -> Self {
                Self::lit((self.0 as f64).exp())
            }
            fn exp_m1(self) -> Self {
                Self::lit((self.0 as f64).exp_m1())
            }
            fn ln(self) -> Self {
                Self::lit((self.0 as f64).ln())
            }
            fn ln_1p(self) -> Self {
                Self::lit((self.0 as f64).ln_1p())
            }
            fn sqrt(self) -> Self {
                Self::lit((self.0 as f64).sqrt())
            }
            fn tanh(self) -> Self {
                Self::lit((self.0 as f64).tanh())
            }
            fn sigmoid(self) -> Self {
                Self::lit(1.0 / (1.0 + (-(self.0 as f64)).exp()))
            }
            fn exp2(self) -> Self {
                Self::lit((self.0 as f64).exp2())
            }
            fn log2(self) -> Self {
                Self::lit((self.0 as f64).log2())
            }
            fn log10(self) -> Self {
                Self::lit((self.0 as f64).log10())
            }
            fn sin(self) -> Self {
                Self::lit((self.0 as f64).sin())
            }
            fn cos(self) -> Self {
                Self::lit((self.0 as f64).cos())
            }
            fn tan(self) -> Self {
                Self::lit((self.0 as f64).tan())
            }
            fn asin(self) -> Self {
                Self::lit((self.0 as f64).asin())
            }
            fn acos(self) -> Self {
                Self::lit((self.0 as f64).acos())
            }
            fn atan(self) -> Self {
                Self::lit((self.0 as f64).atan())
            }
            fn sinh(self) -> Self {
                Self::lit((self.0 as f64).sinh())
            }
            fn cosh(self) -> Self {
                Self::lit((self.0 as f64).cosh())
            }
            fn erf(self) -> Self {
                Self::lit(libm::erf(self.0 as f64))
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
integer!(i64);
integer!(u8);
