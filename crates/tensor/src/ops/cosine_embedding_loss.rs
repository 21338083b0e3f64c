//! A loss of the angle between two vectors.

use crate::Tensor;
use crate::door::Calls;
use crate::loss::{Reduction, float, reduce};
use crate::op::ensure;
use crate::testing::{Sample, integers, normal, sample};

/// Added to the square of each length, as in PyTorch.
const EPSILON: f64 = 1e-12;

impl Tensor {
    /// 1 − cos(x, other) where the target is 1, max(0, cos(x, other) − margin) where it is −1, reduced: pairs of vectors
    /// that are alike, or not. PyTorch's default margin is 0.
    ///
    /// Shapes: (N, D) with targets (N), or (D) with ().
    /// [`torch.nn.functional.cosine_embedding_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_embedding_loss.html).
    ///
    /// # Panics
    /// If the shapes do not fit.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let (a, b) = (tensor![[1.0, 0.0], [1.0, 0.0]], tensor![[0.0, 2.0], [0.0, 2.0]]);
    /// let loss = a.cosine_embedding_loss(&b, &tensor![1, -1], 0.0, Reduction::None);
    /// assert_eq!(loss.to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn cosine_embedding_loss(
        &self,
        other: &Tensor,
        target: &Tensor,
        margin: f64,
        reduction: Reduction,
    ) -> Tensor {
        const OP: &str = "cosine_embedding_loss";
        float(OP, self);
        float(OP, other);
        ensure!(
            (1..=2).contains(&self.ndim()) && self.ndim() == other.ndim() && target.ndim() + 1 == self.ndim(),
            OP,
            "inputs {:?} and {:?} with targets {:?}; vectors (N, D) have targets (N), one (D) has ()",
            self.shape(),
            other.shape(),
            target.shape()
        );
        // Each length by itself: the product of the squares would overflow sooner.
        let length = |x: &Tensor| (x.square().sum_dim(-1, false) + EPSILON).sqrt();
        let cosine = (self * other).sum_dim(-1, false) / (length(self) * length(other));
        let zero = Tensor::full_as(0.0, (), cosine.dtype());
        let alike = Tensor::where_(&target.eq(1), &(1.0 - &cosine), &zero);
        let unlike = Tensor::where_(&target.eq(-1), &(cosine - margin).clamp_min(0.0), &zero);
        reduce(&(alike + unlike), reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.cosine_embedding_loss", |a| {
    let (x, other, target): (Tensor, Tensor, Tensor) = (a.get("input1")?, a.get("input2")?, a.get("target")?);
    let margin = a.or("margin", 0.0)?;
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.cosine_embedding_loss(&other, &target, margin, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[6, 3]), normal(1, &[6, 3]), &integers(2, 2, &[6]) * 2 - 1];
    vec![
        sample("F.cosine_embedding_loss(x0, x1, x2)", x(), |x| {
            x[0].cosine_embedding_loss(&x[1], &x[2], 0.0, Reduction::Mean)
        }),
        sample("F.cosine_embedding_loss(x0, x1, x2, margin=-0.2, reduction='none')", x(), |x| {
            x[0].cosine_embedding_loss(&x[1], &x[2], -0.2, Reduction::None)
        }),
        sample(
            "F.cosine_embedding_loss(x0.t(), x1, x2, reduction='sum')",
            [normal(3, &[3, 4]), normal(4, &[4, 3]), &integers(5, 2, &[4]) * 2 - 1],
            |x| x[0].t().cosine_embedding_loss(&x[1], &x[2], 0.0, Reduction::Sum),
        ),
        sample(
            "F.cosine_embedding_loss(x0, x1, x2)",
            [normal(6, &[3]), normal(7, &[3]), integers(8, 1, &[]) + 1],
            |x| x[0].cosine_embedding_loss(&x[1], &x[2], 0.0, Reduction::Mean),
        ),
    ]
}
