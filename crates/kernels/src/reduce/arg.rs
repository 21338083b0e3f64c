//! Where the largest or smallest elements stand.

use super::{Max, Min, TASK, rows};
use crate::dtype::Element;
use crate::isa::{Kernel, dispatch};
use crate::lanes::WIDTH;
use crate::pool;
use crate::strided::numel;

/// Index of the first largest, or smallest, element of the middle axis; NaN beats everything.
pub fn arg<T: Element>(largest: bool, x: &[T], [outer, axis, inner]: [usize; 3], out: &mut [i64]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(out.len(), numel(&[outer, inner]));
    if x.is_empty() {
        return out.fill(0);
    }
    if inner == 1 {
        return pool::chunks_mut(out, (TASK / axis).max(1), |start, out| {
            let x = &x[start * axis..(start + out.len()) * axis];
            let mut best = [T::default(); GROUP];
            for (x, out) in x.chunks(GROUP * axis).zip(out.chunks_mut(GROUP)) {
                let best = &mut best[..out.len()];
                if largest {
                    rows(Max, x, best, false)
                } else {
                    rows(Min, x, best, false)
                }
                dispatch(Places { x, best, out });
            }
        });
    }
    pool::chunks_mut(out, (TASK / axis).max(ARG_COLUMNS), |start, out| {
        let mut done = 0;
        while done < out.len() {
            let (row, column) = ((start + done) / inner, (start + done) % inner);
            let n = (inner - column).min(out.len() - done).min(ARG_COLUMNS);
            let x = &x[row * axis * inner + column..];
            dispatch(ArgColumns { largest, x, axis, inner, out: &mut out[done..done + n] });
            done += n;
        }
    });
}

/// Rows whose best elements are found before their places.
const GROUP: usize = WIDTH;
/// Elements that are looked through at once.
const CHUNK: usize = 64;
/// Columns whose best elements are kept at once.
const ARG_COLUMNS: usize = 128;

/// Where the best element of each of some rows of one length first stands.
struct Places<'a, T> {
    x: &'a [T],
    best: &'a [T],
    out: &'a mut [i64],
}
impl<T: Element> Kernel for Places<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() > 1;
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn run(self) {
        let Places { x, best, out } = self;
        for ((row, &best), o) in x.chunks_exact(x.len() / out.len()).zip(best).zip(out) {
            let is_nan = best != best;
            let mut at = 0;
            for chunk in row.chunks(CHUNK) {
                let mut found = false;
                for &v in chunk {
                    found |= if is_nan { v != v } else { v == best };
                }
                if found {
                    at += chunk.iter().position(|&v| if is_nan { v != v } else { v == best }).unwrap_or(0);
                    break;
                }
                at += CHUNK;
            }
            *o = at as i64;
        }
    }
}

/// As many columns as `out` has, of rows `inner` apart.
struct ArgColumns<'a, T> {
    largest: bool,
    x: &'a [T],
    axis: usize,
    inner: usize,
    out: &'a mut [i64],
}
impl<T: Element> Kernel for ArgColumns<'_, T> {
    type Output = ();
    const WIDE: bool = size_of::<T>() > 1;
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn run(self) {
        let ArgColumns { largest, x, axis, inner, out } = self;
        let n = out.len();
        let mut best = [T::default(); ARG_COLUMNS];
        best[..n].copy_from_slice(&x[..n]);
        out.fill(0);
        for a in 1..axis {
            let row = &x[a * inner..][..n];
            for ((best, at), &new) in best.iter_mut().zip(&mut *out).zip(row) {
                let beats = if largest { new > *best } else { new < *best };
                let better = (*best == *best) & (beats | (new != new));
                *best = if better { new } else { *best };
                *at = if better { a as i64 } else { *at };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_extremes_is_found_along_any_axis() {
        for shape in
            [[1, 1, 1], [7, 5, 1], [3, 200, 1], [2, 5000, 1], [3, 70, 2], [1, 130, 600], [2, 900, 150]]
        {
            let [outer, axis, inner] = shape;
            let x: Vec<f32> = (0..outer * axis * inner).map(|i| ((i * 7919) % 101) as f32 - 50.0).collect();
            for largest in [true, false] {
                let mut out = vec![-1; outer * inner];
                arg(largest, &x, shape, &mut out);
                for (oi, &got) in out.iter().enumerate() {
                    let column = |a: usize| x[(oi / inner * axis + a) * inner + oi % inner];
                    let better = |a, b| if largest { column(a) > column(b) } else { column(a) < column(b) };
                    let want = (1..axis).fold(0, |best, a| if better(a, best) { a } else { best });
                    assert_eq!(got, want as i64, "{shape:?} {largest}");
                }
            }
        }
    }
}
