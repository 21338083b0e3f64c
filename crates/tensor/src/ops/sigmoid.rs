//! The logistic function.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

impl Pointwise<1> for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.sigmoid()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * y * (E::lit(1.0) - y)]
    }
}

impl Tensor {
    /// 1 / (1 + e⁻ˣ) (integers become `f32`), element by element.
    /// [`torch.sigmoid`](https://docs.pytorch.org/docs/stable/generated/torch.sigmoid.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].sigmoid().to_vec::<f32>(), [0.5]);
    /// ```
    #[track_caller]
    pub fn sigmoid(&self) -> Tensor {
        pointwise(Sigmoid, [self])
    }
}

pub(crate) const CALLS: Calls = &[("sigmoid", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.sigmoid())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.sigmoid(x0)", [normal(0, &[3, 4])], |x| x[0].sigmoid()),
        sample("torch.sigmoid(x0)", [normal(1, &[])], |x| x[0].sigmoid()),
        sample("torch.sigmoid(x0.t())", [normal(2, &[2, 5])], |x| x[0].t().sigmoid()),
    ]
}
