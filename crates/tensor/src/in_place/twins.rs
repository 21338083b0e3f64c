//! The operations in place: `x.exp_()` writes what `x.exp()` gives into x.

use crate::ops::div::RoundingMode;
use crate::ops::{
    abs, acos, asin, atan, ceil, cos, cosh, erf, exp, exp2, expm1, floor, log, log1p, log2, log10, neg,
    reciprocal, relu, round, rsqrt, sigmoid, sign, sin, sinh, sqrt, square, tan, tanh, trunc,
};
use crate::pointwise::write_formula;
use crate::{Operand, Tensor};

/// One of them, unless `$written` did it at once, without a step in between, for `$x`.
macro_rules! twin {
    ($name:ident is $op:ident($($arg:ident: $type:ty),*) unless $x:ident => $written:expr) => {
        impl Tensor {
            #[doc = concat!("[`", stringify!($op), "`](Tensor::", stringify!($op), ") in place, recorded; returns this tensor.")]
            ///
            /// # Panics
            #[doc = concat!("As [`copy_`](Tensor::copy_) and [`", stringify!($op), "`](Tensor::", stringify!($op), "), and if the")]
            /// result is larger than this tensor or of a higher kind than its dtype (bool < integer < float).
            #[track_caller]
            pub fn $name(&self, $($arg: $type),*) -> Tensor {
                let (old, $x) = (self.old(stringify!($name)), self);
                if $written {
                    return self.clone();
                }
                self.replace(stringify!($name), old.$op($($arg),*))
            }
        }
    };
}

/// Those with a formula of one operand.
macro_rules! formulas {
    ($($name:ident is $op:ident::$formula:ident;)*) => {
        $(twin!($name is $op() unless x => write_formula($op::$formula, x));)*
    };
}

/// Those of the operators.
macro_rules! operators {
    ($($name:ident is $op:ident;)*) => {
        $(twin!($name is $op(other: impl Operand) unless x => {
            crate::ops::$op::write(x, other.number(), other.tensor())
        });)*
    };
}

/// All others.
macro_rules! twins {
    ($($name:ident is $op:ident($($arg:ident: $type:ty),*);)*) => {
        $(twin!($name is $op($($arg: $type),*) unless _x => false);)*
    };
}

operators! {
    add_ is add;
    sub_ is sub;
    mul_ is mul;
    div_ is div;
}

formulas! {
    abs_ is abs::Abs;
    acos_ is acos::Acos;
    asin_ is asin::Asin;
    atan_ is atan::Atan;
    ceil_ is ceil::Ceil;
    cos_ is cos::Cos;
    cosh_ is cosh::Cosh;
    erf_ is erf::Erf;
    exp_ is exp::Exp;
    exp2_ is exp2::Exp2;
    expm1_ is expm1::Expm1;
    floor_ is floor::Floor;
    log_ is log::Log;
    log10_ is log10::Log10;
    log1p_ is log1p::Log1p;
    log2_ is log2::Log2;
    neg_ is neg::Neg;
    reciprocal_ is reciprocal::Reciprocal;
    relu_ is relu::Relu;
    round_ is round::Round;
    rsqrt_ is rsqrt::Rsqrt;
    sigmoid_ is sigmoid::Sigmoid;
    sign_ is sign::Sign;
    sin_ is sin::Sin;
    sinh_ is sinh::Sinh;
    sqrt_ is sqrt::Sqrt;
    square_ is square::Square;
    tan_ is tan::Tan;
    tanh_ is tanh::Tanh;
    trunc_ is trunc::Trunc;
}

twins! {
    addcdiv_ is addcdiv(tensor1: &Tensor, tensor2: &Tensor, value: f64);
    addcmul_ is addcmul(tensor1: &Tensor, tensor2: &Tensor, value: f64);
    addmm_ is addmm(mat1: &Tensor, mat2: &Tensor, beta: impl Operand, alpha: impl Operand);
    clamp_ is clamp(min: impl Operand, max: impl Operand);
    clamp_max_ is clamp_max(max: impl Operand);
    clamp_min_ is clamp_min(min: impl Operand);
    cumprod_ is cumprod(dim: isize);
    cumsum_ is cumsum(dim: isize);
    div_mode_ is div_mode(other: impl Operand, rounding_mode: RoundingMode);
    eq_ is eq(other: impl Operand);
    fmod_ is fmod(other: impl Operand);
    ge_ is ge(other: impl Operand);
    gt_ is gt(other: impl Operand);
    index_add_ is index_add(dim: isize, index: &Tensor, source: &Tensor);
    index_put_ is index_put(indices: &[Option<&Tensor>], values: &Tensor, accumulate: bool);
    le_ is le(other: impl Operand);
    lerp_ is lerp(end: &Tensor, weight: impl Operand);
    logical_and_ is logical_and(other: &Tensor);
    logical_not_ is logical_not();
    logical_or_ is logical_or(other: &Tensor);
    logical_xor_ is logical_xor(other: &Tensor);
    lt_ is lt(other: impl Operand);
    masked_fill_ is masked_fill(mask: &Tensor, value: impl Operand);
    nan_to_num_ is nan_to_num(nan: f64, posinf: Option<f64>, neginf: Option<f64>);
    ne_ is ne(other: impl Operand);
    pow_ is pow(exponent: impl Operand);
    remainder_ is remainder(other: impl Operand);
    round_decimals_ is round_decimals(decimals: i32);
    scatter_ is scatter(dim: isize, index: &Tensor, source: impl Operand);
    scatter_add_ is scatter_add(dim: isize, index: &Tensor, source: &Tensor);
    tril_ is tril(diagonal: isize);
    triu_ is triu(diagonal: isize);
    xlogy_ is xlogy(other: impl Operand);
}
