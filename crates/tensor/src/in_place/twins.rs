//! The operations in place: `x.exp_()` writes what `x.exp()` gives into x.

use crate::ops::div::RoundingMode;
use crate::{Operand, Tensor};

macro_rules! twins {
    ($($name:ident is $op:ident($($arg:ident: $type:ty),*);)*) => {
        impl Tensor {
            $(
                #[doc = concat!("[`", stringify!($op), "`](Tensor::", stringify!($op), ") in place, recorded; returns this tensor.")]
                ///
                /// # Panics
                #[doc = concat!("As [`copy_`](Tensor::copy_) and [`", stringify!($op), "`](Tensor::", stringify!($op), "), and if the")]
                /// result is larger than this tensor or of a higher kind than its dtype (bool < integer < float).
                #[track_caller]
                pub fn $name(&self, $($arg: $type),*) -> Tensor {
                    let old = self.old(stringify!($name));
                    self.replace(stringify!($name), old.$op($($arg),*))
                }
            )*
        }
    };
}

/// Those of the operators: without a step in between where nothing is recorded.
macro_rules! operators {
    ($($name:ident is $op:ident;)*) => {
        impl Tensor {
            $(
                #[doc = concat!("[`", stringify!($op), "`](Tensor::", stringify!($op), ") in place, recorded; returns this tensor.")]
                ///
                /// # Panics
                #[doc = concat!("As [`copy_`](Tensor::copy_) and [`", stringify!($op), "`](Tensor::", stringify!($op), "), and if the")]
                /// result is larger than this tensor or of a higher kind than its dtype (bool < integer < float).
                #[track_caller]
                pub fn $name(&self, other: impl Operand) -> Tensor {
                    let old = self.old(stringify!($name));
                    if crate::ops::$op::write(self, other.number(), other.tensor()) {
                        return self.clone();
                    }
                    self.replace(stringify!($name), old.$op(other))
                }
            )*
        }
    };
}

operators! {
    add_ is add;
    sub_ is sub;
    mul_ is mul;
    div_ is div;
}

twins! {
    abs_ is abs();
    acos_ is acos();
    addcdiv_ is addcdiv(tensor1: &Tensor, tensor2: &Tensor, value: f64);
    addcmul_ is addcmul(tensor1: &Tensor, tensor2: &Tensor, value: f64);
    addmm_ is addmm(mat1: &Tensor, mat2: &Tensor, beta: impl Operand, alpha: impl Operand);
    asin_ is asin();
    atan_ is atan();
    ceil_ is ceil();
    clamp_ is clamp(min: impl Operand, max: impl Operand);
    clamp_max_ is clamp_max(max: impl Operand);
    clamp_min_ is clamp_min(min: impl Operand);
    cos_ is cos();
    cosh_ is cosh();
    cumprod_ is cumprod(dim: isize);
    cumsum_ is cumsum(dim: isize);
    div_mode_ is div_mode(other: impl Operand, rounding_mode: RoundingMode);
    eq_ is eq(other: impl Operand);
    erf_ is erf();
    exp_ is exp();
    exp2_ is exp2();
    expm1_ is expm1();
    floor_ is floor();
    fmod_ is fmod(other: impl Operand);
    ge_ is ge(other: impl Operand);
    gt_ is gt(other: impl Operand);
    index_add_ is index_add(dim: isize, index: &Tensor, source: &Tensor);
    index_put_ is index_put(indices: &[Option<&Tensor>], values: &Tensor, accumulate: bool);
    le_ is le(other: impl Operand);
    lerp_ is lerp(end: &Tensor, weight: impl Operand);
    log_ is log();
    log10_ is log10();
    log1p_ is log1p();
    log2_ is log2();
    logical_and_ is logical_and(other: &Tensor);
    logical_not_ is logical_not();
    logical_or_ is logical_or(other: &Tensor);
    logical_xor_ is logical_xor(other: &Tensor);
    lt_ is lt(other: impl Operand);
    masked_fill_ is masked_fill(mask: &Tensor, value: impl Operand);
    nan_to_num_ is nan_to_num(nan: f64, posinf: Option<f64>, neginf: Option<f64>);
    ne_ is ne(other: impl Operand);
    neg_ is neg();
    pow_ is pow(exponent: impl Operand);
    reciprocal_ is reciprocal();
    relu_ is relu();
    remainder_ is remainder(other: impl Operand);
    round_ is round();
    round_decimals_ is round_decimals(decimals: i32);
    rsqrt_ is rsqrt();
    scatter_ is scatter(dim: isize, index: &Tensor, source: impl Operand);
    scatter_add_ is scatter_add(dim: isize, index: &Tensor, source: &Tensor);
    sigmoid_ is sigmoid();
    sign_ is sign();
    sin_ is sin();
    sinh_ is sinh();
    sqrt_ is sqrt();
    square_ is square();
    tan_ is tan();
    tanh_ is tanh();
    tril_ is tril(diagonal: isize);
    triu_ is triu(diagonal: isize);
    trunc_ is trunc();
    xlogy_ is xlogy(other: impl Operand);
}
