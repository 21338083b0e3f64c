//! Writing into a tensor's memory, recorded or not.
//!
//! A recorded write computes the new values as a new tensor, copies them into the memory, and gives the tensor the new
//! one's history. If the tensor is a view, its base gets a history that says "as before, but for this part", and every
//! view of that base asks the base for its history from then on.

mod random;
mod twins;

use crate::autograd::{Context, Gradients, is_grad_enabled, no_grad};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, ensure};
use crate::shape::{Layout, Shape};
use crate::tensor::History;
use crate::{DType, Element, IntoIndices, Operand, Result, Tensor};
use flambeau_kernels::strided::{add_into, copy_into, fill};
use flambeau_kernels::{Shared, dispatch_all, pointwise};
use smallvec::smallvec;
use std::borrow::Borrow;
use std::ops::RangeInclusive;

impl Tensor {
    /// Writes `src`, broadcast and converted, into this tensor's memory; returns this tensor.
    /// [`torch.Tensor.copy_`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.copy_.html).
    ///
    /// Written through a view it assigns to a part: `x.i((.., 0)).copy_(&y)` is Python's `x[:, 0] = y`. The write is
    /// recorded like any operation. A value that the graph saved and that is overwritten makes the backward pass an
    /// error that names it.
    ///
    /// # Panics
    /// If `src` does not broadcast to this shape; if this is a leaf that requires a gradient, or a view of one, and
    /// operations are recorded (do it inside [`no_grad`](crate::no_grad)); if the elements of this tensor share
    /// memory with each other, as those of an expanded one do.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::zeros([2, 2]);
    /// x.i(0).copy_(&tensor![1.0, 2.0]);
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn copy_(&self, src: &Tensor) -> Tensor {
        self.assign("copy_", src)
    }

    /// [`copy_`](Tensor::copy_) for methods of other names.
    #[track_caller]
    fn assign(&self, op: &'static str, src: &Tensor) -> Tensor {
        self.check_writable(op);
        let sizes = self.shape().iter().rev().zip(src.shape().iter().rev());
        ensure!(
            src.ndim() <= self.ndim() && sizes.into_iter().all(|(&to, &from)| from == to || from == 1),
            op,
            "values of shape {:?} do not broadcast to the tensor's {:?}; reshape or reduce them",
            src.shape(),
            self.shape()
        );
        self.overwrite(op, src.to_dtype(self.dtype()).expand(self.shape()))
    }

    /// Writes one value everywhere; returns this tensor.
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_).
    #[track_caller]
    pub fn fill_(&self, value: f64) -> Tensor {
        self.assign("fill_", &Tensor::full_as(value, (), self.dtype()))
    }

    /// Writes zeros; returns this tensor.
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_).
    #[track_caller]
    pub fn zero_(&self) -> Tensor {
        self.assign("zero_", &Tensor::full_as(0.0, (), self.dtype()))
    }

    /// Assigns to the part that the indices name, as Python's `x[...] = value`; returns this tensor.
    ///
    /// # Panics
    /// As [`i`](Tensor::i) and [`copy_`](Tensor::copy_).
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let x = Tensor::zeros([2, 3]);
    /// x.set_i((.., -1), 5.0);
    /// assert_eq!(x.to_vec::<f32>(), [0.0, 0.0, 5.0, 0.0, 0.0, 5.0]);
    /// ```
    #[track_caller]
    pub fn set_i(&self, indices: impl IntoIndices, value: impl Operand) -> Tensor {
        let part = self.i(indices);
        part.copy_(value.hold(&part).borrow());
        self.clone()
    }

    /// Runs `f` on the elements in row-major order, to change them in place: [`slice_mut`](Tensor::slice_mut)
    /// for one tensor.
    ///
    /// # Panics
    /// If T is not the dtype, another operation uses the memory at the same time, or elements share memory.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![1.0, 2.0];
    /// x.modify(|x: &mut [f32]| x[0] = 5.0);
    /// assert_eq!(x.to_vec::<f32>(), [5.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn modify<T: Element>(&self, f: impl FnOnce(&mut [T])) {
        f(&mut self.slice_mut());
    }

    /// What the new values of a write in place are computed from: the old ones, in memory of their own if the write is
    /// recorded, for its gradient may need them.
    #[track_caller]
    fn old(&self, op: &'static str) -> Tensor {
        self.check_writable(op);
        if is_grad_enabled() && self.requires_grad() {
            no_grad(|| self.copy().detach()).with_history(self.history())
        } else {
            self.detach()
        }
    }

    /// Replaces this tensor's values by what was computed from the [`old`](Tensor::old) ones.
    #[track_caller]
    fn replace(&self, op: &'static str, new: Tensor) -> Tensor {
        ensure!(
            new.shape() == self.shape(),
            op,
            "the result has shape {:?}; it does not fit into the tensor's {:?}",
            new.shape(),
            self.shape()
        );
        let fits = kind(new.dtype()) <= kind(self.dtype());
        ensure!(
            fits,
            op,
            "the result is {}; it does not fit into a tensor of {}, convert that with to_dtype first",
            new.dtype(),
            self.dtype()
        );
        self.overwrite(op, new.to_dtype(self.dtype()))
    }

    /// Writes new values of this shape and dtype, and takes over their history.
    #[track_caller]
    fn overwrite(&self, op: &'static str, new: Tensor) -> Tensor {
        let record = is_grad_enabled() && (new.requires_grad() || self.base().requires_grad());
        if record {
            let base = self.base();
            ensure!(
                !(base.is_leaf() && base.requires_grad()),
                op,
                "a leaf that requires a gradient, or a view of one, is written in place; wrap the write in no_grad(|| ...)"
            );
        }
        self.write(&new);
        if !record {
            return self.clone();
        }
        let base = self.base();
        let whole = base.is_contiguous() && base.layout().offset == 0;
        if !self.is_view() && (new.requires_grad() || !whole) {
            // A leaf cannot be the history of another tensor: an operation in between can.
            let history =
                if new.is_leaf() && new.requires_grad() { new.copy().history() } else { new.history() };
            self.set_history(history);
        } else {
            // Values without a history too leave the tensor in the graph: what it was gets a gradient of zeros.
            ensure!(
                whole,
                op,
                "a recorded write through a view of a detached view is to come; write into a copy() of it"
            );
            let changed = apply(Overwritten(self.layout().clone()), &[base, &new]);
            base.set_history(changed.history());
        }
        self.clone()
    }

    /// Copies values of this shape and dtype into the memory.
    #[track_caller]
    fn write(&self, new: &Tensor) {
        // Read before the write starts: the two may share memory.
        let shared = Shared::ptr_eq(&self.0.storage, &new.0.storage);
        let new = if shared { no_grad(|| new.copy()) } else { new.clone() };
        dispatch_all!(self.dtype(), T => {
            let view = new.view::<T>();
            let layout = self.layout();
            let mut memory = self.view_mut::<T>();
            if self.is_contiguous() && self.numel() > 0 {
                let own = &mut memory[layout.offset..][..self.numel()];
                pointwise::copy(view.strided(), self.shape(), own);
            } else {
                copy_into(view.strided(), self.shape(), &mut memory, layout.offset, &layout.strides);
            }
        });
    }

    /// Adds a gradient of the same shape and dtype to this one's memory.
    pub(crate) fn add_in_place(&self, gradient: &Tensor) {
        let shared = Shared::ptr_eq(&self.0.storage, &gradient.0.storage);
        let gradient = if shared { gradient.copy() } else { gradient.contiguous() };
        dispatch_all!(self.dtype(), T => {
            self.modify(|sum: &mut [T]| pointwise::add_assign(gradient.view::<T>().slice(), sum));
        });
    }

    #[track_caller]
    fn check_writable(&self, op: &'static str) {
        self.check_distinct(op);
        let base = self.base();
        ensure!(
            !(is_grad_enabled() && base.is_leaf() && base.requires_grad()),
            op,
            "a leaf that requires a gradient, or a view of one, is written in place; wrap the write in no_grad(|| ...)"
        );
    }

    #[track_caller]
    fn check_distinct(&self, op: &'static str) {
        crate::op::unwrap(self.distinct(op));
    }

    /// Refuses a tensor whose elements share memory with each other.
    pub(crate) fn distinct(&self, op: &'static str) -> Result<()> {
        let repeats = self.shape().iter().zip(self.strides()).any(|(&n, &s)| n > 1 && s == 0);
        let message = "the elements of an expanded tensor share memory; write into a copy() of it";
        if repeats { Err(crate::Error::op(op, message)) } else { Ok(()) }
    }
}

