//! What is no ordinary number: isfinite, isinf, isnan.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Element, Num, Result, Tensor};
use flambeau_kernels::dispatch_float;
use flambeau_kernels::pointwise::{Map, map};
use smallvec::smallvec;

/// A question about one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Finite,
    Infinite,
    Nan,
}

#[derive(Clone, Copy)]
struct Is<const CLASS: u8>;
impl<const CLASS: u8, T: Element<Num: Num<Mask = bool>>> Map<1, T, bool> for Is<CLASS> {
    #[inline(always)]
    fn apply(&self, [x]: [T; 1]) -> bool {
        let infinity = T::Num::lit(f64::INFINITY);
        match CLASS {
            0 => x.to_num().abs().lt(infinity),
            1 => x.to_num().abs().equals(infinity),
            _ => !x.to_num().equals(x.to_num()),
        }
    }
}

impl Op for Class {
    fn name(&self) -> &'static str {
        match self {
            Class::Finite => "isfinite",
            Class::Infinite => "isinf",
            Class::Nan => "isnan",
        }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(x[0].shape_ref().clone(), DType::Bool))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let shape = out[0].shape().clone();
        let out = out[0].slice::<bool>();
        if !x[0].dtype().is_float() {
            return out.fill(*self == Class::Finite);
        }
        dispatch_float!(x[0].dtype(), T => {
            let x = x[0].view_as::<T>(&shape);
            match self {
                Class::Finite => map(&Is::<0>, [x.strided()], &shape, out),
                Class::Infinite => map(&Is::<1>, [x.strided()], &shape, out),
                Class::Nan => map(&Is::<2>, [x.strided()], &shape, out),
            }
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

impl Tensor {
    /// Where x is neither infinite nor NaN: a `bool` tensor.
    /// [`torch.isfinite`](https://docs.pytorch.org/docs/stable/generated/torch.isfinite.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, f32::INFINITY, f32::NAN].isfinite().to_vec::<bool>(), [true, false, false]);
    /// ```
    #[track_caller]
    pub fn isfinite(&self) -> Tensor {
        apply(Class::Finite, &[self])
    }

    /// Where x is ∞ or −∞: a `bool` tensor.
    /// [`torch.isinf`](https://docs.pytorch.org/docs/stable/generated/torch.isinf.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, f32::NEG_INFINITY, f32::NAN].isinf().to_vec::<bool>(), [false, true, false]);
    /// ```
    #[track_caller]
    pub fn isinf(&self) -> Tensor {
        apply(Class::Infinite, &[self])
    }

    /// Where x is NaN: a `bool` tensor.
    /// [`torch.isnan`](https://docs.pytorch.org/docs/stable/generated/torch.isnan.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, f32::INFINITY, f32::NAN].isnan().to_vec::<bool>(), [false, false, true]);
    /// ```
    #[track_caller]
    pub fn isnan(&self) -> Tensor {
        apply(Class::Nan, &[self])
    }
}

pub(crate) const CALLS: Calls = &[
    ("isfinite", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.isfinite())
    }),
    ("isinf", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.isinf())
    }),
    ("isnan", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.isnan())
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    // The logarithms of 0, 1, 2, …: −∞ first; of negative numbers: NaN.
    let log = || [integers(0, 3, &[3, 4])];
    vec![
        sample("torch.isfinite(torch.log(x0 - 1).t())", log(), |x| (&x[0] - 1).log().t().isfinite()),
        sample("torch.isinf(torch.log(x0 - 1))", log(), |x| (&x[0] - 1).log().isinf()),
        sample("torch.isnan(torch.log(x0 - 1))", log(), |x| (&x[0] - 1).log().isnan()),
        sample("torch.isinf(-torch.log(x0))", [normal(1, &[])], |x| (-x[0].log()).isinf()),
        sample("torch.isfinite(x0)", [integers(2, 9, &[4])], |x| x[0].isfinite()),
        sample("torch.isnan(x0)", [integers(2, 9, &[4])], |x| x[0].isnan()),
    ]
}
