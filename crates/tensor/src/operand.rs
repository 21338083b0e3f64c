//! What stands beside a tensor in arithmetic: another tensor, or a Rust number.

use crate::{DType, Tensor};

/// The other operand of an operation: `&Tensor`, `Tensor`, or a number.
///
/// A number takes the tensor's dtype; a float beside integers makes both `f32`, and an integer beside bools
/// makes both `i64`, as in PyTorch.
pub trait Operand {
    /// Calls `f` with the operand as a tensor.
    #[doc(hidden)]
    #[track_caller]
    fn with<R>(self, like: &Tensor, f: impl FnOnce(&Tensor) -> R) -> R;

    /// Its value, if it is a number.
    #[doc(hidden)]
    fn number(&self) -> Option<f64> {
        None
    }
}

impl Operand for &Tensor {
    #[track_caller]
    fn with<R>(self, _: &Tensor, f: impl FnOnce(&Tensor) -> R) -> R {
        f(self)
    }
}

impl Operand for Tensor {
    #[track_caller]
    fn with<R>(self, _: &Tensor, f: impl FnOnce(&Tensor) -> R) -> R {
        f(&self)
    }
}

macro_rules! number {
    ($($t:ty => $dtype:expr),*) => {$(
        impl Operand for $t {
            #[track_caller]
            fn with<R>(self, like: &Tensor, f: impl FnOnce(&Tensor) -> R) -> R {
                let dtype: fn(DType) -> DType = $dtype;
                f(&Tensor::full_as(self as f64, (), dtype(like.dtype())))
            }
            fn number(&self) -> Option<f64> {
                Some(*self as f64)
            }
        }
    )*};
}
const FLOAT: fn(DType) -> DType = |like| if like.is_float() { like } else { DType::F32 };
const INTEGER: fn(DType) -> DType = |like| if like == DType::Bool { DType::I64 } else { like };
number!(f64 => FLOAT, f32 => FLOAT, i32 => INTEGER, i64 => INTEGER, usize => INTEGER);

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
            fn $method(self, other: O) -> Tensor {
                Tensor::$method(&self, other)
            }
        }
        $crate::operand::operator!(@number $trait, $method, $op, f64 f32 i64 i32);
    };
    (@number $trait:ident, $method:ident, $op:ident, $($t:ty)*) => {$(
        impl std::ops::$trait<&Tensor> for $t {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                self.with(other, |number| pointwise($op, [number, other]))
            }
        }
        impl std::ops::$trait<Tensor> for $t {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                std::ops::$trait::$method(self, &other)
            }
        }
    )*};
}
pub(crate) use operator;
