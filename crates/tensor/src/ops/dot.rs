//! The product of two vectors.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, integers, normal, sample};

impl Tensor {
    /// Σ xᵢ yᵢ of two vectors, 0-d.
    /// [`torch.dot`](https://docs.pytorch.org/docs/stable/generated/torch.dot.html).
    ///
    /// # Panics
    /// If the operands are not vectors of the same size, or their dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0].dot(&tensor![3.0, 4.0]).item::<f32>(), 11.0);
    /// ```
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        let (a, b) = (self.shape(), other.shape());
        ensure!(
            a.len() == 1 && a == b,
            "dot",
            "shapes {a:?} and {b:?}; it takes two vectors of the same size"
        );
        self.matmul(other)
    }
}

pub(crate) const CALLS: Calls = &[("dot", |a| {
    let (x, other): (Tensor, Tensor) = (a.get("input")?, a.get("tensor")?);
    a.done(x.dot(&other))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.dot(x0, x1)", [normal(0, &[5]), normal(1, &[5])], |x| x[0].dot(&x[1])),
        sample("torch.dot(x0[:, 1], x1[:3])", [normal(2, &[3, 2]), normal(3, &[5])], |x| {
            x[0].select(1, 1).dot(&x[1].narrow(0, 0, 3))
        }),
        sample("torch.dot(x0, x1)", [integers(4, 9, &[5]), integers(5, 9, &[5])], |x| x[0].dot(&x[1])),
    ]
}
