//! [`Sym`]: a whole tensor in the place of a number, so that the derivative of a pointwise op, written once for
//! numbers, also records itself when a gradient is to be differentiated again.

use crate::ops::div::RoundingMode;
use crate::{DType, Tensor};
use flambeau_kernels::Num;
use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

thread_local! {
    /// The tensors that [`Sym`]s stand for, while a formula is traced.
    static TAPE: RefCell<Vec<Tensor>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` with [`Sym`]s and forgets their tensors afterwards.
pub(crate) fn trace<R>(f: impl FnOnce() -> R) -> R {
    struct Truncate(usize);
    impl Drop for Truncate {
        fn drop(&mut self) {
            TAPE.with_borrow_mut(|tape| tape.truncate(self.0));
        }
    }
    let _truncate = Truncate(TAPE.with_borrow(Vec::len));
    f()
}

/// A whole tensor in the place of a number: running a formula on it records the formula in the graph.
#[derive(Clone, Copy)]
pub(crate) struct Sym(usize);

impl Sym {
    // Not into each of the formulas, which are many and rarely traced.
    #[inline(never)]
    pub(crate) fn new(tensor: &Tensor) -> Sym {
        TAPE.with_borrow_mut(|tape| {
            tape.push(tensor.clone());
            Sym(tape.len() - 1)
        })
    }

    pub(crate) fn tensor(self) -> Tensor {
        TAPE.with_borrow(|tape| tape[self.0].clone())
    }

    #[inline(never)]
    fn map(self, f: fn(&Tensor) -> Tensor) -> Sym {
        Sym::new(&f(&self.tensor()))
    }

    #[inline(never)]
    fn zip(self, other: Sym, f: fn(&Tensor, &Tensor) -> Tensor) -> Sym {
        Sym::new(&f(&self.tensor(), &other.tensor()))
    }
}

impl Add for Sym {
    type Output = Sym;
    fn add(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a + b)
    }
}
impl Sub for Sym {
    type Output = Sym;
    fn sub(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a - b)
    }
}
impl Mul for Sym {
    type Output = Sym;
    fn mul(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a * b)
    }
}
impl Div for Sym {
    type Output = Sym;
    fn div(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a / b)
    }
}
impl Neg for Sym {
    type Output = Sym;
    fn neg(self) -> Sym {
        self.map(|x| -x)
    }
}

impl Num for Sym {
    type Mask = Sym;
    #[inline(never)]
    fn lit(v: f64) -> Sym {
        // In f64, so that it is exact; a 0-d operand does not change the dtype of one with dimensions.
        Sym::new(&Tensor::full_as(v, (), DType::F64))
    }
    #[inline(never)]
    fn select(mask: Sym, a: Sym, b: Sym) -> Sym {
        Sym::new(&Tensor::where_(&mask.tensor(), &a.tensor(), &b.tensor()))
    }
    fn lt(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a.lt(b))
    }
    fn le(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a.le(b))
    }
    fn equals(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a.eq(b))
    }
    fn exp(self) -> Sym {
        self.map(Tensor::exp)
    }
    fn exp_m1(self) -> Sym {
        self.map(Tensor::expm1)
    }
    fn ln(self) -> Sym {
        self.map(Tensor::log)
    }
    fn ln_1p(self) -> Sym {
        self.map(Tensor::log1p)
    }
    fn sqrt(self) -> Sym {
        self.map(Tensor::sqrt)
    }
    fn tanh(self) -> Sym {
        self.map(Tensor::tanh)
    }
    fn sigmoid(self) -> Sym {
        self.map(Tensor::sigmoid)
    }
    fn pow(self, e: Sym) -> Sym {
        self.zip(e, |a, b| a.pow(b))
    }
    fn abs(self) -> Sym {
        self.map(Tensor::abs)
    }
    fn exp2(self) -> Sym {
        self.map(Tensor::exp2)
    }
    fn log2(self) -> Sym {
        self.map(Tensor::log2)
    }
    fn log10(self) -> Sym {
        self.map(Tensor::log10)
    }
    fn sin(self) -> Sym {
        self.map(Tensor::sin)
    }
    fn cos(self) -> Sym {
        self.map(Tensor::cos)
    }
    fn tan(self) -> Sym {
        self.map(Tensor::tan)
    }
    fn asin(self) -> Sym {
        self.map(Tensor::asin)
    }
    fn acos(self) -> Sym {
        self.map(Tensor::acos)
    }
    fn atan(self) -> Sym {
        self.map(Tensor::atan)
    }
    fn sinh(self) -> Sym {
        self.map(Tensor::sinh)
    }
    fn cosh(self) -> Sym {
        self.map(Tensor::cosh)
    }
    fn erf(self) -> Sym {
        self.map(Tensor::erf)
    }
    fn floor(self) -> Sym {
        self.map(Tensor::floor)
    }
    fn ceil(self) -> Sym {
        self.map(Tensor::ceil)
    }
    fn trunc(self) -> Sym {
        self.map(Tensor::trunc)
    }
    fn round(self) -> Sym {
        self.map(Tensor::round)
    }
    fn fmod(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a.fmod(b))
    }
    fn div_trunc(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a.div_mode(b, RoundingMode::Trunc))
    }
    fn div_floor(self, other: Sym) -> Sym {
        self.zip(other, |a, b| a.div_mode(b, RoundingMode::Floor))
    }
}