/// bool < integer < float: a result may be written into its own kind or a higher one.
fn kind(dtype: DType) -> u8 {
    match dtype {
        DType::Bool => 0,
        dtype if !dtype.is_float() => 1,
        _ => 2,
    }
}

/// The history of a view of memory that was written: a part of what the base is now.
pub(crate) fn history_of_view(base: &Tensor, layout: &Layout) -> History {
    crate::enable_grad(|| apply(Part(layout.clone()), &[base])).history()
}

/// The elements of a contiguous tensor's memory that a layout names.
struct Part(Layout);

impl Op for Part {
    fn name(&self) -> &'static str {
        "as_strided"
    }

    fn output(&self, _: &[&Tensor]) -> Result<Output> {
        Ok(Output::View(self.0.clone()))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let whole = ctx.input_shape(0).clone();
        smallvec![Some(apply(Spread { part: self.0.clone(), whole }, &[ctx.grad()]))]
    }
}

/// The same values in row-major order from the start of their memory on, as the layouts of parts count.
fn from_start(x: &Tensor) -> Tensor {
    if x.is_contiguous() && x.layout().offset == 0 { x.clone() } else { x.copy() }
}

/// The inverse of [`Part`]: zeros, with each element added where it came from.
struct Spread {
    part: Layout,
    whole: Shape,
}

impl Op for Spread {
    fn name(&self) -> &'static str {
        "as_strided_backward"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.whole.clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        dispatch_all!(x[0].dtype(), T => {
            let out = out[0].slice::<T>();
            out.fill(T::default());
            add_into(x[0].view::<T>().strided(), &self.part.shape, out, self.part.offset, &self.part.strides);
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Part(self.part.clone()), &[&from_start(ctx.grad())]))]
    }
}

/// What a base is after a write through a view: itself but for the part, which is the second input. The memory has
/// been written already.
struct Overwritten(Layout);

impl Op for Overwritten {
    fn name(&self) -> &'static str {
        "copy_slices"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::View(x[0].layout().clone()))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn saves(&self, _: Mask) -> Saves {
        Saves::NONE
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let g = from_start(ctx.grad());
        let base = || {
            let written = Tensor::compute(g.shape(), DType::Bool, |out| {
                let part = &self.0;
                let out = out.slice::<bool>();
                out.fill(false);
                fill(true, &part.shape, out, part.offset, &part.strides);
            });
            Tensor::where_(&written, &Tensor::full_as(0.0, (), g.dtype()), &g)
        };
        smallvec![ctx.needs(0).then(base), ctx.needs(1).then(|| apply(Part(self.0.clone()), &[&g]))]
    }
}
