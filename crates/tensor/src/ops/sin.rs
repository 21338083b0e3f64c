//! The sine.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Sin;

impl Pointwise<1> for Sin {
    const NAME: &'static str = "sin";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.sin()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g * x.cos()]
    }
}

impl Tensor {
    /// sin x, x in radians (integers become `f32`); element by element.
    /// [`torch.sin`](https://docs.pytorch.org/docs/stable/generated/torch.sin.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].sin().to_vec::<f32>(), [0.0]);
    /// ```
    #[track_caller]
    pub fn sin(&self) -> Tensor {
        pointwise(Sin, [self])
    }
}

pub(crate) const CALLS: Calls = &[("sin", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.sin())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.sin(x0)", [normal(0, &[3, 4])], |x| x[0].sin()),
        sample("torch.sin(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().sin()),
        sample("torch.sin(x0)", [normal(2, &[])], |x| x[0].sin()),
        sample("torch.sin(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).sin()),
        sample("torch.sin(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).sin()).not_smooth(),
    ]
}
