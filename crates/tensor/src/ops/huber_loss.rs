//! A squared error with straight tails.

use super::l1_loss::signed;
use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss, same_shape};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

#[derive(Clone, Copy)]
struct HuberLoss {
    delta: f64,
}

impl Pointwise<2> for HuberLoss {
    const NAME: &'static str = "huber_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        let (d, delta, half) = ((x - t).abs(), E::lit(self.delta), E::lit(0.5));
        E::select(d.le(delta), half * d * d, delta * (d - half * delta))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let (d, delta) = (x - t, E::lit(self.delta));
        let dx = E::select(d.abs().le(delta), g * d, signed(g * delta, d));
        [dx, -dx]
    }
}

impl Tensor {
    /// With d = |x − target|: d² / 2 where d ≤ δ, else δ · (d − δ/2); reduced. PyTorch's default δ is 1.
    /// [`torch.nn.functional.huber_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html);
    /// [Huber 1964](https://doi.org/10.1214/aoms/1177703732).
    ///
    /// # Panics
    /// If the shapes differ (PyTorch warns and broadcasts), or δ is not positive.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let loss = tensor![1.0, 2.0].huber_loss(&tensor![2.0, 5.0], 2.0, Reduction::None);
    /// assert_eq!(loss.to_vec::<f32>(), [0.5, 4.0]);
    /// ```
    #[track_caller]
    pub fn huber_loss(&self, target: &Tensor, delta: f64, reduction: Reduction) -> Tensor {
        ensure!(delta > 0.0, "huber_loss", "delta {delta}; it must be greater than 0");
        same_shape("huber_loss", self, target);
        pointwise_loss(HuberLoss { delta }, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.huber_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    let delta = a.key("delta")?.unwrap_or(1.0);
    a.done(x.huber_loss(&target, delta, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[3, 4])];
    let ties = || [0, 1].map(|seed| integers(seed, 4, &[12]).to_dtype(DType::F64));
    vec![
        sample("F.huber_loss(x0, x1)", x(), |x| x[0].huber_loss(&x[1], 1.0, Reduction::Mean)),
        sample("F.huber_loss(x0.t(), x1.t(), reduction='none', delta=0.4)", x(), |x| {
            x[0].t().huber_loss(&x[1].t(), 0.4, Reduction::None)
        }),
        sample("F.huber_loss(x0, x1, reduction='sum', delta=2.5)", x(), |x| {
            x[0].huber_loss(&x[1], 2.5, Reduction::Sum)
        }),
        sample("F.huber_loss(x0, x1)", [normal(2, &[]), normal(3, &[])], |x| {
            x[0].huber_loss(&x[1], 1.0, Reduction::Mean)
        }),
        sample("F.huber_loss(x0, x1)", ties(), |x| x[0].huber_loss(&x[1], 1.0, Reduction::Mean)).not_smooth(),
    ]
}
