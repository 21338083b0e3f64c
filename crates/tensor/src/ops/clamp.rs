//! Keeping values within bounds: clamp, clamp_min, clamp_max.

use crate::door::{Args, Calls, Other};
use crate::op::raise;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Num, Operand, Result, Tensor};
use std::borrow::Borrow;

/// The larger of two, the smaller of two; NaN if either is.
#[inline(always)]
pub(super) fn extremum<E: Num>(largest: bool, a: E, b: E) -> E {
    let keep = if largest { a.ge(b) } else { a.le(b) };
    E::select(keep, a, E::select(a.equals(a), b, a))
}

/// The gradient beside numbers: only strictly between them.
#[inline(always)]
fn between<E: Num>(g: E, x: E, min: E, max: E) -> E {
    let zero = E::lit(0.0);
    E::select(x.gt(min), E::select(x.lt(max), g, zero), zero)
}

/// The gradient of x or of its one bound: shared where they tie; a NaN gives it to both, as in PyTorch.
#[inline(always)]
fn share<E: Num>(g: E, x: E, bound: E, below: E, above: E) -> E {
    let tie = g * E::lit(0.5);
    E::select(x.lt(bound), below, E::select(x.gt(bound), above, E::select(x.equals(bound), tie, g)))
}

#[derive(Clone, Copy)]
struct Clamp {
    numbers: bool,
}

impl Pointwise<3> for Clamp {
    const NAME: &'static str = "clamp";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, min, max]: [E; 3]) -> E {
        extremum(false, extremum(true, x, min), max)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, min, max]: [E; 3], _: E) -> [E; 3] {
        let (zero, half) = (E::lit(0.0), g * E::lit(0.5));
        if self.numbers {
            return [between(g, x, min, max), zero, zero];
        }
        // A tie shares the gradient, unless the bounds leave no room. A NaN is on neither side of anything.
        let room = E::select(min.lt(max), half, zero);
        let order = E::select(min.le(max), g, zero);
        let tie = E::select(min.lt(max), half, g);
        let dx = E::select(x.equals(min), tie, E::select(x.equals(max), tie, g));
        let dx = E::select(x.lt(min), zero, E::select(x.gt(max), zero, dx));
        let dmin = E::select(x.lt(min), order, E::select(x.equals(min), room, zero));
        // Where the bounds are the wrong way round, the result is max.
        let dmax = E::select(x.gt(max), order, E::select(x.equals(max), room, zero));
        let dmax = E::select(max.lt(min), g, dmax);
        [dx, dmin, dmax]
    }
}

/// One bound: the lower if `LOWER`.
#[derive(Clone, Copy)]
struct Bound<const LOWER: bool> {
    number: bool,
}

impl<const LOWER: bool> Pointwise<2> for Bound<LOWER> {
    const NAME: &'static str = if LOWER { "clamp_min" } else { "clamp_max" };
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, bound]: [E; 2]) -> E {
        extremum(LOWER, x, bound)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, bound]: [E; 2], _: E) -> [E; 2] {
        let zero = E::lit(0.0);
        match (self.number, LOWER) {
            (true, true) => [E::select(x.gt(bound), g, zero), zero],
            (true, false) => [E::select(x.lt(bound), g, zero), zero],
            (false, true) => [share(g, x, bound, zero, g), share(g, x, bound, g, zero)],
            (false, false) => [share(g, x, bound, g, zero), share(g, x, bound, zero, g)],
        }
    }
}

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn clamp(x: &Tensor, min: &Tensor, max: &Tensor, numbers: bool) -> Tensor {
    pointwise(Clamp { numbers }, [x, min, max])
}

/// As [`clamp`].
#[track_caller]
fn clamp_min(x: &Tensor, min: &Tensor, number: bool) -> Tensor {
    pointwise(Bound::<true> { number }, [x, min])
}

/// As [`clamp`].
#[track_caller]
fn clamp_max(x: &Tensor, max: &Tensor, number: bool) -> Tensor {
    pointwise(Bound::<false> { number }, [x, max])
}

