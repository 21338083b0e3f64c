//! A bilinear form for each output.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use flambeau_kernels::strided::numel;

impl Tensor {
    /// yₖ = x₁ᵀ Wₖ x₂ + bₖ: `self` (…, in₁) and `other` (…, in₂) with weight (out, in₁, in₂) and bias (out) give (…, out).
    /// [`torch.nn.functional.bilinear`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html).
    ///
    /// # Panics
    /// If the sizes do not fit or the dtypes are not the same float type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let weight = tensor![[[1.0, 2.0]]];
    /// assert_eq!(tensor![3.0].bilinear(&tensor![4.0, 5.0], &weight, None).to_vec::<f32>(), [42.0]);
    /// ```
    #[track_caller]
    pub fn bilinear(&self, other: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let (a, b, w) = (self.shape(), other.shape(), weight.shape());
        let (outer_a, outer_b) = (a.split_last(), b.split_last());
        let fits = match (outer_a, outer_b, w) {
            (Some((in1, outer1)), Some((in2, outer2)), [out, i, j]) => {
                outer1 == outer2 && in1 == i && in2 == j && bias.is_none_or(|b| b.shape() == [*out])
            }
            _ => false,
        };
        ensure!(
            fits,
            "bilinear",
            "inputs {a:?} and {b:?} with weight {w:?}{}: they are (…, in1), (…, in2), (out, in1, in2) and, for the bias, \
             (out)",
            bias.map_or(String::new(), |b| format!(" and bias {:?}", b.shape()))
        );
        let all = [Some(other), Some(weight), bias];
        ensure!(
            self.dtype().is_float() && all.iter().flatten().all(|t| t.dtype() == self.dtype()),
            "bilinear",
            "dtypes {}, {} and {}; all must be the same floating-point dtype: use to_dtype",
            self.dtype(),
            other.dtype(),
            weight.dtype()
        );
        let (&[out, in1, in2], outer) = (&[w[0], w[1], w[2]], &a[..a.len() - 1]);
        let rows = numel(outer);
        // x₁ᵀ W for all outputs in one product, then its rows times x₂.
        let half =
            self.reshape([rows, in1]).matmul(&weight.transpose(0, 1).reshape([in1, out.saturating_mul(in2)]));
        let y = half.reshape([rows, out, in2]).matmul(&other.reshape([rows, in2, 1])).reshape([rows, out]);
        let y = bias.map_or(y.clone(), |bias| y + bias);
        y.reshape(&outer.iter().copied().chain([out]).collect::<Shape>())
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.bilinear", |a| {
    let (x, other): (Tensor, Tensor) = (a.get("input1")?, a.get("input2")?);
    let (weight, bias): (Tensor, Option<Tensor>) = (a.get("weight")?, a.opt("bias")?);
    a.done(x.bilinear(&other, &weight, bias.as_ref()))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = |outer: &[usize]| {
        let with = |n| [outer, &[n]].concat();
        [normal(0, &with(2)), normal(1, &with(3)), normal(2, &[4, 2, 3]), normal(3, &[4])]
    };
    vec![
        sample("F.bilinear(x0, x1, x2, x3)", x(&[5]), |x| x[0].bilinear(&x[1], &x[2], Some(&x[3]))),
        sample("F.bilinear(x0, x1, x2)", x(&[2, 2]).into_iter().take(3), |x| {
            x[0].bilinear(&x[1], &x[2], None)
        }),
        sample("F.bilinear(x0, x1, x2, x3)", x(&[]), |x| x[0].bilinear(&x[1], &x[2], Some(&x[3]))),
    ]
}
