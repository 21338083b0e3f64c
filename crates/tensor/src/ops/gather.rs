//! Picking elements along a dimension by their positions.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::{Shape, normalize_dim};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::{Strided, dispatch_all, index};
use smallvec::smallvec;

/// `torch.gather` along a dimension.
pub struct Gather {
    /// The dimension.
    pub dim: usize,
}

/// Refuses an index that is not i64 within the sizes of x. A 0-d tensor counts as one of a single dimension.
pub(crate) fn check_positions(op: &'static str, index: &Tensor, shape: &[usize], dim: usize) -> Result<()> {
    if index.dtype() != DType::I64 {
        return Err(Error::op(op, format!("the index is {}; it must be torch.int64", index.dtype())));
    }
    // PyTorch takes an index without elements whatever its dimensions.
    if index.numel() == 0 {
        return Ok(());
    }
    let size = |s: &[usize], d: usize| s.get(d).copied().unwrap_or(1);
    let fits = index.ndim().max(1) == shape.len().max(1)
        && (0..shape.len()).all(|d| d == dim || size(index.shape(), d) <= shape[d]);
    if !fits {
        return Err(Error::op(
            op,
            format!(
                "an index of shape {:?} into shape {shape:?}; it must have as many dimensions, none but dimension {dim} larger",
                index.shape()
            ),
        ));
    }
    let size = size(shape, dim);
    let values = index.detach().contiguous();
    let values = values.view::<i64>();
    if index::within(&values, size) {
        return Ok(());
    }
    match values.iter().find(|&&i| i < 0 || i as usize >= size) {
        Some(i) => Err(Error::op(
            op,
            format!(
                "index {i} is outside of dimension {dim} of size {size}; it must be from 0 to below {size}"
            ),
        )),
        None => Ok(()),
    }
}

/// Strides for the index's shape, those of the picked dimension set to 0, and its stride.
fn picked(strides: &[usize], dim: usize, ndim: usize) -> (Shape, usize) {
    let at = |d| if d == dim { 0 } else { strides.get(d).copied().unwrap_or(0) };
    ((0..ndim).map(at).collect(), strides.get(dim).copied().unwrap_or(1))
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        check_positions(self.name(), x[1], x[0].shape(), self.dim)?;
        Ok(Output::New(x[1].shape_ref().clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (numbers, shape) = (x[1].contiguous(), out[0].shape().clone());
        if numbers.numel() == 0 {
            return;
        }
        dispatch_all!(x[0].dtype(), T => {
            let view = x[0].view::<T>();
            let Strided { data, offset, strides } = view.strided();
            let (strides, step) = picked(strides, self.dim, shape.len());
            let x = Strided { data, offset, strides: &strides };
            index::gather(x, step, numbers.view().slice(), &shape, out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let back = GatherAdd { dim: self.dim, shape: ctx.input_shape(0).clone() };
        smallvec![Some(apply(back, &[ctx.grad(), ctx.input(1)])), None]
    }
}

/// Zeros, with the input added where [`Gather`] picked.
pub(crate) struct GatherAdd {
    pub(crate) dim: usize,
    pub(crate) shape: Shape,
}

impl Op for GatherAdd {
    fn name(&self) -> &'static str {
        "gather_backward"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.shape.clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, numbers) = (x[0].contiguous(), x[1].contiguous());
        let (strides, step) = picked(&self.shape.strides(), self.dim, numbers.ndim());
        dispatch_all!(x.dtype(), T => {
            let out = out[0].slice::<T>();
            out.fill(T::default());
            if numbers.numel() > 0 {
                index::gather_add(x.view::<T>().slice(), numbers.view().slice(), numbers.shape(), out, &strides, step);
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Gather { dim: self.dim }, &[ctx.grad(), ctx.input(1)])), None]
    }
}

impl Tensor {
    /// Picks elements along dimension `dim`; for three dimensions and `dim` = 1, yᵢⱼₖ = x\[i, indexᵢⱼₖ, k\].
    ///
    /// The index (`i64`) has as many dimensions as this tensor, and its other sizes may be smaller; the result has its
    /// shape.
    /// [`torch.gather`](https://docs.pytorch.org/docs/stable/generated/torch.gather.html).
    ///
    /// # Panics
    /// If the index has another dtype, does not fit, or a position is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(x.gather(1, &tensor![[0, 0], [1, 0]]).to_vec::<f32>(), [1.0, 1.0, 4.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn gather(&self, dim: isize, index: &Tensor) -> Tensor {
        let dim = unwrap(normalize_dim("gather", dim, self.shape()));
        apply(Gather { dim }, &[self, index])
    }
}

pub(crate) const CALLS: Calls = &[("gather", |a| {
    let (x, dim, index): (Tensor, _, Tensor) = (a.get("input")?, a.get("dim")?, a.get("index")?);
    // A hint about memory alone.
    a.key::<bool>("sparse_grad")?;
    a.done(x.gather(dim, &index))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.gather(x0, 1, x1)", [normal(0, &[3, 4]), integers(1, 4, &[3, 6])], |x| {
            x[0].gather(1, &x[1])
        }),
        sample("torch.gather(x0, 0, x1)", [normal(2, &[3, 4, 2]), integers(3, 3, &[2, 3, 1])], |x| {
            x[0].gather(0, &x[1])
        }),
        sample("torch.gather(x0.t(), -1, x1.t())", [normal(4, &[3, 4]), integers(5, 3, &[2, 4])], |x| {
            x[0].t().gather(-1, &x[1].t())
        }),
        sample("torch.gather(x0, 0, x1)", [normal(6, &[]), integers(7, 1, &[])], |x| x[0].gather(0, &x[1])),
        sample("torch.gather(x0, 0, x1)", [normal(8, &[]), integers(9, 1, &[2])], |x| x[0].gather(0, &x[1])),
        sample("torch.gather(x0, 0, x1)", [integers(10, 9, &[5]), integers(11, 5, &[2])], |x| {
            x[0].gather(0, &x[1])
        }),
    ]
}
