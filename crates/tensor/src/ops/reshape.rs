//! Other shapes for the same elements: reshape, view, flatten, unflatten, squeeze, unsqueeze.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::shape::{Dims, Shape, inserted_dim, normalize_dim, normalize_dims};
use crate::testing::{Sample, normal, sample};
use crate::{Error, Result, Tensor};
use flambeau_kernels::strided::numel;
use smallvec::smallvec;

/// `Tensor.view`: never copies.
struct View(Shape);

impl Op for View {
    fn name(&self) -> &'static str {
        "view"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        x[0].layout().view(&self.0).map(Output::View).ok_or_else(|| {
            Error::op(
                "view",
                format!(
                    "shape {:?} with strides {:?} cannot be seen as {:?} without a copy; use reshape",
                    x[0].shape(),
                    x[0].strides(),
                    self.0
                ),
            )
        })
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(ctx.grad().reshape(ctx.input_shape(0)))]
    }
}

/// The sizes with −1 replaced by what fits.
fn infer(op: &'static str, from: &[usize], sizes: &Dims) -> Result<Shape> {
    let wrong =
        |why: &str| Err(Error::op(op, format!("shape {from:?} does not become {:?}: {why}", sizes.0)));
    let unknown = sizes.0.iter().filter(|&&s| s == -1).count();
    if unknown > 1 || sizes.0.iter().any(|&s| s < -1) {
        return wrong("sizes are positive, but for one −1");
    }
    let known = sizes.0.iter().filter(|&&s| s != -1).map(|&s| s as usize).collect::<Shape>().numel();
    let n = numel(from);
    if n == usize::MAX {
        return wrong("it has more elements than can be counted");
    }
    if unknown == 1 && known == 0 {
        return wrong("−1 could be any size beside a 0");
    }
    if (unknown == 1 && !n.is_multiple_of(known)) || (unknown == 0 && n != known) {
        return wrong(&format!("{n} elements do not fill it; the sizes multiply to that, or one is −1"));
    }
    Ok(sizes.0.iter().map(|&s| if s == -1 { n / known } else { s as usize }).collect())
}

impl Tensor {
    /// The same elements in row-major order under another shape; −1 stands for the size that fits. Shares memory
    /// where strides allow, else copies.
    /// [`torch.reshape`](https://docs.pytorch.org/docs/stable/generated/torch.reshape.html).
    ///
    /// # Panics
    /// If the sizes do not multiply to the number of elements.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).reshape([-1, 4]).shape(), [6, 4]);
    /// ```
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Dims>) -> Tensor {
        let shape = unwrap(infer("reshape", self.shape(), &shape.into()));
        if shape[..] == *self.shape() {
            return self.clone();
        }
        match self.layout().view(&shape) {
            Some(_) => apply(View(shape), &[self]),
            None => apply(View(shape), &[&self.contiguous()]),
        }
    }

    /// [`reshape`](Tensor::reshape) that never copies (PyTorch's `Tensor.view`; [`view`](Tensor::view) here borrows
    /// the elements in kernels).
    ///
    /// # Panics
    /// If the strides do not allow it.
    #[track_caller]
    pub fn view_as_shape(&self, shape: impl Into<Dims>) -> Tensor {
        apply(View(unwrap(infer("view", self.shape(), &shape.into()))), &[self])
    }

    /// Merges the dimensions from `start` to `end`, both included, into one.
    /// [`torch.flatten`](https://docs.pytorch.org/docs/stable/generated/torch.flatten.html).
    ///
    /// # Panics
    /// If a dimension is out of range, `end` comes before `start`, or sizes of a tensor without elements multiply to
    /// more than a size can be.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).flatten(1, -1).shape(), [2, 12]);
    /// ```
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Tensor {
        let s = unwrap(normalize_dim("flatten", start, self.shape()));
        let e = unwrap(normalize_dim("flatten", end, self.shape()));
        ensure!(
            s <= e,
            "flatten",
            "dimension {start} comes after {end} in shape {:?}; swap them",
            self.shape()
        );
        if self.ndim() == 0 {
            return self.reshape([1]);
        }
        let merged = numel(&self.shape()[s..=e]);
        ensure!(
            isize::try_from(merged).is_ok(),
            "flatten",
            "dimensions {start} to {end} of shape {:?} multiply to more than a size can be; merge fewer of them",
            self.shape()
        );
        let shape: Shape = self.shape()[..s]
            .iter()
            .copied()
            .chain([merged])
            .chain(self.shape()[e + 1..].iter().copied())
            .collect();
        self.reshape(&shape)
    }

    /// Splits a dimension into several whose sizes multiply to its own; −1 stands for the size that fits. Shares
    /// memory.
    /// [`torch.unflatten`](https://docs.pytorch.org/docs/stable/generated/torch.unflatten.html).
    ///
    /// # Panics
    /// If the dimension is out of range, or the sizes do not multiply to its size.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([2, 12]).unflatten(1, [3, -1]).shape(), [2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn unflatten(&self, dim: isize, sizes: impl Into<Dims>) -> Tensor {
        let d = unwrap(normalize_dim("unflatten", dim, self.shape()));
        let sizes = sizes.into();
        ensure!(
            d < self.ndim() && !sizes.0.is_empty(),
            "unflatten",
            "dimension {dim} of shape {:?} does not split into {:?}",
            self.shape(),
            sizes.0
        );
        let parts = unwrap(infer("unflatten", &[self.shape()[d]], &sizes));
        let shape = [&self.shape()[..d], &parts, &self.shape()[d + 1..]].concat();
        apply(View(shape.into()), &[self])
    }

    /// Inserts a dimension of size 1; −1 appends one.
    /// [`torch.unsqueeze`](https://docs.pytorch.org/docs/stable/generated/torch.unsqueeze.html).
    ///
    /// # Panics
    /// If the position is out of range.
    #[track_caller]
    pub fn unsqueeze(&self, dim: isize) -> Tensor {
        let d = unwrap(inserted_dim("unsqueeze", dim, self.shape()));
        let mut shape = self.shape_ref().clone();
        shape.insert(d, 1);
        apply(View(shape), &[self])
    }

    /// Removes the dimensions given where their size is 1; an empty list means all of that size.
    /// [`torch.squeeze`](https://docs.pytorch.org/docs/stable/generated/torch.squeeze.html).
    ///
    /// # Panics
    /// If a dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([1, 3, 1]).squeeze(0).shape(), [3, 1]);
    /// ```
    #[track_caller]
    pub fn squeeze(&self, dims: impl Into<Dims>) -> Tensor {
        let dims = unwrap(normalize_dims("squeeze", &dims.into(), self.shape()));
        let kept = |d: usize| self.shape()[d] != 1 || !dims.contains(&d);
        let shape: Shape = (0..self.ndim()).filter(|&d| kept(d)).map(|d| self.shape()[d]).collect();
        if shape.len() == self.ndim() { self.clone() } else { apply(View(shape), &[self]) }
    }
}

