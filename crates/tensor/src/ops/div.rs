//! Division: true, and rounded to whole numbers.

use crate::door::{Calls, Other};
use crate::op::{Mask, Saves, ensure};
use crate::pointwise::{Pointwise, Reads, pointwise, result_type};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{DType, Error, Num, Operand, Tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Div;

impl Pointwise<2> for Div {
    const NAME: &'static str = "div";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        a / b
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b]: [E; 2], _: E) -> [E; 2] {
        [g / b, -g * (a / b / b)]
    }

    fn saves(self, needs: Mask) -> Saves {
        Saves::inputs([1]).input_if(needs.has(1), [0])
    }
}

/// How [`Tensor::div_mode`] rounds a quotient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoundingMode {
    /// Toward zero, as C divides integers.
    Trunc,
    /// Down, as Python's `//`.
    Floor,
}

#[derive(Clone, Copy)]
struct DivMode(RoundingMode);

impl Pointwise<2> for DivMode {
    const NAME: &'static str = "div";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        match self.0 {
            RoundingMode::Trunc => a.div_trunc(b),
            RoundingMode::Floor => a.div_floor(b),
        }
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 2], _: E) -> [E; 2] {
        [E::lit(0.0), E::lit(0.0)]
    }
}

/// Refuses bools, and integers divided by zero.
#[track_caller]
pub(super) fn check_divisor(op: &'static str, a: &Tensor, b: &Tensor) {
    let dtype = result_type(&[a, b]);
    ensure!(dtype != DType::Bool, op, "both operands are {dtype}; convert one of them first");
    ensure!(
        dtype.is_float() || b.eq(0).sum().item::<i64>() == 0,
        op,
        "{dtype} is divided by zero; convert one operand to a float dtype for ±∞ or NaN, or mask the zeros"
    );
}

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn div_mode(x: &Tensor, other: &Tensor, rounding_mode: RoundingMode) -> Tensor {
    check_divisor("div", x, other);
    pointwise(DivMode(rounding_mode), [x, other])
}

impl Tensor {
    /// self / other (integers become `f32`), element by element; the operands broadcast and promote to a common dtype.
    /// [`torch.div`](https://docs.pytorch.org/docs/stable/generated/torch.div.html). The operator `/` does the same.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![8.0, 6.0];
    /// assert_eq!(x.div(2.0).to_vec::<f32>(), (x / 2.0).to_vec::<f32>());
    /// ```
    #[track_caller]
    pub fn div(&self, other: impl Operand) -> Tensor {
        beside(self, other, false)
    }

    /// self / other rounded to whole numbers, element by element; the operands broadcast and promote to a common
    /// dtype, and integers stay integers. The gradient is 0.
    /// [`torch.div(rounding_mode=…)`](https://docs.pytorch.org/docs/stable/generated/torch.div.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast, or an integer is divided by 0.
    ///
    /// ```
    /// use flambeau_tensor::{ops::div::RoundingMode, tensor};
    /// let x = tensor![-7, 7];
    /// assert_eq!(x.div_mode(2, RoundingMode::Trunc).to_vec::<i64>(), [-3, 3]);
    /// assert_eq!(x.div_mode(2, RoundingMode::Floor).to_vec::<i64>(), [-4, 3]);
    /// ```
    #[track_caller]
    pub fn div_mode(&self, other: impl Operand, rounding_mode: RoundingMode) -> Tensor {
        div_mode(self, other.hold(self).borrow(), rounding_mode)
    }
}

crate::operand::operator!(Div, div, Div);

pub(crate) const CALLS: Calls = &[("div", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    match a.key("rounding_mode")? {
        None => a.done(x.div(other)),
        Some("trunc") => a.done(x.div_mode(other, RoundingMode::Trunc)),
        Some("floor") => a.done(x.div_mode(other, RoundingMode::Floor)),
        Some(mode) => {
            Err(Error::op("div", format!("the rounding_mode {mode:?} is neither \"trunc\" nor \"floor\"")))
        }
    }
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0 / x1", [normal(0, &[2, 3]), positive(1, &[2, 3])], |x| &x[0] / &x[1]),
        sample("x0 / x1", [normal(0, &[2, 1, 3]), positive(1, &[4, 1])], |x| &x[0] / &x[1]),
        sample("x0 / 2.5", [normal(0, &[3])], |x| &x[0] / 2.5),
        sample("2.5 / x0", [positive(0, &[3])], |x| 2.5 / &x[0]),
        sample(
            "torch.div(x0 * 5, x1, rounding_mode='trunc')",
            [normal(0, &[3, 4]), positive(1, &[4])],
            |x| (&x[0] * 5.0).div_mode(&x[1], RoundingMode::Trunc),
        ),
        sample(
            "torch.div(x0.t() * 5, x1, rounding_mode='floor')",
            [normal(0, &[3, 4]), positive(1, &[])],
            |x| (x[0].t() * 5.0).div_mode(&x[1], RoundingMode::Floor),
        ),
        sample("torch.div(x0 - 5, -3, rounding_mode='trunc')", [integers(2, 11, &[9])], |x| {
            (&x[0] - 5).div_mode(-3, RoundingMode::Trunc)
        }),
        sample("torch.div(x0 - 5, -3, rounding_mode='floor')", [integers(2, 11, &[9])], |x| {
            (&x[0] - 5).div_mode(-3, RoundingMode::Floor)
        }),
        sample("torch.div(x0, x0 * 0, rounding_mode='floor')", [normal(3, &[4])], |x| {
            x[0].div_mode(&x[0] * 0.0, RoundingMode::Floor)
        })
        .not_smooth(),
    ]
}
