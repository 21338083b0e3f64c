//! The caching allocator: 64-byte aligned blocks that are kept for reuse, so that a training step in steady
//! state neither calls the system's allocator nor faults a page in.
//!
//! Each thread keeps a short list of free blocks per size class; what overflows goes to lists shared by all
//! threads. Blocks are zeroed when they first come from the system and hold old bytes afterwards: they are
//! always initialised memory.

mod chunks;

use chunks::Chunks;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Alignment of every block: a cache line, and the widest vector register.
pub const ALIGN: usize = 64;
const CLASSES: usize = 232;
/// Free blocks that a thread keeps in each class before it hands them to the shared lists: so many, and no more bytes
/// than these. What one thread makes and another frees, such as a loader's batches, would pile up there; and beside the
/// work on a large block, the shared lists' lock costs nothing.
const LOCAL: usize = 32;
const LOCAL_BYTES: usize = 1 << 20;
const LOCAL_LIMITS: [u8; CLASSES] = {
    let (mut limits, mut class) = ([0; CLASSES], 0);
    // None of the larger ones fits; the largest have more bytes than can be counted.
    while class_bytes(class) <= LOCAL_BYTES {
        let fit = LOCAL_BYTES / class_bytes(class);
        limits[class] = if fit < LOCAL { fit } else { LOCAL } as u8;
        class += 1;
    }
    limits
};

/// A block of initialised memory, 64-byte aligned. Dropping it returns it to the cache.
pub(crate) struct Block {
    ptr: NonNull<u8>,
    class: u8,
}

// SAFETY: a block is plain memory that it alone owns.
unsafe impl Send for Block {}
// SAFETY: a shared block gives out nothing but its address.
unsafe impl Sync for Block {}

/// The class of a size: multiples of 64 up to 1 KiB, then four steps a doubling.
fn class_of(bytes: usize) -> usize {
    let units = bytes.div_ceil(ALIGN).max(1);
    if units <= 16 {
        return units - 1;
    }
    let top = usize::BITS - 1 - (units - 1).leading_zeros();
    let step = 1usize << (top - 2);
    let quarter = (units - 1 - (1 << top)) / step;
    16 + (top as usize - 4) * 4 + quarter
}

/// Bytes of a block of this class.
const fn class_bytes(class: usize) -> usize {
    if class < 16 {
        return (class + 1) * ALIGN;
    }
    let (top, quarter) = ((class - 16) / 4 + 4, (class - 16) % 4);
    (1usize << (top - 2)) * (5 + quarter) * ALIGN
}

#[derive(Default)]
struct Counters {
    live: AtomicI64,
    live_bytes: AtomicI64,
    cached_bytes: AtomicI64,
}

/// Only the owning thread writes, so a plain load and store do where an atomic addition would cost more.
fn bump(counter: &AtomicI64, by: i64) {
    counter.store(counter.load(Relaxed) + by, Relaxed);
}

struct Local {
    free: Vec<Vec<NonNull<u8>>>,
    counters: Arc<Counters>,
}

struct Shared {
    free: Vec<Vec<Block>>,
    cached_bytes: i64,
    threads: Vec<Arc<Counters>>,
    /// Blocks and bytes in use as counted by threads that have ended.
    ended: (i64, i64),
}

static SHARED: Mutex<Shared> =
    Mutex::new(Shared { free: Vec::new(), cached_bytes: 0, threads: Vec::new(), ended: (0, 0) });

static CHUNKS: Mutex<Chunks> = Mutex::new(Chunks::new());

fn chunks() -> std::sync::MutexGuard<'static, Chunks> {
    CHUNKS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shared() -> std::sync::MutexGuard<'static, Shared> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn put(&mut self, ptr: NonNull<u8>, class: usize) {
        if self.free.is_empty() {
            self.free = (0..CLASSES).map(|_| Vec::new()).collect();
        }
        self.cached_bytes += class_bytes(class) as i64;
        self.free[class].push(Block { ptr, class: class as u8 });
    }

    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        let block = std::mem::ManuallyDrop::new(self.free.get_mut(class)?.pop()?);
        self.cached_bytes -= class_bytes(class) as i64;
        Some(block.ptr)
    }
}

