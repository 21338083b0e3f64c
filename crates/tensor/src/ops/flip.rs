//! The other way round.

use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, unwrap};
use crate::shape::{Dims, normalize_dims};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Result, Tensor};
use flambeau_kernels::{dispatch_all, index};
use smallvec::smallvec;

/// `torch.flip` along one dimension.
struct Flip {
    dim: usize,
}

impl Op for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let source = x[0].contiguous();
        let block = around(source.shape(), self.dim);
        dispatch_all!(source.dtype(), T => {
            index::flip(source.view::<T>().slice(), block, out[0].slice());
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Flip { dim: self.dim }, &[ctx.grad()]))]
    }
}

impl Tensor {
    /// A copy with the order of the elements reversed along the dimensions given.
    /// [`torch.flip`](https://docs.pytorch.org/docs/stable/generated/torch.flip.html).
    ///
    /// # Panics
    /// If a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].flip(1).to_vec::<i64>(), [2, 1, 4, 3]);
    /// ```
    #[track_caller]
    pub fn flip(&self, dims: impl Into<Dims>) -> Tensor {
        let dims = dims.into();
        let distinct = unwrap(normalize_dims("flip", &dims, self.shape()));
        if dims.0.is_empty() || self.ndim() == 0 {
            return self.copy();
        }
        distinct.into_iter().fold(self.clone(), |x, dim| apply(Flip { dim }, &[&x]))
    }
}

pub(crate) const CALLS: Calls = &[("flip", |a| {
    let (x, dims): (Tensor, Vec<isize>) = (a.get("input")?, a.rest("dims")?);
    a.done(x.flip(dims))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.flip(x0, (0, -1))", [normal(0, &[2, 3, 2])], |x| x[0].flip([0, -1])),
        sample("torch.flip(x0.t(), (1,))", [normal(1, &[2, 3])], |x| x[0].t().flip(1)),
        sample("torch.flip(x0, ())", [normal(2, &[2, 3])], |x| x[0].flip(Vec::<isize>::new())),
        sample("torch.flip(x0, (0,))", [integers(3, 9, &[4])], |x| x[0].flip(0)),
        sample("torch.flip(x0, (0,))", [normal(4, &[])], |x| x[0].flip(0)),
    ]
}
