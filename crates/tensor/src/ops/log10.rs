//! The logarithm to base 10.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, positive, sample};
use crate::{Num, Tensor};
use std::f64::consts::LN_10;

#[derive(Clone, Copy)]
pub(crate) struct Log10;

impl Pointwise<1> for Log10 {
    const NAME: &'static str = "log10";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.log10()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g / (x * E::lit(LN_10))]
    }
}

impl Tensor {
    /// log₁₀ x; −∞ at 0, NaN below (integers become `f32`); element by element.
    /// [`torch.log10`](https://docs.pytorch.org/docs/stable/generated/torch.log10.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1000.0, 0.0].log10().to_vec::<f32>(), [3.0, f32::NEG_INFINITY]);
    /// ```
    #[track_caller]
    pub fn log10(&self) -> Tensor {
        pointwise(Log10, [self])
    }
}

pub(crate) const CALLS: Calls = &[("log10", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.log10())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.log10(x0)", [positive(0, &[3, 4])], |x| x[0].log10()),
        sample("torch.log10(x0.t())", [positive(1, &[2, 5])], |x| x[0].t().log10()),
        sample("torch.log10(x0)", [positive(2, &[])], |x| x[0].log10()),
        sample("torch.log10(x0)", [integers(3, 5, &[4])], |x| x[0].log10()),
        sample("torch.log10(x0 - 1)", [positive(4, &[5])], |x| (&x[0] - 1.0).log10()).not_smooth(),
    ]
}
