//! The logarithm of the logistic function.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct LogSigmoid;

impl Pointwise<1> for LogSigmoid {
    const NAME: &'static str = "logsigmoid";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let zero = E::lit(0.0);
        E::select(x.lt(zero), x, zero) - (-x.abs()).exp().ln_1p()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g * (-x).sigmoid()]
    }
}

impl Tensor {
    /// ln(1 / (1 + e⁻ˣ)) = min(x, 0) − ln(1 + e^−|x|), which neither overflows nor loses digits, element by element (integers
    /// become `f32`).
    /// [`torch.nn.functional.logsigmoid`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1000.0, 1000.0].logsigmoid().to_vec::<f32>(), [-1000.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn logsigmoid(&self) -> Tensor {
        pointwise(LogSigmoid, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.logsigmoid", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.logsigmoid())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.logsigmoid(x0)", [normal(0, &[3, 4])], |x| x[0].logsigmoid()),
        sample("F.logsigmoid(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().logsigmoid()),
        sample("F.logsigmoid(x0)", [normal(2, &[])], |x| x[0].logsigmoid()),
        sample("F.logsigmoid(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).logsigmoid()).not_smooth(),
        sample("F.logsigmoid(x0 * 0)", [normal(4, &[2])], |x| (&x[0] * 0.0).logsigmoid()).not_smooth(),
    ]
}
