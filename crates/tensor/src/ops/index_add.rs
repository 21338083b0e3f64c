//! Adding slices at given numbers.

use super::index_select::{around, check_index};
use crate::autograd::{Context, Gradients};
use crate::door::{Calls, Other};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Error, Result, Tensor};
use flambeau_kernels::{dispatch_all, index, pointwise};
use smallvec::smallvec;

/// `torch.index_add` along a dimension.
pub struct IndexAdd {
    /// The dimension.
    pub dim: usize,
}

impl Op for IndexAdd {
    fn name(&self) -> &'static str {
        "index_add"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        3..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        check_index(self.name(), x[1], x[0], self.dim)?;
        let mut shape = x[0].shape_ref().clone();
        if let Some(size) = shape.get_mut(self.dim) {
            *size = x[1].numel();
        }
        if shape != *x[2].shape_ref() || x[0].dtype() != x[2].dtype() {
            return Err(Error::op(
                "index_add",
                format!(
                    "the source is {:?} of {}; with {} indices into {:?} of {} it must be {shape:?} of the same dtype",
                    x[2].shape(),
                    x[2].dtype(),
                    x[1].numel(),
                    x[0].shape(),
                    x[0].dtype()
                ),
            ));
        }
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (base, [numbers, source]) = (x[0], [x[1], x[2]].map(Tensor::contiguous));
        dispatch_all!(base.dtype(), T => {
            let out = out[0].slice::<T>();
            pointwise::copy(base.view().strided(), base.shape(), out);
            let block = around(base.shape(), self.dim);
            index::index_add(source.view::<T>().slice(), block, numbers.view().slice(), out);
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let g = ctx.grad();
        smallvec![
            ctx.needs(0).then(|| g.clone()),
            None,
            ctx.needs(2).then(|| g.index_select(self.dim as isize, ctx.input(1)))
        ]
    }
}

impl Tensor {
    /// A copy of this tensor with slice i of `source` added to slice `index[i]` of dimension `dim`, in order.
    /// [`torch.index_add`](https://docs.pytorch.org/docs/stable/generated/torch.index_add.html).
    ///
    /// # Panics
    /// If the index is not 1-D `i64` within range, or the source has another shape or dtype.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::zeros([3]).index_add(0, &tensor![0, 2, 0], &tensor![1.0, 2.0, 3.0]);
    /// assert_eq!(x.to_vec::<f32>(), [4.0, 0.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn index_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Tensor {
        let dim = unwrap(normalize_dim("index_add", dim, self.shape()));
        apply(IndexAdd { dim }, &[self, index, source])
    }
}

pub(crate) const CALLS: Calls = &[("index_add", |a| {
    let (x, dim, index): (Tensor, _, Tensor) = (a.get("input")?, a.get("dim")?, a.get("index")?);
    let source: Tensor = a.get("source")?;
    let source = match a.key::<Other>("alpha")? {
        Some(alpha) => source.mul(alpha),
        None => source,
    };
    a.done(x.index_add(dim, &index, &source))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample(
            "torch.index_add(x0, 1, x1, x2)",
            [normal(0, &[2, 4]), integers(1, 4, &[5]), normal(2, &[2, 5])],
            |x| x[0].index_add(1, &x[1], &x[2]),
        ),
        sample(
            "x0.index_add(0, x1, x2)",
            [normal(0, &[3, 2]), integers(1, 3, &[4]), normal(2, &[4, 2])],
            |x| x[0].index_add(0, &x[1], &x[2]),
        ),
    ]
}
