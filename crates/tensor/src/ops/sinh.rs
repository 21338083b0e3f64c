//! The hyperbolic sine.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Sinh;

impl Pointwise<1> for Sinh {
    const NAME: &'static str = "sinh";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.sinh()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g * x.cosh()]
    }
}

impl Tensor {
    /// sinh x = (eˣ − e⁻ˣ) / 2 (integers become `f32`); element by element.
    /// [`torch.sinh`](https://docs.pytorch.org/docs/stable/generated/torch.sinh.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].sinh().to_vec::<f32>(), [0.0]);
    /// ```
    #[track_caller]
    pub fn sinh(&self) -> Tensor {
        pointwise(Sinh, [self])
    }
}

pub(crate) const CALLS: Calls = &[("sinh", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.sinh())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.sinh(x0)", [normal(0, &[3, 4])], |x| x[0].sinh()),
        sample("torch.sinh(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().sinh()),
        sample("torch.sinh(x0)", [normal(2, &[])], |x| x[0].sinh()),
        sample("torch.sinh(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).sinh()),
        sample("torch.sinh(x0 * 20)", [normal(4, &[5])], |x| (&x[0] * 20.0).sinh()).not_smooth(),
    ]
}