pub(crate) const CALLS: Calls = &[
    ("reshape", |a| {
        let (x, shape): (Tensor, Vec<isize>) = (a.get("input")?, a.rest("shape")?);
        a.done(x.reshape(shape))
    }),
    ("view", |a| {
        let (x, shape): (Tensor, Vec<isize>) = (a.get("input")?, a.rest("size")?);
        a.done(x.view_as_shape(shape))
    }),
    ("flatten", |a| {
        let (x, start, end): (Tensor, _, _) = (a.get("input")?, a.or("start_dim", 0)?, a.or("end_dim", -1)?);
        a.done(x.flatten(start, end))
    }),
    ("unflatten", |a| {
        let (x, dim, sizes): (Tensor, _, Vec<isize>) = (a.get("input")?, a.get("dim")?, a.get("sizes")?);
        a.done(x.unflatten(dim, sizes))
    }),
    ("unsqueeze", |a| {
        let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dim")?);
        a.done(x.unsqueeze(dim))
    }),
    ("squeeze", |a| {
        let (x, dims): (Tensor, Option<Dims>) = (a.get("input")?, a.opt("dim")?);
        a.done(match dims {
            // An empty list names no dimension; here, unlike in reductions, PyTorch takes it at its word.
            Some(dims) if dims.0.is_empty() => x,
            dims => x.squeeze(dims.unwrap_or(Dims::all())),
        })
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.reshape(-1, 4)", [normal(0, &[2, 6])], |x| x[0].reshape([-1, 4])),
        sample("x0.t().reshape(4, 3)", [normal(1, &[2, 6])], |x| x[0].t().reshape([4, 3])),
        sample("torch.flatten(x0, 1, -1)", [normal(2, &[2, 3, 2])], |x| x[0].flatten(1, -1)),
        sample("torch.flatten(x0)", [normal(3, &[])], |x| x[0].flatten(0, -1)),
        sample("x0.t().unflatten(0, (2, -1))", [normal(6, &[3, 6])], |x| x[0].t().unflatten(0, [2, -1])),
        sample("x0.unflatten(-1, (2, 2, 1))", [normal(7, &[2, 4])], |x| x[0].unflatten(-1, [2, 2, 1])),
        sample("x0.unsqueeze(-2)", [normal(4, &[2, 3])], |x| x[0].unsqueeze(-2)),
        sample("x0.squeeze(1)", [normal(5, &[2, 1, 3])], |x| x[0].squeeze(1)),
    ]
}
