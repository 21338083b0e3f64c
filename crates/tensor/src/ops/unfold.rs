//! Sliding windows along a dimension.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Error, Result, Tensor};
use smallvec::smallvec;

/// `Tensor.unfold`: windows of `size` positions, `step` apart.
struct Unfold {
    dim: usize,
    size: usize,
    step: usize,
}

impl Op for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let mut layout = x[0].layout().clone();
        // A 0-d tensor is taken for one of a single position.
        let (length, stride) =
            if x[0].ndim() == 0 { (1, 1) } else { (layout.shape[self.dim], layout.strides[self.dim]) };
        if self.size > length {
            let (size, shape) = (self.size, x[0].shape());
            return Err(Error::op(
                "unfold",
                format!(
                    "windows of {size} in dimension {} of shape {shape:?}; they must fit into it",
                    self.dim
                ),
            ));
        }
        if x[0].ndim() > 0 {
            layout.shape[self.dim] = (length - self.size) / self.step + 1;
            layout.strides[self.dim] = stride.saturating_mul(self.step);
        }
        layout.shape.push(self.size);
        layout.strides.push(stride);
        Ok(Output::View(layout))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (g, shape) = (ctx.grad(), ctx.input_shape(0));
        if shape.is_empty() {
            return smallvec![Some(g.sum_dim(0, false))];
        }
        let (dim, windows) = (self.dim as isize, g.shape()[self.dim]);
        // Windows may overlap: each of their positions is added to where it came from.
        let places = Tensor::compute([windows.saturating_mul(self.size)], crate::DType::I64, |out| {
            for (i, o) in out.slice::<i64>().iter_mut().enumerate() {
                *o = (i / self.size * self.step + i % self.size) as i64;
            }
        });
        let flat = g.movedim(-1, dim + 1).flatten(dim, dim + 1);
        smallvec![Some(Tensor::zeros_once(shape, g.dtype()).index_add(dim, &places, &flat))]
    }
}

impl Tensor {
    /// Windows of `size` positions of a dimension, `step` apart: the dimension counts the windows, of which there are
    /// ⌊(length − size) / step⌋ + 1, and a new last one runs inside them. Shares memory. (For images as
    /// columns see [`im2col`](Tensor::im2col).)
    /// [`torch.Tensor.unfold`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.unfold.html).
    ///
    /// # Panics
    /// If the dimension is out of range or shorter than `size`, or `step` is 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1, 2, 3, 4].unfold(0, 2, 1).to_vec::<i64>(), [1, 2, 2, 3, 3, 4]);
    /// ```
    #[track_caller]
    pub fn unfold(&self, dim: isize, size: usize, step: usize) -> Tensor {
        ensure!(step > 0, "unfold", "the step is 0; it must be at least 1");
        let dim = unwrap(normalize_dim("unfold", dim, self.shape()));
        apply(Unfold { dim, size, step }, &[self])
    }
}

pub(crate) const CALLS: Calls = &[("unfold", |a| {
    let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dimension")?);
    let (size, step) = (a.get("size")?, a.get("step")?);
    a.done(x.unfold(dim, size, step))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.unfold(1, 3, 1)", [normal(0, &[2, 5])], |x| x[0].unfold(1, 3, 1)),
        sample("x0.t().unfold(0, 2, 3)", [normal(1, &[2, 6])], |x| x[0].t().unfold(0, 2, 3)),
        sample("x0.unfold(-2, 2, 2)", [normal(2, &[2, 4, 2])], |x| x[0].unfold(-2, 2, 2)),
        sample("x0.unfold(0, 1, 1)", [normal(3, &[])], |x| x[0].unfold(0, 1, 1)),
        sample("x0.unfold(0, 0, 2)", [normal(4, &[3])], |x| x[0].unfold(0, 0, 2)),
        sample("x0.unfold(0, 4, 1)", [integers(5, 9, &[4])], |x| x[0].unfold(0, 4, 1)),
    ]
}
