//! The cosine.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Cos;

impl Pointwise<1> for Cos {
    const NAME: &'static str = "cos";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.cos()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [-g * x.sin()]
    }
}

impl Tensor {
    /// cos x, x in radians (integers become `f32`); element by element.
    /// [`torch.cos`](https://docs.pytorch.org/docs/stable/generated/torch.cos.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].cos().to_vec::<f32>(), [1.0]);
    /// ```
    #[track_caller]
    pub fn cos(&self) -> Tensor {
        pointwise(Cos, [self])
    }
}

pub(crate) const CALLS: Calls = &[("cos", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.cos())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.cos(x0)", [normal(0, &[3, 4])], |x| x[0].cos()),
        sample("torch.cos(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().cos()),
        sample("torch.cos(x0)", [normal(2, &[])], |x| x[0].cos()),
        sample("torch.cos(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).cos()),
        sample("torch.cos(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).cos()).not_smooth(),
    ]
}
