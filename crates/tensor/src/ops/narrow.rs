//! Parts of a tensor along one dimension: narrow, slice, select.

use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::{Calls, Other};
use crate::op::{Fresh, Op, Output, apply, apply_view, ensure, unwrap};
use crate::shape::{Layout, normalize_dim};
use crate::testing::{Sample, normal, sample};
use crate::{Error, Operand, Result, Tensor};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::strided::copy_into;
use smallvec::smallvec;

/// Every `step`-th position of a dimension from `start` on, `len` of them; or one, whose dimension goes.
#[derive(Clone, Copy)]
struct Slice {
    dim: usize,
    start: usize,
    len: usize,
    step: usize,
    squeeze: bool,
}

impl Slice {
    fn layout(&self, of: &Layout) -> Layout {
        let stride = of.strides[self.dim];
        // Where there are no elements, strides may be as large as a number can be.
        let skip = if self.len == 0 { 0 } else { self.start.saturating_mul(stride) };
        let offset = of.offset.saturating_add(skip);
        if self.squeeze {
            return Layout {
                shape: of.shape.without(self.dim),
                strides: of.strides.without(self.dim),
                offset,
            };
        }
        let mut layout = Layout { offset, ..of.clone() };
        layout.shape[self.dim] = self.len;
        layout.strides[self.dim] = stride.saturating_mul(self.step);
        layout
    }
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        if self.squeeze { "select" } else { "slice" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::View(self.layout(x[0].layout())))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (shape, g) = (ctx.input_shape(0), ctx.grad());
        let embed = Embed { slice: *self, size: shape[self.dim] };
        if is_grad_enabled() {
            return smallvec![Some(apply(embed, &[g]))];
        }
        let mut out = unwrap(Fresh::new(embed.name(), shape, g.dtype()));
        embed.cpu(&[g], std::slice::from_mut(&mut out));
        smallvec![Some(out.into_tensor())]
    }
}

/// The inverse of a slice: zeros of the full size, with the input where the slice was.
struct Embed {
    slice: Slice,
    size: usize,
}

impl Op for Embed {
    fn name(&self) -> &'static str {
        if self.slice.squeeze { "select_backward" } else { "slice_backward" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let mut shape = x[0].shape_ref().clone();
        if self.slice.squeeze {
            shape.insert(self.slice.dim, self.size);
        } else {
            shape[self.slice.dim] = self.size;
        }
        Ok(Output::New(shape, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let to = self.slice.layout(&Layout::contiguous(out[0].shape().clone()));
        dispatch_all!(x[0].dtype(), T => {
            let out = out[0].slice::<T>();
            out.fill(T::default());
            if x[0].numel() == 1 {
                out[to.offset] = x[0].only();
            } else {
                copy_into(x[0].view::<T>().strided(), x[0].shape(), out, to.offset, &to.strides);
            }
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(self.slice, &[ctx.grad()]))]
    }
}

impl Tensor {
    /// `len` positions of dimension `dim` from `start` on, sharing memory.
    /// [`torch.narrow`](https://docs.pytorch.org/docs/stable/generated/torch.narrow.html).
    ///
    /// # Panics
    /// If the range reaches beyond the dimension.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 3.0, 4.0].narrow(0, 1, 2).to_vec::<f32>(), [2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn narrow(&self, dim: isize, start: usize, len: usize) -> Tensor {
        let d = unwrap(normalize_dim("narrow", dim, self.shape()));
        let size = self.shape().get(d).copied().unwrap_or(0);
        ensure!(
            start.checked_add(len).is_some_and(|end| end <= size),
            "narrow",
            "positions {start} to {start} + {len} of dimension {dim}, whose size is {size} (shape {:?}); slice cuts what reaches beyond",
            self.shape()
        );
        ensure!(d < self.ndim(), "narrow", "a 0-d tensor has no dimensions; unsqueeze gives it one");
        apply(Slice { dim: d, start, len, step: 1, squeeze: false }, &[self])
    }

    /// Every `step`-th position of dimension `dim` from `start` up to but without `end`, sharing memory: Python's
    /// `start:end:step`. Negative bounds count from the end; bounds beyond it are cut.
    ///
    /// # Panics
    /// If the dimension is out of range or `step` is 0.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::arange(0i64, 10, 1).slice(0, 1, -1, 3).to_vec::<i64>(), [1, 4, 7]);
    /// ```
    #[track_caller]
    pub fn slice(&self, dim: isize, start: isize, end: isize, step: usize) -> Tensor {
        ensure!(step > 0, "slice", "the step is 0; it must be at least 1");
        let dim = unwrap(normalize_dim("slice", dim, self.shape()));
        ensure!(dim < self.ndim(), "slice", "a 0-d tensor has no dimensions; unsqueeze gives it one");
        let size = self.shape()[dim] as isize;
        let clamp = |i: isize| (if i < 0 { i.saturating_add(size) } else { i }).clamp(0, size);
        let (start, end) = (clamp(start), clamp(end));
        let len = ((end - start).max(0) as usize).div_ceil(step);
        apply(Slice { dim, start: start as usize, len, step, squeeze: false }, &[self])
    }

    /// One position of a dimension, which is removed; −1 is the last. Shares memory.
    /// [`torch.select`](https://docs.pytorch.org/docs/stable/generated/torch.select.html).
    ///
    /// # Panics
    /// If the dimension or the position is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].select(1, -1).to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn select(&self, dim: isize, index: isize) -> Tensor {
        unwrap(self.try_select(dim, index))
    }

