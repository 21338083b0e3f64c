//! A value where a mask holds.

use crate::door::{Calls, Other};
use crate::op::{check_bool, ensure, unwrap};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Operand, Tensor};
use std::borrow::Borrow;

impl Tensor {
    /// The value (a number or a 0-d tensor) where the mask holds, self elsewhere; self and mask broadcast. The dtype is
    /// self's.
    /// [`torch.Tensor.masked_fill`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_fill.html).
    ///
    /// # Panics
    /// If the mask is not `bool`, the value is a tensor with dimensions, or the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![1.0, -2.0];
    /// assert_eq!(x.masked_fill(&x.lt(0.0), 9.0).to_vec::<f32>(), [1.0, 9.0]);
    /// ```
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor, value: impl Operand) -> Tensor {
        let value = value.hold(self);
        let value: &Tensor = value.borrow();
        unwrap(check_bool("masked_fill", "mask", mask));
        ensure!(
            value.ndim() == 0,
            "masked_fill",
            "the value has shape {:?}; it is one number, where_ takes tensors",
            value.shape()
        );
        Tensor::where_(mask, &value.to_dtype(self.dtype()), self)
    }
}

pub(crate) const CALLS: Calls = &[("masked_fill", |a| {
    let (x, mask, value): (Tensor, Tensor, Other) = (a.get("input")?, a.get("mask")?, a.get("value")?);
    a.done(x.masked_fill(&mask, value))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.masked_fill(x1 > 0, 3.5)", [normal(0, &[3, 4]), normal(1, &[4])], |x| {
            x[0].masked_fill(&x[1].gt(0.0), 3.5)
        }),
        sample(
            "x0.t().masked_fill(x1 > 0, x2)",
            [normal(2, &[4]), normal(3, &[3, 4]), normal(4, &[])],
            |x| x[0].t().masked_fill(&x[1].gt(0.0), &x[2]),
        ),
        sample("x0.masked_fill(x0 > 4, -1)", [integers(5, 9, &[6])], |x| x[0].masked_fill(&x[0].gt(4), -1)),
        sample("x0.masked_fill(x0 < 0, float('-inf'))", [normal(6, &[])], |x| {
            x[0].masked_fill(&x[0].lt(0.0), f64::NEG_INFINITY)
        })
        .not_smooth(),
    ]
}
