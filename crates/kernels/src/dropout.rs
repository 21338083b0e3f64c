//! Dropout with a mask that is computed from a counter, so that it never needs to be stored.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::rng;

/// out = x / (1 − p) where element `offset + i` of the seed's uniform stream is at least p, else 0.
pub fn dropout<T: Float>(x: &[T], p: f64, seed: u64, offset: u64, out: &mut [T]) {
    assert_eq!(x.len(), out.len());
    // p = 1 keeps nothing, and 1/0 must not reach it.
    let scale = T::lit(if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 });
    let p = p as f32;
    pool::chunks_mut(out, CHUNK, |start, out| {
        dispatch(Chunk {
            x: &x[start..start + out.len()],
            p,
            scale,
            seed,
            offset: offset + start as u64,
            out,
        });
    });
}

const CHUNK: usize = 1 << 12;

struct Chunk<'a, T> {
    x: &'a [T],
    p: f32,
    scale: T,
    seed: u64,
    offset: u64,
    out: &'a mut [T],
}
impl<T: Float> Kernel for Chunk<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let mut uniform = [0f32; CHUNK];
        let uniform = &mut uniform[..self.out.len()];
        rng::fill_uniform_f32(self.seed, self.offset, uniform);
        for ((o, &x), &u) in self.out.iter_mut().zip(self.x).zip(&*uniform) {
            *o = if u < self.p { T::lit(0.0) } else { x * self.scale };
        }
    }
}