    pub(crate) fn try_select(&self, dim: isize, index: isize) -> Result<Tensor> {
        let d = normalize_dim("select", dim, self.shape())?;
        let size = self.shape().get(d).copied().unwrap_or(0) as isize;
        if !(-size..size).contains(&index) {
            return Err(Error::op(
                "select",
                format!(
                    "position {index} of dimension {dim}, whose size is {size} (shape {:?}); it must be from -{size} to below {size}",
                    self.shape()
                ),
            ));
        }
        let start = if index < 0 { index + size } else { index } as usize;
        let slice = Slice { dim: d, start, len: 1, step: 1, squeeze: true };
        let layout = slice.layout(self.layout());
        Ok(apply_view(slice, self, layout))
    }
}

pub(crate) const CALLS: Calls = &[
    ("narrow", |a| {
        let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dim")?);
        // PyTorch takes the start as a 0-d tensor too, and counts a negative one from the end.
        let start = match a.get::<Other>("start")?.hold(&Tensor::scalar(0i64)).item::<i64>() {
            start if start < 0 => start + x.size(dim) as i64,
            start => start,
        };
        let len: usize = a.get("length")?;
        a.done(x.narrow(dim, usize::try_from(start).unwrap_or(usize::MAX), len))
    }),
    ("slice", |a| {
        let (x, dim): (Tensor, isize) = (a.get("input")?, a.or("dim", 0)?);
        let (start, end, step) = (a.or("start", 0)?, a.or("end", isize::MAX)?, a.or("step", 1)?);
        a.done(x.slice(dim, start, end, step))
    }),
    ("select", |a| {
        let (x, dim, index): (Tensor, _, _) = (a.get("input")?, a.get("dim")?, a.get("index")?);
        a.done(x.select(dim, index))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.narrow(1, 1, 2)", [normal(0, &[2, 4])], |x| x[0].narrow(1, 1, 2)),
        sample("x0[:, 1:5:2]", [normal(1, &[2, 6])], |x| x[0].slice(1, 1, 5, 2)),
        sample("x0.select(-1, -2)", [normal(2, &[2, 3, 4])], |x| x[0].select(-1, -2)),
        sample("x0[1:, 0, -2:]", [normal(3, &[3, 2, 4])], |x| x[0].i((1.., 0, -2..))),
    ]
}
