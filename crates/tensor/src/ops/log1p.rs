//! The logarithm of one more.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Log1p;

impl Pointwise<1> for Log1p {
    const NAME: &'static str = "log1p";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.ln_1p()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g / (x + E::lit(1.0))]
    }
}

impl Tensor {
    /// ln(1 + x), exact for small x too; −∞ at −1, NaN below (integers become `f32`); element by element.
    /// [`torch.log1p`](https://docs.pytorch.org/docs/stable/generated/torch.log1p.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 1e-10].log1p().to_vec::<f32>(), [0.0, 1e-10]);
    /// ```
    #[track_caller]
    pub fn log1p(&self) -> Tensor {
        pointwise(Log1p, [self])
    }
}

pub(crate) const CALLS: Calls = &[("log1p", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.log1p())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.log1p(x0)", [positive(0, &[3, 4])], |x| x[0].log1p()),
        sample("torch.log1p(x0.t())", [positive(1, &[2, 5])], |x| x[0].t().log1p()),
        sample("torch.log1p(x0)", [positive(2, &[])], |x| x[0].log1p()),
        sample("torch.log1p(x0)", [integers(3, 5, &[4])], |x| x[0].log1p()),
        sample("torch.log1p(x0 - 1)", [positive(4, &[5])], |x| (&x[0] - 1.0).log1p()).not_smooth(),
    ]
}
