//! [`Shared`], a counted pointer for small objects that come and go by the million: tensors, storages, nodes.
//!
//! It is `Arc` without weak references, and its memory comes from lists of free blocks that each thread keeps, where
//! the system's allocator would take a tenth of the time of a small operation. The cache of storages' memory
//! ([`alloc`](crate::alloc)) is another: it counts bytes and passes blocks from thread to thread.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering::*, fence};

/// Blocks are multiples of a cache line.
const UNIT: usize = 64;
/// Lists of free blocks, by size; what is larger comes from the system.
const LISTS: usize = 12;
/// The most blocks that a list keeps.
const MOST: usize = 2048;

/// What a free block holds: the next one, and how many there are from here on.
struct Free {
    next: *mut Free,
    count: usize,
}

/// The first free block of each size.
struct Lists([Cell<*mut Free>; LISTS]);

thread_local! {
    static FREE: Lists = const { Lists([const { Cell::new(null_mut()) }; LISTS]) };
}

impl Drop for Lists {
    fn drop(&mut self) {
        for (list, first) in self.0.iter().enumerate() {
            let mut block = first.replace(null_mut());
            while !block.is_null() {
                // SAFETY: a block in a list is ours, was allocated with this layout and begins with a `Free`.
                unsafe {
                    let next = (*block).next;
                    dealloc(block.cast(), list_layout(list));
                    block = next;
                }
            }
        }
    }
}

const fn list_layout(list: usize) -> Layout {
    match Layout::from_size_align((list + 1) * UNIT, UNIT) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    }
}

struct Counted<T> {
    count: AtomicUsize,
    value: T,
}

impl<T> Counted<T> {
    const LIST: usize = size_of::<Self>().div_ceil(UNIT) - 1;
    const LISTED: bool = Self::LIST < LISTS && align_of::<Self>() <= UNIT;
    const LAYOUT: Layout = if Self::LISTED { list_layout(Self::LIST) } else { Layout::new::<Self>() };

    /// Memory for one.
    #[inline]
    fn take() -> NonNull<Self> {
        if Self::LISTED {
            let block = FREE.try_with(|lists| {
                let first = lists.0[Self::LIST].get();
                if !first.is_null() {
                    // SAFETY: a block in a list is ours and begins with a `Free`.
                    lists.0[Self::LIST].set(unsafe { (*first).next });
                }
                first
            });
            if let Some(block) = NonNull::new(block.unwrap_or(null_mut())) {
                return block.cast();
            }
        }
        // SAFETY: the layout is not empty: the count is in it.
        match NonNull::new(unsafe { alloc(Self::LAYOUT) }) {
            Some(block) => block.cast(),
            None => handle_alloc_error(Self::LAYOUT),
        }
    }

    /// Gives the memory of one back.
    ///
    /// # Safety
    /// It came from `take`, and nobody uses it any more.
    #[inline]
    unsafe fn give(block: NonNull<Self>) {
        let kept = Self::LISTED
            && FREE
                .try_with(|lists| {
                    let first = lists.0[Self::LIST].get();
                    // SAFETY: a block in a list begins with a `Free`.
                    let count = if first.is_null() { 0 } else { unsafe { (*first).count } };
                    if count >= MOST {
                        return false;
                    }
                    let block: *mut Free = block.cast().as_ptr();
                    // SAFETY: the block is the caller's, large enough (a unit at least) and aligned.
                    unsafe { block.write(Free { next: first, count: count + 1 }) };
                    lists.0[Self::LIST].set(block);
                    true
                })
                .unwrap_or(false);
        if !kept {
            // SAFETY: allocated in `take` of this type, or of another one of the same list and layout.
            unsafe { dealloc(block.cast().as_ptr(), Self::LAYOUT) };
        }
    }
}

/// A counted pointer, as `Arc`.
pub struct Shared<T> {
    pointer: NonNull<Counted<T>>,
    _owns: PhantomData<Counted<T>>,
}

