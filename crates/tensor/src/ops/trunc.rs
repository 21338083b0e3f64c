//! Rounding toward zero.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Trunc;

impl Pointwise<1> for Trunc {
    const NAME: &'static str = "trunc";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.trunc()
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 1], _: E) -> [E; 1] {
        [E::lit(0.0)]
    }
}

impl Tensor {
    /// The whole number next to x toward zero; the gradient is 0; element by element.
    /// [`torch.trunc`](https://docs.pytorch.org/docs/stable/generated/torch.trunc.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 1.2].trunc().to_vec::<f32>(), [-1.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn trunc(&self) -> Tensor {
        pointwise(Trunc, [self])
    }
}

pub(crate) const CALLS: Calls = &[("trunc", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.trunc())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.trunc(x0 * 3)", [normal(0, &[3, 4])], |x| (&x[0] * 3.0).trunc()),
        sample("torch.trunc(x0.t() * 9)", [normal(1, &[2, 5])], |x| (x[0].t() * 9.0).trunc()),
        sample("torch.trunc(x0)", [normal(2, &[])], |x| x[0].trunc()),
        sample("torch.trunc(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).trunc()),
        sample("torch.trunc(torch.round(x0))", [normal(4, &[5])], |x| x[0].round().trunc()).not_smooth(),
    ]
}
