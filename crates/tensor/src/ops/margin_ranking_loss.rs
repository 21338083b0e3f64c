//! The hinge loss of an order.

use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct MarginRankingLoss {
    margin: f64,
}

impl Pointwise<3> for MarginRankingLoss {
    const NAME: &'static str = "margin_ranking_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [a, b, t]: [E; 3]) -> E {
        let loss = -t * (a - b) + E::lit(self.margin);
        E::select(loss.lt(E::lit(0.0)), E::lit(0.0), loss)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b, t]: [E; 3], _: E) -> [E; 3] {
        let (zero, loss) = (E::lit(0.0), -t * (a - b) + E::lit(self.margin));
        let g = E::select(loss.gt(zero), g, g * zero);
        [-g * t, g * t, g * (b - a)]
    }
}

impl Tensor {
    /// max(0, −target · (x − other) + margin), reduced: the target is 1 where x should be the larger and −1 where it
    /// should be the smaller. PyTorch's default margin is 0. The shapes broadcast.
    /// [`torch.nn.functional.margin_ranking_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.margin_ranking_loss.html).
    ///
    /// # Panics
    /// If the three have different numbers of dimensions or do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let (a, b) = (tensor![1.0, 2.0], tensor![3.0, 1.0]);
    /// let loss = a.margin_ranking_loss(&b, &tensor![1.0, 1.0], 0.5, Reduction::None);
    /// assert_eq!(loss.to_vec::<f32>(), [2.5, 0.0]);
    /// ```
    #[track_caller]
    pub fn margin_ranking_loss(
        &self,
        other: &Tensor,
        target: &Tensor,
        margin: f64,
        reduction: Reduction,
    ) -> Tensor {
        ensure!(
            self.ndim() == other.ndim() && self.ndim() == target.ndim(),
            "margin_ranking_loss",
            "inputs {:?} and {:?} with target {:?}; all must have the same number of dimensions",
            self.shape(),
            other.shape(),
            target.shape()
        );
        pointwise_loss(MarginRankingLoss { margin }, [self, other, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.margin_ranking_loss", |a| {
    let (x, other, target): (Tensor, Tensor, Tensor) = (a.get("input1")?, a.get("input2")?, a.get("target")?);
    let margin = a.or("margin", 0.0)?;
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.margin_ranking_loss(&other, &target, margin, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [0, 1, 2].map(|seed| normal(seed, &[3, 4]));
    vec![
        sample("F.margin_ranking_loss(x0, x1, x2)", x(), |x| {
            x[0].margin_ranking_loss(&x[1], &x[2], 0.0, Reduction::Mean)
        }),
        sample("F.margin_ranking_loss(x0.t(), x1.t(), x2.t(), margin=0.5, reduction='none')", x(), |x| {
            x[0].t().margin_ranking_loss(&x[1].t(), &x[2].t(), 0.5, Reduction::None)
        }),
        sample(
            "F.margin_ranking_loss(x0, x1, x2.sign(), margin=2.0, reduction='sum')",
            [normal(3, &[2, 5]), normal(4, &[2, 1]), normal(5, &[1, 5])],
            |x| x[0].margin_ranking_loss(&x[1], &x[2].sign(), 2.0, Reduction::Sum),
        ),
    ]
}
