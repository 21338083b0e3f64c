//! The hyperbolic cosine.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Cosh;

impl Pointwise<1> for Cosh {
    const NAME: &'static str = "cosh";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.cosh()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g * x.sinh()]
    }
}

impl Tensor {
    /// cosh x = (eˣ + e⁻ˣ) / 2 (integers become `f32`); element by element.
    /// [`torch.cosh`](https://docs.pytorch.org/docs/stable/generated/torch.cosh.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].cosh().to_vec::<f32>(), [1.0]);
    /// ```
    #[track_caller]
    pub fn cosh(&self) -> Tensor {
        pointwise(Cosh, [self])
    }
}

pub(crate) const CALLS: Calls = &[("cosh", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.cosh())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.cosh(x0)", [normal(0, &[3, 4])], |x| x[0].cosh()),
        sample("torch.cosh(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().cosh()),
        sample("torch.cosh(x0)", [normal(2, &[])], |x| x[0].cosh()),
        sample("torch.cosh(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).cosh()),
        sample("torch.cosh(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).cosh()).not_smooth(),
    ]
}