impl Local {
    fn new() -> Self {
        let counters = Arc::<Counters>::default();
        shared().threads.push(counters.clone());
        Local { free: (0..CLASSES).map(|_| Vec::new()).collect(), counters }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let mut shared = shared();
        for (class, list) in self.free.iter_mut().enumerate() {
            list.drain(..).for_each(|ptr| shared.put(ptr, class));
        }
        // What this thread counted outlives it: it may have freed what another allocated.
        shared.threads.retain(|counters| !Arc::ptr_eq(counters, &self.counters));
        shared.ended.0 += self.counters.live.load(Relaxed);
        shared.ended.1 += self.counters.live_bytes.load(Relaxed);
    }
}

thread_local! {
    static LOCAL_CACHE: RefCell<Local> = RefCell::new(Local::new());
}

/// From twice this size on a block lies in pages of this size, if the system gives any: walking over it in small ones
/// costs a fifth to a half of memory's speed. Smaller ones share such pages: see [`chunks`].
const HUGE: usize = 2 << 20;

fn layout(class: usize) -> Option<Layout> {
    let bytes = class_bytes(class);
    Layout::from_size_align(bytes, if bytes >= 2 * HUGE { HUGE } else { ALIGN }).ok()
}

/// A zeroed block from the system.
fn fresh(class: usize) -> Option<NonNull<u8>> {
    let layout = layout(class)?;
    if layout.align() < HUGE {
        // SAFETY: the layout is not empty.
        return chunks().cut(layout.size()).or_else(|| NonNull::new(unsafe { alloc_zeroed(layout) }));
    }
    // SAFETY: as above.
    let block = NonNull::new(unsafe { std::alloc::alloc(layout) })?;
    // SAFETY: the advice is about whole pages of our own block, which nobody has touched yet; it may be ignored.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::madvise(block.as_ptr().cast(), layout.size() / HUGE * HUGE, libc::MADV_HUGEPAGE);
    }
    // SAFETY: so many bytes are ours.
    unsafe { block.write_bytes(0, layout.size()) };
    Some(block)
}

/// A block of at least so many bytes with unspecified (but initialised) contents, or `None` when the system
/// has no memory for it.
pub(crate) fn try_alloc(bytes: usize) -> Option<Block> {
    if bytes > isize::MAX as usize / 2 {
        return None;
    }
    let class = class_of(bytes);
    let size = class_bytes(class) as i64;
    let reused = LOCAL_CACHE.try_with(|local| {
        let mut local = local.borrow_mut();
        let ptr = local.free[class].pop()?;
        bump(&local.counters.live, 1);
        bump(&local.counters.live_bytes, size);
        bump(&local.counters.cached_bytes, -size);
        Some(ptr)
    });
    if let Ok(Some(ptr)) = reused {
        return Some(Block { ptr, class: class as u8 });
    }
    // A statement of its own: the lock must not be held while the cache is emptied.
    let shared = shared().take(class);
    let ptr = shared.or_else(|| fresh(class)).or_else(|| {
        // What is kept for reuse may be what is missing.
        empty_cache();
        fresh(class)
    })?;
    let _ = LOCAL_CACHE.try_with(|local| {
        let local = local.borrow();
        bump(&local.counters.live, 1);
        bump(&local.counters.live_bytes, size);
    });
    Some(Block { ptr, class: class as u8 })
}

/// As [`try_alloc`], ending the program when there is no memory, as Rust's collections do.
pub(crate) fn alloc(bytes: usize) -> Block {
    try_alloc(bytes).unwrap_or_else(|| {
        handle_alloc_error(Layout::from_size_align(bytes, ALIGN).unwrap_or(Layout::new::<u8>()))
    })
}

impl Block {
    pub(crate) fn ptr(&self) -> *mut u8 {
        self.ptr.as_ptr()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let class = usize::from(self.class);
        let size = class_bytes(class) as i64;
        let kept = LOCAL_CACHE.try_with(|local| {
            let mut local = local.borrow_mut();
            bump(&local.counters.live, -1);
            bump(&local.counters.live_bytes, -size);
            if local.free[class].len() >= usize::from(LOCAL_LIMITS[class]) {
                return false;
            }
            local.free[class].push(self.ptr);
            bump(&local.counters.cached_bytes, size);
            true
        });
        // A thread that is ending has no cache any more.
        if kept != Ok(true) {
            shared().put(self.ptr, class);
        }
    }
}

