//! A matrix product beside a sum.

use crate::door::Calls;
use crate::op::ensure;
use crate::shape::broadcast_shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Operand, Tensor};

impl Tensor {
    /// β · self + α · mat1 · mat2, for matrices (m, k) and (k, n); this tensor broadcasts to (m, n) and is not read where
    /// β is 0. PyTorch's defaults are 1.
    /// [`torch.addmm`](https://docs.pytorch.org/docs/stable/generated/torch.addmm.html).
    ///
    /// # Panics
    /// If the shapes do not fit or the dtypes differ or are bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (bias, x) = (tensor![1.0, -1.0], tensor![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(bias.addmm(&x, &x, 1.0, 2.0).to_vec::<f32>(), [15.0, 19.0, 31.0, 43.0]);
    /// ```
    #[track_caller]
    pub fn addmm(&self, mat1: &Tensor, mat2: &Tensor, beta: impl Operand, alpha: impl Operand) -> Tensor {
        ensure!(
            self.dtype() == mat1.dtype(),
            "addmm",
            "{} added to a product of {}; both must be the same dtype: use to_dtype",
            self.dtype(),
            mat1.dtype()
        );
        let (a, b) = (mat1.shape(), mat2.shape());
        ensure!(
            matches!((a, b), ([_, columns], [rows, _]) if columns == rows),
            "addmm",
            "matrices of shapes {a:?} and {b:?}; the first must have as many columns as the second rows: transpose one?"
        );
        let product = mat1.matmul(mat2);
        let shape = product.shape_ref();
        let fits = broadcast_shape("addmm", &[self.shape_ref(), shape]).is_ok_and(|both| both == *shape);
        ensure!(fits, "addmm", "shape {:?} does not broadcast to the product's {shape:?}", self.shape());
        let product = scale(&product, alpha);
        // Not read, so that its NaNs do not spread; what broadcasts to the product does not change its shape.
        if beta.number() == Some(0.0) { product } else { scale(self, beta) + product }
    }
}

#[track_caller]
fn scale(x: &Tensor, by: impl Operand) -> Tensor {
    if by.number() == Some(1.0) { x.clone() } else { (x * by).to_dtype(x.dtype()) }
}

pub(crate) const CALLS: Calls = &[("addmm", |a| {
    let (x, mat1, mat2): (Tensor, Tensor, Tensor) = (a.get("input")?, a.get("mat1")?, a.get("mat2")?);
    let (beta, alpha) = (a.key::<f64>("beta")?.unwrap_or(1.0), a.key::<f64>("alpha")?.unwrap_or(1.0));
    // Integers take integer factors, and exactly.
    a.done(match x.dtype().is_float() {
        true => x.addmm(&mat1, &mat2, beta, alpha),
        false => x.addmm(&mat1, &mat2, beta as i64, alpha as i64),
    })
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = |bias: &[usize]| [normal(0, bias), normal(1, &[3, 4]), normal(2, &[4, 2])];
    vec![
        sample("torch.addmm(x0, x1, x2)", x(&[3, 2]), |x| x[0].addmm(&x[1], &x[2], 1.0, 1.0)),
        sample("torch.addmm(x0, x1, x2, beta=0.2, alpha=-1.5)", x(&[2]), |x| {
            x[0].addmm(&x[1], &x[2], 0.2, -1.5)
        }),
        sample("torch.addmm(x0.detach() / 0, x1, x2, beta=0)", x(&[]), |x| {
            (x[0].detach() / 0.0).addmm(&x[1], &x[2], 0, 1)
        }),
        sample("torch.addmm(x0, x1, x2, alpha=2)", x(&[3, 1]), |x| x[0].addmm(&x[1], &x[2], 1, 2)),
        sample(
            "torch.addmm(x0, x1, x2, beta=3)",
            [integers(3, 9, &[2]), integers(4, 9, &[3, 4]), integers(5, 9, &[4, 2])],
            |x| x[0].addmm(&x[1], &x[2], 3, 1),
        ),
    ]
}
