//! Logic on truth values: logical_and, logical_or, logical_xor, logical_not.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply};
use crate::shape::broadcast_shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::pointwise::{Map, map};
use smallvec::smallvec;

/// A connective of two truth values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Logical {
    And,
    Or,
    Xor,
}

#[derive(Clone, Copy)]
struct Table<const OP: u8>;
impl<const OP: u8> Map<2, bool, bool> for Table<OP> {
    #[inline(always)]
    fn apply(&self, [a, b]: [bool; 2]) -> bool {
        match OP {
            0 => a & b,
            1 => a | b,
            _ => a ^ b,
        }
    }
}

impl Op for Logical {
    fn name(&self) -> &'static str {
        match self {
            Logical::And => "logical_and",
            Logical::Or => "logical_or",
            Logical::Xor => "logical_xor",
        }
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(broadcast_shape(self.name(), x)?, DType::Bool))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (a, b) = (x[0].to_dtype(DType::Bool), x[1].to_dtype(DType::Bool));
        let shape = out[0].shape().clone();
        let out = out[0].slice::<bool>();
        let (a, b) = (a.view_as::<bool>(&shape), b.view_as::<bool>(&shape));
        let x = [a.strided(), b.strided()];
        match self {
            Logical::And => map(&Table::<0>, x, &shape, out),
            Logical::Or => map(&Table::<1>, x, &shape, out),
            Logical::Xor => map(&Table::<2>, x, &shape, out),
        }
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None, None]
    }
}

macro_rules! methods {
    ($($name:ident $kind:ident $word:literal $symbol:literal),*) => {
        impl Tensor {
            $(
                #[doc = concat!("Where ", $word, ": a `bool` tensor. What is not 0 is true, NaN too; the operands broadcast.")]
                #[doc = concat!("[`torch.", stringify!($name), "`](https://docs.pytorch.org/docs/stable/generated/torch.", stringify!($name), ".html).")]
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                ///
                /// ```
                /// use flambeau_tensor::tensor;
                /// let (x, y) = (tensor![0, 3, 3], tensor![0, 0, 5]);
                #[doc = concat!("assert_eq!(x.", stringify!($name), "(&y).to_vec::<bool>(), [false ", $symbol, " false, true ", $symbol, " false, true ", $symbol, " true]);")]
                /// ```
                #[track_caller]
                pub fn $name(&self, other: &Tensor) -> Tensor {
                    apply(Logical::$kind, &[self, other])
                }
            )*
        }
    };
}
methods!(
    logical_and And "both are true" "&",
    logical_or Or "either is true" "|",
    logical_xor Xor "exactly one is true" "^"
);

impl Tensor {
    /// Where x is 0: a `bool` tensor.
    /// [`torch.logical_not`](https://docs.pytorch.org/docs/stable/generated/torch.logical_not.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 2.0].logical_not().to_vec::<bool>(), [true, false]);
    /// ```
    #[track_caller]
    pub fn logical_not(&self) -> Tensor {
        self.eq(0)
    }
}

pub(crate) const CALLS: Calls = &[
    ("logical_and", |a| {
        let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("other")?);
        a.done(x.logical_and(&other))
    }),
    ("logical_or", |a| {
        let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("other")?);
        a.done(x.logical_or(&other))
    }),
    ("logical_xor", |a| {
        let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("other")?);
        a.done(x.logical_xor(&other))
    }),
    ("logical_not", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.logical_not())
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [integers(0, 3, &[3, 4]), integers(1, 2, &[4])];
    vec![
        sample("torch.logical_and(x0, x1)", x(), |x| x[0].logical_and(&x[1])),
        sample("torch.logical_or(x0.t(), x1 > 0)", [integers(0, 3, &[4, 3]), integers(1, 2, &[4])], |x| {
            x[0].t().logical_or(&x[1].gt(0))
        }),
        sample("torch.logical_xor(x0, torch.log(x1))", [integers(2, 2, &[6]), normal(3, &[6])], |x| {
            x[0].logical_xor(&x[1].log())
        }),
        sample("torch.logical_not(x0)", [integers(4, 2, &[])], |x| x[0].logical_not()),
        sample("torch.logical_not(torch.log(x0))", [normal(5, &[5])], |x| x[0].log().logical_not()),
    ]
}
