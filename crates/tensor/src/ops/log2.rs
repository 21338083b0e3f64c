//! The logarithm to base 2.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, positive, sample};
use crate::{Num, Tensor};
use std::f64::consts::LN_2;

#[derive(Clone, Copy)]
pub(crate) struct Log2;

impl Pointwise<1> for Log2 {
    const NAME: &'static str = "log2";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.log2()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g / (x * E::lit(LN_2))]
    }
}

impl Tensor {
    /// log₂ x; −∞ at 0, NaN below (integers become `f32`); element by element.
    /// [`torch.log2`](https://docs.pytorch.org/docs/stable/generated/torch.log2.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![8.0, 0.0].log2().to_vec::<f32>(), [3.0, f32::NEG_INFINITY]);
    /// ```
    #[track_caller]
    pub fn log2(&self) -> Tensor {
        pointwise(Log2, [self])
    }
}

pub(crate) const CALLS: Calls = &[("log2", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.log2())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.log2(x0)", [positive(0, &[3, 4])], |x| x[0].log2()),
        sample("torch.log2(x0.t())", [positive(1, &[2, 5])], |x| x[0].t().log2()),
        sample("torch.log2(x0)", [positive(2, &[])], |x| x[0].log2()),
        sample("torch.log2(x0)", [integers(3, 5, &[4])], |x| x[0].log2()),
        sample("torch.log2(x0 - 1)", [positive(4, &[5])], |x| (&x[0] - 1.0).log2()).not_smooth(),
    ]
}
