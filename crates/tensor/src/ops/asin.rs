//! The arcsine.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Asin;

impl Pointwise<1> for Asin {
    const NAME: &'static str = "asin";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.asin()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g / (E::lit(1.0) - x * x).sqrt()]
    }
}

impl Tensor {
    /// arcsin x, between −π/2 and π/2; NaN outside [−1, 1]; the slope at ±1 is ∞ (integers become `f32`); element by element.
    /// [`torch.asin`](https://docs.pytorch.org/docs/stable/generated/torch.asin.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].asin().to_vec::<f32>(), [0.0]);
    /// ```
    #[track_caller]
    pub fn asin(&self) -> Tensor {
        pointwise(Asin, [self])
    }
}

pub(crate) const CALLS: Calls = &[("asin", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.asin())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.asin(torch.tanh(x0))", [normal(0, &[3, 4])], |x| x[0].tanh().asin()),
        sample("torch.asin(torch.tanh(x0.t()))", [normal(1, &[2, 5])], |x| x[0].t().tanh().asin()),
        sample("torch.asin(x0 * 0.1)", [normal(2, &[])], |x| (&x[0] * 0.1).asin()),
        sample("torch.asin(x0)", [integers(3, 2, &[4])], |x| x[0].asin()),
        sample("torch.asin(torch.sign(x0) * 1.5)", [normal(4, &[5])], |x| (x[0].sign() * 1.5).asin())
            .not_smooth(),
    ]
}
