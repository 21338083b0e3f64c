//! The remainder of a division, with the sign of the dividend.

use super::div::check_divisor;
use crate::door::{Calls, Other};
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{Num, Operand, Tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Fmod;

impl Pointwise<2> for Fmod {
    const NAME: &'static str = "fmod";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        a.fmod(b)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b]: [E; 2], _: E) -> [E; 2] {
        [g, -g * a.div_trunc(b)]
    }
}

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn fmod(x: &Tensor, other: &Tensor) -> Tensor {
    check_divisor("fmod", x, other);
    pointwise(Fmod, [x, other])
}

impl Tensor {
    /// self − other · trunc(self / other), element by element: the remainder that has the sign of self, as of C's
    /// `fmod`. NaN where a float is divided by 0. The operands broadcast and promote to a common dtype.
    /// [`torch.fmod`](https://docs.pytorch.org/docs/stable/generated/torch.fmod.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, or an integer is divided by 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-7, 7].fmod(3).to_vec::<i64>(), [-1, 1]);
    /// ```
    #[track_caller]
    pub fn fmod(&self, other: impl Operand) -> Tensor {
        fmod(self, other.hold(self).borrow())
    }
}

pub(crate) const CALLS: Calls = &[("fmod", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    a.done(x.fmod(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.fmod(x0 * 5, x1)", [normal(0, &[3, 4]), positive(1, &[4])], |x| {
            (&x[0] * 5.0).fmod(&x[1])
        }),
        sample("torch.fmod(x0.t() * 5, -x1)", [normal(2, &[2, 5]), positive(3, &[])], |x| {
            (x[0].t() * 5.0).fmod(-&x[1])
        }),
        sample("torch.fmod(x0 - 5, 3)", [integers(4, 11, &[9])], |x| (&x[0] - 5).fmod(3)),
        sample("torch.fmod(x0 - 5, -3)", [integers(4, 11, &[9])], |x| (&x[0] - 5).fmod(-3)),
        sample("torch.fmod(x0, 0)", [normal(5, &[3])], |x| x[0].fmod(0)).not_smooth(),
    ]
}
