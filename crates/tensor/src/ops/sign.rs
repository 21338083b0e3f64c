//! The sign.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Sign;

impl Pointwise<1> for Sign {
    const NAME: &'static str = "sign";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        E::select(x.gt(E::lit(0.0)), E::lit(1.0), E::select(x.lt(E::lit(0.0)), -E::lit(1.0), E::lit(0.0)))
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 1], _: E) -> [E; 1] {
        [E::lit(0.0)]
    }
}

impl Tensor {
    /// 1 above 0, −1 below, 0 at 0 and NaN; the gradient is 0; element by element.
    /// [`torch.sign`](https://docs.pytorch.org/docs/stable/generated/torch.sign.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 0.0, 2.0].sign().to_vec::<f32>(), [-1.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn sign(&self) -> Tensor {
        pointwise(Sign, [self])
    }
}

pub(crate) const CALLS: Calls = &[("sign", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.sign())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.sign(x0 * 3)", [normal(0, &[3, 4])], |x| (&x[0] * 3.0).sign()),
        sample("torch.sign(x0.t() * 9)", [normal(1, &[2, 5])], |x| (x[0].t() * 9.0).sign()),
        sample("torch.sign(x0)", [normal(2, &[])], |x| x[0].sign()),
        sample("torch.sign(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).sign()),
        sample("torch.sign(torch.round(x0))", [normal(4, &[5])], |x| x[0].round().sign()).not_smooth(),
    ]
}
