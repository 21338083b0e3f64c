//! The identity between two bounds: hardtanh, relu6.

use super::clamp::extremum;
use crate::door::Calls;
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads, pointwise};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Num, Tensor};

#[derive(Clone, Copy)]
struct Hardtanh {
    min: f64,
    max: f64,
}

impl Pointwise<1> for Hardtanh {
    const NAME: &'static str = "hardtanh";
    const KEEPS_INTEGERS: bool = true;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x]: [E; 1]) -> E {
        extremum(false, extremum(true, x, E::lit(self.min)), E::lit(self.max))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x]: [E; 1], _: E) -> [E; 1] {
        let zero = E::lit(0.0);
        [E::select(x.gt(E::lit(self.min)), E::select(x.lt(E::lit(self.max)), g, zero), zero)]
    }
}

impl Tensor {
    /// min(max(x, min_val), max_val), element by element; NaN stays NaN, and only what lies strictly between has a gradient.
    /// PyTorch's default bounds are −1 and 1. Integers stay integers.
    /// [`torch.nn.functional.hardtanh`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh.html).
    ///
    /// # Panics
    /// If min_val > max_val, or the dtype is bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-3.0, 0.5, 3.0].hardtanh(-1.0, 1.0).to_vec::<f32>(), [-1.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn hardtanh(&self, min_val: f64, max_val: f64) -> Tensor {
        ensure!(
            min_val <= max_val,
            "hardtanh",
            "min_val {min_val} is above max_val {max_val}; exchange them?"
        );
        ensure!(self.dtype() != DType::Bool, "hardtanh", "of a tensor of bool; convert it with to_dtype");
        pointwise(Hardtanh { min: min_val, max: max_val }, [self])
    }

    /// min(max(x, 0), 6), element by element: [`hardtanh`](Tensor::hardtanh) between 0 and 6.
    /// [`torch.nn.functional.relu6`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu6.html);
    /// Howard et al. 2017, <https://arxiv.org/abs/1704.04861>.
    ///
    /// # Panics
    /// If the dtype is bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![-1.0, 2.0, 9.0].relu6().to_vec::<f32>(), [0.0, 2.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn relu6(&self) -> Tensor {
        self.hardtanh(0.0, 6.0)
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.hardtanh", |a| {
        let (x, min, max): (Tensor, _, _) = (a.get("input")?, a.or("min_val", -1.0)?, a.or("max_val", 1.0)?);
        a.or("inplace", false)?;
        a.done(x.hardtanh(min, max))
    }),
    ("nn.functional.relu6", |a| {
        let x: Tensor = a.get("input")?;
        a.or("inplace", false)?;
        a.done(x.relu6())
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.hardtanh(x0)", [normal(0, &[3, 4])], |x| x[0].hardtanh(-1.0, 1.0)),
        sample("F.hardtanh(x0.t(), -0.3, 0.8)", [normal(1, &[2, 5])], |x| x[0].t().hardtanh(-0.3, 0.8)),
        sample("F.hardtanh(x0.round())", [normal(2, &[8])], |x| x[0].round().hardtanh(-1.0, 1.0))
            .not_smooth(),
        sample("F.hardtanh(x0.log())", [normal(3, &[8])], |x| x[0].log().hardtanh(-1.0, 1.0)).not_smooth(),
        sample("F.hardtanh(x0 - 4, -2, 2)", [integers(4, 9, &[6])], |x| (&x[0] - 4).hardtanh(-2.0, 2.0)),
        sample("F.relu6(x0 * 5)", [normal(5, &[3, 4])], |x| (&x[0] * 5.0).relu6()),
        sample("F.relu6(x0.round() * 6)", [normal(6, &[8])], |x| (x[0].round() * 6.0).relu6()).not_smooth(),
        sample("F.relu6(x0)", [normal(7, &[])], |x| x[0].relu6()),
    ]
}
