//! The arccosine.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Acos;

impl Pointwise<1> for Acos {
    const NAME: &'static str = "acos";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.acos()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [-g / (E::lit(1.0) - x * x).sqrt()]
    }
}

impl Tensor {
    /// arccos x, between 0 and π; NaN outside [−1, 1]; the slope at ±1 is −∞ (integers become `f32`); element by element.
    /// [`torch.acos`](https://docs.pytorch.org/docs/stable/generated/torch.acos.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0].acos().to_vec::<f32>(), [0.0]);
    /// ```
    #[track_caller]
    pub fn acos(&self) -> Tensor {
        pointwise(Acos, [self])
    }
}

pub(crate) const CALLS: Calls = &[("acos", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.acos())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.acos(torch.tanh(x0))", [normal(0, &[3, 4])], |x| x[0].tanh().acos()),
        sample("torch.acos(torch.tanh(x0.t()))", [normal(1, &[2, 5])], |x| x[0].t().tanh().acos()),
        sample("torch.acos(x0 * 0.1)", [normal(2, &[])], |x| (&x[0] * 0.1).acos()),
        sample("torch.acos(x0)", [integers(3, 2, &[4])], |x| x[0].acos()),
        sample("torch.acos(torch.sign(x0) * 1.5)", [normal(4, &[5])], |x| (x[0].sign() * 1.5).acos())
            .not_smooth(),
    ]
}
