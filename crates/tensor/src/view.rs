//! Borrowing a tensor's elements: what ops hand to kernels.

use crate::op::raise;
use crate::shape::{Layout, Shape};
use crate::{Element, Error, Result, Tensor};
use flambeau_kernels::{BorrowError, Read, Strided, Write};
use std::ops::Deref;

impl Tensor {
    /// Borrows the elements for reading: the whole storage, to be seen through the layout.
    ///
    /// # Panics
    /// If the dtype is not T (a bug in the op that calls this), or the storage is being written.
    #[track_caller]
    #[inline]
    pub fn view<T: Element>(&self) -> View<'_, T> {
        match self.0.storage.read() {
            Ok(data) => View { data, layout: &self.0.layout },
            Err(e) => raise(in_use(e)),
        }
    }

    /// [`view`](Tensor::view), or the error of memory that is being written.
    ///
    /// # Errors
    /// If the storage is being written.
    pub fn try_view<T: Element>(&self) -> Result<View<'_, T>> {
        let data = self.0.storage.read().map_err(in_use)?;
        Ok(View { data, layout: &self.0.layout })
    }

    /// The element of a tensor that has one.
    ///
    /// # Panics
    /// As [`view`](Tensor::view).
    #[track_caller]
    #[inline]
    pub(crate) fn only<T: Element>(&self) -> T {
        match self.0.storage.get(self.0.layout.offset) {
            Ok(element) => element,
            Err(e) => raise(in_use(e)),
        }
    }

    /// [`view`](Tensor::view), broadcast to a shape that this one broadcasts to.
    #[track_caller]
    pub(crate) fn view_as<T: Element>(&self, shape: &Shape) -> Expanded<'_, T> {
        Expanded { data: self.view().data, layout: self.0.layout.expand(shape) }
    }

    /// Borrows the whole storage for writing in place, and counts a new version.
    ///
    /// # Panics
    /// If the dtype is not T, or the storage is in use.
    #[track_caller]
    pub(crate) fn view_mut<T: Element>(&self) -> Write<'_, T> {
        match self.0.storage.write() {
            Ok(data) => data,
            Err(e) => raise(in_use(e)),
        }
    }
}

/// The error of memory that another operation uses.
#[cold]
fn in_use(e: BorrowError) -> Error {
    Error::op(crate::op::current(), e.to_string())
}

/// Elements borrowed for reading, with the layout of the tensor that they were borrowed from.
pub struct View<'a, T> {
    pub(crate) data: Read<'a, T>,
    pub(crate) layout: &'a Layout,
}

impl<T: Element> View<'_, T> {
    /// For kernels that follow strides.
    pub fn strided(&self) -> Strided<'_, T> {
        Strided { data: &self.data, offset: self.layout.offset, strides: &self.layout.strides }
    }

    /// The elements of a contiguous tensor.
    ///
    /// # Panics
    /// If it is not contiguous: a bug in the op, which must ask for `contiguous()` inputs.
    pub fn slice(&self) -> &[T] {
        assert!(self.layout.is_contiguous(), "slice of a tensor that is not contiguous");
        let n = self.layout.shape.numel();
        if n == 0 { &[] } else { &self.data[self.layout.offset..self.layout.offset + n] }
    }
}

/// Elements borrowed for reading, seen through a layout that repeats some of them.
pub(crate) struct Expanded<'a, T> {
    data: Read<'a, T>,
    layout: Layout,
}

impl<T: Element> Expanded<'_, T> {
    /// For kernels that follow strides.
    pub(crate) fn strided(&self) -> Strided<'_, T> {
        Strided { data: &self.data, offset: self.layout.offset, strides: &self.layout.strides }
    }
}

impl<T: Element> Deref for View<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.slice()
    }
}
