//! Random numbers as pure functions of (seed, index), from the counter-based generator Philox4x32-10 (Salmon,
//! Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). There is no state to share or
//! to advance: any thread computes any element, and the fillers give the same bits however a tensor is cut into
//! chunks.
//!
//! # Layout
//! A seed names a sequence of blocks of four 32-bit words w₀ w₁ w₂ w₃. Block c is Philox of the counter
//! (c mod 2³², c div 2³², 0, 0) under the key (seed mod 2³², seed div 2³²). In it,
//!
//! | stream | element i is in block | where it is made from |
//! |---|---|---|
//! | [`uniform_f32`] | i div 4 | word i mod 4 |
//! | [`normal_f32`] | i div 4 | (w₀, w₁) make elements 0 and 1 (by cosine and sine), (w₂, w₃) make 2 and 3 |
//! | [`uniform_f64`], [`below`] | i div 2 | w₀ + 2³² w₁ makes element 0, w₂ + 2³² w₃ makes 1 |
//! | [`normal_f64`] | i div 2 | these two numbers make elements 0 and 1 (by cosine and sine) |
//!
//! Streams of one seed overlap: a caller who needs independent ones takes other seeds or ranges of indices.
//! [`permutation`] uses counters whose high half is not zero, hence blocks that nothing else reads.
//!
//! The fillers are inlined into their caller, whose instruction set thereby decides how wide their vectors are.

use crate::isa::{Kernel, dispatch};
use crate::math::{ln_f32, ln_f64};
use crate::trig::{cos_sin_turns, cos_sin_turns_f64};

/// Rounds of the variant that Random123 and PyTorch use.
const ROUNDS: u32 = 10;

/// Philox4x32-10 under one key: a bijection of 128-bit counters that looks random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// The generator whose key is the seed's two halves, low one first.
    #[inline]
    pub const fn new(seed: u64) -> Self {
        Self { key: halves(seed) }
    }

    /// The four words of a 128-bit counter, given low word first.
    #[inline(always)]
    pub fn at(self, counter: [u32; 4]) -> [u32; 4] {
        let [mut c0, mut c1, mut c2, mut c3] = counter;
        let [mut k0, mut k1] = self.key;
        for _ in 0..ROUNDS {
            let a = u64::from(c0) * 0xd251_1f53;
            let b = u64::from(c2) * 0xcd9e_8d57;
            (c0, c1) = ((b >> 32) as u32 ^ c1 ^ k0, b as u32);
            (c2, c3) = ((a >> 32) as u32 ^ c3 ^ k1, a as u32);
            k0 = k0.wrapping_add(0x9e37_79b9);
            k1 = k1.wrapping_add(0xbb67_ae85);
        }
        [c0, c1, c2, c3]
    }
}

/// Block `counter` of the seed's sequence.
#[inline(always)]
pub fn block(seed: u64, counter: u64) -> [u32; 4] {
    let [low, high] = halves(counter);
    Philox::new(seed).at([low, high, 0, 0])
}

/// Uniform on [0, 1): a multiple of 2⁻²⁴.
#[inline]
pub fn uniform_f32(seed: u64, index: u64) -> f32 {
    one(seed, index, Uniform)
}

/// Uniform on [0, 1): a multiple of 2⁻⁵³.
#[inline]
pub fn uniform_f64(seed: u64, index: u64) -> f64 {
    one(seed, index, Uniform)
}

/// Standard normal by Box and Muller's transform (1958), |value| < 6.7. The same bits on every machine.
#[inline]
pub fn normal_f32(seed: u64, index: u64) -> f32 {
    one(seed, index, Normal)
}

/// Standard normal by Box and Muller's transform, |value| < 8.6. The same bits on every machine.
#[inline]
pub fn normal_f64(seed: u64, index: u64) -> f64 {
    one(seed, index, Normal)
}

/// Uniform on 0, …, n - 1 (0 if n = 0). Each value's probability is off by less than 2⁻⁶⁴.
#[inline]
pub fn below(seed: u64, index: u64, n: u64) -> u64 {
    one(seed, index, Below(n)) as u64
}

/// `out[i] = uniform_f32(seed, offset + i)`.
#[inline(always)]
pub fn fill_uniform_f32(seed: u64, offset: u64, out: &mut [f32]) {
    fill(seed, offset, out, Uniform);
}

/// `out[i] = uniform_f64(seed, offset + i)`.
#[inline(always)]
pub fn fill_uniform_f64(seed: u64, offset: u64, out: &mut [f64]) {
    fill(seed, offset, out, Uniform);
}

