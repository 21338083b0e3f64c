//! Row-major copies.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply};
use crate::testing::{Sample, normal, sample};
use crate::{Result, Tensor};
use flambeau_kernels::{dispatch_all, pointwise};
use smallvec::smallvec;

/// A copy in row-major order.
struct Copy;

impl Op for Copy {
    fn name(&self) -> &'static str {
        "clone"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        dispatch_all!(x[0].dtype(), T => {
            let view = x[0].view::<T>();
            pointwise::copy(view.strided(), x[0].shape(), out[0].slice());
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(ctx.grad().clone())]
    }
}

#[track_caller]
pub(crate) fn copy(x: &Tensor) -> Tensor {
    apply(Copy, &[x])
}

impl Tensor {
    /// This tensor itself if its elements lie in row-major order, else a copy that does.
    /// [`torch.Tensor.contiguous`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.contiguous.html).
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert!(Tensor::zeros([2, 3]).t().contiguous().is_contiguous());
    /// ```
    #[track_caller]
    pub fn contiguous(&self) -> Tensor {
        if self.is_contiguous() { self.clone() } else { copy(self) }
    }
}

pub(crate) const CALLS: Calls = &[
    ("contiguous", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.contiguous())
    }),
    ("clone", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.copy())
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.t().contiguous()", [normal(0, &[2, 3])], |x| x[0].t().contiguous()),
        sample("x0.clone()", [normal(1, &[2, 3])], |x| x[0].copy()),
        sample("x0.permute(2, 0, 1).clone()", [normal(2, &[2, 3, 4])], |x| x[0].permute([2, 0, 1]).copy()),
    ]
}
