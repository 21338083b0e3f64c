//! The remainder of a division, with the sign of the divisor.

use super::div::check_divisor;
use crate::door::{Calls, Other};
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{Num, Operand, Tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Remainder;

impl Pointwise<2> for Remainder {
    const NAME: &'static str = "remainder";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        let rest = a.fmod(b);
        let zero = E::lit(0.0);
        let other_side = E::select(b.lt(zero), E::select(rest.gt(zero), rest + b, rest), rest);
        E::select(b.gt(zero), E::select(rest.lt(zero), rest + b, rest), other_side)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b]: [E; 2], _: E) -> [E; 2] {
        [g, -g * a.div_floor(b)]
    }
}

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn remainder(x: &Tensor, other: &Tensor) -> Tensor {
    check_divisor("remainder", x, other);
    pointwise(Remainder, [x, other])
}

impl Tensor {
    /// self − other · floor(self / other), element by element: the remainder that has the sign of other, as of Python's
    /// `%`. NaN where a float is divided by 0. The operands broadcast and promote to a common dtype.
    /// [`torch.remainder`](https://docs.pytorch.org/docs/stable/generated/torch.remainder.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, or an integer is divided by 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-7, 7].remainder(3).to_vec::<i64>(), [2, 1]);
    /// ```
    #[track_caller]
    pub fn remainder(&self, other: impl Operand) -> Tensor {
        remainder(self, other.hold(self).borrow())
    }
}

pub(crate) const CALLS: Calls = &[("remainder", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    a.done(x.remainder(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.remainder(x0 * 5, x1)", [normal(0, &[3, 4]), positive(1, &[4])], |x| {
            (&x[0] * 5.0).remainder(&x[1])
        }),
        sample("torch.remainder(x0.t() * 5, -x1)", [normal(2, &[2, 5]), positive(3, &[])], |x| {
            (x[0].t() * 5.0).remainder(-&x[1])
        }),
        sample("torch.remainder(x0 - 5, 3)", [integers(4, 11, &[9])], |x| (&x[0] - 5).remainder(3)),
        sample("torch.remainder(x0 - 5, -3)", [integers(4, 11, &[9])], |x| (&x[0] - 5).remainder(-3)),
        sample("torch.remainder(x0, 0)", [normal(5, &[3])], |x| x[0].remainder(0)).not_smooth(),
    ]
}
