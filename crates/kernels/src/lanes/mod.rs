//! Sixteen `f32` side by side, for loops that the compiler does not keep in registers by itself.
//!
//! A loop is written once over [`Lanes`], as the `run` of a [`LaneKernel`]; [`dispatch_lanes`] compiles it for each
//! instruction set. Unlike those of [`isa`](crate::isa), loops that call [`Lanes::mul_add`] multiply and add in one rounding where the
//! processor can, so that their results differ between the sets by rounding. Another set is one more implementation.

#![allow(clippy::needless_range_loop, reason = "see `operators`")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod part;
mod scalar;
pub(crate) mod turn;

use crate::isa::{Isa, isa};
pub(crate) use part::Part;
use scalar::Scalar;
use std::ops::{Add, Div, Mul, Sub};

/// How many there are.
pub(crate) const WIDTH: usize = 16;

/// Sixteen `f32`. The implementations for an instruction set are named nowhere but in [`dispatch_lanes`], which has
/// made sure that the processor has it.
pub(crate) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// How many, times [`Self::COLUMNS`], fit into the registers beside the operands of a matrix product.
    const ROWS: usize;
    /// How many a row of such a block has.
    const COLUMNS: usize;
    /// As many of the lanes as a register holds, for loops that need many registers.
    type Part: Part;
    /// Whether it takes several registers to hold all lanes.
    const PARTED: bool = Self::Part::COUNT < WIDTH;
    /// Another such block, [rows, columns], with less to read for each multiplication.
    const WIDE: [usize; 2] = [Self::ROWS, Self::COLUMNS];
    /// The same number in all.
    fn splat(v: f32) -> Self;
    /// From memory.
    fn load(from: &[f32; WIDTH]) -> Self;
    /// Its halves from two places.
    #[inline(always)]
    fn load_halves(low: &[f32; WIDTH / 2], high: &[f32; WIDTH / 2]) -> Self {
        let mut both = [0.0; WIDTH];
        both[..WIDTH / 2].copy_from_slice(low);
        both[WIDTH / 2..].copy_from_slice(high);
        Self::load(&both)
    }
    /// To memory.
    fn store(self, to: &mut [f32; WIDTH]);
    /// self · a + b
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// As [`Self::mul_add`] in the first half of the lanes; the others hold anything.
    fn mul_add_half(self, a: Self, b: Self) -> Self;
    /// max(0, self); NaN stays NaN.
    fn relu(self) -> Self;
    /// Lane i is that of number i + `by`, counted in a ring.
    #[inline(always)]
    fn rotate(self, by: usize) -> Self {
        let (mut lanes, mut rotated) = ([0.0; WIDTH], [0.0; WIDTH]);
        self.store(&mut lanes);
        for i in 0..WIDTH {
            rotated[i] = lanes[(i + by) % WIDTH];
        }
        Self::load(&rotated)
    }
    /// The lanes at even and those at odd places of both, one after the other.
    fn alternate(low: Self, high: Self) -> [Self; 2];
    /// The lanes of both in turn: what `alternate` undoes.
    fn interleave(even: Self, odd: Self) -> [Self; 2];
    /// The larger, of equal ones the first; NaN where one is.
    fn max(self, other: Self) -> Self;
    /// The smaller, of equal ones the first; NaN where one is.
    fn min(self, other: Self) -> Self;
    /// Lane by lane the second of two pairs if its first number is larger, or NaN, else the first.
    fn larger(best: (Self, Self), other: (Self, Self)) -> (Self, Self);
    /// Itself in the lanes where two are equal, elsewhere 0.
    fn where_equal(self, a: Self, b: Self) -> Self;
    /// Lane j of row i becomes lane i of row j.
    fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH];

    /// Number i of each of sixteen rows becomes a vector at `to[i]`, for the first `n` numbers of each, at most sixteen.
    ///
    /// # Safety
    /// `n` numbers may be read from each row, and a vector written to each of the first `n` of `to`.
    #[inline(always)]
    unsafe fn turn(from: Spread<*const f32>, n: usize, to: [*mut f32; WIDTH]) {
        // SAFETY: the caller's.
        unsafe { turn::turn::<Self, f32>(from, n, to) };
    }

    /// The way back, of vectors to which a shift is added, and of which max(0, …) is taken with `RELU`: lane i of the
    /// first `n` vectors becomes row i. A shift of −0 changes nothing.
    ///
    /// # Safety
    /// A vector may be read from each of `from`, and `n` numbers written to each row.
    #[inline(always)]
    unsafe fn turn_back<const RELU: bool>(
        from: [*const f32; WIDTH],
        shift: Self,
        n: usize,
        to: Spread<*mut f32>,
    ) {
        // SAFETY: the caller's.
        unsafe { turn::turn_back::<Self, f32, RELU>(from, shift, n, to) };
    }

    /// Lane i is the sum of row i.
    #[inline(always)]
    fn sum_each(rows: [Self; WIDTH]) -> Self {
        let columns = Self::transpose(rows);
        let mut sum = columns[0];
        for i in 1..WIDTH {
            sum = sum + columns[i];
        }
        sum
    }

    /// All zero.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// The first sixteen of a slice, or as many as it has and zeros.
    #[inline(always)]
    fn load_some(from: &[f32]) -> Self {
        if let Some(whole) = from.first_chunk() {
            return Self::load(whole);
        }
        let mut lanes = [0.0; WIDTH];
        lanes[..from.len()].copy_from_slice(from);
        Self::load(&lanes)
    }

    /// The first sixteen of a slice, or as many as it has and zeros.
    #[inline(always)]
    fn load_bytes(from: &[u8]) -> Self {
        let mut lanes = [0.0; WIDTH];
        for i in 0..from.len().min(WIDTH) {
            lanes[i] = f32::from(from[i]);
        }
        Self::load(&lanes)
    }

    /// As many as the slice holds, whole numbers from 0 to 255.
    #[inline(always)]
    fn store_bytes(self, to: &mut [u8]) {
        let mut lanes = [0.0; WIDTH];
        self.store(&mut lanes);
        for i in 0..to.len().min(WIDTH) {
            to[i] = lanes[i] as u8;
        }
    }

    /// As many as the slice holds, from the first on.
    #[inline(always)]
    fn store_some(self, to: &mut [f32]) {
        if let Some(whole) = to.first_chunk_mut() {
            return self.store(whole);
        }
        let mut lanes = [0.0; WIDTH];
        self.store(&mut lanes);
        let n = to.len();
        to.copy_from_slice(&lanes[..n]);
    }
}

