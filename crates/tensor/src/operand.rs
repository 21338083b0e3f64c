//! What stands beside a tensor in arithmetic: another tensor, or a Rust number.

use crate::op::ensure;
use crate::{DType, Element, Tensor};
use flambeau_kernels::dispatch_all;
use std::borrow::Borrow;

/// The other operand of an operation: `&Tensor`, `Tensor`, or a number.
///
/// A number takes the tensor's dtype; a float beside integers makes both `f32`, and an integer beside bools
/// makes both `i64`, as in PyTorch.
///
/// `+`, `-`, `*` and `/` compute in the memory of a left operand that is passed by value, where nobody else can see it and no
/// gradient needs its values: `&x * 2.0 + 1.0` takes one block of memory and not two.
pub trait Operand {
    /// The tensor itself, or one made of the number.
    #[doc(hidden)]
    type Held: Borrow<Tensor>;

    /// The operand as a tensor.
    #[doc(hidden)]
    #[track_caller]
    fn hold(self, like: &Tensor) -> Self::Held;

    /// The operand, if it is a tensor.
    #[doc(hidden)]
    fn tensor(&self) -> Option<&Tensor> {
        None
    }

    /// Its value, if it is a number.
    #[doc(hidden)]
    fn number(&self) -> Option<f64> {
        None
    }
}

impl<'a> Operand for &'a Tensor {
    type Held = &'a Tensor;
    fn hold(self, _: &Tensor) -> &'a Tensor {
        self
    }
    fn tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}

impl Operand for Tensor {
    type Held = Tensor;
    fn hold(self, _: &Tensor) -> Tensor {
        self
    }
    fn tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}

macro_rules! float {
    ($($t:ty),*) => {$(
        impl Operand for $t {
            type Held = Tensor;
            #[track_caller]
            fn hold(self, like: &Tensor) -> Tensor {
                let dtype = if like.dtype().is_float() { like.dtype() } else { DType::F32 };
                Tensor::full_as(self as f64, (), dtype)
            }
            fn number(&self) -> Option<f64> {
                Some(*self as f64)
            }
        }
    )*};
}
float!(f32, f64);

macro_rules! integer {
    ($($t:ty),*) => {$(
        impl Operand for $t {
            type Held = Tensor;
            #[track_caller]
            fn hold(self, like: &Tensor) -> Tensor {
                integer(self as i64, like.dtype())
            }
            fn number(&self) -> Option<f64> {
                Some(*self as f64)
            }
        }
    )*};
}
integer!(i32, i64, usize);

/// An integer beside a tensor of this dtype; a negative one beside `u8` wraps, as in PyTorch.
#[track_caller]
fn integer(value: i64, like: DType) -> Tensor {
    let dtype = if like == DType::Bool { DType::I64 } else { like };
    ensure!(
        dtype != DType::U8 || (-255..=255).contains(&value),
        "scalar",
        "{value} does not fit {dtype}; convert the tensor first"
    );
    dispatch_all!(dtype, T => Tensor::full((), T::from_i64(value)))
}

/// `+`, `-`, `*` or `/` between tensors, by reference or value, and numbers.
macro_rules! operator {
    ($trait:ident, $method:ident, $op:ident) => {
        impl<O: Operand> std::ops::$trait<O> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: O) -> Tensor {
                Tensor::$method(self, other)
            }
        }
        impl<O: Operand> std::ops::$trait<O> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(mut self, other: O) -> Tensor {
                if in_memory(&mut self, other.number(), other.tensor(), false) {
                    return self;
                }
                Tensor::$method(&self, other)
            }
        }
        $crate::pointwise::beside!($op);
        /// Not generic over the other operand, as above.
        #[track_caller]
        fn in_memory(x: &mut Tensor, number: Option<f64>, other: Option<&Tensor>, left: bool) -> bool {
            $crate::pointwise::in_memory_of($op, x, number, other, left)
        }
        /// In place; see [`write`](crate::pointwise::write).
        #[track_caller]
        pub(crate) fn write(x: &Tensor, number: Option<f64>, other: Option<&Tensor>) -> bool {
            $crate::pointwise::write($op, x, number, other)
        }
        $crate::operand::operator!(@number $trait, $method, $op, f64 i64);
    };
    // Only one float and one integer type: with more, `(1.0 - x).sum()` could not be inferred.
    (@number $trait:ident, $method:ident, $op:ident, $($t:ty)*) => {$(
        impl std::ops::$trait<&Tensor> for $t {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                beside(other, self, true)
            }
        }
        impl std::ops::$trait<Tensor> for $t {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, mut other: Tensor) -> Tensor {
                if in_memory(&mut other, self.number(), None, true) {
                    return other;
                }
                std::ops::$trait::$method(self, &other)
            }
        }
    )*};
}
pub(crate) use operator;
