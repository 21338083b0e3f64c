//! Slices of a tensor by their numbers.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::strided::numel;
use flambeau_kernels::{dispatch_all, index};
use smallvec::smallvec;

/// `torch.index_select` along a dimension.
pub struct IndexSelect {
    /// The dimension.
    pub dim: usize,
}

/// Refuses an index that is not 1-D i64 within the size of a dimension of x; a 0-d x takes one index.
pub(crate) fn check_index(op: &'static str, index: &Tensor, x: &Tensor, dim: usize) -> Result<()> {
    if dim >= x.ndim().max(1) || (x.ndim() == 0 && index.numel() != 1) {
        let (shape, n) = (x.shape(), index.numel());
        return Err(Error::op(
            op,
            format!("{n} indices into dimension {dim} of a tensor of shape {shape:?}"),
        ));
    }
    let [_, size, _] = around(x.shape(), dim);
    if index.dtype() != DType::I64 || index.ndim() > 1 {
        return Err(Error::op(
            op,
            format!(
                "the index is {} of shape {:?}; it must be torch.int64 with one dimension",
                index.dtype(),
                index.shape()
            ),
        ));
    }
    let values = index.detach().contiguous();
    let values = values.view::<i64>();
    if index::within(&values, size) {
        return Ok(());
    }
    match values.iter().find(|&&i| i < 0 || i as usize >= size) {
        Some(i) => Err(Error::op(
            op,
            format!("index {i} is outside of a dimension of size {size}; it must be from 0 to below {size}"),
        )),
        None => Ok(()),
    }
}

/// A contiguous tensor as `[outer, axis, inner]` around one dimension.
pub(crate) fn around(shape: &[usize], dim: usize) -> [usize; 3] {
    let axis = shape.get(dim).copied().unwrap_or(1);
    [numel(&shape[..dim.min(shape.len())]), axis, numel(shape.get(dim + 1..).unwrap_or(&[]))]
}

impl Op for IndexSelect {
    fn name(&self) -> &'static str {
        "index_select"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        check_index(self.name(), x[1], x[0], self.dim)?;
        let mut shape = x[0].shape_ref().clone();
        if let Some(size) = shape.get_mut(self.dim) {
            *size = x[1].numel();
        }
        Ok(Output::New(shape, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (source, numbers) = (x[0].contiguous(), x[1].contiguous());
        dispatch_all!(source.dtype(), T => {
            let block = around(source.shape(), self.dim);
            index::index_select(source.view::<T>().slice(), block, numbers.view().slice(), out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let zeros = Tensor::zeros_once(ctx.input_shape(0), ctx.grad().dtype());
        smallvec![Some(zeros.index_add(self.dim as isize, ctx.input(1), ctx.grad())), None]
    }
}

impl Tensor {
    /// The slices of dimension `dim` whose numbers `index` (1-D, `i64`) lists, in that order, copied.
    /// [`torch.index_select`](https://docs.pytorch.org/docs/stable/generated/torch.index_select.html).
    ///
    /// # Panics
    /// If the index has another dtype or shape, or a number is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(x.index_select(0, &tensor![1, 1, 0]).to_vec::<f32>(), [3.0, 4.0, 3.0, 4.0, 1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn index_select(&self, dim: isize, index: &Tensor) -> Tensor {
        let dim = unwrap(normalize_dim("index_select", dim, self.shape()));
        apply(IndexSelect { dim }, &[self, index])
    }
}

pub(crate) const CALLS: Calls = &[("index_select", |a| {
    let (x, dim, index): (Tensor, _, Tensor) = (a.get("input")?, a.get("dim")?, a.get("index")?);
    a.done(x.index_select(dim, &index))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.index_select(x0, 0, x1)", [normal(0, &[4, 3]), integers(1, 4, &[6])], |x| {
            x[0].index_select(0, &x[1])
        }),
        sample("torch.index_select(x0, -2, x1)", [normal(2, &[2, 5, 3]), integers(3, 5, &[3])], |x| {
            x[0].index_select(-2, &x[1])
        }),
    ]
}
