//! The logistic loss of classes −1 and 1.

use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss, same_shape};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct SoftMarginLoss;

impl Pointwise<2> for SoftMarginLoss {
    const NAME: &'static str = "soft_margin_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        let z = -t * x;
        // The exponent is never positive, so that nothing overflows.
        E::select(z.gt(E::lit(0.0)), z, E::lit(0.0)) + (-z.abs()).exp().ln_1p()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let s = -g * (-t * x).sigmoid();
        [s * t, s * x]
    }
}

impl Tensor {
    /// ln(1 + exp(−target · x)) of scores against targets −1 and 1, reduced. It does not overflow.
    /// [`torch.nn.functional.soft_margin_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html).
    ///
    /// # Panics
    /// If the shapes differ.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let loss = tensor![0.0, -1e4].soft_margin_loss(&tensor![1.0, 1.0], Reduction::None);
    /// assert_eq!(loss.to_vec::<f32>(), [2f32.ln(), 1e4]);
    /// ```
    #[track_caller]
    pub fn soft_margin_loss(&self, target: &Tensor, reduction: Reduction) -> Tensor {
        same_shape("soft_margin_loss", self, target);
        pointwise_loss(SoftMarginLoss, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.soft_margin_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.soft_margin_loss(&target, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), &integers(1, 2, &[3, 4]) * 2 - 1];
    vec![
        sample("F.soft_margin_loss(x0, x1)", x(), |x| x[0].soft_margin_loss(&x[1], Reduction::Mean)),
        sample("F.soft_margin_loss(x0.t(), x1.t(), reduction='none')", x(), |x| {
            x[0].t().soft_margin_loss(&x[1].t(), Reduction::None)
        }),
        sample("F.soft_margin_loss(x0 * 50, x1, reduction='sum')", x(), |x| {
            (&x[0] * 50.0).soft_margin_loss(&x[1], Reduction::Sum)
        }),
    ]
}
