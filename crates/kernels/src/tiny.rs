//! Operands of products all of whose elements are tiny: gradients that vanish on their way through a deep network. Sums
//! of their products would be subnormal numbers, for which many processors take a hundred times as long. So they are
//! multiplied by a power of two, which changes no other digit, and the result is divided by it; what is then less than the
//! normal numbers is 0.

use crate::Element;
use crate::alloc::{Block, try_alloc};
use crate::dtype::{floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use std::marker::PhantomData;

/// 2⁻⁶⁰, as bits. Products of two larger numbers are normal.
const TINY: u32 = (127 - 60) << 23;
/// Elements that are looked at in one go.
const CHUNK: usize = 4096;

/// A copy whose largest element is between 1 and 2.
pub(crate) struct Scaled<T> {
    block: Block,
    len: usize,
    element: PhantomData<T>,
    /// The power of two that it was multiplied by, 61 to 126.
    pub(crate) power: u32,
}

/// The copy, if these are `f32`, none is larger than what is tiny and some are not 0; and if there is memory for it.
pub(crate) fn scaled<T: Element>(x: &[T]) -> Option<Scaled<T>> {
    let x = floats(x)?;
    // Hardly any operand is tiny, and this line shows it.
    let middle = &x[x.len() / 2..];
    if largest(&middle[..middle.len().min(16)]) >= TINY {
        return None;
    }
    let mut most = 0;
    for chunk in x.chunks(CHUNK) {
        most = dispatch(Largest(chunk)).max(most);
        if most >= TINY {
            return None;
        }
    }
    if most == 0 {
        return None;
    }
    let power = 127 - (most >> 23).max(1);
    let block = try_alloc(size_of_val(x))?;
    // SAFETY: the block is ours, initialised, aligned, and has room for so many numbers.
    let to = unsafe { std::slice::from_raw_parts_mut(block.ptr().cast(), x.len()) };
    dispatch(Scale { from: x, to, factor: power_of_two(power as i32) });
    Some(Scaled { block, len: x.len(), element: PhantomData, power })
}

impl<T: Element> Scaled<T> {
    pub(crate) fn data(&self) -> &[T] {
        // SAFETY: the block has so many numbers; they are `f32`, and so is T, or there would be no copy.
        unsafe { std::slice::from_raw_parts(self.block.ptr().cast(), self.len) }
    }
}

/// Divides results from such copies by the powers of two that they were multiplied by.
pub(crate) fn unscale<T: Element>(x: &mut [T], power: u32) {
    let Some(x) = floats_mut(x) else { return };
    let half = power as i32 / 2;
    let factors = [power_of_two(-half), power_of_two(half - power as i32)];
    dispatch(Unscale { x, least: power_of_two(power as i32 - 126), factors });
}

/// Of −126 to 127.
fn power_of_two(power: i32) -> f32 {
    f32::from_bits(((127 + power) as u32) << 23)
}

/// The largest magnitude, as bits; NaN is larger than all.
#[inline(always)]
fn largest(x: &[f32]) -> u32 {
    x.iter().fold(0, |most, x| most.max(x.abs().to_bits()))
}

struct Largest<'a>(&'a [f32]);

impl Kernel for Largest<'_> {
    type Output = u32;
    #[inline(always)]
    fn run(self) -> u32 {
        largest(self.0)
    }
}

/// Subnormal numbers become 0: to multiply them is what takes long.
struct Scale<'a> {
    from: &'a [f32],
    to: &'a mut [f32],
    factor: f32,
}

impl Kernel for Scale<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (to, &from) in self.to.iter_mut().zip(self.from) {
            let normal = from.abs().to_bits() >= f32::MIN_POSITIVE.to_bits();
            *to = f32::from_bits(if normal { from.to_bits() } else { 0 }) * self.factor;
        }
    }
}

struct Unscale<'a> {
    x: &'a mut [f32],
    /// What becomes the least normal number.
    least: f32,
    factors: [f32; 2],
}

impl Kernel for Unscale<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let least = self.least.to_bits();
        for x in self.x {
            let kept = x.abs().to_bits() >= least;
            *x = f32::from_bits(if kept { x.to_bits() } else { 0 }) * self.factors[0] * self.factors[1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tiny_operands_are_scaled_and_come_back_to_the_bit() {
        let x: Vec<f32> = (0..5000).map(|i| (i % 97) as f32 - 40.0).collect();
        assert!(scaled(&x).is_none() && scaled(&[0.0; 100]).is_none() && scaled::<f32>(&[]).is_none());
        for power in [61, 80, 100, 120] {
            let mut tiny: Vec<f32> = x.iter().map(|x| x * power_of_two(-power - 6)).collect();
            let copy = scaled(&tiny).unwrap();
            assert!((1.0..2.0).contains(&f32::from_bits(largest(copy.data()))), "{power}");
            let mut back = copy.data().to_vec();
            unscale(&mut back, copy.power);
            assert_eq!(back, tiny);
            for other in [f32::NAN, f32::INFINITY, 1e-10] {
                tiny[4999] = other;
                assert!(scaled(&tiny).is_none(), "{other}");
            }
        }
    }

    #[test]
    fn what_is_less_than_the_normal_numbers_becomes_0() {
        let mut tiny = [f32::MIN_POSITIVE * 4.0, 1e-40, -1e-44, 0.0];
        let copy = scaled(&tiny).unwrap();
        assert_eq!(copy.data(), [1.0, 0.0, 0.0, 0.0]);
        tiny.copy_from_slice(&[1.0, 0.5, 3e38, f32::NAN]);
        unscale(&mut tiny, 126);
        assert_eq!(tiny[..2], [f32::MIN_POSITIVE, 0.0]);
        assert!(tiny[2] == 3e38 * f32::MIN_POSITIVE && tiny[3].is_nan());
        let mut all = [1.0, f32::INFINITY, 4.0];
        unscale(&mut all, 252);
        assert_eq!(all, [0.0, f32::INFINITY, 0.0]);
    }
}