/// `out[i] = normal_f32(seed, offset + i)`.
#[inline(always)]
pub fn fill_normal_f32(seed: u64, offset: u64, out: &mut [f32]) {
    fill(seed, offset, out, Normal);
}

/// `out[i] = normal_f64(seed, offset + i)`.
#[inline(always)]
pub fn fill_normal_f64(seed: u64, offset: u64, out: &mut [f64]) {
    fill(seed, offset, out, Normal);
}

/// `out[i] = below(seed, offset + i, n)`, for n up to 2⁶³.
pub fn fill_below(seed: u64, offset: u64, n: u64, out: &mut [i64]) {
    // The numbers of the blocks first: products of 128 bits would keep their rounds from being vectorised.
    fill_bits(seed, offset, out);
    for o in out {
        *o = scale_below(*o as u64, n) as i64;
    }
}

/// `out[i] = scale · x + shift` with a uniform or normal x, as the fillers give it, in the vectors of the instruction set in
/// use.
pub struct Draw<'a, T> {
    /// Normal, or else uniform.
    pub normal: bool,
    /// The sequence.
    pub seed: u64,
    /// The number of the first element in it.
    pub offset: u64,
    /// What the numbers are multiplied by.
    pub scale: T,
    /// What is added to them.
    pub shift: T,
    /// Where they go.
    pub out: &'a mut [T],
}

macro_rules! draw {
    ($($t:ty: $normal:ident $uniform:ident),*) => {$(
        impl Kernel for Draw<'_, $t> {
            type Output = ();
            #[inline(always)]
            fn run(self) {
                let Draw { normal, seed, offset, scale, shift, out } = self;
                if normal { $normal(seed, offset, out) } else { $uniform(seed, offset, out) }
                for o in out {
                    *o = *o * scale + shift;
                }
            }
        }
    )*};
}
draw!(f32: fill_normal_f32 fill_uniform_f32, f64: fill_normal_f64 fill_uniform_f64);

/// `out[i]` = what [`below`] makes number `offset + i` from, by [`scale_below`].
pub fn fill_bits(seed: u64, offset: u64, out: &mut [i64]) {
    struct Bare<'a>(u64, u64, &'a mut [i64]);
    impl Kernel for Bare<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            fill(self.0, self.1, self.2, Bits);
        }
    }
    dispatch(Bare(seed, offset, out));
}

/// The numbers 0, …, n - 1 in random order (Fisher and Yates), another one for every `stream` (an epoch, say).
///
/// Uses the counters whose high half is `stream + 1`.
pub fn permutation(seed: u64, stream: u64, n: usize) -> Vec<usize> {
    let generator = Philox::new(seed);
    let [high0, high1] = halves(stream.wrapping_add(1));
    let mut order: Vec<usize> = (0..n).collect();
    let mut bits = [[0; 2]; 32];
    for (draw, last) in (1..n).rev().enumerate() {
        let at = draw % 64;
        if at == 0 {
            for (i, bits) in bits.iter_mut().enumerate() {
                let [low0, low1] = halves((draw / 2 + i) as u64);
                *bits = pair_u64(generator.at([low0, low1, high0, high1]));
            }
        }
        order.swap(last, scale_below(bits[at / 2][at % 2], last as u64 + 1) as usize);
    }
    order
}

/// What becomes of a block: `N` elements. A trait, not a closure, since only methods marked `inline(always)` are
/// sure to be compiled for the instruction set of the filler's caller.
trait Distribution<T, const N: usize> {
    fn elements(&self, words: [u32; 4]) -> [T; N];
}

/// Element `index` of the seed's stream.
#[inline(always)]
fn one<T: Copy, const N: usize>(seed: u64, index: u64, kind: impl Distribution<T, N>) -> T {
    kind.elements(block(seed, index / N as u64))[(index % N as u64) as usize]
}

/// Elements `offset`, `offset + 1`, … of the seed's stream.
#[inline(always)]
fn fill<T: Copy, const N: usize>(seed: u64, offset: u64, out: &mut [T], kind: impl Distribution<T, N>) {
    let mut counter = offset / N as u64;
    let skip = (offset % N as u64) as usize;
    let (head, out) = out.split_at_mut(if skip == 0 { 0 } else { out.len().min(N - skip) });
    if !head.is_empty() {
        head.copy_from_slice(&kind.elements(block(seed, counter))[skip..skip + head.len()]);
        counter += 1;
    }
    let (whole, tail) = out.as_chunks_mut();
    for (i, elements) in whole.iter_mut().enumerate() {
        *elements = kind.elements(block(seed, counter.wrapping_add(i as u64)));
    }
    if !tail.is_empty() {
        let elements = kind.elements(block(seed, counter + whole.len() as u64));
        tail.copy_from_slice(&elements[..tail.len()]);
    }
}

