//! Cutting along a dimension: split, split_with_sizes, chunk, unbind, unbind_copy.

use crate::autograd::{Context, Gradients};
use crate::door::{Calls, FromValue, Value};
use crate::op::{Fresh, Op, Output, ensure, unwrap};
use crate::shape::{Shape, normalize_dim};
use crate::testing::{Sample, normal, sample};
use crate::{Error, Result, Tensor, try_apply};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::strided::copy_into;
use smallvec::smallvec;

/// More parts than anybody means; a dimension that repeats one element can be longer than memory.
const MOST: usize = 1 << 20;

/// The dimension counted from the front, and its size.
fn axis(op: &'static str, x: &Tensor, dim: isize) -> Result<(isize, usize)> {
    let d = normalize_dim(op, dim, x.shape())?;
    match x.shape().get(d) {
        Some(&size) => Ok((d as isize, size)),
        None => Err(Error::op(op, "a 0-d tensor has no dimension to cut; unsqueeze gives it one")),
    }
}

fn check(op: &'static str, x: &Tensor, parts: usize) -> Result<()> {
    let shape = x.shape();
    if parts <= MOST {
        Ok(())
    } else {
        Err(Error::op(op, format!("{parts} parts of shape {shape:?}; at most {MOST}")))
    }
}

/// `torch.unbind_copy`. Its backward pass is one stack, where that of n views is n tensors of the full size.
struct UnbindCopy {
    dim: usize,
}

/// A shape without one of its dimensions.
fn without(shape: &[usize], dim: usize) -> Shape {
    shape.iter().enumerate().filter(|(d, _)| *d != dim).map(|(_, &size)| size).collect()
}

impl Op for UnbindCopy {
    fn name(&self) -> &'static str {
        "unbind_copy"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let part = (without(x[0].shape(), self.dim), x[0].dtype());
        Ok(Output::Many(vec![part; x[0].shape()[self.dim]]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        for (i, out) in out.iter_mut().enumerate() {
            let (part, strides) = (x[0].select(self.dim as isize, i as isize), out.shape().strides());
            dispatch_all!(part.dtype(), T => {
                copy_into(part.view::<T>().strided(), part.shape(), out.slice::<T>(), 0, &strides);
            });
        }
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let shape = ctx.input_shape(0);
        let part = |i| {
            ctx.grad_of(i)
                .cloned()
                .unwrap_or_else(|| Tensor::full_as(0.0, without(shape, self.dim), ctx.input_dtype(0)))
        };
        let parts: Vec<Tensor> = (0..shape[self.dim]).map(part).collect();
        smallvec![Some(Tensor::stack(&parts, self.dim as isize))]
    }
}

impl Tensor {
    /// Parts of `size` positions along a dimension, the last one smaller if need be; they share memory.
    /// [`torch.split`](https://docs.pytorch.org/docs/stable/generated/torch.split.html).
    ///
    /// # Panics
    /// If the dimension is out of range, or `size` is 0 and the dimension's is not.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let parts = tensor![1.0, 2.0, 3.0].split(2, 0);
    /// assert_eq!((parts[0].to_vec::<f32>(), parts[1].to_vec::<f32>()), (vec![1.0, 2.0], vec![3.0]));
    /// ```
    #[track_caller]
    pub fn split(&self, size: usize, dim: isize) -> Vec<Tensor> {
        let (dim, total) = unwrap(axis("split", self, dim));
        ensure!(
            size > 0 || total == 0,
            "split",
            "parts of size 0 never use up dimension {dim} of shape {:?}",
            self.shape()
        );
        // A dimension of size 0 gives one part, empty.
        let parts = total.div_ceil(size.max(1)).max(1);
        unwrap(check("split", self, parts));
        (0..parts).map(|i| self.narrow(dim, i * size, size.min(total - i * size))).collect()
    }

    /// Parts of the sizes given along a dimension; they share memory. (`torch.split` with a list.)
    /// [`torch.split`](https://docs.pytorch.org/docs/stable/generated/torch.split.html).
    ///
    /// # Panics
    /// If the dimension is out of range or the sizes do not add up to its size.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 3.0].split_with_sizes(&[1, 2], 0)[1].to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn split_with_sizes(&self, sizes: &[usize], dim: isize) -> Vec<Tensor> {
        let (dim, total) = unwrap(axis("split_with_sizes", self, dim));
        let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        ensure!(
            sum == Some(total),
            "split_with_sizes",
            "sizes {sizes:?} do not add up to {total}, the size of dimension {dim} of shape {:?}; change one of them",
            self.shape()
        );
        let mut start = 0;
        let part = |&size| {
            start += size;
            self.narrow(dim, start - size, size)
        };
        sizes.iter().map(part).collect()
    }