// SAFETY: as for `Arc`: the value is reached from any thread that has a handle, and dropped by the last.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The first handle to a value.
    #[inline]
    pub fn new(value: T) -> Shared<T> {
        Shared::with(|| value)
    }

    /// The first handle to what `make` makes, which is thereby written where it stays: a value that was just written in
    /// parts and is moved as a whole keeps the processor waiting. If `make` panics, the memory is lost.
    #[inline(always)]
    pub fn with(make: impl FnOnce() -> T) -> Shared<T> {
        let pointer = Counted::<T>::take();
        let counted = pointer.as_ptr();
        // SAFETY: fresh memory of this size and alignment.
        unsafe {
            (&raw mut (*counted).count).write(AtomicUsize::new(1));
            (&raw mut (*counted).value).write(make());
        }
        Shared { pointer, _owns: PhantomData }
    }

    #[inline]
    fn counted(&self) -> &Counted<T> {
        // SAFETY: the value lives as long as a handle.
        unsafe { self.pointer.as_ref() }
    }

    /// How many handles there are.
    #[inline]
    pub fn strong_count(this: &Shared<T>) -> usize {
        this.counted().count.load(Relaxed)
    }

    /// Whether both are handles to the same value.
    #[inline]
    pub fn ptr_eq(this: &Shared<T>, other: &Shared<T>) -> bool {
        this.pointer == other.pointer
    }

    /// A number that no other value has while this one lives.
    #[inline]
    pub fn address(this: &Shared<T>) -> usize {
        this.pointer.as_ptr().addr()
    }

    /// The value, if there is no other handle.
    #[inline]
    pub fn get_mut(this: &mut Shared<T>) -> Option<&mut T> {
        if this.counted().count.load(Acquire) != 1 {
            return None;
        }
        // SAFETY: ours is the only handle, it is borrowed mutably, and what other threads did with theirs is visible.
        Some(unsafe { &mut this.pointer.as_mut().value })
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        // As in `Arc`: a count that overflows could only come from forgotten handles, and would free what is in use.
        if self.counted().count.fetch_add(1, Relaxed) > isize::MAX as usize {
            overflow();
        }
        Shared { pointer: self.pointer, _owns: PhantomData }
    }
}

#[cold]
#[expect(
    clippy::disallowed_methods,
    reason = "a panic could be caught, and the next clone would go on counting"
)]
fn overflow() -> ! {
    std::process::abort()
}

impl<T> Drop for Shared<T> {
    #[inline]
    fn drop(&mut self) {
        let count = &self.counted().count;
        // The only handle stays the only one, so that nobody else need be told.
        if count.load(Acquire) != 1 {
            if count.fetch_sub(1, Release) != 1 {
                return;
            }
            fence(Acquire);
        }
        // SAFETY: the last handle; what the others did is visible.
        unsafe {
            std::ptr::drop_in_place(&raw mut self.pointer.as_mut().value);
            Counted::give(self.pointer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn values_are_dropped_by_the_last_handle_on_any_thread() {
        let alive = Arc::new(());
        let first = Shared::new((alive.clone(), [7u8; 100]));
        let handles: Vec<_> = (0..8).map(|_| first.clone()).collect();
        assert_eq!((Shared::strong_count(&first), first.1[99]), (9, 7));
        assert!(
            Shared::ptr_eq(&first, &handles[0]) && Shared::address(&first) == Shared::address(&handles[1])
        );
        std::thread::scope(|scope| {
            for handle in handles {
                scope.spawn(move || {
                    let again = handle.clone();
                    drop(handle);
                    assert_eq!(again.1[0], 7);
                });
            }
        });
        let mut first = first;
        assert_eq!(Arc::strong_count(&alive), 2);
        Shared::get_mut(&mut first).unwrap().1[0] = 1;
        let second = first.clone();
        assert!(Shared::get_mut(&mut first).is_none());
        drop((first, second));
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn blocks_are_used_again_and_hold_any_size() {
        #[repr(align(128))]
        struct Wide(u8);
        for round in 0..3u8 {
            let small: Vec<_> = (0..3000).map(|i| Shared::new(i as u16)).collect();
            let large: Vec<_> = (0..10).map(|i| Shared::new([i + round; 5000])).collect();
            let wide = Shared::new(Wide(round));
            assert!(small.iter().enumerate().all(|(i, x)| **x == i as u16));
            assert!(large.iter().enumerate().all(|(i, x)| x[4999] == i as u8 + round));
            assert_eq!((wide.0, Shared::address(&wide) % 128), (round, 0));
        }
        let (a, b) = (Shared::new(1u64), Shared::new(2u64));
        let place = Shared::address(&b);
        drop(b);
        let c = Shared::new(3u64);
        assert_eq!((*a, *c, Shared::address(&c)), (1, 3, place));
    }
}
