//! Mean absolute error.

use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss, same_shape};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

/// g · sign x; 0 at 0.
#[inline(always)]
pub(super) fn signed<E: Num>(g: E, x: E) -> E {
    let zero = E::lit(0.0);
    E::select(x.gt(zero), g, E::select(x.lt(zero), -g, g * zero))
}

#[derive(Clone, Copy)]
struct L1Loss;

impl Pointwise<2> for L1Loss {
    const NAME: &'static str = "l1_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        (x - t).abs()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let dx = signed(g, x - t);
        [dx, -dx]
    }
}

impl Tensor {
    /// |x − target|, reduced. The derivative where they are equal is 0.
    /// [`torch.nn.functional.l1_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html).
    ///
    /// # Panics
    /// If the shapes differ: PyTorch warns and broadcasts, which is hardly ever meant.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let loss = tensor![1.0, 2.0].l1_loss(&tensor![1.0, 5.0], Reduction::Mean);
    /// assert_eq!(loss.item::<f32>(), 1.5);
    /// ```
    #[track_caller]
    pub fn l1_loss(&self, target: &Tensor, reduction: Reduction) -> Tensor {
        same_shape("l1_loss", self, target);
        pointwise_loss(L1Loss, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.l1_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.l1_loss(&target, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[3, 4])];
    let ties = || [0, 1].map(|seed| integers(seed, 3, &[9]).to_dtype(DType::F64));
    vec![
        sample("F.l1_loss(x0, x1)", x(), |x| x[0].l1_loss(&x[1], Reduction::Mean)),
        sample("F.l1_loss(x0, x1, reduction='sum')", x(), |x| x[0].l1_loss(&x[1], Reduction::Sum)),
        sample("F.l1_loss(x0.t(), x1.t(), reduction='none')", x(), |x| {
            x[0].t().l1_loss(&x[1].t(), Reduction::None)
        }),
        sample("F.l1_loss(x0, x1)", [normal(2, &[]), normal(3, &[])], |x| {
            x[0].l1_loss(&x[1], Reduction::Mean)
        }),
        sample("F.l1_loss(x0, x1)", ties(), |x| x[0].l1_loss(&x[1], Reduction::Mean)).not_smooth(),
    ]
}
