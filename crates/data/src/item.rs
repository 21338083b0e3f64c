//! What a loader keeps for each thread while it fetches a batch: the generator's seeds, which item is at work, and
//! whether to give up.

use flambeau_tensor::{Tensor, random::fork_rng};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone)]
struct Context {
    /// Of the loader, and of the loader and the epoch.
    seeds: [u64; 2],
    stop: Arc<AtomicBool>,
}

thread_local! {
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
    static POSITION: Cell<Option<usize>> = const { Cell::new(None) };
}

/// What ends the fetching of a batch that nobody waits for any more.
pub(crate) struct Stopped;

/// One number of several, such that any change of one of them changes all bits.
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014 (SplitMix64).
pub(crate) fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |state, &n| {
        let z = (state ^ n).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Runs `f`, which fetches batch `batch`, such that what it draws depends on these numbers and the items' alone.
/// `stop` set makes it unwind with [`Stopped`] before its next item.
pub(crate) fn within<R>(
    seed: u64,
    epoch: u64,
    batch: usize,
    stop: &Arc<AtomicBool>,
    f: impl FnOnce() -> R,
) -> R {
    struct Restore(Option<Context>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTEXT.replace(self.0.take());
        }
    }
    let seeds = [mix(&[seed]), mix(&[seed, epoch])];
    let _restore = Restore(CONTEXT.replace(Some(Context { seeds, stop: stop.clone() })));
    POSITION.set(None);
    fork_rng(mix(&[seeds[1], u64::MAX, batch as u64]), f)
}

/// Fetches the items of a batch one by one.
pub(crate) fn each(
    indices: &[usize],
    mut get: impl FnMut(usize) -> (Tensor, Tensor),
) -> Vec<(Tensor, Tensor)> {
    let Some(context) = CONTEXT.with_borrow(Clone::clone) else {
        return indices.iter().map(|&i| get(i)).collect();
    };
    let fetch = |(position, &index): (usize, &usize)| {
        if context.stop.load(Ordering::Relaxed) {
            std::panic::resume_unwind(Box::new(Stopped));
        }
        POSITION.set(Some(position));
        fork_rng(mix(&[context.seeds[1], index as u64]), || get(index))
    };
    let items = indices.iter().enumerate().map(fetch).collect();
    POSITION.set(None);
    items
}

/// Runs `f`, which fetches an item to be kept, such that what it draws does not depend on the epoch.
pub(crate) fn once<R>(index: usize, f: impl FnOnce() -> R) -> R {
    match CONTEXT.with_borrow(|context| context.as_ref().map(|c| c.seeds[0])) {
        Some(seed) => fork_rng(mix(&[seed, index as u64]), f),
        None => f(),
    }
}

/// Where in its batch the item stands that was at work when fetching failed.
pub(crate) fn failed_position() -> Option<usize> {
    POSITION.take()
}
