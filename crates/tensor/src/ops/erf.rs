//! The error function.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};
use std::f64::consts::FRAC_2_SQRT_PI;

#[derive(Clone, Copy)]
pub(crate) struct Erf;

impl Pointwise<1> for Erf {
    const NAME: &'static str = "erf";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.erf()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g * E::lit(FRAC_2_SQRT_PI) * (-x * x).exp()]
    }
}

impl Tensor {
    /// erf x = 2/√π ∫₀ˣ e⁻ᵗ² dt (integers become `f32`); element by element.
    /// [`torch.erf`](https://docs.pytorch.org/docs/stable/generated/torch.erf.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1e9].erf().to_vec::<f32>(), [0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn erf(&self) -> Tensor {
        pointwise(Erf, [self])
    }
}

pub(crate) const CALLS: Calls = &[("erf", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.erf())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.erf(x0)", [normal(0, &[3, 4])], |x| x[0].erf()),
        sample("torch.erf(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().erf()),
        sample("torch.erf(x0)", [normal(2, &[])], |x| x[0].erf()),
        sample("torch.erf(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).erf()),
        sample("torch.erf(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).erf()).not_smooth(),
    ]
}
