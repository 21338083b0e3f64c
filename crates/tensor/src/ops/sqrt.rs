//! The square root.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Sqrt;

impl Pointwise<1> for Sqrt {
    const NAME: &'static str = "sqrt";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.sqrt()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g / (y + y)]
    }
}

impl Tensor {
    /// √x (integers become `f32`); NaN below 0, element by element.
    /// [`torch.sqrt`](https://docs.pytorch.org/docs/stable/generated/torch.sqrt.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![4.0].sqrt().to_vec::<f32>(), [2.0]);
    /// ```
    #[track_caller]
    pub fn sqrt(&self) -> Tensor {
        pointwise(Sqrt, [self])
    }
}

pub(crate) const CALLS: Calls = &[("sqrt", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.sqrt())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.sqrt(x0)", [positive(0, &[3, 4])], |x| x[0].sqrt()),
        sample("torch.sqrt(x0)", [positive(1, &[])], |x| x[0].sqrt()),
        sample("torch.sqrt(x0.t())", [positive(2, &[2, 5])], |x| x[0].t().sqrt()),
    ]
}
