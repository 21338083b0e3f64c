//! Mish, a smooth activation that dips below zero.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

/// tanh(ln(1 + eˣ)) = n / (n + 2) with n = eˣ(eˣ + 2), which is 1 to the last digit of an `f64` from x = 20 on.
#[inline(always)]
fn tanh_softplus<E: Num>(x: E) -> E {
    let (two, most) = (E::lit(2.0), E::lit(20.0));
    let e = E::select(x.gt(most), most, x).exp();
    let n = e * (e + two);
    n / (n + two)
}

#[derive(Clone, Copy)]
struct Mish;

impl Pointwise<1> for Mish {
    const NAME: &'static str = "mish";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x * tanh_softplus(x)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let (one, t) = (E::lit(1.0), tanh_softplus(x));
        [g * (t + x * x.sigmoid() * (one - t * t))]
    }
}

impl Tensor {
    /// x · tanh(ln(1 + eˣ)), element by element (integers become `f32`).
    /// [`torch.nn.functional.mish`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mish.html);
    /// Misra 2019, <https://arxiv.org/abs/1908.08681>.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 40.0].mish().to_vec::<f32>(), [0.0, 40.0]);
    /// ```
    #[track_caller]
    pub fn mish(&self) -> Tensor {
        pointwise(Mish, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.mish", |a| {
    let x: Tensor = a.get("input")?;
    a.or("inplace", false)?;
    a.done(x.mish())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.mish(x0)", [normal(0, &[3, 4])], |x| x[0].mish()),
        sample("F.mish(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().mish()),
        sample("F.mish(x0)", [normal(2, &[])], |x| x[0].mish()),
        sample("F.mish(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).mish()).not_smooth(),
        sample("F.mish(x0 * 0)", [normal(4, &[2])], |x| (&x[0] * 0.0).mish()).not_smooth(),
    ]
}