    /// At most `chunks` parts along a dimension, of equal size but for the last; they share memory. There are fewer
    /// where the sizes do not work out: 5 positions in 4 chunks make 2 + 2 + 1.
    /// [`torch.chunk`](https://docs.pytorch.org/docs/stable/generated/torch.chunk.html).
    ///
    /// # Panics
    /// If the dimension is out of range or `chunks` is 0.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::zeros([5]).chunk(4, 0).len(), 3);
    /// ```
    #[track_caller]
    pub fn chunk(&self, chunks: usize, dim: isize) -> Vec<Tensor> {
        let (dim, total) = unwrap(axis("chunk", self, dim));
        ensure!(chunks > 0, "chunk", "shape {:?} into 0 parts; ask for at least one", self.shape());
        if total == 0 {
            unwrap(check("chunk", self, chunks));
            return (0..chunks).map(|_| self.narrow(dim, 0, 0)).collect();
        }
        self.split(total.div_ceil(chunks), dim)
    }

    /// The slices of a dimension, which is removed; they share memory.
    /// [`torch.unbind`](https://docs.pytorch.org/docs/stable/generated/torch.unbind.html).
    ///
    /// # Panics
    /// If the dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let columns = tensor![[1.0, 2.0], [3.0, 4.0]].unbind(1);
    /// assert_eq!(columns[1].to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn unbind(&self, dim: isize) -> Vec<Tensor> {
        let (dim, size) = unwrap(axis("unbind", self, dim));
        unwrap(check("unbind", self, size));
        (0..size as isize).map(|i| self.select(dim, i)).collect()
    }

    /// [`unbind`](Tensor::unbind) with copies in place of views: the gradient of all parts together costs as much as
    /// one of `self`, whereas each view's costs that much.
    /// [`torch.unbind_copy`](https://docs.pytorch.org/docs/stable/generated/torch.unbind_copy.html).
    ///
    /// # Panics
    /// If the dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let rows = tensor![[1.0, 2.0], [3.0, 4.0]].unbind_copy(0);
    /// assert_eq!(rows[1].to_vec::<f32>(), [3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn unbind_copy(&self, dim: isize) -> Vec<Tensor> {
        let (dim, size) = unwrap(axis("unbind_copy", self, dim));
        unwrap(check("unbind_copy", self, size));
        unwrap(try_apply(UnbindCopy { dim: dim as usize }, &[self])).into_vec()
    }
}

pub(crate) const CALLS: Calls = &[
    ("split", |a| {
        let (x, parts, dim): (Tensor, &Value, isize) =
            (a.get("input")?, a.get("split_size_or_sections")?, a.or("dim", 0)?);
        a.done(match (usize::from_value(parts), Vec::<usize>::from_value(parts)) {
            (Some(size), _) => x.split(size, dim),
            (_, Some(sizes)) => x.split_with_sizes(&sizes, dim),
            _ => {
                return Err(Error::op(
                    "split",
                    format!("parts of {parts:?}; it takes a size or a list of sizes"),
                ));
            }
        })
    }),
    ("split_with_sizes", |a| {
        let (x, sizes, dim): (Tensor, Vec<usize>, _) =
            (a.get("input")?, a.get("split_sizes")?, a.or("dim", 0)?);
        a.done(x.split_with_sizes(&sizes, dim))
    }),
    ("chunk", |a| {
        let (x, chunks, dim): (Tensor, _, _) = (a.get("input")?, a.get("chunks")?, a.or("dim", 0)?);
        a.done(x.chunk(chunks, dim))
    }),
    ("unbind", |a| {
        let (x, dim): (Tensor, isize) = (a.get("input")?, a.or("dim", 0)?);
        a.done(x.unbind(dim))
    }),
    ("unbind_copy", |a| {
        let (x, dim): (Tensor, isize) = (a.get("input")?, a.or("dim", 0)?);
        a.done(x.unbind_copy(dim))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.split(x0, 2, 1)", [normal(0, &[2, 5])], |x| x[0].split(2, 1)),
        sample("torch.split(x0.t(), [1, 0, 2], -2)", [normal(1, &[2, 3])], |x| {
            x[0].t().split_with_sizes(&[1, 0, 2], -2)
        }),
        sample("torch.split(x0, 3)", [normal(2, &[0, 2])], |x| x[0].split(3, 0)),
        sample("torch.chunk(x0, 4, -1)", [normal(3, &[2, 5])], |x| x[0].chunk(4, -1)),
        sample("torch.chunk(x0, 2)", [normal(4, &[0, 2])], |x| x[0].chunk(2, 0)),
        sample("torch.unbind(x0, 1)", [normal(5, &[2, 3, 2])], |x| x[0].unbind(1)),
        sample("torch.unbind(x0)", [normal(6, &[2])], |x| x[0].unbind(0)),
        sample("torch.unbind_copy(x0, 1)", [normal(5, &[2, 3, 2])], |x| x[0].unbind_copy(1)),
        sample("torch.unbind_copy(x0.t())[1]", [normal(6, &[2, 3])], |x| x[0].t().unbind_copy(0).remove(1)),
    ]
}