struct Uniform;
struct Normal;
struct Below(u64);
/// As they come.
struct Bits;

impl Distribution<f32, 4> for Uniform {
    #[inline(always)]
    fn elements(&self, [w0, w1, w2, w3]: [u32; 4]) -> [f32; 4] {
        [unit_f32(w0), unit_f32(w1), unit_f32(w2), unit_f32(w3)]
    }
}

impl Distribution<f64, 2> for Uniform {
    #[inline(always)]
    fn elements(&self, words: [u32; 4]) -> [f64; 2] {
        let [first, second] = pair_u64(words);
        [unit_f64(first), unit_f64(second)]
    }
}

impl Distribution<f32, 4> for Normal {
    #[inline(always)]
    fn elements(&self, [w0, w1, w2, w3]: [u32; 4]) -> [f32; 4] {
        let ([x0, x1], [x2, x3]) = (box_muller(w0, w1), box_muller(w2, w3));
        [x0, x1, x2, x3]
    }
}

impl Distribution<f64, 2> for Normal {
    #[inline(always)]
    fn elements(&self, words: [u32; 4]) -> [f64; 2] {
        let [u, turns]: [f64; 2] = Uniform.elements(words);
        // 1 - u is in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * ln_f64(1.0 - u)).sqrt();
        let (cos, sin) = cos_sin_turns_f64(turns);
        [radius * cos, radius * sin]
    }
}

impl Distribution<i64, 2> for Below {
    #[inline(always)]
    fn elements(&self, words: [u32; 4]) -> [i64; 2] {
        let [first, second] = pair_u64(words);
        [scale_below(first, self.0) as i64, scale_below(second, self.0) as i64]
    }
}

impl Distribution<i64, 2> for Bits {
    #[inline(always)]
    fn elements(&self, words: [u32; 4]) -> [i64; 2] {
        let [first, second] = pair_u64(words);
        [first as i64, second as i64]
    }
}

/// A block's two 64-bit numbers.
#[inline(always)]
fn pair_u64([w0, w1, w2, w3]: [u32; 4]) -> [u64; 2] {
    [u64::from(w1) << 32 | u64::from(w0), u64::from(w3) << 32 | u64::from(w2)]
}

/// A number's low and high half.
#[inline(always)]
const fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

#[inline(always)]
fn unit_f32(bits: u32) -> f32 {
    // Through i32, which every vector unit converts.
    (bits >> 8) as i32 as f32 * (1.0 / (1u32 << 24) as f32)
}

