//! SiLU with the piecewise straight sigmoid.

use super::clamp::extremum;
use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Hardswish;

impl Pointwise<1> for Hardswish {
    const NAME: &'static str = "hardswish";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let six = E::lit(6.0);
        x * extremum(false, extremum(true, x + E::lit(3.0), E::lit(0.0)), six) / six
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let three = E::lit(3.0);
        let ramp = E::select(x.lt(three), g * (x / three + E::lit(0.5)), g);
        [E::select(x.le(-three), E::lit(0.0), ramp)]
    }
}

impl Tensor {
    /// x · min(max(x + 3, 0), 6) / 6, element by element (integers become `f32`).
    /// [`torch.nn.functional.hardswish`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardswish.html);
    /// Howard et al. 2019, <https://arxiv.org/abs/1905.02244>.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-4.0, 1.5, 4.0].hardswish().to_vec::<f32>(), [0.0, 1.125, 4.0]);
    /// ```
    #[track_caller]
    pub fn hardswish(&self) -> Tensor {
        pointwise(Hardswish, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.hardswish", |a| {
    let x: Tensor = a.get("input")?;
    a.or("inplace", false)?;
    a.done(x.hardswish())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.hardswish(x0)", [normal(0, &[3, 4])], |x| x[0].hardswish()),
        sample("F.hardswish(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().hardswish()),
        sample("F.hardswish(x0)", [normal(2, &[])], |x| x[0].hardswish()),
        sample("F.hardswish(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).hardswish()).not_smooth(),
        sample("F.hardswish(x0 * 0)", [normal(4, &[2])], |x| (&x[0] * 0.0).hardswish()).not_smooth(),
        sample("F.hardswish(x0.round() * 3)", [normal(5, &[9])], |x| (x[0].round() * 3.0).hardswish())
            .not_smooth(),
    ]
}
