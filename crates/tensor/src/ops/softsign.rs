//! Softsign, a slow sigmoid.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Softsign;

impl Pointwise<1> for Softsign {
    const NAME: &'static str = "softsign";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x / (E::lit(1.0) + x.abs())
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let d = E::lit(1.0) + x.abs();
        [g / (d * d)]
    }
}

impl Tensor {
    /// x / (1 + |x|), element by element (integers become `f32`).
    /// [`torch.nn.functional.softsign`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softsign.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.0, 3.0].softsign().to_vec::<f32>(), [-0.5, 0.75]);
    /// ```
    #[track_caller]
    pub fn softsign(&self) -> Tensor {
        pointwise(Softsign, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.softsign", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.softsign())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.softsign(x0)", [normal(0, &[3, 4])], |x| x[0].softsign()),
        sample("F.softsign(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().softsign()),
        sample("F.softsign(x0)", [normal(2, &[])], |x| x[0].softsign()),
        sample("F.softsign(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).softsign()).not_smooth(),
        sample("F.softsign(x0 * 0)", [normal(4, &[2])], |x| (&x[0] * 0.0).softsign()).not_smooth(),
    ]
}
