//! The product of a matrix and a vector.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, normal, sample};

impl Tensor {
    /// The product of a matrix and a vector, (m, k) · (k) → (m).
    /// [`torch.mv`](https://docs.pytorch.org/docs/stable/generated/torch.mv.html).
    ///
    /// # Panics
    /// If the operands are not a matrix and a vector whose sizes fit, or their dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].mv(&tensor![1.0, 1.0]).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    #[track_caller]
    pub fn mv(&self, vec: &Tensor) -> Tensor {
        let (a, b) = (self.shape(), vec.shape());
        ensure!(
            matches!((a, b), ([_, columns], [size]) if columns == size),
            "mv",
            "shapes {a:?} and {b:?}; it takes a matrix and a vector as long as the matrix has columns: transpose it?"
        );
        self.matmul(vec)
    }
}

pub(crate) const CALLS: Calls = &[("mv", |a| {
    let (x, vec): (Tensor, Tensor) = (a.get("input")?, a.get("vec")?);
    a.done(x.mv(&vec))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.mv(x0, x1)", [normal(0, &[3, 4]), normal(1, &[4])], |x| x[0].mv(&x[1])),
        sample("torch.mv(x0.t(), x1)", [normal(2, &[3, 4]), normal(3, &[3])], |x| x[0].t().mv(&x[1])),
    ]
}