/// Rows that lie `apart`, up to number `last` of at most 15; those after it are the last one again, where they are read.
/// What is `ahead` of each is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Spread<P> {
    pub(crate) first: P,
    pub(crate) apart: usize,
    pub(crate) last: usize,
    pub(crate) ahead: usize,
}

impl<P> Spread<P> {
    /// How far a row is from the first.
    #[inline(always)]
    fn to_row(&self, row: usize) -> usize {
        row.min(self.last) * self.apart
    }
}

/// Asks for a cache line that is read soon. Any address will do.
#[inline(always)]
pub(crate) fn prefetch(at: *const f32) {
    // SAFETY: touches nothing; every x86-64 processor has it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Asks for a cache line that is read later: into the second-level cache, since the first would not hold it so long.
#[inline(always)]
pub(crate) fn prefetch_l2(at: *const f32) {
    // SAFETY: touches nothing; every x86-64 processor has it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The same address, of which the compiler knows nothing any more: it cannot compute what is derived from it ahead of a
/// loop, for which there may be no registers.
#[inline(always)]
pub(crate) fn opaque(mut at: *const f32) -> *const f32 {
    // SAFETY: no instruction at all. It may say that it reads memory: `nomem` is for numbers, not for addresses.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) at, options(pure, readonly, nostack, preserves_flags));
    }
    at
}

/// A loop to be compiled for each instruction set. Mark `run` `#[inline(always)]`.
pub(crate) trait LaneKernel {
    /// What the loop returns.
    type Output;
    /// The loop.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Runs a kernel with the lanes of the instruction set in use.
#[inline]
pub(crate) fn dispatch_lanes<K: LaneKernel>(kernel: K) -> K::Output {
    match isa() {
        Isa::Scalar => kernel.run::<Scalar>(),
        // SAFETY: `isa` returns a set only if the processor has it.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::run(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512::run(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => kernel.run::<Scalar>(),
    }
}

/// Rows and columns of the better block of results for a matrix so wide, in the instruction set in use.
pub(crate) fn tile_size(width: usize) -> [usize; 2] {
    struct Size(usize);
    impl LaneKernel for Size {
        type Output = [usize; 2];
        #[inline(always)]
        fn run<L: Lanes>(self) -> [usize; 2] {
            // Two times two are better than three and one.
            if matches!(self.0.div_ceil(WIDTH), 1 | 2 | 4) { [L::ROWS, L::COLUMNS] } else { L::WIDE }
        }
    }
    dispatch_lanes(Size(width))
}

/// Whether blocks of results have one column in the instruction set in use: AVX2 and scalar.
pub(crate) fn is_narrow() -> bool {
    struct Narrow;
    impl LaneKernel for Narrow {
        type Output = bool;
        #[inline(always)]
        fn run<L: Lanes>(self) -> bool {
            L::COLUMNS == 1
        }
    }
    dispatch_lanes(Narrow)
}

/// Whether a register holds some of the lanes only in the instruction set in use, and a [`Part`] pays: AVX2.
pub(crate) fn is_parted() -> bool {
    struct Parted;
    impl LaneKernel for Parted {
        type Output = bool;
        #[inline(always)]
        fn run<L: Lanes>(self) -> bool {
            L::PARTED
        }
    }
    dispatch_lanes(Parted)
}

/// Arithmetic, register by register. Here and below there are loops where the standard
/// library has functions that take closures: those are not always inlined, which would lose the instruction set.
macro_rules! operators {
    ($lanes:ident, $([$trait:ident, $name:ident, $one:path]),*) => {
        $(impl $trait for $lanes {
            type Output = Self;
            #[inline(always)]
            fn $name(mut self, other: Self) -> Self {
                for i in 0..self.0.len() {
                    // SAFETY: see the type; of numbers it is safe.
                    #[allow(unused_unsafe)]
                    unsafe { self.0[i] = $one(self.0[i], other.0[i]) };
                }
                self
            }
        })*
    };
}

use operators;

#[cfg(test)]
mod tests {
    use super::*;

    struct Check;
    impl LaneKernel for Check {
        type Output = ();
        #[inline(always)]
        fn run<L: Lanes>(self) {
            let number = |i: usize, j: usize| (i * WIDTH + j) as f32;
            let rows: [L; WIDTH] = std::array::from_fn(|i| L::load(&std::array::from_fn(|j| number(i, j))));
            for (i, row) in L::transpose(rows).into_iter().enumerate() {
                let mut got = [0.0; WIDTH];
                row.store(&mut got);
                assert_eq!(got, std::array::from_fn(|j| number(j, i)), "column {i}");
            }
            let mut sums = [0.0; WIDTH];
            L::sum_each(rows).store(&mut sums);
            assert_eq!(sums, std::array::from_fn(|i| (0..WIDTH).map(|j| number(i, j)).sum::<f32>()));
            for n in 0..=WIDTH + 1 {
                let from: Vec<f32> = (0..n).map(|i| i as f32 + 1.0).collect();
                let mut to = vec![9.0; n];
                let v = L::load_some(&from).mul_add(L::splat(2.0), L::splat(1.0)) - L::zero() * L::zero();
                v.store_some(&mut to);
                let want: Vec<f32> = from
                    .iter()
                    .enumerate()
                    .map(|(i, x)| if i < WIDTH { x * 2.0 + 1.0 } else { 9.0 })
                    .collect();
                assert_eq!(to, want);
            }
            turn::<L>();
            let mut to = [1.0; WIDTH];
            rows[1].mul_add_half(L::splat(3.0), rows[2]).store(&mut to);
            assert_eq!(
                to[..WIDTH / 2],
                std::array::from_fn::<_, { WIDTH / 2 }, _>(|j| 3.0 * number(1, j) + number(2, j))
            );
            L::load_some(&[-1.0, -0.0, 3.0, f32::NAN, f32::NEG_INFINITY]).relu().store(&mut to);
            assert_eq!(to[..5].iter().map(|x| x.to_bits()).collect::<Vec<_>>()[..3], [0, 0, 3f32.to_bits()]);
            assert!(to[3].is_nan() && to[4..].iter().all(|&x| x == 0.0));
            let halves: [L; 2] = [0, 1].map(|i| L::load(&std::array::from_fn(|j| number(i, j))));
            for (odd, lanes) in L::alternate(halves[0], halves[1]).into_iter().enumerate() {
                lanes.store(&mut to);
                assert_eq!(to, std::array::from_fn(|i| (2 * i + odd) as f32));
            }
            let [even, odd] = L::alternate(halves[0], halves[1]);
            for (half, lanes) in L::interleave(even, odd).into_iter().enumerate() {
                lanes.store(&mut to);
                assert_eq!(to, std::array::from_fn(|j| number(half, j)));
            }
            let (a, b) =
                ([1.0, 2.0, -0.0, f32::NAN, 1.0, f32::NAN], [2.0, 1.0, 0.0, 1.0, f32::NAN, f32::NAN]);
            let bits = |lanes: L| {
                let mut to = [0.0; 6];
                lanes.store_some(&mut to);
                to.map(|v: f32| if v.is_nan() { u32::MAX } else { v.to_bits() })
            };
            let [largest, least] = [[2.0, 2.0, -0.0], [1.0, 1.0, -0.0]].map(|of| of.map(f32::to_bits));
            assert_eq!(
                bits(L::load_some(&a).max(L::load_some(&b))),
                [&largest[..], &[u32::MAX; 3]].concat()[..]
            );
            assert_eq!(
                bits(L::load_some(&a).min(L::load_some(&b))),
                [&least[..], &[u32::MAX; 3]].concat()[..]
            );
            let mut to = [9.0; WIDTH];
            let half = L::splat(3.0) / L::splat(2.0);
            half.where_equal(L::load_bytes(&[1, 255, 1]), L::splat(1.0)).store(&mut to);
            assert_eq!(to[..4], [1.5, 0.0, 1.5, 0.0]);
            let best = (L::load_some(&[1.0, 1.0, 1.0, f32::NAN, f32::NAN]), L::splat(7.0));
            let other = (L::load_some(&[0.0, 1.0, 2.0, 3.0, f32::NAN]), L::splat(9.0));
            let mut bytes = [0; 5];
            L::larger(best, other).1.store_bytes(&mut bytes);
            assert_eq!(bytes, [7, 7, 9, 7, 9]);
        }
    }

    /// Rows that overlap, of all lengths, there and back.
    #[inline(always)]
    fn turn<L: Lanes>() {
        let numbers: Vec<f32> = (0..200).map(|i| i as f32 - 100.0).collect();
        for n in 1..=WIDTH {
            for (last, apart) in [(15, 12), (15, 1), (9, 7), (7, 20), (2, 16), (0, 3)] {
                let mut turned = [[f32::NAN; WIDTH]; WIDTH];
                let mut places = [turned.as_mut_ptr().cast(); WIDTH];
                for i in 0..n {
                    places[i] = turned[n - 1 - i].as_mut_ptr();
                }
                let rows = Spread { first: numbers.as_ptr(), apart, last, ahead: 0 };
                // SAFETY: the last row ends before number 15 · 12 + 16, and there are n vectors.
                unsafe { L::turn(rows, n, places) };
                for (i, vector) in turned[..n].iter().rev().enumerate() {
                    assert_eq!(*vector, std::array::from_fn(|j| numbers[j.min(last) * apart + i]));
                }
                let places = places.map(|place| place.cast_const());
                let (mut back, mut least) = (numbers.clone(), numbers.clone());
                for relu in [false, true] {
                    let to = if relu { &mut least } else { &mut back };
                    let rows = Spread { first: to.as_mut_ptr(), apart, last, ahead: 0 };
                    // SAFETY: as above; all places are vectors.
                    unsafe {
                        if relu {
                            L::turn_back::<true>(places, L::splat(1.0), n, rows);
                        } else {
                            L::turn_back::<false>(places, L::splat(-0.0), n, rows);
                        }
                    }
                }
                assert_eq!(back, numbers);
                for (i, &v) in least.iter().enumerate() {
                    let is_row = (0..=last).any(|row| (row * apart..row * apart + n).contains(&i));
                    assert_eq!(v, if is_row { (numbers[i] + 1.0).max(0.0) } else { numbers[i] });
                }
            }
        }
    }

    #[test]
    fn lanes_load_store_and_transpose() {
        Check.run::<Scalar>();
        dispatch_lanes(Check);
    }
}
