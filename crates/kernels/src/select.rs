//! Choosing between two operands by a mask.

use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::pointwise::{BUFFER, contiguous, gather};
use crate::pool;
use crate::strided::{Dim, Dims, GRAIN, Strided, coalesce, numel};

/// out = x where the mask holds, else y; strides belong to `shape`.
///
/// # Panics
/// If an operand's view lies outside its slice, or `out` has another number of elements than `shape`.
pub fn select<T: Element>(
    mask: Strided<'_, bool>,
    x: Strided<'_, T>,
    y: Strided<'_, T>,
    shape: &[usize],
    out: &mut [T],
) {
    mask.check(shape);
    x.check(shape);
    y.check(shape);
    assert_eq!(numel(shape), out.len());
    if let [only] = out {
        *only = if mask.data[mask.offset] { x.data[x.offset] } else { y.data[y.offset] };
        return;
    }
    let dims = coalesce(shape, [mask.strides, x.strides, y.strides]);
    let contiguous = std::array::from_fn(|k| contiguous(&dims, k));
    pool::chunks_mut(out, GRAIN, |start, out| {
        dispatch(Select { mask, x, y, dims: &dims, contiguous, start, out });
    });
}

struct Select<'a, T> {
    mask: Strided<'a, bool>,
    x: Strided<'a, T>,
    y: Strided<'a, T>,
    dims: &'a Dims<3>,
    contiguous: [bool; 3],
    start: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for Select<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Select { mask, x, y, dims, contiguous, start, out } = self;
        let mut masks = [false; BUFFER];
        let mut buffers = [[T::default(); BUFFER]; 2];
        let [xs, ys] = &mut buffers;
        for (i, out) in out.chunks_mut(BUFFER).enumerate() {
            let (first, n) = (start + i * BUFFER, out.len());
            let mask = &piece(&mask, dims, 0, contiguous[0], first, &mut masks[..n])[..n];
            let x = &piece(&x, dims, 1, contiguous[1], first, &mut xs[..n])[..n];
            let y = &piece(&y, dims, 2, contiguous[2], first, &mut ys[..n])[..n];
            // Not as a choice between two elements: that becomes one between their addresses, and a gather.
            out.copy_from_slice(x);
            for i in 0..n {
                if !mask[i] {
                    out[i] = y[i];
                }
            }
        }
    }
}

/// The elements of operand k from the linear index `first` on, as many as the buffer has: in place or gathered.
#[inline(always)]
fn piece<'a, const N: usize, I: Element>(
    x: &Strided<'a, I>,
    dims: &[Dim<N>],
    k: usize,
    contiguous: bool,
    first: usize,
    buffer: &'a mut [I],
) -> &'a [I] {
    if contiguous {
        return &x.data[x.offset + first..][..buffer.len()];
    }
    gather(x, dims, k, first, buffer);
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_operands_choose_as_a_plain_loop() {
        let shape = [30, 70];
        let mask: Vec<bool> = (0..2100).map(|i| i % 3 == 0 || i % 7 == 1).collect();
        let x: Vec<i64> = (0..2100).collect();
        let layouts = [[70, 1], [1, 30], [0, 1], [1, 0], [0, 0]];
        for m in &layouts {
            for a in &layouts {
                for b in &layouts {
                    let at = |s: &[usize; 2], i: usize| i / 70 * s[0] + i % 70 * s[1];
                    let view = |strides| Strided { data: &x[..], offset: 0, strides };
                    let mut out = vec![0; 2100];
                    let masks = Strided { data: &mask[..], offset: 0, strides: m };
                    select(masks, view(a), view(b), &shape, &mut out);
                    for (i, &v) in out.iter().enumerate() {
                        assert_eq!(v, x[at(if mask[at(m, i)] { a } else { b }, i)], "{m:?} {a:?} {b:?} {i}");
                    }
                }
            }
        }
    }
}
