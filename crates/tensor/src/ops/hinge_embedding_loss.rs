//! The hinge loss of distances.

use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss, same_shape};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct HingeEmbeddingLoss {
    margin: f64,
}

impl Pointwise<2> for HingeEmbeddingLoss {
    const NAME: &'static str = "hinge_embedding_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        let (zero, one) = (E::lit(0.0), E::lit(1.0));
        let room = E::lit(self.margin) - x;
        let room = E::select(room.lt(zero), zero, room);
        // What is neither 1 nor −1 counts as both, as in PyTorch.
        E::select(t.equals(one), zero, room) + E::select(t.equals(-one), zero, x)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let (zero, one) = (E::lit(0.0), E::lit(1.0));
        let room = E::select(x.lt(E::lit(self.margin)), -g, zero);
        let dx = E::select(t.equals(one), zero, room) + E::select(t.equals(-one), zero, g);
        [dx, g * zero]
    }
}

impl Tensor {
    /// x where the target is 1, max(0, margin − x) where it is −1, reduced: x are distances of pairs that are alike or
    /// not. PyTorch's default margin is 1.
    /// [`torch.nn.functional.hinge_embedding_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hinge_embedding_loss.html).
    ///
    /// # Panics
    /// If the shapes differ.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let loss = tensor![0.5, 0.25].hinge_embedding_loss(&tensor![1.0, -1.0], 1.0, Reduction::None);
    /// assert_eq!(loss.to_vec::<f32>(), [0.5, 0.75]);
    /// ```
    #[track_caller]
    pub fn hinge_embedding_loss(&self, target: &Tensor, margin: f64, reduction: Reduction) -> Tensor {
        same_shape("hinge_embedding_loss", self, target);
        pointwise_loss(HingeEmbeddingLoss { margin }, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.hinge_embedding_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let margin = a.or("margin", 1.0)?;
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.hinge_embedding_loss(&target, margin, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), &integers(1, 2, &[3, 4]) * 2 - 1];
    vec![
        sample("F.hinge_embedding_loss(x0, x1)", x(), |x| {
            x[0].hinge_embedding_loss(&x[1], 1.0, Reduction::Mean)
        }),
        sample("F.hinge_embedding_loss(x0.t(), x1.t(), margin=0.3, reduction='none')", x(), |x| {
            x[0].t().hinge_embedding_loss(&x[1].t(), 0.3, Reduction::None)
        }),
        sample(
            "F.hinge_embedding_loss(x0, x1, reduction='sum')",
            [normal(2, &[7]), integers(3, 3, &[7])],
            |x| x[0].hinge_embedding_loss(&x[1], 1.0, Reduction::Sum),
        ),
    ]
}
