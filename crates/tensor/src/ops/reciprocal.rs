//! The reciprocal.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Reciprocal;

impl Pointwise<1> for Reciprocal {
    const NAME: &'static str = "reciprocal";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        E::lit(1.0) / x
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [-g * y * y]
    }
}

impl Tensor {
    /// 1 / x, element by element (integers become `f32`); ±∞ at ±0.
    /// [`torch.reciprocal`](https://docs.pytorch.org/docs/stable/generated/torch.reciprocal.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![4.0, -0.5].reciprocal().to_vec::<f32>(), [0.25, -2.0]);
    /// ```
    #[track_caller]
    pub fn reciprocal(&self) -> Tensor {
        pointwise(Reciprocal, [self])
    }
}

pub(crate) const CALLS: Calls = &[("reciprocal", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.reciprocal())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.reciprocal(x0)", [positive(0, &[3, 4])], |x| x[0].reciprocal()),
        sample("torch.reciprocal(x0.t())", [positive(1, &[2, 5])], |x| x[0].t().reciprocal()),
        sample("torch.reciprocal(x0 * 0)", [normal(2, &[3])], |x| (&x[0] * 0.0).reciprocal()).not_smooth(),
        sample("torch.reciprocal(x0)", [positive(3, &[])], |x| x[0].reciprocal()),
    ]
}
