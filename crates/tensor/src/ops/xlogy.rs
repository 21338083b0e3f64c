//! The product with a logarithm.

use crate::door::{Calls, Other};
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{DType, Num, Operand, Tensor, tensor};
use std::borrow::Borrow;

#[derive(Clone, Copy)]
struct Xlogy;

impl Pointwise<2> for Xlogy {
    const NAME: &'static str = "xlogy";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, y]: [E; 2]) -> E {
        let zero = E::lit(0.0);
        E::select(y.equals(y), E::select(x.equals(zero), zero, x * y.ln()), y)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, y]: [E; 2], _: E) -> [E; 2] {
        let zero = E::lit(0.0);
        let dx = g * y.ln();
        // The gradient is xlogy(g, y): what no gradient reaches stays 0 even where the logarithm is not finite. And so
        // does the 0 of the definition.
        let reached = E::select(g.equals(zero), zero, dx);
        let dx = E::select(y.equals(E::lit(f64::INFINITY)), reached, dx);
        let dx = E::select(y.le(zero), E::select(x.equals(zero), zero, reached), dx);
        [dx, g * x / y]
    }
}

/// Not generic over the operand, so that it is compiled once and not in every crate that calls it.
#[track_caller]
fn xlogy(x: &Tensor, other: &Tensor) -> Tensor {
    pointwise(Xlogy, [x, other])
}

impl Tensor {
    /// self · ln other, and 0 where self is 0, element by element (integers become `f32`); NaN where other is. The
    /// operands broadcast and promote to a common dtype.
    /// [`torch.xlogy`](https://docs.pytorch.org/docs/stable/special.html#torch.special.xlogy).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![0.0, 2.0].xlogy(&tensor![0.0, 1.0]).to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn xlogy(&self, other: impl Operand) -> Tensor {
        xlogy(self, other.hold(self).borrow())
    }
}

pub(crate) const CALLS: Calls = &[("xlogy", |a| {
    let (x, other): (Tensor, Other) = (a.get("input")?, a.get("other")?);
    a.done(x.xlogy(other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.xlogy(x0, x1)", [normal(0, &[3, 4]), positive(1, &[4])], |x| x[0].xlogy(&x[1])),
        sample("torch.xlogy(x0.t(), x1)", [normal(2, &[2, 5]), positive(3, &[])], |x| x[0].t().xlogy(&x[1])),
        sample("torch.xlogy(x0, 2.5)", [normal(4, &[4])], |x| x[0].xlogy(2.5)),
        sample("torch.xlogy(x0, x1)", [integers(5, 3, &[9]), integers(6, 3, &[9])], |x| x[0].xlogy(&x[1])),
        sample("torch.xlogy(x0 * 0, x1)", [normal(7, &[6]), normal(8, &[6])], |x| (&x[0] * 0.0).xlogy(&x[1]))
            .not_smooth(),
        sample("torch.xlogy(x0 * 0, x1 * 0)", [normal(7, &[6]), normal(8, &[6])], |x| {
            (&x[0] * 0.0).xlogy(&x[1] * 0.0)
        })
        .not_smooth(),
        // No gradient reaches the first half, one the second; the logarithms are −∞ to ∞, and NaN.
        sample(
            "torch.xlogy(x0, x1.double() - 1 + torch.tensor([0, math.inf, math.nan] * 4)) * (x1 > 1)",
            [normal(9, &[12]), integers(10, 4, &[12])],
            |x| {
                let inf = tensor![0.0, f64::INFINITY, f64::NAN].repeat([4]);
                x[0].xlogy(x[1].to_dtype(DType::F64) - 1 + inf) * x[1].gt(1)
            },
        )
        .not_smooth(),
    ]
}
