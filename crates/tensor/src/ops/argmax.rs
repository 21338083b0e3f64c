//! Where the extreme values are: argmax, argmin.

use super::max::Arg;
use super::sum::Reduced;
use crate::door::{Args, Calls};
use crate::op::{apply, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Result, Tensor};

impl Tensor {
    /// The position of the largest element along a dimension (`i64`), the first of equals; NaN counts as largest.
    /// [`torch.argmax`](https://docs.pytorch.org/docs/stable/generated/torch.argmax.html).
    ///
    /// # Panics
    /// If the dimension is out of range or has size 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0], [2.0, 0.0]].argmax(1, false).to_vec::<i64>(), [1, 0]);
    /// ```
    #[track_caller]
    pub fn argmax(&self, dim: isize, keepdim: bool) -> Tensor {
        let reduced = unwrap(Reduced::new("argmax", self, &Dims::from(dim), keepdim));
        apply(Arg { reduced, largest: true }, &[self])
    }

    /// The position of the smallest element; otherwise as [`argmax`](Tensor::argmax).
    ///
    /// # Panics
    /// As `argmax`.
    #[track_caller]
    pub fn argmin(&self, dim: isize, keepdim: bool) -> Tensor {
        let reduced = unwrap(Reduced::new("argmin", self, &Dims::from(dim), keepdim));
        apply(Arg { reduced, largest: false }, &[self])
    }
}

pub(crate) const CALLS: Calls = &[("argmax", |a| call(a, true)), ("argmin", |a| call(a, false))];

fn call(a: &mut Args<'_>, largest: bool) -> Result<Vec<Tensor>> {
    let (x, dim, keepdim): (Tensor, Option<isize>, bool) =
        (a.get("input")?, a.opt("dim")?, a.or("keepdim", false)?);
    // Without a dimension: the position among all elements.
    let (x, dim) = dim.map_or_else(|| (x.reshape([-1]), 0), |dim| (x.clone(), dim));
    a.done(if largest { x.argmax(dim, keepdim) } else { x.argmin(dim, keepdim) })
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.argmax(1)", [normal(0, &[3, 4])], |x| x[0].argmax(1, false)),
        sample("x0.argmin(0, keepdim=True)", [normal(1, &[3, 4])], |x| x[0].argmin(0, true)),
        sample("x0.argmax(1)", [integers(2, 50, &[2, 6, 3])], |x| x[0].argmax(1, false)),
    ]
}
