//! The random number generator of the library: counter-based, so that any thread can compute any element.

pub use flambeau_kernels::rng::permutation;
use std::sync::{Mutex, PoisonError};

/// A seed's stream, from some number on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) seed: u64,
    pub(crate) offset: u64,
}

static STATE: Mutex<Stream> = Mutex::new(Stream { seed: 0, offset: 0 });

/// Seeds the generator that `rand`, `randn`, `dropout` and the initialisers draw from. Before the first call
/// the seed is 0: runs are reproducible unless the seed is drawn.
///
/// The same seed gives the same numbers for any number of threads. They are not PyTorch's.
pub fn manual_seed(seed: u64) {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = Stream { seed, offset: 0 };
}

/// Takes `n` numbers of the stream. Each draw starts on a new block of the generator.
pub(crate) fn reserve(n: usize) -> Stream {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let stream = *state;
    state.offset = state.offset.wrapping_add((n as u64).next_multiple_of(4));
    stream
}
