//! The random number generator of the library: counter-based, so that any thread can compute any element.

use crate::DType;
use flambeau_kernels::rng::block;
pub use flambeau_kernels::rng::permutation;
use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

/// Where the generator stands: a seed's stream of numbers, from some number on. With it a training goes on with the
/// numbers that it would have drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RngState {
    /// The seed.
    pub seed: u64,
    /// How many 32-bit numbers have been drawn.
    pub offset: u64,
}

/// Where the generator of this thread stands.
/// [`torch.get_rng_state`](https://docs.pytorch.org/docs/stable/generated/torch.get_rng_state.html).
///
/// ```
/// use flambeau_tensor::{Tensor, random::{get_rng_state, set_rng_state}};
/// let state = get_rng_state();
/// let drawn = Tensor::rand([3]).to_vec::<f32>();
/// set_rng_state(state);
/// assert_eq!(Tensor::rand([3]).to_vec::<f32>(), drawn);
/// ```
pub fn get_rng_state() -> RngState {
    let Stream { seed, offset } = position();
    RngState { seed, offset }
}

/// Makes the generator go on from where another one stood.
/// [`torch.set_rng_state`](https://docs.pytorch.org/docs/stable/generated/torch.set_rng_state.html).
pub fn set_rng_state(state: RngState) {
    let RngState { seed, offset } = state;
    update(|stream| *stream = Stream { seed, offset });
}

/// A seed's stream, from some number on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) seed: u64,
    pub(crate) offset: u64,
}

static STATE: Mutex<Stream> = Mutex::new(Stream { seed: 0, offset: 0 });

thread_local! {
    /// The stream of the innermost [`fork_rng`] that this thread is in.
    static FORKED: Cell<Option<Stream>> = const { Cell::new(None) };
}

/// Changes the stream that this thread draws from.
fn update<R>(f: impl FnOnce(&mut Stream) -> R) -> R {
    let Some(mut stream) = FORKED.get() else {
        return f(&mut STATE.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let result = f(&mut stream);
    FORKED.set(Some(stream));
    result
}

/// Runs `f` with a generator of its own, seeded with `seed`, for all that this thread draws in it: the same numbers
/// whatever other threads draw, and those outside stay as if `f` had drawn none.
/// [`torch.random.fork_rng`](https://docs.pytorch.org/docs/stable/random.html#torch.random.fork_rng).
///
/// ```
/// use flambeau_tensor::{Tensor, random::fork_rng};
/// let draw = || fork_rng(7, || Tensor::rand([2]).to_vec::<f32>());
/// assert_eq!(draw(), draw());
/// ```
pub fn fork_rng<R>(seed: u64, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Stream>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORKED.set(self.0);
        }
    }
    let _restore = Restore(FORKED.replace(Some(Stream { seed, offset: 0 })));
    f()
}

/// Seeds the generator that `rand`, `randn`, `dropout` and the initialisers draw from. Before the first call
/// the seed is 0: runs are reproducible unless the seed is drawn.
///
/// The same seed gives the same numbers for any number of threads. They are not PyTorch's.
pub fn manual_seed(seed: u64) {
    update(|state| *state = Stream { seed, offset: 0 });
}

/// Takes `n` numbers of a dtype: from the stream's 32-bit words, one for an `f32` and two for an `f64`. Each draw
/// starts on a new block of four, so that no two share one.
pub(crate) fn reserve(n: usize, dtype: DType) -> Stream {
    let words = if dtype == DType::F64 { 2 } else { 1 };
    let taken = (n as u64).saturating_mul(words).div_ceil(4).saturating_mul(4);
    update(|state| {
        let stream = Stream { seed: state.seed, offset: state.offset / words };
        state.offset = state.offset.wrapping_add(taken);
        stream
    })
}

/// The next four 32-bit words of this thread's stream: for code that draws a few numbers and no tensor of them.
///
/// ```
/// use flambeau_tensor::random::{fork_rng, words};
/// let draw = || fork_rng(7, || [words(), words()]);
/// assert_eq!(draw(), draw());
/// assert_ne!(draw()[0], draw()[1]);
/// ```
pub fn words() -> [u32; 4] {
    // Draws start on a block of four.
    let Stream { seed, offset } = reserve(4, DType::F32);
    block(seed, offset / 4)
}

/// Where the stream stands.
pub(crate) fn position() -> Stream {
    update(|state| *state)
}

/// Runs `f` with the stream at an earlier position, and then goes on from where it stood.
pub(crate) fn replay<R>(from: Stream, f: impl FnOnce() -> R) -> R {
    struct Restore(Stream);
    impl Drop for Restore {
        fn drop(&mut self) {
            update(|state| *state = self.0);
        }
    }
    let _restore = Restore(update(|state| std::mem::replace(state, from)));
    f()
}
