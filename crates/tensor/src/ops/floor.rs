//! Rounding down.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Floor;

impl Pointwise<1> for Floor {
    const NAME: &'static str = "floor";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.floor()
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 1], _: E) -> [E; 1] {
        [E::lit(0.0)]
    }
}

impl Tensor {
    /// The largest whole number that is not above x; the gradient is 0; element by element.
    /// [`torch.floor`](https://docs.pytorch.org/docs/stable/generated/torch.floor.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 1.2].floor().to_vec::<f32>(), [-2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn floor(&self) -> Tensor {
        pointwise(Floor, [self])
    }
}

pub(crate) const CALLS: Calls = &[("floor", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.floor())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.floor(x0 * 3)", [normal(0, &[3, 4])], |x| (&x[0] * 3.0).floor()),
        sample("torch.floor(x0.t() * 9)", [normal(1, &[2, 5])], |x| (x[0].t() * 9.0).floor()),
        sample("torch.floor(x0)", [normal(2, &[])], |x| x[0].floor()),
        sample("torch.floor(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).floor()),
        sample("torch.floor(torch.round(x0))", [normal(4, &[5])], |x| x[0].round().floor()).not_smooth(),
    ]
}
