//! The absolute value.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Abs;

impl Pointwise<1> for Abs {
    const NAME: &'static str = "abs";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.abs()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let zero = E::lit(0.0);
        [E::select(x.gt(zero), g, E::select(x.lt(zero), -g, g * zero))]
    }
}

impl Tensor {
    /// |x|, element by element; the gradient at 0 is 0, and the smallest integer stays what it is.
    /// [`torch.abs`](https://docs.pytorch.org/docs/stable/generated/torch.abs.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 2.0].abs().to_vec::<f32>(), [1.5, 2.0]);
    /// ```
    #[track_caller]
    pub fn abs(&self) -> Tensor {
        pointwise(Abs, [self])
    }
}

pub(crate) const CALLS: Calls = &[("abs", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.abs())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.abs(x0)", [normal(0, &[3, 4])], |x| x[0].abs()),
        sample("torch.abs(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().abs()),
        sample("torch.abs(x0 - 4)", [integers(2, 9, &[6])], |x| (&x[0] - 4).abs()),
        sample("torch.abs(x0 * 0)", [normal(3, &[2])], |x| (&x[0] * 0.0).abs()).not_smooth(),
    ]
}
