//! A squared error that turns into an absolute one.

use super::l1_loss::signed;
use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss, same_shape};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

#[derive(Clone, Copy)]
struct SmoothL1Loss {
    beta: f64,
}

impl Pointwise<2> for SmoothL1Loss {
    const NAME: &'static str = "smooth_l1_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        let (d, beta, half) = ((x - t).abs(), E::lit(self.beta), E::lit(0.5));
        E::select(d.lt(beta), half * d * d / beta, d - half * beta)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let (d, beta) = (x - t, E::lit(self.beta));
        let dx = E::select(d.abs().lt(beta), g * d / beta, signed(g, d));
        [dx, -dx]
    }
}

impl Tensor {
    /// With d = |x − target|: d² / (2 β) where d < β, else d − β/2; reduced. PyTorch's default β is 1; with 0 it is
    /// [`l1_loss`](Tensor::l1_loss).
    /// [`torch.nn.functional.smooth_l1_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.smooth_l1_loss.html);
    /// [Fast R-CNN](https://arxiv.org/abs/1504.08083).
    ///
    /// # Panics
    /// If the shapes differ (PyTorch warns and broadcasts), or β is negative.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let loss = tensor![1.0, 2.0].smooth_l1_loss(&tensor![2.0, 5.0], 2.0, Reduction::None);
    /// assert_eq!(loss.to_vec::<f32>(), [0.25, 2.0]);
    /// ```
    #[track_caller]
    pub fn smooth_l1_loss(&self, target: &Tensor, beta: f64, reduction: Reduction) -> Tensor {
        ensure!(beta >= 0.0, "smooth_l1_loss", "beta {beta}; it must be at least 0");
        if beta == 0.0 {
            return self.l1_loss(target, reduction);
        }
        same_shape("smooth_l1_loss", self, target);
        pointwise_loss(SmoothL1Loss { beta }, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.smooth_l1_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    let beta = a.key("beta")?.unwrap_or(1.0);
    a.done(x.smooth_l1_loss(&target, beta, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[3, 4])];
    let ties = || [0, 1].map(|seed| integers(seed, 4, &[12]).to_dtype(DType::F64));
    vec![
        sample("F.smooth_l1_loss(x0, x1)", x(), |x| x[0].smooth_l1_loss(&x[1], 1.0, Reduction::Mean)),
        sample("F.smooth_l1_loss(x0.t(), x1.t(), reduction='none', beta=0.4)", x(), |x| {
            x[0].t().smooth_l1_loss(&x[1].t(), 0.4, Reduction::None)
        }),
        sample("F.smooth_l1_loss(x0, x1, reduction='sum', beta=0)", x(), |x| {
            x[0].smooth_l1_loss(&x[1], 0.0, Reduction::Sum)
        }),
        sample("F.smooth_l1_loss(x0, x1)", [normal(2, &[]), normal(3, &[])], |x| {
            x[0].smooth_l1_loss(&x[1], 1.0, Reduction::Mean)
        }),
        sample("F.smooth_l1_loss(x0, x1)", ties(), |x| x[0].smooth_l1_loss(&x[1], 1.0, Reduction::Mean))
            .not_smooth(),
    ]
}
