//! Storage: the memory behind one or more tensors, borrow-checked at run time.
//!
//! Tensors are shared and can be written in place, so a storage counts its readers and its writer in one
//! atomic. A read during a write, or the reverse, is refused: safe code can never race.

use crate::alloc::{self, Block};
use crate::dtype::{DType, Element};
use crate::shared::Shared;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering};

/// Where the bytes are. A GPU arm is to come; only [`Storage`]'s own methods look inside.
enum Data {
    Cpu(Block),
}

/// A run of elements of one type, on one device.
pub struct Storage {
    /// Number of readers, or −1 for a writer.
    borrow: AtomicI32,
    version: AtomicU32,
    /// A [`DType`]; [`swap`](Storage::swap) changes it.
    dtype: AtomicU8,
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
    #[inline]
    pub fn try_new(dtype: DType, len: usize) -> Option<Storage> {
        let bytes = len.checked_mul(dtype.size())?;
        Some(Storage::from_block(alloc::try_alloc(bytes)?, dtype, len))
    }

    /// The first handle to what [`try_new`](Storage::try_new) makes, written where it stays.
    pub fn try_shared(dtype: DType, len: usize) -> Option<Shared<Storage>> {
        let block = alloc::try_alloc(len.checked_mul(dtype.size())?)?;
        Some(Shared::with(|| Storage::from_block(block, dtype, len)))
    }

    /// `len` elements with unspecified values (for `bool`: false).
    pub fn new(dtype: DType, len: usize) -> Storage {
        Storage::from_block(alloc::alloc(len.saturating_mul(dtype.size())), dtype, len)
    }

    #[inline(always)]
    fn from_block(block: Block, dtype: DType, len: usize) -> Storage {
        if dtype == DType::Bool {
            // SAFETY: the block holds at least `len` bytes. A reused block may hold bytes that are no bool.
            unsafe { std::ptr::write_bytes(block.ptr(), 0, len) };
        }
        Storage {
            borrow: AtomicI32::new(0),
            version: AtomicU32::new(0),
            dtype: AtomicU8::new(dtype as u8),
            len,
            data: UnsafeCell::new(Data::Cpu(block)),
        }
    }

    /// The type of the elements.
    #[inline]
    pub fn dtype(&self) -> DType {
        DType::ALL[usize::from(self.dtype.load(Ordering::Relaxed))]
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

    /// The elements' address. To be called while the storage is borrowed.
    #[inline]
    fn pointer<T: Element>(&self) -> Option<*mut T> {
        if self.dtype() != T::DTYPE {
            return None;
        }
        // SAFETY: only `swap` changes `data` itself, and it does so while nobody else borrows.
        match unsafe { &*self.data.get() } {
            Data::Cpu(block) => Some(block.ptr().cast()),
        }
    }

    /// Borrows the elements for reading.
    ///
    /// # Panics
    /// If T is not their type.
    #[inline]
    pub fn read<T: Element>(&self) -> Result<Read<'_, T>, BorrowError> {
        let before = self.borrow.fetch_add(1, Ordering::Acquire);
        let borrow = Reading(&self.borrow);
        if before < 0 {
            return Err(BorrowError::Writing);
        }
        let Some(ptr) = self.pointer::<T>() else { self.wrong_dtype::<T>() };
        // SAFETY: the block holds `len` elements of T, all initialised, and no writer can start while we count.
        Ok(Read { slice: unsafe { std::slice::from_raw_parts(ptr, self.len) }, _borrow: borrow })
    }

    /// One element, borrowed for a moment: what [`read`](Storage::read) would show, with less to carry around.
    ///
    /// # Panics
    /// If T is not their type, or there is no such element.
    #[inline]
    pub fn get<T: Element>(&self, index: usize) -> Result<T, BorrowError> {
        Ok(self.read()?.slice[index])
    }

    /// Borrows the elements for writing, and counts a new version.
    ///
    /// # Panics
    /// If T is not their type.
    #[inline]
    pub fn write<T: Element>(&self) -> Result<Write<'_, T>, BorrowError> {
        let borrow = self.exclusive()?;
        let Some(ptr) = self.pointer::<T>() else { self.wrong_dtype::<T>() };
        self.version.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as in `read`; `exclusive` made us the only user.
        Ok(Write { slice: unsafe { std::slice::from_raw_parts_mut(ptr, self.len) }, _borrow: borrow })
    }

    #[inline]
    fn exclusive(&self) -> Result<Writing<'_>, BorrowError> {
        match self.borrow.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(Writing(&self.borrow)),
            Err(n) => Err(if n < 0 { BorrowError::Writing } else { BorrowError::Reading }),
        }
    }

    /// Exchanges elements and their type with another storage of the same length, and counts a new version.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn swap(&self, other: &mut Storage) -> Result<(), BorrowError> {
        assert_eq!(self.len, other.len, "storages of different lengths");
        let _borrow = self.exclusive()?;
        self.version.fetch_add(1, Ordering::Relaxed);
        let dtype = self.dtype.swap(*other.dtype.get_mut(), Ordering::Relaxed);
        *other.dtype.get_mut() = dtype;
        // SAFETY: `_borrow` makes us the only user of this one, `&mut` of the other.
        std::mem::swap(unsafe { &mut *self.data.get() }, other.data.get_mut());
        Ok(())
    }

    #[cold]
    fn wrong_dtype<T: Element>(&self) -> ! {
        panic!("a storage of {} used as {}", self.dtype(), T::DTYPE)
    }

    /// The elements of a storage that nobody else holds.
    ///
    /// # Panics
    /// If T is not their type.
    #[inline]
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        let Some(ptr) = self.pointer::<T>() else { self.wrong_dtype::<T>() };
        // SAFETY: `&mut self` makes us the only user; the block holds `len` initialised elements of T.
        unsafe { std::slice::from_raw_parts_mut(ptr, self.len) }
    }
}

/// Far below zero, so that readers that count themselves before they see the writer leave it negative.
const WRITER: i32 = i32::MIN / 2;

/// One reader's part of the count.
struct Reading<'a>(&'a AtomicI32);

impl Drop for Reading<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// The writer's part of the count.
struct Writing<'a>(&'a AtomicI32);

impl Drop for Writing<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_sub(WRITER, Ordering::Release);
    }
}

/// Elements borrowed for reading.
pub struct Read<'a, T> {
    slice: &'a [T],
    _borrow: Reading<'a>,
}

impl<T> Deref for Read<'_, T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        self.slice
    }
}

/// Elements borrowed for writing.
pub struct Write<'a, T> {
    slice: &'a mut [T],
    _borrow: Writing<'a>,
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
    fn elements_and_their_type_change_places() {
        let s = Storage::new(DType::F32, 3);
        s.write::<f32>().unwrap().fill(1.5);
        let mut other = Storage::new(DType::I64, 3);
        other.as_mut_slice::<i64>().fill(7);
        let reader = s.read::<f32>().unwrap();
        assert_eq!(s.swap(&mut other), Err(BorrowError::Reading));
        drop(reader);
        s.swap(&mut other).unwrap();
        assert_eq!((s.dtype(), &*s.read::<i64>().unwrap(), s.version()), (DType::I64, &[7; 3][..], 2));
        assert_eq!(other.as_mut_slice::<f32>(), [1.5; 3]);
        let panics = |f: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err();
        assert!(panics(&|| drop(s.read::<f32>())) && panics(&|| drop(s.write::<f32>())));
        assert!(s.write::<i64>().is_ok());
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
