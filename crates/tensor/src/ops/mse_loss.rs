//! Mean squared error.

use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss, same_shape};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct MseLoss;

impl Pointwise<2> for MseLoss {
    const NAME: &'static str = "mse_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        (x - t) * (x - t)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let dx = g * E::lit(2.0) * (x - t);
        [dx, -dx]
    }
}

impl Tensor {
    /// (x − target)², reduced.
    /// [`torch.nn.functional.mse_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html).
    ///
    /// # Panics
    /// If the shapes differ: PyTorch warns and broadcasts, which is hardly ever meant.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let loss = tensor![1.0, 2.0].mse_loss(&tensor![1.0, 5.0], Reduction::Mean);
    /// assert_eq!(loss.item::<f32>(), 4.5);
    /// ```
    #[track_caller]
    pub fn mse_loss(&self, target: &Tensor, reduction: Reduction) -> Tensor {
        same_shape("mse_loss", self, target);
        pointwise_loss(MseLoss, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.mse_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.mse_loss(&target, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[3, 4])];
    vec![
        sample("F.mse_loss(x0, x1)", x(), |x| x[0].mse_loss(&x[1], Reduction::Mean)),
        sample("F.mse_loss(x0, x1, reduction='sum')", x(), |x| x[0].mse_loss(&x[1], Reduction::Sum)),
        sample("F.mse_loss(x0, x1, reduction='none')", x(), |x| x[0].mse_loss(&x[1], Reduction::None)),
        sample("F.mse_loss(x0.t(), x1.t())", x(), |x| x[0].t().mse_loss(&x[1].t(), Reduction::Mean)),
        sample("F.mse_loss(x0.t(), x1)", [normal(2, &[5, 7]), normal(3, &[7, 5])], |x| {
            x[0].t().mse_loss(&x[1], Reduction::Mean)
        }),
        sample("F.mse_loss(x0, x1)", [normal(4, &[]), normal(5, &[])], |x| {
            x[0].mse_loss(&x[1], Reduction::Mean)
        }),
        sample("F.mse_loss(x0 * 1e4, x1)", x(), |x| (&x[0] * 1e4).mse_loss(&x[1], Reduction::Mean))
            .not_smooth(),
        sample("F.mse_loss(x0[:0], x1[:0])", x(), |x| {
            x[0].narrow(0, 0, 0).mse_loss(&x[1].narrow(0, 0, 0), Reduction::Mean)
        })
        .not_smooth(),
        sample("F.mse_loss(x0[:0], x1[:0], reduction='sum')", x(), |x| {
            x[0].narrow(0, 0, 0).mse_loss(&x[1].narrow(0, 0, 0), Reduction::Sum)
        }),
        sample("F.mse_loss(x0 * math.nan, x1)", x(), |x| (&x[0] * f64::NAN).mse_loss(&x[1], Reduction::Mean))
            .not_smooth(),
    ]
}
