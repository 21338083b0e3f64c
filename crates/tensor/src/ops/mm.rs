//! The product of two matrices.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, integers, normal, sample};

impl Tensor {
    /// The product of two matrices, (m, k) · (k, n) → (m, n): [`matmul`](Tensor::matmul) without batches and vectors.
    /// [`torch.mm`](https://docs.pytorch.org/docs/stable/generated/torch.mm.html).
    ///
    /// # Panics
    /// If an operand has other than two dimensions, the inner sizes differ, or the dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(x.mm(&x).to_vec::<f32>(), [7.0, 10.0, 15.0, 22.0]);
    /// ```
    #[track_caller]
    pub fn mm(&self, mat2: &Tensor) -> Tensor {
        let (a, b) = (self.shape(), mat2.shape());
        ensure!(
            a.len() == 2 && b.len() == 2,
            "mm",
            "shapes {a:?} and {b:?}; it takes two matrices, matmul takes more"
        );
        ensure!(
            a[1] == b[0],
            "mm",
            "shapes {a:?} and {b:?}: {} columns meet {} rows; transpose one?",
            a[1],
            b[0]
        );
        self.matmul(mat2)
    }
}

pub(crate) const CALLS: Calls = &[("mm", |a| {
    let (x, mat2): (Tensor, Tensor) = (a.get("input")?, a.get("mat2")?);
    a.done(x.mm(&mat2))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.mm(x0, x1)", [normal(0, &[3, 4]), normal(1, &[4, 2])], |x| x[0].mm(&x[1])),
        sample("torch.mm(x0.t(), x1.t())", [normal(2, &[4, 3]), normal(3, &[2, 4])], |x| {
            x[0].t().mm(&x[1].t())
        }),
        sample("torch.mm(x0, x1)", [integers(4, 9, &[2, 3]), integers(5, 9, &[3, 2])], |x| x[0].mm(&x[1])),
    ]
}
