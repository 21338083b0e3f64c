//! Dropout with a mask that is computed from a counter, so that it never needs to be stored.

use crate::num::Float;
use crate::pool;
use crate::rng;

/// out = x / (1 − p) where element `offset + i` of the seed's uniform stream is at least p, else 0.
pub fn dropout<T: Float>(x: &[T], p: f64, seed: u64, offset: u64, out: &mut [T]) {
    assert_eq!(x.len(), out.len());
    // p = 1 keeps nothing, and 1/0 must not reach it.
    let scale = T::lit(if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 });
    let p = p as f32;
    pool::chunks_mut(out, 1 << 12, |start, out| {
        let mut uniform = [0f32; 1 << 12];
        let uniform = &mut uniform[..out.len()];
        rng::fill_uniform_f32(seed, offset + start as u64, uniform);
        for ((o, &x), &u) in out.iter_mut().zip(&x[start..]).zip(&*uniform) {
            *o = if u < p { T::lit(0.0) } else { x * scale };
        }
    });
}
