//! Arithmetic that pointwise formulas are written in.
//!
//! A formula generic over [`Num`] runs on each element type, vectorises when it is inlined into a loop, and,
//! in the tensor crate, on whole tensors to build differentiable gradients.

use crate::dtype::Element;
use crate::math;
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
}

/// An element type with a fractional part: `f32` or `f64`.
pub trait Float: Element<Num = Self> + Num<Mask = bool> {
    /// −∞
    const NEG_INFINITY: Self;
}
impl Float for f32 {
    const NEG_INFINITY: Self = f32::NEG_INFINITY;
}
impl Float for f64 {
    const NEG_INFINITY: Self = f64::NEG_INFINITY;
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
    ($t:ty, $exp:path, $exp_m1:path, $ln:path, $ln_1p:path, $tanh:path, $sigmoid:expr) => {
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
                <$t>::powf(self, e)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
        }
    };
}
float!(
    f32,
    math::exp_f32,
    math::exp_m1_f32,
    math::ln_f32,
    math::ln_1p_f32,
    math::tanh_f32,
    math::sigmoid_f32
);
float!(f64, f64::exp, f64::exp_m1, f64::ln, f64::ln_1p, f64::tanh, |x: f64| 1.0 / (1.0 + (-x).exp()));

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
