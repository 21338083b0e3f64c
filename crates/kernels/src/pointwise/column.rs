//! Two operands of which one is a single number for each row: a matrix and a column. The number stays in a register, where
//! [`long_rows`](super::rows) and `short_rows` would write it out.

use super::Map;
use super::rows::{Rows, contiguous, gather};
use crate::dtype::Element;
use crate::isa::Kernel;
use crate::strided::{Dim, Strided};

/// Rows at a time.
const ROWS: usize = 64;
/// Elements of a row from which on it is worth a loop.
const FEWEST: usize = 16;

/// As many rows of results as there are numbers.
pub(super) struct Column<'a, const N: usize, I, O, F> {
    pub(super) f: F,
    pub(super) is_first: bool,
    pub(super) numbers: &'a [I],
    pub(super) x: &'a [I],
    pub(super) out: &'a mut [O],
}

impl<const N: usize, I: Element, O: Element, F: Map<N, I, O>> Kernel for Column<'_, N, I, O, F> {
    type Output = ();
    const WIDE: bool = size_of::<I>() > 1 || size_of::<O>() > 1;
    #[inline(always)]
    fn run(self) {
        let Column { f, is_first, numbers, x, out } = self;
        // Of nothing there are no rows.
        let width = (out.len() / numbers.len().max(1)).max(1);
        for ((&number, x), out) in numbers.iter().zip(x.chunks_exact(width)).zip(out.chunks_exact_mut(width))
        {
            let mut both = [number; N];
            if is_first {
                for (o, &x) in out.iter_mut().zip(x) {
                    both[1] = x;
                    *o = f.apply(both);
                }
            } else {
                for (o, &x) in out.iter_mut().zip(x) {
                    both[0] = x;
                    *o = f.apply(both);
                }
            }
        }
    }
}

/// The operand that is a single number for each row, where the other's elements lie side by side.
pub(super) fn column<const N: usize>(dims: &[Dim<N>]) -> Option<usize> {
    let inner = dims.first().filter(|inner| N == 2 && inner.size >= FEWEST)?;
    let column = inner.strides.iter().position(|&stride| stride == 0)?;
    contiguous(dims, 1 - column).then_some(column)
}

/// The results from the one with the linear index `start` on, where operand number `column` is one.
pub(super) fn map<const N: usize, I: Element, O: Element>(
    f: &dyn Rows<N, I, O>,
    x: [Strided<'_, I>; N],
    dims: &[Dim<N>],
    column: usize,
    start: usize,
    out: &mut [O],
) {
    let width = dims[0].size;
    let row = &x[1 - column];
    let row = &row.data[row.offset + start..][..out.len()];
    let mut numbers = [I::default(); ROWS];
    let mut done = 0;
    while done < out.len() {
        let (at, left) = (start + done, out.len() - done);
        // What is left of a row that others began, whole rows, or the beginning of one that others will end.
        let rows = if at % width > 0 { 1 } else { (left / width).clamp(1, ROWS) };
        let here = (rows * width - at % width).min(left);
        let numbers = &mut numbers[..rows];
        match &dims[1..] {
            [] => numbers.fill(x[column].data[x[column].offset]),
            outer => gather(&x[column], outer, column, at / width, numbers),
        }
        f.column(column == 0, numbers, &row[done..][..here], &mut out[done..][..here]);
        done += here;
    }
}
