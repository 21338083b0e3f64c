//! Dimensions in another order: permute, transpose, t, movedim.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::shape::{Dims, Layout, normalize_dim, normalize_dims};
use crate::testing::{Sample, normal, sample};
use crate::{Result, Tensor};
use smallvec::{SmallVec, smallvec};

/// Dimension i of the result is dimension `0[i]` of the input.
struct Permute(SmallVec<[usize; 5]>);

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let from = x[0].layout();
        Ok(Output::View(Layout {
            shape: self.0.iter().map(|&d| from.shape[d]).collect(),
            strides: self.0.iter().map(|&d| from.strides[d]).collect(),
            offset: from.offset,
        }))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let mut inverse: SmallVec<[usize; 5]> = self.0.clone();
        self.0.iter().enumerate().for_each(|(i, &d)| inverse[d] = i);
        smallvec![Some(apply(Permute(inverse), &[ctx.grad()]))]
    }
}

impl Tensor {
    /// The dimensions in another order, without copying.
    /// [`torch.permute`](https://docs.pytorch.org/docs/stable/generated/torch.permute.html).
    ///
    /// # Panics
    /// If `dims` does not name each dimension once.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).permute([2, 0, 1]).shape(), [4, 2, 3]);
    /// ```
    #[track_caller]
    pub fn permute(&self, dims: impl Into<Dims>) -> Tensor {
        let dims: Dims = dims.into();
        ensure!(
            dims.0.len() == self.ndim(),
            "permute",
            "{:?} does not name each of the {} dimensions of shape {:?} once",
            dims.0,
            self.ndim(),
            self.shape()
        );
        apply(Permute(unwrap(normalize_dims("permute", &dims, self.shape()))), &[self])
    }

    /// Swaps two dimensions, without copying.
    /// [`torch.transpose`](https://docs.pytorch.org/docs/stable/generated/torch.transpose.html).
    ///
    /// # Panics
    /// If a dimension is out of range.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Tensor {
        let a = unwrap(normalize_dim("transpose", a, self.shape()));
        let b = unwrap(normalize_dim("transpose", b, self.shape()));
        let mut dims: SmallVec<[usize; 5]> = (0..self.ndim()).collect();
        if self.ndim() > 0 {
            dims.swap(a, b);
        }
        apply(Permute(dims), &[self])
    }

    /// The transpose of a matrix; tensors of fewer dimensions stay as they are.
    /// [`torch.t`](https://docs.pytorch.org/docs/stable/generated/torch.t.html).
    ///
    /// # Panics
    /// If there are more than two dimensions; use [`transpose`](Tensor::transpose).
    #[track_caller]
    pub fn t(&self) -> Tensor {
        ensure!(
            self.ndim() <= 2,
            "t",
            "a tensor of shape {:?} is no matrix; use transpose(-2, -1)",
            self.shape()
        );
        if self.ndim() < 2 { self.clone() } else { self.transpose(0, 1) }
    }

    /// Moves dimensions to other places, without copying; the rest keep their order.
    /// [`torch.movedim`](https://docs.pytorch.org/docs/stable/generated/torch.movedim.html).
    ///
    /// # Panics
    /// If the lists differ in length, or a dimension in one of them is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([2, 3, 4]).movedim(0, -1).shape(), [3, 4, 2]);
    /// ```
    #[track_caller]
    pub fn movedim(&self, source: impl Into<Dims>, destination: impl Into<Dims>) -> Tensor {
        let (source, destination) = (source.into(), destination.into());
        ensure!(
            source.0.len() == destination.0.len(),
            "movedim",
            "{:?} and {:?} differ in length; each dimension needs one destination",
            source.0,
            destination.0
        );
        let from = unwrap(normalize_dims("movedim", &source, self.shape()));
        let to = unwrap(normalize_dims("movedim", &destination, self.shape()));
        if source.0.is_empty() || self.ndim() == 0 {
            return self.clone();
        }
        let mut rest = (0..self.ndim()).filter(|d| !from.contains(d));
        let order = (0..self.ndim())
            .filter_map(|d| match to.iter().position(|&t| t == d) {
                Some(moved) => Some(from[moved]),
                None => rest.next(),
            })
            .collect();
        apply(Permute(order), &[self])
    }
}

pub(crate) const CALLS: Calls = &[
    ("permute", |a| {
        let (x, dims): (Tensor, Vec<isize>) = (a.get("input")?, a.rest("dims")?);
        a.done(x.permute(dims))
    }),
    ("transpose", |a| {
        let (x, dim0, dim1): (Tensor, _, _) = (a.get("input")?, a.get("dim0")?, a.get("dim1")?);
        a.done(x.transpose(dim0, dim1))
    }),
    ("t", |a| {
        let x: Tensor = a.get("input")?;
        a.done(x.t())
    }),
    ("movedim", |a| {
        let (x, source, destination): (Tensor, Dims, Dims) =
            (a.get("input")?, a.get("source")?, a.get("destination")?);
        a.done(x.movedim(source, destination))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.permute(2, 0, 1)", [normal(0, &[2, 3, 4])], |x| x[0].permute([2, 0, 1])),
        sample("x0.transpose(-1, 0)", [normal(1, &[2, 3, 4])], |x| x[0].transpose(-1, 0)),
        sample("x0.t()", [normal(2, &[2, 3])], |x| x[0].t()),
        sample("x0.movedim((0, -2), (-1, 0))", [normal(3, &[2, 3, 4])], |x| x[0].movedim([0, -2], [-1, 0])),
        sample("x0.movedim(1, 0)", [normal(4, &[2, 3])], |x| x[0].movedim(1, 0)),
    ]
}