/// What the allocator holds, over all threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryStats {
    /// Blocks in use: one for each storage.
    pub live: i64,
    /// Their bytes, rounded up to the size classes.
    pub live_bytes: i64,
    /// Bytes kept for reuse.
    pub cached_bytes: i64,
}

/// Counts blocks and bytes, in use and kept for reuse.
pub fn memory_stats() -> MemoryStats {
    let shared = shared();
    let sum = |f: fn(&Counters) -> &AtomicI64| shared.threads.iter().map(|c| f(c).load(Relaxed)).sum::<i64>();
    MemoryStats {
        live: sum(|c| &c.live) + shared.ended.0,
        live_bytes: sum(|c| &c.live_bytes) + shared.ended.1,
        cached_bytes: sum(|c| &c.cached_bytes) + shared.cached_bytes,
    }
}

/// Returns the blocks that this thread and the shared lists keep for reuse to the system, but for those of less than
/// 4 MiB that lie beside others in use.
pub fn empty_cache() {
    let mut free = Vec::new();
    let _ = LOCAL_CACHE.try_with(|local| {
        let mut local = local.borrow_mut();
        for class in 0..CLASSES {
            while let Some(ptr) = local.free[class].pop() {
                bump(&local.counters.cached_bytes, -(class_bytes(class) as i64));
                free.push((ptr, class));
            }
        }
    });
    let mut shared = shared();
    for class in 0..CLASSES {
        while let Some(ptr) = shared.take(class) {
            free.push((ptr, class));
        }
    }
    for (ptr, class) in chunks().release(&mut free) {
        shared.put(ptr, class);
    }
    for (ptr, class) in free {
        if let Some(layout) = layout(class) {
            // SAFETY: the block lies in no chunk: it was allocated with the layout of its class, and is in no other list.
            unsafe { dealloc(ptr.as_ptr(), layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_their_sizes_and_waste_at_most_a_quarter() {
        for bytes in (0..100_000).chain([1 << 20, (1 << 20) + 1, 1 << 33, isize::MAX as usize / 2]) {
            let class = class_of(bytes);
            assert!(class < CLASSES);
            assert!(class_bytes(class) >= bytes, "{bytes}");
            assert!(class == 0 || class_bytes(class - 1) < bytes.max(1), "{bytes} fits a smaller class");
            assert!(bytes <= 1024 || (class_bytes(class) as f64) <= bytes as f64 * 1.27, "{bytes}");
        }
    }

    #[test]
    fn blocks_are_aligned_and_reused() {
        let a = alloc(5000);
        assert_eq!(a.ptr() as usize % ALIGN, 0);
        let address = a.ptr() as usize;
        drop(a);
        assert_eq!(alloc(4900).ptr() as usize, address);
    }

    #[test]
    fn threads_keep_as_many_blocks_as_fit_their_bytes() {
        for (class, limit) in LOCAL_LIMITS.into_iter().enumerate().take(class_of(1 << 40)) {
            let limit = usize::from(limit);
            assert!(limit <= LOCAL && limit * class_bytes(class) <= LOCAL_BYTES);
            assert!(limit == LOCAL || (limit + 1) * class_bytes(class) > LOCAL_BYTES);
        }
        assert_eq!(usize::from(LOCAL_LIMITS[class_of(LOCAL_BYTES / LOCAL)]), LOCAL);
    }

    /// As a loader's batches go.
    #[test]
    fn blocks_that_another_thread_frees_come_back() {
        // Sizes that no other test uses.
        for bytes in [29 << 20, 700 << 10] {
            let (sender, receiver) = std::sync::mpsc::sync_channel(0);
            let maker = std::thread::spawn(move || {
                (0..100).for_each(|_| sender.send(alloc(bytes)).unwrap());
            });
            let addresses: std::collections::HashSet<usize> =
                receiver.iter().map(|block: Block| block.ptr() as usize).collect();
            maker.join().unwrap();
            assert!(addresses.len() <= 4, "{} blocks of {bytes} bytes", addresses.len());
        }
    }

    #[test]
    fn impossible_sizes_are_refused_and_not_counted() {
        assert!(try_alloc(usize::MAX).is_none());
        (0..5).for_each(|_| assert!(try_alloc(1 << 61).is_none()));
        assert!(memory_stats().live_bytes < 1 << 40);
    }
}
