//! Linear interpolation.

use crate::door::{Calls, Other};
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Operand, Tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Lerp;

impl Pointwise<3> for Lerp {
    const NAME: &'static str = "lerp";
    const READS: Reads = Reads::Operands;

    /// From the nearer end, so that both ends are met exactly.
    #[inline(always)]
    fn f<E: Num>(self, [a, b, w]: [E; 3]) -> E {
        let d = b - a;
        E::select(w.abs().lt(E::lit(0.5)), a + w * d, b - d * (E::lit(1.0) - w))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [a, b, w]: [E; 3], _: E) -> [E; 3] {
        [g * (E::lit(1.0) - w), g * w, g * (b - a)]
    }
}

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn lerp(x: &Tensor, end: &Tensor, weight: &Tensor) -> Tensor {
    pointwise(Lerp, [x, end, weight])
}

impl Tensor {
    /// self + weight · (end − self), element by element; the operands broadcast.
    /// [`torch.lerp`](https://docs.pytorch.org/docs/stable/generated/torch.lerp.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 2.0].lerp(&tensor![4.0, 4.0], 0.25).to_vec::<f32>(), [1.0, 2.5]);
    /// ```
    #[track_caller]
    pub fn lerp(&self, end: &Tensor, weight: impl Operand) -> Tensor {
        lerp(self, end, weight.hold(self).borrow())
    }
}

pub(crate) const CALLS: Calls = &[("lerp", |a| {
    let (x, end, weight): (Tensor, Tensor, Other) = (a.get("input")?, a.get("end")?, a.get("weight")?);
    a.done(x.lerp(&end, weight))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[4]), positive(2, &[3, 1])];
    vec![
        sample("torch.lerp(x0, x1, x2)", x(), |x| x[0].lerp(&x[1], &x[2])),
        sample("torch.lerp(x0, x1, 0.3)", x(), |x| x[0].lerp(&x[1], 0.3)),
        sample("torch.lerp(x0, x1, -1.5)", x(), |x| x[0].lerp(&x[1], -1.5)),
        sample("torch.lerp(x0.t(), x1, x2)", [normal(3, &[2, 3]), normal(4, &[2]), normal(5, &[])], |x| {
            x[0].t().lerp(&x[1], &x[2])
        }),
    ]
}
