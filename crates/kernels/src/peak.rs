//! What a processor does at most: multiply-adds in registers, and numbers read, copied and combined. Measurements are
//! set against these.

use crate::isa::{Isa, isa};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes};
use crate::stream;
use std::hint::black_box;

/// The instruction set in use, by the name that `FLAMBEAU_ISA` takes.
pub fn instruction_set() -> &'static str {
    match isa() {
        Isa::Scalar => "scalar",
        Isa::Avx2 => "avx2",
        Isa::Avx512 => "avx512",
    }
}

/// Multiplies and adds in registers, in chains that do not wait for one another. Gives how many operations that was, two
/// for each multiply-add.
pub fn multiply_add(rounds: usize) -> usize {
    struct Chains(usize);
    impl LaneKernel for Chains {
        type Output = usize;
        #[inline(always)]
        fn run<L: Lanes>(self) -> usize {
            // As many as there are registers for, beside two operands.
            match L::ROWS {
                12 => chains::<L, 12>(self.0),
                6 => chains::<L, 6>(self.0),
                _ => chains::<L, 3>(self.0),
            }
        }
    }
    dispatch_lanes(Chains(rounds))
}

#[inline(always)]
fn chains<L: Lanes, const N: usize>(rounds: usize) -> usize {
    // Towards 1, so that no number becomes too small or too large.
    let (factor, summand) = (L::splat(black_box(0.5)), L::splat(black_box(0.5)));
    let mut sums = [L::splat(black_box(2.0)); N];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, summand);
        }
    }
    let mut lanes = [0.0; WIDTH];
    for sum in sums {
        sum.store(&mut lanes);
        black_box(&lanes);
    }
    2 * rounds * N * WIDTH
}

/// Reads both halves in turns, a line of each: some processors read memory 1.5 times as fast in two streams as in one. What is
/// past the last whole 128 is left out.
pub fn read(from: &[f32]) -> f32 {
    struct Sum<'a>(&'a [f32]);
    impl LaneKernel for Sum<'_> {
        type Output = f32;
        #[inline(always)]
        fn run<L: Lanes>(self) -> f32 {
            let mut sums = [L::zero(); 8];
            let lines = self.0.as_chunks::<WIDTH>().0;
            let (a, b) = lines.split_at(lines.len() / 8 * 4);
            for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
                for k in 0..4 {
                    sums[k] = sums[k] + L::load(&a[k]);
                    sums[4 + k] = sums[4 + k] + L::load(&b[k]);
                }
            }
            let mut lanes = [0.0; WIDTH];
            let [first, rest @ ..] = sums;
            rest.into_iter().fold(first, |a, b| a + b).store(&mut lanes);
            lanes.iter().sum()
        }
    }
    dispatch_lanes(Sum(from))
}

/// Copies; `past` the cache if the target can.
///
/// # Panics
/// If the lengths differ.
pub fn copy(from: &[f32], to: &mut [f32], past: bool) {
    if past {
        stream::copy(from, to);
        stream::end();
    } else {
        to.copy_from_slice(from);
    }
}

/// to = a + ½ · b; `past` the cache if the target can. What is past the last whole 256 of the shortest is left as it is.
pub fn triad(a: &[f32], b: &[f32], to: &mut [f32], past: bool) {
    struct Triad<'a>(&'a [f32], &'a [f32], &'a mut [f32], bool);
    impl LaneKernel for Triad<'_> {
        type Output = ();
        #[inline(always)]
        fn run<L: Lanes>(self) {
            const BLOCK: usize = 16;
            let Triad(a, b, to, past) = self;
            let factor = L::splat(0.5);
            let (a, b) = (a.as_chunks::<WIDTH>().0, b.as_chunks::<WIDTH>().0);
            let blocks = a.as_chunks::<BLOCK>().0.iter().zip(b.as_chunks::<BLOCK>().0);
            let to = to.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<BLOCK>().0;
            for ((a, b), to) in blocks.zip(to) {
                if past {
                    let mut block = [[0.0; WIDTH]; BLOCK];
                    for i in 0..BLOCK {
                        L::load(&b[i]).mul_add(factor, L::load(&a[i])).store(&mut block[i]);
                    }
                    stream::copy(&block, to);
                } else {
                    for i in 0..BLOCK {
                        L::load(&b[i]).mul_add(factor, L::load(&a[i])).store(&mut to[i]);
                    }
                }
            }
            if past {
                stream::end();
            }
        }
    }
    dispatch_lanes(Triad(a, b, to, past));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted() {
        let once = multiply_add(1);
        assert!(once >= 2 * 2 * WIDTH);
        assert_eq!(multiply_add(10), 10 * once);
    }

    #[test]
    fn what_is_read_copied_and_combined_is_right() {
        let a: Vec<f32> = (0..4096).map(|i| (i % 7) as f32).collect();
        assert_eq!(read(&a), a.iter().sum::<f32>());
        for past in [false, true] {
            let mut to = vec![0.0; a.len()];
            copy(&a, &mut to, past);
            assert_eq!(to, a);
            triad(&a, &a, &mut to, past);
            assert!(to.iter().zip(&a).all(|(to, a)| *to == 1.5 * a));
        }
    }
}
