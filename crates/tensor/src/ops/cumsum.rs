//! Running sums.

use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, scan};
use smallvec::smallvec;

/// `torch.cumsum` along a dimension, from its end if `reverse`.
struct Cumsum {
    dim: usize,
    reverse: bool,
}

impl Op for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_all!(x.dtype(), T => {
            scan::cumulate(false, self.reverse, x.view::<T>().slice(), block, out[0].slice());
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Cumsum { dim: self.dim, reverse: !self.reverse }, &[ctx.grad()]))]
    }
}

/// Integers and bools are accumulated in i64.
#[track_caller]
pub(crate) fn counted(x: &Tensor) -> Tensor {
    if x.dtype().is_float() { x.clone() } else { x.to_dtype(DType::I64) }
}

impl Tensor {
    /// yᵢ = x₀ + … + xᵢ along a dimension; integers and bools give `i64`.
    /// [`torch.cumsum`](https://docs.pytorch.org/docs/stable/generated/torch.cumsum.html).
    ///
    /// # Panics
    /// If the dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 3.0].cumsum(0).to_vec::<f32>(), [1.0, 3.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn cumsum(&self, dim: isize) -> Tensor {
        let dim = unwrap(normalize_dim("cumsum", dim, self.shape()));
        apply(Cumsum { dim, reverse: false }, &[&counted(self)])
    }
}

pub(crate) const CALLS: Calls = &[("cumsum", |a| {
    let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dim")?);
    let dtype: Option<DType> = a.key("dtype")?;
    let y = dtype.map_or_else(|| x.clone(), |dtype| x.to_dtype(dtype)).cumsum(dim);
    a.done(dtype.map_or_else(|| y.clone(), |dtype| y.to_dtype(dtype)))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.cumsum(1)", [normal(0, &[3, 4])], |x| x[0].cumsum(1)),
        sample("x0.cumsum(-2)", [normal(1, &[2, 3, 4])], |x| x[0].cumsum(-2)),
        sample("x0.t().cumsum(0)", [normal(2, &[3, 4])], |x| x[0].t().cumsum(0)),
        sample("x0.cumsum(0)", [normal(3, &[])], |x| x[0].cumsum(0)),
        sample("x0.cumsum(0)", [integers(4, 9, &[5])], |x| x[0].cumsum(0)),
    ]
}
