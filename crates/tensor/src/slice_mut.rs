//! [`SliceMut`]: a tensor's elements borrowed for a loop that changes them.

use crate::op::{current, raise};
use crate::shape::Layout;
use crate::{Element, Error, Result, Tensor};
use flambeau_kernels::strided::copy_into;
use flambeau_kernels::{Strided, Write};
use std::ops::{Deref, DerefMut};

/// The elements of a tensor in row-major order, borrowed for writing: see [`Tensor::slice_mut`].
pub struct SliceMut<'a, T: Element> {
    memory: Write<'a, T>,
    layout: &'a Layout,
    /// The elements of a tensor that is not contiguous; they go back when the borrow ends.
    copy: Option<Vec<T>>,
}

impl Tensor {
    /// Borrows the elements in row-major order, to change them in place: the door for optimisers' kernels, which
    /// hold many tensors at once. Not recorded, as under `no_grad`; a graph that saved the old values finds out
    /// (see [`version`](Tensor::version)). A tensor that is not contiguous is copied, there and back.
    ///
    /// # Panics
    /// If T is not the dtype, another operation uses the memory at the same time, or elements share memory.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 2.0], [3.0, 4.0]];
    /// x.t().slice_mut::<f32>()[1] = 5.0;
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0, 5.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn slice_mut<T: Element>(&self) -> SliceMut<'_, T> {
        match self.try_slice_mut() {
            Ok(slice) => slice,
            Err(error) => raise(error),
        }
    }

    /// [`slice_mut`](Tensor::slice_mut), or why that cannot be.
    ///
    /// # Errors
    /// Where `slice_mut` panics.
    pub fn try_slice_mut<T: Element>(&self) -> Result<SliceMut<'_, T>> {
        if T::DTYPE != self.dtype() {
            return Err(Error::op("slice_mut", format!("the tensor is {}, not {}", self.dtype(), T::DTYPE)));
        }
        self.distinct("slice_mut")?;
        let memory = self.0.storage.write::<T>().map_err(|e| Error::op(current(), e.to_string()))?;
        let layout = self.layout();
        let mut copy = None;
        if !layout.is_contiguous() {
            let mut elements = vec![T::default(); self.numel()];
            let from = Strided { data: &memory[..], offset: layout.offset, strides: &layout.strides };
            copy_into(from, &layout.shape, &mut elements, 0, &layout.shape.strides());
            copy = Some(elements);
        }
        Ok(SliceMut { memory, layout, copy })
    }

    /// Whether both lie in one storage, so that writing one may change the other.
    pub fn shares_storage(&self, other: &Tensor) -> bool {
        flambeau_kernels::Shared::ptr_eq(&self.0.storage, &other.0.storage)
    }
}

impl<T: Element> Deref for SliceMut<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.copy {
            Some(copy) => copy,
            None => match self.layout.shape.numel() {
                0 => &[],
                n => &self.memory[self.layout.offset..self.layout.offset + n],
            },
        }
    }
}

impl<T: Element> DerefMut for SliceMut<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.copy {
            Some(copy) => copy,
            None => match self.layout.shape.numel() {
                0 => &mut [],
                n => &mut self.memory[self.layout.offset..self.layout.offset + n],
            },
        }
    }
}

impl<T: Element> Drop for SliceMut<'_, T> {
    fn drop(&mut self) {
        if let Some(copy) = &self.copy {
            let Layout { shape, strides, offset } = self.layout;
            let from = Strided { data: copy, offset: 0, strides: &shape.strides() };
            copy_into(from, shape, &mut self.memory, *offset, strides);
        }
    }
}
