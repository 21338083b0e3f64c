//! The trace of a matrix.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, integers, normal, sample};

impl Tensor {
    /// Σ xᵢᵢ of a matrix, 0-d; integers give `i64`.
    /// [`torch.trace`](https://docs.pytorch.org/docs/stable/generated/torch.trace.html).
    ///
    /// # Panics
    /// If the tensor has other than two dimensions.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].trace().item::<f32>(), 5.0);
    /// ```
    #[track_caller]
    pub fn trace(&self) -> Tensor {
        ensure!(self.ndim() == 2, "trace", "of shape {:?}; it takes a matrix", self.shape());
        let (step, n) = (self.size(1) + 1, self.size(0).min(self.size(1)));
        // In a row of all elements, those of the diagonal are evenly spaced.
        let end = n.saturating_sub(1).saturating_mul(step) + n.min(1);
        self.reshape([-1]).slice(0, 0, end as isize, step).sum()
    }
}

pub(crate) const CALLS: Calls = &[("trace", |a| {
    let x: Tensor = a.get("input")?;
    a.done(x.trace())
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.trace()", [normal(0, &[3, 3])], |x| x[0].trace()),
        sample("x0.t().trace()", [normal(1, &[2, 4])], |x| x[0].t().trace()),
        sample("x0.trace()", [normal(2, &[2, 4])], |x| x[0].trace()),
        sample("x0.trace()", [integers(3, 9, &[4, 2])], |x| x[0].trace()),
        sample("x0[:, :0].trace()", [integers(4, 9, &[4, 2])], |x| x[0].narrow(1, 0, 0).trace()),
    ]
}
