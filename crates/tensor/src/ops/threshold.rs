//! A value in the place of all that is small.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

#[derive(Clone, Copy)]
struct Threshold {
    threshold: f64,
    value: f64,
}

impl Pointwise<1> for Threshold {
    const NAME: &'static str = "threshold";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        E::select(x.le(E::lit(self.threshold)), E::lit(self.value), x)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        [E::select(x.le(E::lit(self.threshold)), E::lit(0.0), g)]
    }
}

impl Tensor {
    /// x where x > threshold, else the value, element by element; NaN stays NaN, integers stay integers.
    /// [`torch.nn.functional.threshold`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.threshold.html).
    ///
    /// # Panics
    /// If the dtype is bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.1, 0.5].threshold(0.1, 20.0).to_vec::<f32>(), [20.0, 0.5]);
    /// ```
    #[track_caller]
    pub fn threshold(&self, threshold: f64, value: f64) -> Tensor {
        ensure!(self.dtype() != DType::Bool, "threshold", "of a tensor of bool; convert it with to_dtype");
        pointwise(Threshold { threshold, value }, [self])
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.threshold", |a| {
    let (x, threshold, value): (Tensor, f64, f64) = (a.get("input")?, a.get("threshold")?, a.get("value")?);
    a.or("inplace", false)?;
    a.done(x.threshold(threshold, value))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.threshold(x0, 0.1, 20)", [normal(0, &[3, 4])], |x| x[0].threshold(0.1, 20.0)),
        sample("F.threshold(x0.t(), -0.4, -2.5)", [normal(1, &[2, 5])], |x| x[0].t().threshold(-0.4, -2.5)),
        sample("F.threshold(x0, 0.0, 1.0)", [normal(2, &[])], |x| x[0].threshold(0.0, 1.0)),
        sample("F.threshold(x0, 4, 7)", [integers(3, 9, &[6])], |x| x[0].threshold(4.0, 7.0)),
        sample("F.threshold(x0.round(), 1.0, 9.0)", [normal(4, &[9])], |x| x[0].round().threshold(1.0, 9.0))
            .not_smooth(),
        sample("F.threshold(x0.log(), 0.5, 9.0)", [normal(5, &[8])], |x| x[0].log().threshold(0.5, 9.0))
            .not_smooth(),
    ]
}
