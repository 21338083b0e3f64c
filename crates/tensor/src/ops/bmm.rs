//! The products of a batch of matrices.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// The products of two batches of matrices, (b, m, k) · (b, k, n) → (b, m, n): [`matmul`](Tensor::matmul) without
    /// broadcasting.
    /// [`torch.bmm`](https://docs.pytorch.org/docs/stable/generated/torch.bmm.html).
    ///
    /// # Panics
    /// If an operand has other than three dimensions, the batch or inner sizes differ, or the dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[[1.0, 2.0]], [[3.0, 4.0]]];
    /// assert_eq!(x.bmm(&x.transpose(1, 2)).to_vec::<f32>(), [5.0, 25.0]);
    /// ```
    #[track_caller]
    pub fn bmm(&self, mat2: &Tensor) -> Tensor {
        let (a, b) = (self.shape(), mat2.shape());
        ensure!(
            a.len() == 3 && b.len() == 3 && a[0] == b[0],
            "bmm",
            "shapes {a:?} and {b:?}; it takes two batches of as many matrices, matmul broadcasts"
        );
        self.matmul(mat2)
    }
}

pub(crate) const CALLS: Calls = &[("bmm", |a| {
    let (x, mat2): (Tensor, Tensor) = (a.get("input")?, a.get("mat2")?);
    a.done(x.bmm(&mat2))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.bmm(x0, x1)", [normal(0, &[2, 3, 4]), normal(1, &[2, 4, 2])], |x| x[0].bmm(&x[1])),
        sample("torch.bmm(x0, x1.transpose(1, 2))", [normal(2, &[2, 3, 4]), normal(3, &[2, 5, 4])], |x| {
            x[0].bmm(&x[1].transpose(1, 2))
        }),
    ]
}
