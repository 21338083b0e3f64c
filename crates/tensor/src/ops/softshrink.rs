//! Values near zero become zero: softshrink, hardshrink.

use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, normal, sample};
use crate::{Num, Tensor};

/// Whether the rest moves towards zero too, so that there is no jump.
#[derive(Clone, Copy)]
struct Shrink<const SOFT: bool> {
    lambd: f64,
}

impl<const SOFT: bool> Pointwise<1> for Shrink<SOFT> {
    const NAME: &'static str = if SOFT { "softshrink" } else { "hardshrink" };
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        let lambd = E::lit(self.lambd);
        let shift = if SOFT { lambd } else { E::lit(0.0) };
        // A NaN lies on neither side and must stay.
        let near = E::select(x.equals(x), E::lit(0.0), x);
        E::select(x.gt(lambd), x - shift, E::select(x.lt(-lambd), x + shift, near))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let lambd = E::lit(self.lambd);
        [E::select(x.gt(lambd), g, E::select(x.lt(-lambd), g, E::lit(0.0)))]
    }
}

impl Tensor {
    /// x − lambd where x > lambd, x + lambd where x < −lambd, else 0, element by element (integers become `f32`); NaN
    /// stays NaN. PyTorch's default lambd is 0.5.
    /// [`torch.nn.functional.softshrink`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softshrink.html).
    ///
    /// # Panics
    /// If lambd is negative or NaN.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-2.0, 0.3, 1.0].softshrink(0.5).to_vec::<f32>(), [-1.5, 0.0, 0.5]);
    /// ```
    #[track_caller]
    pub fn softshrink(&self, lambd: f64) -> Tensor {
        ensure!(lambd >= 0.0, "softshrink", "lambd is {lambd}; it must be at least 0");
        pointwise(Shrink::<true> { lambd }, [self])
    }

    /// 0 where |x| ≤ lambd, else x, element by element (integers become `f32`); NaN stays NaN. PyTorch's default lambd is
    /// 0.5.
    /// [`torch.nn.functional.hardshrink`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardshrink.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-2.0, 0.3, 1.0].hardshrink(0.5).to_vec::<f32>(), [-2.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn hardshrink(&self, lambd: f64) -> Tensor {
        pointwise(Shrink::<false> { lambd }, [self])
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.softshrink", |a| {
        let (x, lambd): (Tensor, f64) = (a.get("input")?, a.or("lambd", 0.5)?);
        a.done(x.softshrink(lambd))
    }),
    ("nn.functional.hardshrink", |a| {
        let (x, lambd): (Tensor, f64) = (a.get("input")?, a.or("lambd", 0.5)?);
        a.done(x.hardshrink(lambd))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.softshrink(x0)", [normal(0, &[3, 4])], |x| x[0].softshrink(0.5)),
        sample("F.softshrink(x0.t(), 0.2)", [normal(1, &[2, 5])], |x| x[0].t().softshrink(0.2)),
        sample("F.softshrink(x0, 0.0)", [normal(2, &[])], |x| x[0].softshrink(0.0)),
        sample("F.softshrink(x0.round() / 2)", [normal(3, &[9])], |x| (x[0].round() / 2.0).softshrink(0.5))
            .not_smooth(),
        sample("F.softshrink(x0.log())", [normal(4, &[8])], |x| x[0].log().softshrink(0.5)).not_smooth(),
        sample("F.hardshrink(x0)", [normal(5, &[3, 4])], |x| x[0].hardshrink(0.5)),
        sample("F.hardshrink(x0.t(), 0.2)", [normal(6, &[2, 5])], |x| x[0].t().hardshrink(0.2)),
        sample("F.hardshrink(x0, -0.1)", [normal(7, &[4])], |x| x[0].hardshrink(-0.1)),
        sample("F.hardshrink(x0.round() / 2)", [normal(8, &[9])], |x| (x[0].round() / 2.0).hardshrink(0.5))
            .not_smooth(),
        sample("F.hardshrink(x0.log())", [normal(9, &[8])], |x| x[0].log().hardshrink(0.5)).not_smooth(),
    ]
}
