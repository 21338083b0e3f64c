//! The sigmoid linear unit, also called swish.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct Silu;

impl Pointwise<1> for Silu {
    const NAME: &'static str = "silu";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x * x.sigmoid()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let s = x.sigmoid();
        [g * s * (E::lit(1.0) + x * (E::lit(1.0) - s))]
    }
}

impl Tensor {
    /// x · σ(x) with the logistic function σ, element by element (integers become `f32`).
    /// [`torch.nn.functional.silu`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.silu.html);
    /// Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>, Elfwing et al. 2017, <https://arxiv.org/abs/1702.03118>.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 40.0].silu().to_vec::<f32>(), [0.0, 40.0]);
    /// ```
    #[track_caller]
    pub fn silu(&self) -> Tensor {
        pointwise(Silu, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.silu", |a| {
    let x: Tensor = a.get("input")?;
    a.or("inplace", false)?;
    a.done(x.silu())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.silu(x0)", [normal(0, &[3, 4])], |x| x[0].silu()),
        sample("F.silu(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().silu()),
        sample("F.silu(x0)", [normal(2, &[])], |x| x[0].silu()),
        sample("F.silu(x0 * 1e3)", [normal(3, &[6])], |x| (&x[0] * 1e3).silu()).not_smooth(),
        sample("F.silu(x0 * 0)", [normal(4, &[2])], |x| (&x[0] * 0.0).silu()).not_smooth(),
    ]
}
