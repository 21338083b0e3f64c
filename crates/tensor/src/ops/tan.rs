//! The tangent.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Tan;

impl Pointwise<1> for Tan {
    const NAME: &'static str = "tan";
    const READS: Reads = Reads::Result;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.tan()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, _: [E; 1], y: E) -> [E; 1] {
        [g * (y * y + E::lit(1.0))]
    }
}

impl Tensor {
    /// tan x, x in radians (integers become `f32`); element by element.
    /// [`torch.tan`](https://docs.pytorch.org/docs/stable/generated/torch.tan.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0].tan().to_vec::<f32>(), [0.0]);
    /// ```
    #[track_caller]
    pub fn tan(&self) -> Tensor {
        pointwise(Tan, [self])
    }
}

pub(crate) const CALLS: Calls = &[("tan", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.tan())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.tan(x0)", [normal(0, &[3, 4])], |x| x[0].tan()),
        sample("torch.tan(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().tan()),
        sample("torch.tan(x0)", [normal(2, &[])], |x| x[0].tan()),
        sample("torch.tan(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).tan()),
        sample("torch.tan(x0 * 2)", [normal(4, &[5])], |x| (&x[0] * 2.0).tan()).not_smooth(),
    ]
}
