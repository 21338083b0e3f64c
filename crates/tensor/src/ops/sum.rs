//! Sums over dimensions.

use super::cumsum::counted;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, unwrap};
use crate::shape::{Dims, Shape, normalize_dims};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::strided::numel;
use flambeau_kernels::{dispatch_all, reduce};
use smallvec::{SmallVec, smallvec};

/// Dimensions that a reduction removes, and whether they stay with size 1.
#[derive(Clone)]
pub(crate) struct Reduced {
    pub(crate) dims: SmallVec<[usize; 5]>,
    pub(crate) keepdim: bool,
}

impl Reduced {
    pub(crate) fn new(op: &'static str, x: &Tensor, dims: &Dims, keepdim: bool) -> Result<Reduced> {
        let mut dims = normalize_dims(op, dims, x.shape())?;
        dims.retain(|&mut d| d < x.ndim());
        Ok(Reduced { dims, keepdim })
    }

    pub(crate) fn all(x: &Tensor) -> Reduced {
        Reduced { dims: (0..x.ndim()).collect(), keepdim: false }
    }

    /// Refuses to look for an extreme among no elements.
    pub(crate) fn check_not_empty(&self, op: &'static str, x: &Tensor) -> Result<()> {
        if self.dims.iter().any(|&d| x.shape()[d] == 0) {
            return Err(Error::op(
                op,
                format!("of no elements (shape {:?}) is undefined; look at numel() first", x.shape()),
            ));
        }
        Ok(())
    }

    /// The result's shape.
    pub(crate) fn shape(&self, of: &[usize]) -> Shape {
        (0..of.len())
            .filter(|d| self.keepdim || !self.dims.contains(d))
            .map(|d| if self.dims.contains(&d) { 1 } else { of[d] })
            .collect()
    }

    /// A tensor of the result's shape with the removed dimensions put back as size 1, so that it broadcasts.
    pub(crate) fn restore(&self, y: &Tensor, of: &[usize]) -> Tensor {
        y.reshape(&Reduced { dims: self.dims.clone(), keepdim: true }.shape(of))
    }

    /// The input as a contiguous `[outer, axis, inner]` block whose middle is what gets reduced.
    pub(crate) fn block(&self, x: &Tensor) -> (Tensor, [usize; 3]) {
        let size = |dims: &[usize]| dims.iter().map(|&d| x.shape()[d]).collect::<Shape>().numel();
        let mut dims = self.dims.clone();
        dims.sort_unstable();
        let neighbours = dims.windows(2).all(|d| d[0] + 1 == d[1]);
        if neighbours && x.is_contiguous() {
            let (first, last) = (dims.first().copied().unwrap_or(0), dims.last().map_or(0, |d| d + 1));
            let block = [&x.shape()[..first], &x.shape()[first..last], &x.shape()[last..]].map(numel);
            return (x.clone(), block);
        }
        let kept: SmallVec<[usize; 5]> = (0..x.ndim()).filter(|d| !dims.contains(d)).collect();
        let order: Vec<usize> = kept.iter().chain(&dims).copied().collect();
        (x.permute(order).contiguous(), [size(&kept), size(&dims), 1])
    }
}

/// `torch.sum` over dimensions.
struct Sum(Reduced);

impl Op for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.0.shape(x[0].shape()), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let mut dims = self.0.dims.clone();
        dims.sort_unstable();
        let gap = (1..dims.len()).rev().find(|&i| dims[i - 1] + 1 < dims[i]);
        if let Some(gap) = gap.filter(|_| x[0].is_contiguous()) {
            // Instead of a permuted copy.
            let inner = sum(x[0], Reduced { dims: dims[gap..].into(), keepdim: true });
            dims.truncate(gap);
            return Sum(Reduced { dims, ..self.0 }).cpu(&[&inner], out);
        }
        let (x, block) = self.0.block(x[0]);
        dispatch_all!(x.dtype(), T => reduce::reduce(reduce::Sum, x.view::<T>().slice(), block, out[0].slice()));
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let shape = ctx.input_shape(0);
        smallvec![Some(self.0.restore(ctx.grad(), shape).expand(shape))]
    }
}

#[track_caller]
fn sum(x: &Tensor, reduced: Reduced) -> Tensor {
    apply(Sum(reduced), &[&counted(x)])
}

impl Tensor {
    /// Σ x over all elements, 0-d; integers and bools give `i64`.
    /// [`torch.sum`](https://docs.pytorch.org/docs/stable/generated/torch.sum.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].sum().item::<f32>(), 10.0);
    /// ```
    #[track_caller]
    pub fn sum(&self) -> Tensor {
        sum(self, Reduced::all(self))
    }

    /// Σ x over the dimensions given (an empty list: all), which are removed, or stay with size 1 if `keepdim`.
    ///
    /// # Panics
    /// If a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// assert_eq!(x.sum_dim(0, false).to_vec::<f32>(), [4.0, 6.0]);
    /// assert_eq!(x.sum_dim([0, 1], true).shape(), [1, 1]);
    /// ```
    #[track_caller]
    pub fn sum_dim(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        sum(self, unwrap(Reduced::new("sum", self, &dims.into(), keepdim)))
    }

    /// The sum that undoes broadcasting: over the dimensions that `shape` lacks or has with size 1.
    #[track_caller]
    pub(crate) fn sum_to(&self, shape: &Shape) -> Tensor {
        let added = self.ndim().saturating_sub(shape.len());
        let dims = (0..self.ndim())
            .filter(|&d| d < added || (shape[d - added] == 1 && self.shape()[d] != 1))
            .collect();
        sum(self, Reduced { dims, keepdim: false }).reshape(shape)
    }
}

pub(crate) const CALLS: Calls = &[("sum", |a| {
    let (x, dims, keepdim): (Tensor, Dims, bool) =
        (a.get("input")?, a.or("dim", Dims::all())?, a.or("keepdim", false)?);
    let dtype: Option<DType> = a.key("dtype")?;
    let y = dtype.map_or_else(|| x.clone(), |dtype| x.to_dtype(dtype)).sum_dim(dims, keepdim);
    a.done(dtype.map_or_else(|| y.clone(), |dtype| y.to_dtype(dtype)))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.sum()", [normal(0, &[3, 4])], |x| x[0].sum()),
        sample("x0.sum(0)", [normal(1, &[3, 4])], |x| x[0].sum_dim(0, false)),
        sample("x0.sum((0, 2), keepdim=True)", [normal(2, &[2, 3, 4])], |x| x[0].sum_dim([0, 2], true)),
        sample("x0.t().sum(-1)", [normal(3, &[3, 4])], |x| x[0].t().sum_dim(-1, false)),
        sample("x0.sum()", [normal(4, &[])], |x| x[0].sum()),
        sample("x0.sum(1)", [integers(5, 9, &[2, 3])], |x| x[0].sum_dim(1, false)),
    ]
}
