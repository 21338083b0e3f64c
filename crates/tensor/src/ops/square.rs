//! The square.

use crate::door::Calls;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

#[derive(Clone, Copy)]
pub(crate) struct Square;

impl Pointwise<1> for Square {
    const NAME: &'static str = "square";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        x * x
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [g * (x + x)]
    }
}

impl Tensor {
    /// x², element by element; bools become `i64`.
    /// [`torch.square`](https://docs.pytorch.org/docs/stable/generated/torch.square.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.5, 2.0].square().to_vec::<f32>(), [2.25, 4.0]);
    /// ```
    #[track_caller]
    pub fn square(&self) -> Tensor {
        match self.dtype() {
            DType::Bool => pointwise(Square, [&self.to_dtype(DType::I64)]),
            _ => pointwise(Square, [self]),
        }
    }
}

pub(crate) const CALLS: Calls = &[("square", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.square())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.square(x0)", [normal(0, &[3, 4])], |x| x[0].square()),
        sample("torch.square(x0.t())", [normal(1, &[2, 5])], |x| x[0].t().square()),
        sample("torch.square(x0)", [normal(2, &[])], |x| x[0].square()),
        sample("torch.square(x0 - 4)", [integers(3, 9, &[6])], |x| (&x[0] - 4).square()),
        sample("torch.square(x0 > 4)", [integers(4, 9, &[6])], |x| x[0].gt(4).square()),
    ]
}
