//! Diagonals: of a tensor, and tensors made of one.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, raise, unwrap};
use crate::shape::{Layout, Shape, normalize_dim};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Error, Result, Tensor};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::strided::copy_into;
use smallvec::smallvec;

/// The elements with equal positions in two dimensions, but for `offset`, which become the last dimension.
#[derive(Clone, Copy)]
struct Diagonal {
    offset: isize,
    dims: [usize; 2],
}

impl Diagonal {
    fn layout(&self, of: &Layout) -> Layout {
        let [a, b] = self.dims;
        let ahead = self.offset.unsigned_abs();
        // The diagonal starts this far down its first or second dimension.
        let (down, right) = if self.offset < 0 { (ahead, 0) } else { (0, ahead) };
        let len = of.shape[a].saturating_sub(down).min(of.shape[b].saturating_sub(right));
        let rest = || (0..of.shape.len()).filter(|d| !self.dims.contains(d));
        // One of them is 0. Where there are no elements, strides may be as large as a number can be.
        let skip = down.saturating_mul(of.strides[a]).max(right.saturating_mul(of.strides[b]));
        let start = if len == 0 { 0 } else { skip };
        Layout {
            shape: rest().map(|d| of.shape[d]).chain([len]).collect(),
            strides: rest()
                .map(|d| of.strides[d])
                .chain([of.strides[a].saturating_add(of.strides[b])])
                .collect(),
            offset: of.offset.saturating_add(start),
        }
    }
}

impl Op for Diagonal {
    fn name(&self) -> &'static str {
        "diagonal"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::View(self.layout(x[0].layout())))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let shape = ctx.input_shape(0).clone();
        smallvec![Some(apply(Embed { diagonal: *self, shape }, &[ctx.grad()]))]
    }
}

/// The inverse: zeros, with the input on the diagonal.
struct Embed {
    diagonal: Diagonal,
    shape: Shape,
}

impl Op for Embed {
    fn name(&self) -> &'static str {
        "diag"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.shape.clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let to = self.diagonal.layout(&Layout::contiguous(self.shape.clone()));
        dispatch_all!(x[0].dtype(), T => {
            let out = out[0].slice::<T>();
            out.fill(T::default());
            copy_into(x[0].view::<T>().strided(), x[0].shape(), out, to.offset, &to.strides);
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(self.diagonal, &[ctx.grad()]))]
    }
}

impl Tensor {
    /// The elements whose positions in `dim1` and `dim2` are i and i + `offset` (i − `offset` and i where that is
    /// negative); they become the last dimension, in place of the two. Shares memory. PyTorch's defaults are 0, 0, 1.
    /// [`torch.diagonal`](https://docs.pytorch.org/docs/stable/generated/torch.diagonal.html).
    ///
    /// # Panics
    /// If a dimension is out of range or both are the same.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1, 2, 3], [4, 5, 6]];
    /// assert_eq!(x.diagonal(0, 0, 1).to_vec::<i64>(), [1, 5]);
    /// assert_eq!(x.diagonal(1, 0, 1).to_vec::<i64>(), [2, 6]);
    /// ```
    #[track_caller]
    pub fn diagonal(&self, offset: isize, dim1: isize, dim2: isize) -> Tensor {
        let dims = [dim1, dim2].map(|d| unwrap(normalize_dim("diagonal", d, self.shape())));
        ensure!(
            dims[0] != dims[1],
            "diagonal",
            "dimensions {dim1} and {dim2} of shape {:?} are the same; it takes two",
            self.shape()
        );
        apply(Diagonal { offset, dims }, &[self])
    }

    /// Of a vector: the matrix with it on the diagonal number `diagonal` (above the main one if positive). Of a
    /// matrix: that diagonal.
    /// [`torch.diag`](https://docs.pytorch.org/docs/stable/generated/torch.diag.html).
    ///
    /// # Panics
    /// If there are neither one nor two dimensions.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1, 2].diag(0).to_vec::<i64>(), [1, 0, 0, 2]);
    /// assert_eq!(tensor![[1, 2], [3, 4]].diag(1).to_vec::<i64>(), [2]);
    /// ```
    #[track_caller]
    pub fn diag(&self, diagonal: isize) -> Tensor {
        match *self.shape() {
            [n] => {
                let size = n.saturating_add(diagonal.unsigned_abs());
                let shape = Shape::from([size, size]);
                apply(Embed { diagonal: Diagonal { offset: diagonal, dims: [0, 1] }, shape }, &[self])
            }
            [_, _] => self.diagonal(diagonal, 0, 1).copy(),
            _ => raise(Error::op(
                "diag",
                format!("shape {:?} is neither a vector nor a matrix; use diagonal", self.shape()),
            )),
        }
    }
}

pub(crate) const CALLS: Calls = &[
    ("diagonal", |a| {
        let x: Tensor = a.get("input")?;
        let (offset, dim1, dim2) = (a.or("offset", 0)?, a.or("dim1", 0)?, a.or("dim2", 1)?);
        a.done(x.diagonal(offset, dim1, dim2))
    }),
    ("diag", |a| {
        let (x, diagonal): (Tensor, isize) = (a.get("input")?, a.or("diagonal", 0)?);
        a.done(x.diag(diagonal))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.diagonal(x0)", [normal(0, &[3, 4])], |x| x[0].diagonal(0, 0, 1)),
        sample("torch.diagonal(x0.t(), -2)", [normal(1, &[3, 4])], |x| x[0].t().diagonal(-2, 0, 1)),
        sample("torch.diagonal(x0, 1, -1, 0)", [normal(2, &[3, 2, 4])], |x| x[0].diagonal(1, -1, 0)),
        sample("torch.diagonal(x0, 5)", [normal(3, &[3, 4])], |x| x[0].diagonal(5, 0, 1)),
        sample("torch.diag(x0)", [normal(4, &[3])], |x| x[0].diag(0)),
        sample("torch.diag(x0, -2)", [integers(5, 9, &[2])], |x| x[0].diag(-2)),
        sample("torch.diag(x0, 1)", [normal(6, &[3, 3])], |x| x[0].diag(1)),
    ]
}