impl Tensor {
    /// min(max(x, lower), upper), element by element: the upper bound wins where it is below the lower. The operands
    /// broadcast and promote to a common dtype; NaN stays NaN. The gradient goes to
    /// the operand that is the result and is shared between equals; beside numbers, only what lies strictly between has one.
    /// [`torch.clamp`](https://docs.pytorch.org/docs/stable/generated/torch.clamp.html); with one bound,
    /// [`clamp_min`](Tensor::clamp_min) or [`clamp_max`](Tensor::clamp_max).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-2.0, 0.5, 3.0].clamp(0.0, 1.0).to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn clamp(&self, min: impl Operand, max: impl Operand) -> Tensor {
        let numbers = min.number().is_some() && max.number().is_some();
        clamp(self, min.hold(self).borrow(), max.hold(self).borrow(), numbers)
    }

    /// The larger of x and the bound; otherwise as [`clamp`](Tensor::clamp).
    /// [`torch.clamp_min`](https://docs.pytorch.org/docs/stable/generated/torch.clamp.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-2, 3].clamp_min(0).to_vec::<i64>(), [0, 3]);
    /// ```
    #[track_caller]
    pub fn clamp_min(&self, min: impl Operand) -> Tensor {
        let number = min.number().is_some();
        clamp_min(self, min.hold(self).borrow(), number)
    }

    /// The smaller of x and the bound; otherwise as [`clamp`](Tensor::clamp).
    /// [`torch.clamp_max`](https://docs.pytorch.org/docs/stable/generated/torch.clamp.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-2, 3].clamp_max(0).to_vec::<i64>(), [-2, 0]);
    /// ```
    #[track_caller]
    pub fn clamp_max(&self, max: impl Operand) -> Tensor {
        let number = max.number().is_some();
        clamp_max(self, max.hold(self).borrow(), number)
    }
}

pub(crate) const CALLS: Calls = &[
    ("clamp", call),
    ("clamp_min", |a| {
        let (x, min): (Tensor, Other) = (a.get("input")?, a.get("min")?);
        a.done(x.clamp_min(min))
    }),
    ("clamp_max", |a| {
        let (x, max): (Tensor, Other) = (a.get("input")?, a.get("max")?);
        a.done(x.clamp_max(max))
    }),
];

fn call(a: &mut Args<'_>) -> Result<Vec<Tensor>> {
    let (x, min, max): (Tensor, Option<Other>, Option<Other>) =
        (a.get("input")?, a.opt("min")?, a.opt("max")?);
    a.done(match (min, max) {
        (Some(min), Some(max)) => x.clamp(min, max),
        (Some(min), None) => x.clamp_min(min),
        (None, Some(max)) => x.clamp_max(max),
        (None, None) => raise(Error::op("clamp", "neither min nor max is given; give one of them")),
    })
}

pub(crate) fn samples() -> Vec<Sample> {
    let three = || [normal(0, &[3, 4]), normal(1, &[3, 1]), normal(2, &[4])];
    let ties = || [0, 1, 2].map(|seed| integers(seed, 3, &[6, 7]).to_dtype(DType::F64));
    let ints = || [integers(3, 9, &[2, 5])];
    vec![
        sample("torch.clamp(x0, x1, x2)", three(), |x| x[0].clamp(&x[1], &x[2])),
        sample("torch.clamp(x0.t(), -0.5, 0.7)", [normal(4, &[2, 5])], |x| x[0].t().clamp(-0.5, 0.7)),
        sample("torch.clamp(x0, x1)", [normal(5, &[3]), normal(6, &[])], |x| x[0].clamp_min(&x[1])),
        sample("torch.clamp(x0, max=x1)", [normal(7, &[]), normal(8, &[3])], |x| x[0].clamp_max(&x[1])),
        sample("torch.clamp_min(x0, 0.1)", [normal(9, &[3])], |x| x[0].clamp_min(0.1)),
        sample("torch.clamp_max(x0, 0.1)", [normal(9, &[3])], |x| x[0].clamp_max(0.1)),
        sample("torch.clamp(x0, 2, 6)", ints(), |x| x[0].clamp(2, 6)),
        sample("torch.clamp(x0, 2.5, 6)", ints(), |x| x[0].clamp(2.5, 6)),
        sample("torch.clamp(x0, 0, 1)", ties(), |x| x[0].clamp(0, 1)).not_smooth(),
        sample("torch.clamp(x0, x1, x2)", ties(), |x| x[0].clamp(&x[1], &x[2])).not_smooth(),
        sample("torch.clamp(x0, x1)", ties(), |x| x[0].clamp_min(&x[1])).not_smooth(),
        sample("torch.clamp(x0, max=x1)", ties(), |x| x[0].clamp_max(&x[1])).not_smooth(),
        sample("torch.clamp(x0, 1)", ties(), |x| x[0].clamp_min(1)).not_smooth(),
        sample("torch.clamp_max(x0, 1)", ties(), |x| x[0].clamp_max(1)).not_smooth(),
        sample("torch.clamp(x0, x1, x1)", three(), |x| x[0].clamp(&x[1], &x[1])).not_smooth(),
        sample("torch.clamp(x0.log(), x1.round(), x1.sqrt())", three(), |x| {
            x[0].log().clamp(x[1].round(), x[1].sqrt())
        })
        .not_smooth(),
        sample("torch.clamp(x0.log(), -0.5, 0.5)", three(), |x| x[0].log().clamp(-0.5, 0.5)).not_smooth(),
        sample("torch.clamp_min(x0, x1.log())", three(), |x| x[0].clamp_min(x[1].log())).not_smooth(),
        sample("torch.clamp_max(x0.log(), 0.2)", three(), |x| x[0].log().clamp_max(0.2)).not_smooth(),
    ]
}