#[inline(always)]
fn unit_f64(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// ⌊bits n / 2⁶⁴⌋.
#[inline(always)]
pub fn scale_below(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// Two independent standard normals: the radius from the first word, the angle from the second.
#[inline(always)]
fn box_muller(radius: u32, angle: u32) -> [f32; 2] {
    // In (0, 1], so that the logarithm is finite.
    let u = (radius as f32 + 1.0) * (1.0 / (1u64 << 32) as f32);
    let radius = (-2.0 * ln_f32(u)).sqrt();
    let (cos, sin) = cos_sin_turns(angle);
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::f64::consts::TAU;

    const SAMPLES: usize = 100_000;

    /// Checks Random123's `kat_vectors`, "philox4x32 10".
    #[test]
    fn known_answers() {
        let zeros = Philox::new(0).at([0; 4]);
        assert_eq!(zeros, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = Philox::new(u64::MAX).at([u32::MAX; 4]);
        assert_eq!(ones, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = Philox::new(0x299f_31d0_a409_3822).at([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]);
        assert_eq!(pi, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    /// The filler in chunks of many sizes gives what the function of one index gives, also past 2³² blocks.
    fn check_filler<T: Copy + Default + PartialEq + std::fmt::Debug>(
        fill: impl Fn(u64, u64, &mut [T]),
        one: impl Fn(u64, u64) -> T,
    ) {
        let seed = 0x1234_5678_9abc_def0;
        for offset in [0, 1, 2, 3, 5, 63, (4 << 32) - 21, u64::MAX / 2] {
            let want: Vec<T> = (0..300).map(|i| one(seed, offset + i)).collect();
            for chunk in [1, 2, 3, 7, 31, 64, 100, 300] {
                let mut got = vec![T::default(); 300];
                for (i, part) in got.chunks_mut(chunk).enumerate() {
                    fill(seed, offset + (i * chunk) as u64, part);
                }
                assert_eq!(got, want, "offset {offset}, chunk {chunk}");
            }
        }
    }

    #[test]
    fn fillers_equal_single_elements() {
        check_filler(fill_uniform_f32, uniform_f32);
        check_filler(fill_uniform_f64, uniform_f64);
        check_filler(fill_normal_f32, normal_f32);
        check_filler(fill_normal_f64, normal_f64);
        check_filler(|s, o, out| fill_below(s, o, 1000, out), |s, i| below(s, i, 1000) as i64);
    }

    /// Mean and variance within five standard errors (`kurtosis` is E[(x - mean)⁴] / variance²).
    fn check_moments(samples: &[f64], mean: f64, variance: f64, kurtosis: f64) {
        let n = samples.len() as f64;
        let m = samples.iter().sum::<f64>() / n;
        let v = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        assert!((m - mean).abs() < 5.0 * (variance / n).sqrt(), "mean {m}");
        assert!((v - variance).abs() < 5.0 * variance * ((kurtosis - 1.0) / n).sqrt(), "variance {v}");
    }

    /// χ² over 100 equally probable cells: 99 ± 5 standard deviations of 14.1.
    fn check_cells(cells: impl Iterator<Item = usize>) {
        let mut counts = [0.0f64; 100];
        cells.for_each(|cell| counts[cell] += 1.0);
        let expected = counts.iter().sum::<f64>() / 100.0;
        let chi2 = counts.iter().map(|c| (c - expected).powi(2) / expected).sum::<f64>();
        assert!((35.0..170.0).contains(&chi2), "chi² {chi2}");
    }

    #[test]
    fn uniforms_are_uniform() {
        let (mut single, mut double) = (vec![0.0; SAMPLES], vec![0.0; SAMPLES]);
        fill_uniform_f32(1, 0, &mut single);
        fill_uniform_f64(2, 0, &mut double);
        for samples in [single.iter().map(|&x| f64::from(x)).collect(), double] {
            assert!(samples.iter().all(|x| (0.0..1.0).contains(x)));
            check_moments(&samples, 0.5, 1.0 / 12.0, 1.8);
            check_cells(samples.iter().map(|x| (x * 100.0) as usize));
        }
        assert_eq!(unit_f32(u32::MAX), 1.0 - f32::EPSILON / 2.0);
        assert_eq!(unit_f64(u64::MAX), 1.0 - f64::EPSILON / 2.0);
        check_cells((0..SAMPLES as u64).map(|i| below(3, i, 100) as usize));
        assert_eq!((below(3, 0, 0), below(3, 0, 1), scale_below(u64::MAX, u64::MAX)), (0, 0, u64::MAX - 1));
    }

    #[test]
    fn normals_are_normal() {
        let (mut single, mut double) = (vec![0.0; SAMPLES], vec![0.0; SAMPLES]);
        fill_normal_f32(1, 0, &mut single);
        fill_normal_f64(2, 0, &mut double);
        for samples in [single.iter().map(|&x| f64::from(x)).collect(), double] {
            check_moments(&samples, 0.0, 1.0, 3.0);
            // For (x, y) of a pair, exp(-(x² + y²) / 2) and the angle are uniform.
            let pairs = || samples.chunks_exact(2).map(|p| (p[0], p[1]));
            check_cells(pairs().map(|(x, y)| ((-(x * x + y * y) / 2.0).exp() * 100.0).min(99.0) as usize));
            check_cells(pairs().map(|(x, y)| ((y.atan2(x) / TAU + 0.5) * 100.0).min(99.0) as usize));
        }
        let extremes = [0, u32::MAX].map(|word| box_muller(word, 0)[0]);
        assert!(extremes[0] > 6.6 && extremes[0] < 6.7 && extremes[1] == 0.0, "{extremes:?}");
    }

    #[test]
    fn permutations() {
        for n in [0, 1, 2, 3, 1000] {
            let mut order = permutation(7, 0, n);
            assert_eq!(order, permutation(7, 0, n));
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..n));
        }
        assert_ne!(permutation(7, 0, 1000), permutation(7, 1, 1000));
        assert_ne!(permutation(7, 0, 1000), permutation(8, 0, 1000));
        // Each element comes first, and comes last, equally often.
        check_cells((0..10_000).map(|stream| permutation(9, stream, 100)[0]));
        check_cells((0..10_000).map(|stream| permutation(9, stream, 100)[99]));
    }
}
