//! The exponential function less one.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Expm1;

impl Pointwise<1> for Expm1 {
    const NAME: &'static str = "expm1";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.exp_m1()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * (y + E::lit(1.0))]
    }
}

impl Tensor {
    /// eˣ − 1, exact for small x too (integers become `f32`); element by element.
    /// [`torch.expm1`](https://docs.pytorch.org/docs/stable/generated/torch.expm1.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1e-10].expm1().to_vec::<f32>(), [0.0, 1e-10]);
    /// ```
    #[track_caller]
    pub fn expm1(&self) -> Tensor {
        pointwise(Expm1, [self])
    }
}

pub(crate) const CALLS: Calls = &[("expm1", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.expm1())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.expm1(x0)", [normal(0, &[3, 4])], |x| x[0].expm1()),
        sample("torch.expm1(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().expm1()),
        sample("torch.expm1(x0)", [normal(2, &[])], |x| x[0].expm1()),
        sample("torch.expm1(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).expm1()),
        sample("torch.expm1(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).expm1()).not_smooth(),
    ]
}
