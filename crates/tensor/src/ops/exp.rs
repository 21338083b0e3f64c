//! The exponential function.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Exp;

impl Pointwise<1> for Exp {
    const NAME: &'static str = "exp";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.exp()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * y]
    }
}

impl Tensor {
    /// eˣ (integers become `f32`), element by element.
    /// [`torch.exp`](https://docs.pytorch.org/docs/stable/generated/torch.exp.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].exp().to_vec::<f32>(), [1.0]);
    /// ```
    #[track_caller]
    pub fn exp(&self) -> Tensor {
        pointwise(Exp, [self])
    }
}

pub(crate) const CALLS: Calls = &[("exp", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.exp())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.exp(x0)", [normal(0, &[3, 4])], |x| x[0].exp()),
        sample("torch.exp(x0)", [normal(1, &[])], |x| x[0].exp()),
        sample("torch.exp(x0.t())", [normal(2, &[2, 5])], |x| x[0].t().exp()),
    ]
}
