//! The larger and the smaller of two: maximum, minimum.

use super::clamp::extremum;
use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

/// The larger if `LARGEST`.
#[derive(Clone, Copy)]
struct Extremum<const LARGEST: bool>;

impl<const LARGEST: bool> Pointwise<2> for Extremum<LARGEST> {
    const NAME: &'static str = if LARGEST { "maximum" } else { "minimum" };
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b]: [E; 2]) -> E {
        extremum(LARGEST, a, b)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b]: [E; 2], _: E) -> [E; 2] {
        let (zero, half) = (E::lit(0.0), g * E::lit(0.5));
        let (loses, wins) = if LARGEST { (a.lt(b), a.gt(b)) } else { (a.gt(b), a.lt(b)) };
        let tie = a.equals(b);
        [E::select(tie, half, E::select(loses, zero, g)), E::select(tie, half, E::select(wins, zero, g))]
    }
}

impl Tensor {
    /// The larger of the two, element by element; NaN if either is. The operands broadcast and promote to a common
    /// dtype. Equals share the gradient.
    /// [`torch.maximum`](https://docs.pytorch.org/docs/stable/generated/torch.maximum.html); to compare with a number,
    /// [`clamp_min`](Tensor::clamp_min).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 5.0].maximum(&tensor![3.0, 4.0]).to_vec::<f32>(), [3.0, 5.0]);
    /// ```
    #[track_caller]
    pub fn maximum(&self, other: &Tensor) -> Tensor {
        pointwise(Extremum::<true>, [self, other])
    }

    /// The smaller of the two; otherwise as [`maximum`](Tensor::maximum).
    /// [`torch.minimum`](https://docs.pytorch.org/docs/stable/generated/torch.minimum.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 5.0].minimum(&tensor![3.0, 4.0]).to_vec::<f32>(), [1.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn minimum(&self, other: &Tensor) -> Tensor {
        pointwise(Extremum::<false>, [self, other])
    }
}

pub(crate) const CALLS: Calls = &[
    ("maximum", |a| {
        let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("other")?);
        a.done(x.maximum(&other))
    }),
    ("minimum", |a| {
        let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("other")?);
        a.done(x.minimum(&other))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[4])];
    let ties = || [0, 1].map(|seed| integers(seed, 3, &[4, 5]).to_dtype(DType::F64));
    vec![
        sample("torch.maximum(x0, x1)", x(), |x| x[0].maximum(&x[1])),
        sample("torch.minimum(x0, x1)", x(), |x| x[0].minimum(&x[1])),
        sample("torch.maximum(x0.t(), x1)", [normal(2, &[2, 3]), normal(3, &[])], |x| {
            x[0].t().maximum(&x[1])
        }),
        sample("torch.minimum(x0, x1)", [integers(4, 9, &[6]), integers(5, 9, &[6])], |x| {
            x[0].minimum(&x[1])
        }),
        sample("torch.maximum(x0, x1)", ties(), |x| x[0].maximum(&x[1])).not_smooth(),
        sample("torch.minimum(x0, x1)", ties(), |x| x[0].minimum(&x[1])).not_smooth(),
        sample("torch.maximum(x0.log(), x1)", x(), |x| x[0].log().maximum(&x[1])).not_smooth(),
        sample("torch.minimum(x0, x1.log())", x(), |x| x[0].minimum(&x[1].log())).not_smooth(),
    ]
}
