//! Blocks cut one after another from chunks that lie in huge pages, as single blocks are too small to do: finding the
//! pages of a batch takes longer than reading them.

use super::{ALIGN, HUGE};
use std::ptr::NonNull;

/// Blocks of fewer bytes are the system's; those of more bytes than the other have huge pages of their own.
pub(super) const SIZES: std::ops::Range<usize> = (1 << 10)..2 * HUGE;
/// Bytes of a chunk. Its pages are the system's until they are written.
const CHUNK: usize = 8 * HUGE;

struct Chunk {
    start: NonNull<u8>,
    /// Bytes at its start that do not lie in huge pages.
    small: usize,
    /// Bytes that were cut off, and the blocks that they became.
    used: usize,
    blocks: usize,
}

// SAFETY: a chunk is plain memory.
unsafe impl Send for Chunk {}

impl Chunk {
    fn has(&self, block: NonNull<u8>) -> bool {
        (block.as_ptr() as usize).wrapping_sub(self.start.as_ptr() as usize) < CHUNK
    }
}

/// Bytes of blocks before the first huge page: a small program stays small.
const FIRST: usize = 2 * HUGE;
/// Blocks of so many bytes are cut from a chunk even before: what the system's allocator clears is touched to the last byte, and
/// what is no block's comes on top.
const CUT_AT_ONCE: usize = 32 << 10;

/// All chunks. Blocks are cut from the last.
pub(super) struct Chunks {
    all: Vec<Chunk>,
    /// Bytes of the first blocks, up to the first huge page.
    first: usize,
}

impl Chunks {
    pub(super) const fn new() -> Chunks {
        Chunks { all: Vec::new(), first: 0 }
    }

    /// A zeroed block, or `None` for other sizes, for the first few small ones, and where the system has no chunks.
    pub(super) fn cut(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        if !SIZES.contains(&bytes) {
            return None;
        }
        let is_first = self.first < FIRST;
        if is_first {
            self.first += bytes;
            if bytes < CUT_AT_ONCE {
                return None;
            }
        }
        let used = |chunk: &Chunk| if is_first { chunk.used } else { chunk.used.max(chunk.small) };
        if self.all.last().is_none_or(|chunk| used(chunk) + bytes > CHUNK) {
            let small = if is_first { FIRST } else { 0 };
            self.all.push(Chunk { start: system::map(small)?, small, used: 0, blocks: 0 });
        }
        let chunk = self.all.last_mut()?;
        chunk.used = used(chunk);
        // SAFETY: so many bytes are left in the chunk.
        let block = unsafe { chunk.start.add(chunk.used) };
        chunk.used += bytes.next_multiple_of(ALIGN);
        chunk.blocks += 1;
        Some(block)
    }

    /// Takes those blocks out of a list of free ones that lie in chunks, and gives the chunks that have no others to the
    /// system. Returns the blocks whose chunks are still in use.
    pub(super) fn release<T>(&mut self, free: &mut Vec<(NonNull<u8>, T)>) -> Vec<(NonNull<u8>, T)> {
        let mut kept = Vec::new();
        self.all.retain(|chunk| {
            let mut inside: Vec<_> = free.extract_if(.., |(block, _)| chunk.has(*block)).collect();
            let in_use = inside.len() < chunk.blocks;
            if in_use {
                kept.append(&mut inside);
            } else {
                system::unmap(chunk.start);
            }
            in_use
        });
        kept
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{CHUNK, HUGE};
    use std::ptr::NonNull;

    /// A chunk of zeros, in huge pages but for so many bytes at its start.
    pub(super) fn map(small: usize) -> Option<NonNull<u8>> {
        // SAFETY: a new mapping; what lies before its first huge page and behind the chunk is unmapped again, and the advice
        // may be ignored.
        unsafe {
            let (rights, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let whole = libc::mmap(std::ptr::null_mut(), CHUNK + HUGE, rights, kind, -1, 0);
            if whole == libc::MAP_FAILED {
                return None;
            }
            let before = whole.align_offset(HUGE);
            let start = whole.add(before);
            if before > 0 {
                libc::munmap(whole, before);
            }
            libc::munmap(start.add(CHUNK), HUGE - before);
            libc::madvise(start.add(small), CHUNK - small, libc::MADV_HUGEPAGE);
            if small > 0 {
                libc::madvise(start, small, libc::MADV_NOHUGEPAGE);
            }
            NonNull::new(start.cast())
        }
    }

    pub(super) fn unmap(start: NonNull<u8>) {
        // SAFETY: the caller has a whole chunk, none of whose blocks is in use.
        unsafe { libc::munmap(start.as_ptr().cast(), CHUNK) };
    }
}

/// Elsewhere pages are as large as the system makes them.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::ptr::NonNull;

    pub(super) fn map(_: usize) -> Option<NonNull<u8>> {
        None
    }

    pub(super) fn unmap(_: NonNull<u8>) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn after_the_first_few_blocks_all_lie_in_huge_pages() {
        let mut chunks = Chunks::new();
        let first = chunks.cut(CUT_AT_ONCE).unwrap();
        assert!((1..FIRST / CUT_AT_ONCE + 1).all(|_| chunks.cut(CUT_AT_ONCE - 1).is_none()));
        let distance = |block: NonNull<u8>| block.as_ptr() as usize - first.as_ptr() as usize;
        let later = [SIZES.start, CUT_AT_ONCE].map(|bytes| distance(chunks.cut(bytes).unwrap()));
        assert_eq!(later, [FIRST, FIRST + SIZES.start]);
        assert!(chunks.release(&mut vec![(first, ())]).len() == 1, "others are in use");
    }

    #[test]
    fn blocks_are_zeros_of_their_own_and_chunks_go_when_all_are_free() {
        let mut chunks = Chunks::new();
        assert!(chunks.cut(SIZES.start - 1).is_none() && chunks.cut(SIZES.end).is_none());
        let bytes = 3 << 20;
        assert!(chunks.cut(CUT_AT_ONCE - 1).is_none());
        let blocks: Vec<_> = (0..12).map(|_| chunks.cut(bytes).unwrap()).collect();
        for (i, block) in blocks.iter().enumerate() {
            assert_eq!(block.as_ptr() as usize % ALIGN, 0);
            // SAFETY: a block of so many bytes.
            let block = unsafe { std::slice::from_raw_parts_mut(block.as_ptr(), bytes) };
            assert!(block.iter().all(|&byte| byte == 0), "block {i}");
            block.fill(i as u8 + 1);
        }
        assert_eq!(chunks.all.iter().map(|chunk| chunk.blocks).collect::<Vec<_>>(), [5, 5, 2]);
        let elsewhere = NonNull::<u8>::dangling();
        let mut free: Vec<_> =
            blocks[..7].iter().copied().chain([elsewhere]).map(|block| (block, ())).collect();
        assert_eq!(chunks.release(&mut free), [(blocks[5], ()), (blocks[6], ())]);
        assert_eq!((free, chunks.all.len()), (vec![(elsewhere, ())], 2));
        // SAFETY: as above; their chunk is still there.
        assert!(blocks[5..].iter().zip(6..).all(|(block, i)| unsafe { block.read() } == i));
        let mut free: Vec<_> = blocks[5..].iter().map(|&block| (block, ())).collect();
        assert!(chunks.release(&mut free).is_empty() && free.is_empty() && chunks.all.is_empty());
    }
}
