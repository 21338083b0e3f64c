//! Powers of two.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};
use std::f64::consts::LN_2;

#[derive(Clone, Copy)]
pub(crate) struct Exp2;

impl Pointwise<1> for Exp2 {
    const NAME: &'static str = "exp2";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.exp2()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * y * E::lit(LN_2)]
    }
}

impl Tensor {
    /// 2ˣ (integers become `f32`); element by element.
    /// [`torch.exp2`](https://docs.pytorch.org/docs/stable/generated/torch.exp2.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![3.0, -1.0].exp2().to_vec::<f32>(), [8.0, 0.5]);
    /// ```
    #[track_caller]
    pub fn exp2(&self) -> Tensor {
        pointwise(Exp2, [self])
    }
}

pub(crate) const CALLS: Calls = &[("exp2", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.exp2())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.exp2(x0)", [normal(0, &[3, 4])], |x| x[0].exp2()),
        sample("torch.exp2(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().exp2()),
        sample("torch.exp2(x0)", [normal(2, &[])], |x| x[0].exp2()),
        sample("torch.exp2(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).exp2()),
        sample("torch.exp2(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).exp2()).not_smooth(),
    ]
}
