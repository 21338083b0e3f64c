//! All products of the elements of two vectors.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::testing::{Sample, integers, normal, sample};

impl Tensor {
    /// yᵢⱼ = xᵢ vⱼ of two vectors, (n) and (m) → (n, m); dtypes promote to a common one.
    /// [`torch.outer`](https://docs.pytorch.org/docs/stable/generated/torch.outer.html).
    ///
    /// # Panics
    /// If the operands are not vectors.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0].outer(&tensor![3.0, 4.0]).to_vec::<f32>(), [3.0, 4.0, 6.0, 8.0]);
    /// ```
    #[track_caller]
    pub fn outer(&self, vec2: &Tensor) -> Tensor {
        let (a, b) = (self.shape(), vec2.shape());
        ensure!(a.len() == 1 && b.len() == 1, "outer", "shapes {a:?} and {b:?}; it takes two vectors");
        self.unsqueeze(1) * vec2
    }
}

pub(crate) const CALLS: Calls = &[("outer", |a| {
    let (x, vec2): (Tensor, Tensor) = (a.get("input")?, a.get("vec2")?);
    a.done(x.outer(&vec2))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.outer(x0, x1)", [normal(0, &[3]), normal(1, &[4])], |x| x[0].outer(&x[1])),
        sample("torch.outer(x0[:, 0], x1)", [normal(2, &[3, 2]), integers(3, 5, &[2])], |x| {
            x[0].select(1, 0).outer(&x[1])
        }),
    ]
}
