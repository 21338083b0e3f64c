//! Comparisons: eq, ne, lt, le, gt, ge.

use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls, Other};
use crate::op::{Fresh, Op, Output, apply};
use crate::pointwise::result_type;
use crate::shape::broadcast_shape;
use crate::testing::{Sample, integers, sample};
use crate::{DType, Element, Operand, Result, Tensor};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::pointwise::{Map, map};
use smallvec::smallvec;
use std::borrow::Borrow;

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compare {
    /// =
    Eq,
    /// ≠
    Ne,
    /// <
    Lt,
    /// ≤
    Le,
    /// >
    Gt,
    /// ≥
    Ge,
}

#[derive(Clone, Copy)]
struct Test<const OP: u8>;
impl<const OP: u8, T: Element> Map<2, T, bool> for Test<OP> {
    #[inline(always)]
    fn apply(&self, [a, b]: [T; 2]) -> bool {
        match OP {
            0 => a == b,
            1 => a != b,
            2 => a < b,
            _ => a <= b,
        }
    }
}

impl Op for Compare {
    fn name(&self) -> &'static str {
        match self {
            Compare::Eq => "eq",
            Compare::Ne => "ne",
            Compare::Lt => "lt",
            Compare::Le => "le",
            Compare::Gt => "gt",
            Compare::Ge => "ge",
        }
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(broadcast_shape(self.name(), x)?, DType::Bool))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let dtype = result_type(x);
        let (a, b) = (x[0].to_dtype(dtype), x[1].to_dtype(dtype));
        let shape = out[0].shape().clone();
        let out = out[0].slice::<bool>();
        dispatch_all!(dtype, T => {
            let (a, b) = (a.view_as::<T>(&shape), b.view_as::<T>(&shape));
            let (a, b) = (a.strided(), b.strided());
            match self {
                Compare::Eq => map(&Test::<0>, [a, b], &shape, out),
                Compare::Ne => map(&Test::<1>, [a, b], &shape, out),
                Compare::Lt => map(&Test::<2>, [a, b], &shape, out),
                Compare::Le => map(&Test::<3>, [a, b], &shape, out),
                Compare::Gt => map(&Test::<2>, [b, a], &shape, out),
                Compare::Ge => map(&Test::<3>, [b, a], &shape, out),
            }
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None, None]
    }
}

macro_rules! methods {
    ($($name:ident $kind:ident $symbol:literal),*) => {
        impl Tensor {
            $(
                #[doc = concat!("Where self ", $symbol, " other, element by element: a `bool` tensor. The operands broadcast.")]
                #[doc = concat!("[`torch.", stringify!($name), "`](https://docs.pytorch.org/docs/stable/generated/torch.", stringify!($name), ".html).")]
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                ///
                /// ```
                /// use flambeau_tensor::tensor;
                #[doc = concat!("assert_eq!(tensor![1.0, 2.0].", stringify!($name), "(1.0).to_vec::<bool>(), [1.0 ", $symbol, " 1.0, 2.0 ", $symbol, " 1.0]);")]
                /// ```
                #[track_caller]
                pub fn $name(&self, other: impl Operand) -> Tensor {
                    compare(Compare::$kind, self, other.hold(self).borrow())
                }
            )*
        }
    };
}
methods!(eq Eq "==", ne Ne "!=", lt Lt "<", le Le "<=", gt Gt ">", ge Ge ">=");

pub(crate) const CALLS: Calls = &[
    ("eq", |a| call(a, Compare::Eq)),
    ("ne", |a| call(a, Compare::Ne)),
    ("lt", |a| call(a, Compare::Lt)),
    ("le", |a| call(a, Compare::Le)),
    ("gt", |a| call(a, Compare::Gt)),
    ("ge", |a| call(a, Compare::Ge)),
];

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn compare(op: Compare, x: &Tensor, other: &Tensor) -> Tensor {
    apply(op, &[x, other])
}

fn call(a: &mut Args<'_>, op: Compare) -> Result<Vec<Tensor>> {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    let other = other.hold(&x);
    a.done(apply(op, &[&x, &other]))
}

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [integers(0, 3, &[3, 4]), integers(1, 3, &[4])];
    vec![
        sample("x0 == x1", x(), |x| x[0].eq(&x[1])),
        sample("x0 != x1", x(), |x| x[0].ne(&x[1])),
        sample("x0 < x1", x(), |x| x[0].lt(&x[1])),
        sample("x0 <= x1", x(), |x| x[0].le(&x[1])),
        sample("x0 > x1", x(), |x| x[0].gt(&x[1])),
        sample("x0 >= 1", [integers(0, 3, &[5])], |x| x[0].ge(1)),
    ]
}
