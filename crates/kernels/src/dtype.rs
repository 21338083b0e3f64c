//! The element types of storage, and the macros that turn a run-time [`DType`] into a Rust type.

use crate::num::Num;
use std::num::Wrapping;

/// The type of a tensor's elements. The order is that of PyTorch's type promotion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum DType {
    /// `torch.bool`
    Bool,
    /// `torch.uint8`
    U8,
    /// `torch.int64`
    I64,
    /// `torch.float32`
    F32,
    /// `torch.float64`
    F64,
}

impl DType {
    /// All of them, in order.
    pub(crate) const ALL: [DType; 5] = [DType::Bool, DType::U8, DType::I64, DType::F32, DType::F64];

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::U8 => 1,
            DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// Whether this is a floating-point type, the only kind that can require a gradient.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// PyTorch's name, such as `torch.float32`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "torch.bool",
            DType::U8 => "torch.uint8",
            DType::I64 => "torch.int64",
            DType::F32 => "torch.float32",
            DType::F64 => "torch.float64",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that a storage can hold. Sealed: `f32`, `f64`, `i64`, `u8` and `bool`.
///
/// Implementors have no padding and all-zero bytes are a value of theirs.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + Send + Sync + std::fmt::Debug + 'static
{
    /// The run-time name of this type.
    const DTYPE: DType;
    /// The type that arithmetic is done in: itself for floats, wrapping integers for the others.
    type Num: Num;
    /// The value that no other is below (−∞ for floats).
    const LOWEST: Self;
    /// The value that no other is above (∞ for floats).
    const HIGHEST: Self;
    /// Into the arithmetic type.
    fn to_num(self) -> Self::Num;
    /// Out of the arithmetic type.
    fn from_num(n: Self::Num) -> Self;
    /// Conversion to `f64` (an `i64` beyond 2⁵³ is rounded).
    fn to_f64(self) -> f64;
    /// Conversion from `f64`, saturating at the limits of integers.
    fn from_f64(v: f64) -> Self;
    /// Conversion to `i64`, truncating floats toward zero.
    fn to_i64(self) -> i64;
    /// Conversion from `i64`, wrapping in narrower integers.
    fn from_i64(v: i64) -> Self;
    /// Conversion to `f32` in one rounding.
    fn to_f32(self) -> f32;
    /// Conversion as PyTorch's `Tensor.to(dtype)` does it.
    #[inline(always)]
    fn cast<O: Element>(self) -> O {
        match O::DTYPE {
            DType::Bool => O::from_i64((self.to_f64() != 0.0) as i64),
            DType::U8 | DType::I64 => O::from_i64(self.to_i64()),
            DType::F32 => O::from_f64(f64::from(self.to_f32())),
            DType::F64 => O::from_f64(self.to_f64()),
        }
    }
}

macro_rules! element {
    ($t:ty, $dtype:ident, $num:ty, $lowest:expr, $highest:expr, |$n:ident| $from_num:expr, |$x:ident| $to_num:expr) => {
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            type Num = $num;
            const LOWEST: Self = $lowest;
            const HIGHEST: Self = $highest;
            #[inline(always)]
            fn to_num(self) -> Self::Num {
                let $x = self;
                $to_num
            }
            #[inline(always)]
            fn from_num($n: Self::Num) -> Self {
                $from_num
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn from_f64(v: f64) -> Self {
                v as $t
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self as i64
            }
            #[inline(always)]
            fn from_i64(v: i64) -> Self {
                v as $t
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
        }
    };
}
element!(f32, F32, f32, f32::NEG_INFINITY, f32::INFINITY, |n| n, |x| x);
element!(f64, F64, f64, f64::NEG_INFINITY, f64::INFINITY, |n| n, |x| x);
element!(i64, I64, Wrapping<i64>, i64::MIN, i64::MAX, |n| n.0, |x| Wrapping(x));
element!(u8, U8, Wrapping<u8>, u8::MIN, u8::MAX, |n| n.0, |x| Wrapping(x));

impl sealed::Sealed for bool {}
impl Element for bool {
    const DTYPE: DType = DType::Bool;
    // Sums and products of bools are "or" and "and", as in PyTorch: computed in u8, then "not zero".
    type Num = Wrapping<u8>;
    const LOWEST: Self = false;
    const HIGHEST: Self = true;
    #[inline(always)]
    fn to_num(self) -> Self::Num {
        Wrapping(self as u8)
    }
    #[inline(always)]
    fn from_num(n: Self::Num) -> Self {
        n.0 != 0
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
    #[inline(always)]
    fn from_f64(v: f64) -> Self {
        v != 0.0
    }
    #[inline(always)]
    fn to_i64(self) -> i64 {
        i64::from(self)
    }
    #[inline(always)]
    fn from_i64(v: i64) -> Self {
        v != 0
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(u8::from(self))
    }
}

/// The slice itself, where its elements are `f32`.
pub(crate) fn floats<T: Element>(x: &[T]) -> Option<&[f32]> {
    // SAFETY: T is f32: no other type has its `DTYPE`, as `Element` is sealed.
    (T::DTYPE == DType::F32).then(|| unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len()) })
}

/// As [`floats`], for writing.
pub(crate) fn floats_mut<T: Element>(x: &mut [T]) -> Option<&mut [f32]> {
    // SAFETY: as above.
    (T::DTYPE == DType::F32)
        .then(|| unsafe { std::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len()) })
}

/// Runs an expression with `$T` bound to the Rust type of a [`DType`].
#[macro_export]
macro_rules! dispatch_all {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $crate::DType::Bool => {
                type $T = bool;
                $body
            }
            other => unreachable!("no kernel for {other}"),
        }
    };
}

/// As [`dispatch_all!`](crate::dispatch_all) for `f32` and `f64`; the caller has refused other types.
#[macro_export]
macro_rules! dispatch_float {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            other => unreachable!("floating-point kernel called with {other}"),
        }
    };
}
