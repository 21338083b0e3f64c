//! The hyperbolic tangent.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Tanh;

impl Pointwise<1> for Tanh {
    const NAME: &'static str = "tanh";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.tanh()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * (E::lit(1.0) - y * y)]
    }
}

impl Tensor {
    /// tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) (integers become `f32`), element by element.
    /// [`torch.tanh`](https://docs.pytorch.org/docs/stable/generated/torch.tanh.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 100.0].tanh().to_vec::<f32>(), [0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn tanh(&self) -> Tensor {
        pointwise(Tanh, [self])
    }
}

pub(crate) const CALLS: Calls = &[("tanh", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.tanh())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.tanh(x0)", [normal(0, &[3, 4])], |x| x[0].tanh()),
        sample("torch.tanh(x0)", [normal(1, &[])], |x| x[0].tanh()),
        sample("torch.tanh(x0.t())", [normal(2, &[2, 5])], |x| x[0].t().tanh()),
    ]
}
