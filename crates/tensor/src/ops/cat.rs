//! Joining tensors: cat, stack.

use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, normal, sample};
use crate::{Error, Result, Tensor, result_type};
use flambeau_kernels::{dispatch_all, index};

/// `torch.cat` along a dimension.
struct Cat {
    /// The dimension.
    dim: usize,
    /// The inputs' sizes in it.
    sizes: Vec<usize>,
}

impl Op for Cat {
    fn name(&self) -> &'static str {
        "cat"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let mut shape = x[0].shape_ref().clone();
        if shape.is_empty() {
            return Err(Error::op("cat", "0-d tensors have no dimension to join along; stack makes one"));
        }
        for other in &x[1..] {
            let fits = other.ndim() == shape.len()
                && (0..shape.len()).all(|d| d == self.dim || other.shape()[d] == shape[d]);
            if !fits {
                let shapes: Vec<_> = x.iter().map(|x| x.shape()).collect();
                return Err(Error::op(
                    "cat",
                    format!(
                        "shapes {shapes:?} differ in more than dimension {}; stack joins along a new one",
                        self.dim
                    ),
                ));
            }
            // Tensors without elements may be of any size.
            let joined = shape[self.dim].checked_add(other.shape()[self.dim]);
            shape[self.dim] = joined.filter(|&size| isize::try_from(size).is_ok()).ok_or_else(|| {
                let shapes: Vec<_> = x.iter().map(|x| x.shape()).collect();
                Error::op(
                    "cat",
                    format!(
                        "dimension {} of shapes {shapes:?} adds up to more than a size can be; join fewer",
                        self.dim
                    ),
                )
            })?;
        }
        Ok(Output::New(shape, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let [_, axis, inner] = around(out[0].shape(), self.dim);
        dispatch_all!(x[0].dtype(), T => {
            let x: Vec<_> = x.iter().map(|x| x.contiguous()).collect();
            let views: Vec<_> = x.iter().map(|x| x.view::<T>()).collect();
            let parts = x.iter().zip(&views).map(|(x, view)| (view.slice(), x.shape()[self.dim] * inner));
            index::cat(&parts.collect::<Vec<_>>(), axis * inner, out[0].slice());
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let mut start = 0;
        let part = |(i, &size)| {
            start += size;
            ctx.needs(i).then(|| ctx.grad().narrow(self.dim as isize, start - size, size))
        };
        self.sizes.iter().enumerate().map(part).collect()
    }
}

impl Tensor {
    /// Joins tensors along a dimension; their other sizes must agree. Dtypes promote to a common one, and 1-D
    /// tensors without elements are skipped, as in PyTorch.
    /// [`torch.cat`](https://docs.pytorch.org/docs/stable/generated/torch.cat.html).
    ///
    /// # Panics
    /// If the list is empty or the shapes do not fit.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::cat(&[tensor![[1.0, 2.0]], tensor![[3.0, 4.0]]], 0);
    /// assert_eq!(x.shape(), [2, 2]);
    /// ```
    #[track_caller]
    pub fn cat(tensors: &[Tensor], dim: isize) -> Tensor {
        ensure!(!tensors.is_empty(), "cat", "the list of tensors is empty; give at least one");
        let dtype = result_type(&tensors.iter().collect::<Vec<_>>());
        let some: Vec<Tensor> =
            tensors.iter().filter(|t| t.shape() != [0]).map(|t| t.to_dtype(dtype)).collect();
        if some.is_empty() {
            return tensors[0].to_dtype(dtype).copy();
        }
        let dim = unwrap(normalize_dim("cat", dim, some[0].shape()));
        let sizes = some.iter().map(|t| t.shape().get(dim).copied().unwrap_or(0)).collect();
        apply(Cat { dim, sizes }, &some.iter().collect::<Vec<_>>())
    }

    /// Joins tensors of the same shape along a new dimension.
    /// [`torch.stack`](https://docs.pytorch.org/docs/stable/generated/torch.stack.html).
    ///
    /// # Panics
    /// If the list is empty or the shapes differ.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::stack(&[tensor![1.0, 2.0], tensor![3.0, 4.0]], 1);
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn stack(tensors: &[Tensor], dim: isize) -> Tensor {
        ensure!(!tensors.is_empty(), "stack", "the list of tensors is empty; give at least one");
        let shape = tensors[0].shape();
        let other = tensors.iter().map(|t| t.shape()).find(|&s| s != shape);
        ensure!(
            other.is_none(),
            "stack",
            "shapes {shape:?} and {:?} differ; cat joins along a dimension",
            other.unwrap_or(shape)
        );
        let rows: Vec<Tensor> = tensors.iter().map(|t| t.unsqueeze(dim)).collect();
        Tensor::cat(&rows, dim)
    }
}

pub(crate) const CALLS: Calls = &[
    ("cat", |a| {
        let (tensors, dim): (Vec<Tensor>, isize) = (a.get("tensors")?, a.or("dim", 0)?);
        a.done(Tensor::cat(&tensors, dim))
    }),
    ("stack", |a| {
        let (tensors, dim): (Vec<Tensor>, isize) = (a.get("tensors")?, a.or("dim", 0)?);
        a.done(Tensor::stack(&tensors, dim))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.cat([x0, x1], 1)", [normal(0, &[2, 3]), normal(1, &[2, 1])], |x| Tensor::cat(x, 1)),
        sample(
            "torch.cat([x0, x1.detach(), x2], -1)",
            [normal(0, &[3]), normal(1, &[2]), normal(2, &[4])],
            |x| Tensor::cat(&[x[0].clone(), x[1].detach(), x[2].clone()], -1),
        )
        .not_smooth(),
        sample("torch.stack([x0, x1], 1)", [normal(0, &[2, 3]), normal(1, &[2, 3])], |x| Tensor::stack(x, 1)),
        sample("torch.stack([x0, x1], -1)", [normal(0, &[]), normal(1, &[])], |x| Tensor::stack(x, -1)),
    ]
}
