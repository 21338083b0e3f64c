//! Rounding up.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Ceil;

impl Pointwise<1> for Ceil {
    const NAME: &'static str = "ceil";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Nothing;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x.ceil()
    }

    #[inline(always)]
    fn df<E: Num>(self, _: E, _: [E; 1], _: E) -> [E; 1] {
        [E::lit(0.0)]
    }
}

impl Tensor {
    /// The smallest whole number that is not below x; the gradient is 0; element by element.
    /// [`torch.ceil`](https://docs.pytorch.org/docs/stable/generated/torch.ceil.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 1.2].ceil().to_vec::<f32>(), [-1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn ceil(&self) -> Tensor {
        pointwise(Ceil, [self])
    }
}

pub(crate) const CALLS: Calls = &[("ceil", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.ceil())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.ceil(x0 * 3)", [normal(0, &[3, 4])], |x| (&x[0] * 3.0).ceil()),
        sample("torch.ceil(x0.t() * 9)", [normal(1, &[2, 5])], |x| (x[0].t() * 9.0).ceil()),
        sample("torch.ceil(x0)", [normal(2, &[])], |x| x[0].ceil()),
        sample("torch.ceil(x0 - 2)", [integers(3, 5, &[4])], |x| (&x[0] - 2).ceil()),
        sample("torch.ceil(torch.round(x0))", [normal(4, &[5])], |x| x[0].round().ceil()).not_smooth(),
    ]
}
