//! The random number generator of the library: counter-based, so that any thread can compute any element.

use crate::DType;
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

/// Takes `n` numbers of a dtype: from the stream's 32-bit words, one for an `f32` and two for an `f64`. Each draw
/// starts on a new block of four, so that no two share one.
pub(crate) fn reserve(n: usize, dtype: DType) -> Stream {
    let words = if dtype == DType::F64 { 2 } else { 1 };
    let taken = (n as u64).saturating_mul(words).div_ceil(4).saturating_mul(4);
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let stream = Stream { seed: state.seed, offset: state.offset / words };
    state.offset = state.offset.wrapping_add(taken);
    stream
}

/// Where the stream stands.
pub(crate) fn position() -> Stream {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `f` with the stream at an earlier position, and then goes on from where it stood.
pub(crate) fn replay<R>(from: Stream, f: impl FnOnce() -> R) -> R {
    struct Restore(Stream);
    impl Drop for Restore {
        fn drop(&mut self) {
            *STATE.lock().unwrap_or_else(PoisonError::into_inner) = self.0;
        }
    }
    let _restore =
        Restore(std::mem::replace(&mut *STATE.lock().unwrap_or_else(PoisonError::into_inner), from));
    f()
}
