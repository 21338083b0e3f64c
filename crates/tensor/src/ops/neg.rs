//! Negation.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Neg;

impl Pointwise<1> for Neg {
    const NAME: &'static str = "neg";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        -x
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], _: E) -> [E; 1] {
        [-g]
    }
}

impl Tensor {
    /// −x; integers wrap, element by element.
    /// [`torch.neg`](https://docs.pytorch.org/docs/stable/generated/torch.neg.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1, -2].neg().to_vec::<i64>(), [-1, 2]);
    /// ```
    #[track_caller]
    pub fn neg(&self) -> Tensor {
        pointwise(Neg, [self])
    }
}

impl std::ops::Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        self.neg()
    }
}
impl std::ops::Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(&self)
    }
}

pub(crate) const CALLS: Calls = &[("neg", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.neg())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.neg(x0)", [normal(0, &[3, 4])], |x| x[0].neg()),
        sample("torch.neg(x0)", [normal(1, &[])], |x| x[0].neg()),
        sample("torch.neg(x0.t())", [normal(2, &[2, 5])], |x| x[0].t().neg()),
    ]
}
