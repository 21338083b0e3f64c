//! The arctangent.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Atan;

impl Pointwise<1> for Atan {
    const NAME: &'static str = "atan";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.atan()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g / (x * x + E::lit(1.0))]
    }
}

impl Tensor {
    /// arctan x, between −π/2 and π/2 (integers become `f32`); element by element.
    /// [`torch.atan`](https://docs.pytorch.org/docs/stable/generated/torch.atan.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].atan().to_vec::<f32>(), [0.0]);
    /// ```
    #[track_caller]
    pub fn atan(&self) -> Tensor {
        pointwise(Atan, [self])
    }
}

pub(crate) const CALLS: Calls = &[("atan", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.atan())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.atan(x0)", [normal(0, &[3, 4])], |x| x[0].atan()),
        sample("torch.atan(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().atan()),
        sample("torch.atan(x0)", [normal(2, &[])], |x| x[0].atan()),
        sample("torch.atan(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).atan()),
        sample("torch.atan(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).atan()).not_smooth(),
    ]
}
