//! What does not fit the cache. Written past it, it does not displace what fits, and a line that is overwritten as a whole
//! need not be read first. What is read is asked for early: processors do that too, but not across the bounds of pages.

use crate::cache::last_level;
use crate::lanes::{prefetch, prefetch_l2};

/// Bytes from which on a result goes past the cache on every processor.
const LARGE: usize = 32 << 20;
/// Bytes from which on operands are beyond the caches of a core itself.
const FAR: usize = 2 << 20;
/// Bytes of a line of the cache.
pub(crate) const LINE: usize = 64;

/// Whether a result as large as this, computed from so many bytes of operands, goes past the cache: where all of them do not
/// fit the last level.
#[inline]
pub(crate) fn pays<T>(out: &[T], operands: usize) -> bool {
    let result = size_of_val(out);
    cfg!(target_arch = "x86_64") && (result >= LARGE || result + operands >= last_level().bytes)
}

/// Whether one does whose lines are written far from each other: it would take longer to read them first.
#[inline]
pub(crate) fn pays_apart<T>(out: &[T]) -> bool {
    cfg!(target_arch = "x86_64") && size_of_val(out) >= LARGE.min(last_level().bytes / 8)
}

/// Whether operands of so many bytes, of which several rows at a time are read, are worth asking for.
#[inline]
pub(crate) fn is_far(bytes: usize) -> bool {
    bytes >= FAR
}

/// Whether they are where all are read from one end to the other: what else is in the last level leaves these some three
/// quarters.
#[inline]
pub(crate) fn is_far_to_read(bytes: usize) -> bool {
    is_past(bytes, last_level().bytes / 4 * 3)
}

/// Whether places of a result of so many bytes are worth asking for before they are written, line by line.
#[inline]
pub(crate) fn is_far_to_write(bytes: usize) -> bool {
    is_past(bytes, last_level().bytes / 3)
}

/// A fast last level needs no asking for this share of it.
#[inline]
fn is_past(bytes: usize, share: usize) -> bool {
    bytes >= if last_level().is_fast { FAR.max(share) } else { FAR }
}

/// Asks for as many bytes as this row has, a page farther on.
#[inline(always)]
pub(crate) fn ask_ahead<T>(row: &[T]) {
    for line in ahead(row) {
        prefetch(line);
    }
}

/// [`ask_ahead`] for rows that are only read. A Zen 4 reads them from the second-level cache at 43 GB/s so, and at 36 where
/// they are asked for into the first; beside writes it is the other way round.
#[inline(always)]
pub(crate) fn ask_ahead_l2<T>(row: &[T]) {
    for line in ahead(row) {
        prefetch_l2(line);
    }
}

/// The lines a page behind those of this row.
#[inline(always)]
fn ahead<T>(row: &[T]) -> impl Iterator<Item = *const f32> {
    let next = row.as_ptr().cast::<f32>().wrapping_byte_add(4096);
    (0..size_of_val(row).div_ceil(LINE)).map(move |line| next.wrapping_byte_add(LINE * line))
}

/// Copies past the cache where the target can; ended by [`end`].
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    #[cfg(target_arch = "x86_64")]
    if to.as_ptr().cast::<Lane>().is_aligned() && size_of_val(to).is_multiple_of(size_of::<Lane>()) {
        assert_eq!(from.len(), to.len());
        let lanes = size_of_val(to) / size_of::<Lane>();
        let (from, to) = (from.as_ptr().cast::<Lane>(), to.as_mut_ptr().cast::<Lane>());
        for i in 0..lanes {
            // SAFETY: both slices have so many bytes and hold plain numbers; `to` is aligned, and SSE2 is in the baseline.
            unsafe { _mm_stream_si128(to.add(i), _mm_loadu_si128(from.add(i))) };
        }
        return;
    }
    to.copy_from_slice(from);
}

/// [`copy`], which meanwhile asks for as many elements from each of the addresses `next` on: the processor has reads and
/// writes under way at the same time then.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub(crate) fn copy_and_ask<I, T: Copy, const N: usize>(from: &[T], to: &mut [T], next: [*const I; N]) {
    let line = LINE / size_of::<T>();
    assert_eq!(from.len(), to.len());
    for (i, (from, to)) in from.chunks(line).zip(to.chunks_mut(line)).enumerate() {
        for next in next {
            let next = next.wrapping_add(i * line);
            for at in (0..line * size_of::<I>()).step_by(LINE) {
                prefetch(next.wrapping_byte_add(at).cast());
            }
        }
        copy(from, to);
    }
}

/// Makes what [`copy`] wrote visible to other threads like any other write.
#[inline(always)]
pub(crate) fn end() {
    // SAFETY: SSE is in the baseline.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        _mm_sfence();
    }
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m128i as Lane, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_any_place_and_length() {
        let from: Vec<f32> = (0..100).map(|i| i as f32).collect();
        for (start, n) in [(0, 0), (0, 64), (1, 64), (4, 33), (8, 92)] {
            let mut to = vec![-1.0; 100];
            let mut asking = to.clone();
            copy(&from[..n], &mut to[start..start + n]);
            copy_and_ask(&from[..n], &mut asking[start..start + n], [from.as_ptr_range().end; 2]);
            end();
            assert_eq!(to[start..start + n], from[..n]);
            assert!(to[..start].iter().chain(&to[start + n..]).all(|&v| v == -1.0));
            assert_eq!(asking, to);
        }
    }

    #[test]
    fn copies_ask_for_elements_of_any_size() {
        let (from, next) = ([3u8; 200], [0i64; 200]);
        let mut to = [0; 200];
        copy_and_ask(&from, &mut to, [next.as_ptr()]);
        assert_eq!(to, from);
        let mut wide = [1; 200];
        copy_and_ask(&next, &mut wide, [from.as_ptr(); 3]);
        end();
        assert_eq!(wide, next);
    }
}
