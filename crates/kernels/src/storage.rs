//! Storage: the memory behind one or more tensors, borrow-checked at run time.
//!
//! Tensors are shared and can be written in place, so a storage counts its readers and its writer in one
//! atomic. A read during a write, or the reverse, is refused: safe code can never race.

use crate::alloc::{self, Block};
use crate::dtype::{DType, Element};
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// Where the bytes are. A GPU arm is to come; only [`Storage`]'s own methods look inside.
enum Data {
    Cpu(Block),
}

/// A run of elements of one type, on one device.
pub struct Storage {
    /// Number of readers, or −1 for a writer.
    borrow: AtomicI32,
    version: AtomicU32,
    dtype: DType,
    len: usize,
    data: UnsafeCell<Data>,
}

// SAFETY: access to `data` is guarded by `borrow`.
unsafe impl Sync for Storage {}

/// A storage was read while it is written, or written while it is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BorrowError {
    /// It is being written.
    Writing,
    /// It is being read.
    Reading,
}

impl std::fmt::Display for BorrowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BorrowError::Writing => "the tensor's memory is being written by another operation",
            BorrowError::Reading => "the tensor's memory is being read by another operation",
        })
    }
}

impl Storage {
    /// `len` elements with unspecified values (for `bool`: false), or `None` when there is no memory for them.
    pub fn try_new(dtype: DType, len: usize) -> Option<Storage> {
        let bytes = len.checked_mul(dtype.size())?;
        Some(Storage::from_block(alloc::try_alloc(bytes)?, dtype, len))
    }

    /// `len` elements with unspecified values (for `bool`: false).
    pub fn new(dtype: DType, len: usize) -> Storage {
        Storage::from_block(alloc::alloc(len.saturating_mul(dtype.size())), dtype, len)
    }

    fn from_block(block: Block, dtype: DType, len: usize) -> Storage {
        if dtype == DType::Bool {
            // SAFETY: the block holds at least `len` bytes. A reused block may hold bytes that are no bool.
            unsafe { std::ptr::write_bytes(block.ptr(), 0, len) };
        }
        Storage {
            borrow: AtomicI32::new(0),
            version: AtomicU32::new(0),
            dtype,
            len,
            data: UnsafeCell::new(Data::Cpu(block)),
        }
    }

    /// The type of the elements.
    #[inline]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Number of elements.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Counts the writes since the storage was made; autograd uses it to find values that changed under it.
    #[inline]
    pub fn version(&self) -> u32 {
        self.version.load(Ordering::Relaxed)
    }

    #[inline]
    fn pointer<T: Element>(&self) -> *mut T {
        assert_eq!(T::DTYPE, self.dtype, "storage of another dtype");
        // SAFETY: `data` itself (not the memory that it points to) never changes after construction.
        match unsafe { &*self.data.get() } {
            Data::Cpu(block) => block.ptr().cast(),
        }
    }

    /// Borrows the elements for reading.
    #[inline]
    pub fn read<T: Element>(&self) -> Result<Read<'_, T>, BorrowError> {
        let ptr = self.pointer::<T>();
        if self.borrow.fetch_add(1, Ordering::Acquire) < 0 {
            self.borrow.fetch_sub(1, Ordering::Relaxed);
            return Err(BorrowError::Writing);
        }
        // SAFETY: the block holds `len` elements of T, all initialised, and no writer can start while we count.
        Ok(Read { slice: unsafe { std::slice::from_raw_parts(ptr, self.len) }, borrow: &self.borrow })
    }

    /// Borrows the elements for writing, and counts a new version.
    #[inline]
    pub fn write<T: Element>(&self) -> Result<Write<'_, T>, BorrowError> {
        let ptr = self.pointer::<T>();
        self.borrow
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|n| if n < 0 { BorrowError::Writing } else { BorrowError::Reading })?;
        self.version.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as in `read`; the exchange made us the only user.
        Ok(Write { slice: unsafe { std::slice::from_raw_parts_mut(ptr, self.len) }, borrow: &self.borrow })
    }

    /// The elements of a storage that nobody else holds.
    #[inline]
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        let ptr = self.pointer::<T>();
        // SAFETY: `&mut self` makes us the only user; the block holds `len` initialised elements of T.
        unsafe { std::slice::from_raw_parts_mut(ptr, self.len) }
    }
}

/// Far below zero, so that readers that count themselves before they see the writer leave it negative.
const WRITER: i32 = i32::MIN / 2;

/// Elements borrowed for reading.
pub struct Read<'a, T> {
    slice: &'a [T],
    borrow: &'a AtomicI32,
}

impl<T> Deref for Read<'_, T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        self.slice
    }
}

impl<T> Drop for Read<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.borrow.fetch_sub(1, Ordering::Release);
    }
}

/// Elements borrowed for writing.
pub struct Write<'a, T> {
    slice: &'a mut [T],
    borrow: &'a AtomicI32,
}

impl<T> Deref for Write<'_, T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        self.slice
    }
}

impl<T> DerefMut for Write<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        self.slice
    }
}

impl<T> Drop for Write<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.borrow.fetch_sub(WRITER, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_and_a_write_at_once_are_refused() {
        let s = Storage::new(DType::F32, 4);
        let r = s.read::<f32>().unwrap();
        assert_eq!(s.write::<f32>().err(), Some(BorrowError::Reading));
        assert!(s.read::<f32>().is_ok());
        drop(r);
        let w = s.write::<f32>().unwrap();
        assert_eq!(s.read::<f32>().err(), Some(BorrowError::Writing));
        assert_eq!(s.write::<f32>().err(), Some(BorrowError::Writing));
        drop(w);
        assert!(s.write::<f32>().is_ok());
        assert_eq!(s.version(), 2);
    }

    #[test]
    fn a_reused_block_holds_valid_bools() {
        for _ in 0..3 {
            let mut s = Storage::new(DType::U8, 100);
            s.as_mut_slice::<u8>().fill(7);
            drop(s);
            let mut s = Storage::new(DType::Bool, 100);
            assert!(s.as_mut_slice::<bool>().iter().all(|b| !b));
        }
    }

    #[test]
    fn many_threads_never_see_half_a_write() {
        let s = Storage::new(DType::I64, 64);
        s.write::<i64>().unwrap().fill(0);
        std::thread::scope(|scope| {
            for id in 0..4 {
                let s = &s;
                scope.spawn(move || {
                    for i in 0..2000 {
                        if let Ok(mut w) = s.write::<i64>() {
                            w.fill(id * 10_000 + i);
                        }
                        if let Ok(r) = s.read::<i64>() {
                            assert!(r.iter().all(|&v| v == r[0]));
                        }
                    }
                });
            }
        });
    }
}
