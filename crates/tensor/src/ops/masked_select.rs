//! The elements where a mask holds.

use crate::Tensor;
use crate::door::Calls;
use crate::op::{check_bool, unwrap};
use crate::shape::broadcast_shape;
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// The elements where the mask holds, in row-major order, 1-D and copied; both broadcast to a common shape.
    /// [`torch.masked_select`](https://docs.pytorch.org/docs/stable/generated/torch.masked_select.html).
    ///
    /// # Panics
    /// If the mask is not `bool`, or the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![1.0, -2.0, 3.0];
    /// assert_eq!(x.masked_select(&x.gt(0.0)).to_vec::<f32>(), [1.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Tensor {
        unwrap(check_bool("masked_select", "mask", mask));
        let shapes = [self.shape_ref(), mask.shape_ref()];
        let shape = unwrap(broadcast_shape("masked_select", &shapes));
        let places = mask.expand(&shape).reshape([-1]).nonzero().reshape([-1]);
        self.expand(&shape).reshape([-1]).index_select(0, &places)
    }
}

pub(crate) const CALLS: Calls = &[("masked_select", |a| {
    let (x, mask): (Tensor, Tensor) = (a.get("input")?, a.get("mask")?);
    a.done(x.masked_select(&mask))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.masked_select(x0, x1 > 0)", [normal(0, &[3, 4]), normal(1, &[4])], |x| {
            x[0].masked_select(&x[1].gt(0.0))
        }),
        sample("torch.masked_select(x0.t(), x1 > 0)", [normal(2, &[1, 3]), normal(3, &[3, 2])], |x| {
            x[0].t().masked_select(&x[1].gt(0.0))
        }),
        sample("torch.masked_select(x0, x0 == x0)", [normal(4, &[])], |x| {
            x[0].masked_select(&x[0].eq(&x[0]))
        }),
        sample("torch.masked_select(x0, x0 != x0)", [normal(5, &[2])], |x| {
            x[0].masked_select(&x[0].ne(&x[0]))
        }),
    ]
}
