//! The logistic function in three straight pieces.

use super::clamp::extremum;
use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Hardsigmoid;

impl Pointwise<1> for Hardsigmoid {
    const NAME: &'static str = "hardsigmoid";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let six = E::lit(6.0);
        extremum(false, extremum(true, x + E::lit(3.0), E::lit(0.0)), six) / six
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let (zero, three) = (E::lit(0.0), E::lit(3.0));
        [E::select(x.gt(-three), E::select(x.lt(three), g / E::lit(6.0), zero), zero)]
    }
}

impl Tensor {
    /// min(max(x + 3, 0), 6) / 6, element by element (integers become `f32`); the gradient is 0 at ±3 and beyond.
    /// [`torch.nn.functional.hardsigmoid`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardsigmoid.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-4.0, 0.0, 4.0].hardsigmoid().to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn hardsigmoid(&self) -> Tensor {
        pointwise(Hardsigmoid, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.hardsigmoid", |a| {
    let x: Tensor = a.get("input")?;
    a.or("inplace", false)?;
    a.done(x.hardsigmoid())
})];

pub(crate) fn samples() -> Vec<Sample> {
    // Spelled out, for the gradient of PyTorch's own function has 1/6 in f32.
    vec![
        sample("F.hardtanh(x0 + 3, 0, 6) / 6", [normal(0, &[3, 4])], |x| x[0].hardsigmoid()),
        sample("F.hardtanh(x0.t() + 3, 0, 6) / 6", [normal(1, &[2, 5])], |x| x[0].t().hardsigmoid()),
        sample("F.hardtanh(x0 + 3, 0, 6) / 6", [normal(2, &[])], |x| x[0].hardsigmoid()),
        sample("F.hardtanh(x0 * 1e3 + 3, 0, 6) / 6", [normal(3, &[6])], |x| (&x[0] * 1e3).hardsigmoid())
            .not_smooth(),
        sample("F.hardtanh(x0 * 0 + 3, 0, 6) / 6", [normal(4, &[2])], |x| (&x[0] * 0.0).hardsigmoid())
            .not_smooth(),
        sample("F.hardtanh(x0.round() * 3 + 3, 0, 6) / 6", [normal(5, &[9])], |x| {
            (x[0].round() * 3.0).hardsigmoid()
        })
        .not_smooth(),
    ]
}
