//! Writing into a tensor's memory.

use crate::autograd::{is_grad_enabled, no_grad};
use crate::op::ensure;
use crate::{Element, Tensor};
use flambeau_kernels::strided::copy_into;
use flambeau_kernels::{dispatch_all, pointwise};
use std::sync::Arc;

impl Tensor {
    /// Writes `src`, broadcast and converted, into this tensor's memory; returns this tensor.
    ///
    /// # Panics
    /// If `src` does not broadcast to this shape; if this tensor requires a gradient, or `src` does, while
    /// operations are recorded: do it inside [`no_grad`](crate::no_grad), as PyTorch asks for leaves (recorded
    /// in-place operations are to come).
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::zeros([2, 2]);
    /// x.i(0).copy_(&tensor![1.0, 2.0]);
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn copy_(&self, src: &Tensor) -> Tensor {
        self.check_in_place("copy_", src);
        self.check_distinct("copy_");
        let expanded = src.detach().to_dtype(self.dtype()).expand(self.shape());
        // Read it before the write starts: the two may share memory.
        let src = if Arc::ptr_eq(&self.0.storage, &expanded.0.storage) { expanded.copy() } else { expanded };
        dispatch_all!(self.dtype(), T => {
            let view = src.view::<T>();
            let layout = self.layout();
            copy_into(view.strided(), self.shape(), &mut self.view_mut::<T>(), layout.offset, &layout.strides);
        });
        self.clone()
    }

    /// Runs `f` on the elements in row-major order, to change them in place: the door for optimisers' kernels.
    /// Not recorded, as under `no_grad`; a graph that saved the old values finds out (see
    /// [`version`](Tensor::version)).
    ///
    /// # Panics
    /// If T is not the dtype, or another operation uses the memory at the same time.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![1.0, 2.0];
    /// x.modify(|x: &mut [f32]| x[0] = 5.0);
    /// assert_eq!(x.to_vec::<f32>(), [5.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn modify<T: Element>(&self, f: impl FnOnce(&mut [T])) {
        ensure!(T::DTYPE == self.dtype(), "modify", "the tensor is {}, not {}", self.dtype(), T::DTYPE);
        self.check_distinct("modify");
        if self.is_contiguous() {
            let from = self.layout().offset;
            f(&mut self.view_mut::<T>()[from..from + self.numel()]);
        } else {
            let copy = self.detach().contiguous();
            copy.modify(f);
            no_grad(|| self.copy_(&copy));
        }
    }

    /// Writes one value everywhere; returns this tensor.
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_) does for a tensor that requires a gradient.
    #[track_caller]
    pub fn fill_(&self, value: f64) -> Tensor {
        self.copy_(&Tensor::full_as(value, (), self.dtype()))
    }

    /// Writes zeros; returns this tensor.
    ///
    /// # Panics
    /// As [`copy_`](Tensor::copy_) does for a tensor that requires a gradient.
    #[track_caller]
    pub fn zero_(&self) -> Tensor {
        self.fill_(0.0)
    }

    /// Adds a gradient of the same shape and dtype to this one's memory.
    pub(crate) fn add_in_place(&self, gradient: &Tensor) {
        let shared = Arc::ptr_eq(&self.0.storage, &gradient.0.storage);
        let gradient = if shared { gradient.copy() } else { gradient.contiguous() };
        dispatch_all!(self.dtype(), T => {
            self.modify(|sum: &mut [T]| pointwise::add_assign(gradient.view::<T>().slice(), sum));
        });
    }

    #[track_caller]
    fn check_in_place(&self, op: &'static str, src: &Tensor) {
        if !is_grad_enabled() {
            return;
        }
        ensure!(
            !(self.is_leaf() && self.requires_grad()),
            op,
            "a leaf that requires a gradient is written in place; wrap the write in no_grad(|| ...)"
        );
        ensure!(
            !self.requires_grad() && !src.requires_grad(),
            op,
            "the write would have to be recorded, which is to come; wrap it in no_grad(|| ...), or compute a new \
             tensor (where_, cat, ...)"
        );
    }

    /// Refuses a tensor whose elements share memory with each other.
    #[track_caller]
    fn check_distinct(&self, op: &'static str) {
        let repeats = self.shape().iter().zip(self.strides()).any(|(&n, &s)| n > 1 && s == 0);
        ensure!(!repeats, op, "the elements of an expanded tensor share memory; write into a copy() of it");
    }
}
