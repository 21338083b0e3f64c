//! The natural logarithm.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Log;

impl Pointwise<1> for Log {
    const NAME: &'static str = "log";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.ln()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g / x]
    }
}

impl Tensor {
    /// ln x (integers become `f32`); −∞ at 0, NaN below, element by element.
    /// [`torch.log`](https://docs.pytorch.org/docs/stable/generated/torch.log.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 0.0].log().to_vec::<f32>(), [0.0, f32::NEG_INFINITY]);
    /// ```
    #[track_caller]
    pub fn log(&self) -> Tensor {
        pointwise(Log, [self])
    }
}

pub(crate) const CALLS: Calls = &[("log", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.log())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.log(x0)", [positive(0, &[3, 4])], |x| x[0].log()),
        sample("torch.log(x0)", [positive(1, &[])], |x| x[0].log()),
        sample("torch.log(x0.t())", [positive(2, &[2, 5])], |x| x[0].t().log()),
    ]
}
