//! Softmax and log-softmax, forward and backward, over the middle axis of a contiguous `[outer, axis, inner]` block.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::reduce::{Max, Reducer, Sum, fold};
use crate::strided::numel;

/// Elements of one parallel task.
const TASK: usize = 1 << 14;
/// Running results of a row.
const LANES: usize = 32;

/// What is computed of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Softmax {
    /// exp(x − max) / Σ exp(x − max)
    Plain,
    /// Its logarithm.
    Log,
    /// As `Plain`, but zeros for a row of nothing but −∞: an attention that attends to nothing.
    Safe,
}

/// The softmax, or what `kind` says, of each row along the axis.
pub fn softmax<T: Float>(kind: Softmax, x: &[T], [outer, axis, inner]: [usize; 3], out: &mut [T]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(x.len(), out.len());
    if x.is_empty() {
        return;
    }
    let rows = (TASK / (axis * inner)).max(1);
    pool::chunks_mut(out, rows * axis * inner, |start, out| {
        if inner == 1 {
            for (i, o) in out.chunks_exact_mut(axis).enumerate() {
                let from = start + i * axis;
                dispatch(Row { kind, x: &x[from..from + axis], out: o });
            }
            return;
        }
        let (mut row, mut result) = (vec![T::default(); axis], vec![T::default(); axis]);
        for (block, o) in out.chunks_exact_mut(axis * inner).enumerate() {
            let base = start + block * axis * inner;
            for i in 0..inner {
                for (a, r) in row.iter_mut().enumerate() {
                    *r = x[base + a * inner + i];
                }
                dispatch(Row { kind, x: &row, out: &mut result });
                for (a, &r) in result.iter().enumerate() {
                    o[a * inner + i] = r;
                }
            }
        }
    });
}

struct Row<'a, T> {
    kind: Softmax,
    x: &'a [T],
    out: &'a mut [T],
}
impl<T: Float> Kernel for Row<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Row { kind, x, out } = self;
        if kind == Softmax::Log {
            let (max, sum) = max_and_sum(x);
            // In this order: beside a large maximum the sum's logarithm would be rounded away.
            let log_sum = sum.ln();
            for (o, &v) in out.iter_mut().zip(x) {
                *o = (v - max) - log_sum;
            }
        } else if kind == Softmax::Safe && max(x) == T::NEG_INFINITY {
            out.fill(T::default());
        } else {
            let scale = T::lit(1.0) / exp_and_sum(x, out);
            for o in out {
                *o = *o * scale;
            }
        }
    }
}

/// The gradient of the input, given the gradient g of the result y: y (g − Σ g y), or g − exp(y) Σ g for the logarithm.
pub fn backward<T: Float>(kind: Softmax, g: &[T], y: &[T], [outer, axis, inner]: [usize; 3], out: &mut [T]) {
    assert_eq!(y.len(), numel(&[outer, axis, inner]));
    assert!(g.len() == y.len() && out.len() == y.len());
    if y.is_empty() {
        return;
    }
    let log = kind == Softmax::Log;
    let rows = (TASK / (axis * inner)).max(1);
    pool::chunks_mut(out, rows * axis * inner, |start, out| {
        if inner == 1 {
            for (i, out) in out.chunks_exact_mut(axis).enumerate() {
                let from = start + i * axis;
                dispatch(Backward { log, g: &g[from..from + axis], y: &y[from..from + axis], out });
            }
            return;
        }
        let mut rows = [vec![T::default(); axis], vec![T::default(); axis]];
        let mut result = vec![T::default(); axis];
        for (block, o) in out.chunks_exact_mut(axis * inner).enumerate() {
            let base = start + block * axis * inner;
            for i in 0..inner {
                for (row, from) in rows.iter_mut().zip([g, y]) {
                    for (a, r) in row.iter_mut().enumerate() {
                        *r = from[base + a * inner + i];
                    }
                }
                dispatch(Backward { log, g: &rows[0], y: &rows[1], out: &mut result });
                for (a, &r) in result.iter().enumerate() {
                    o[a * inner + i] = r;
                }
            }
        }
    });
}

struct Backward<'a, T> {
    log: bool,
    g: &'a [T],
    y: &'a [T],
    out: &'a mut [T],
}
impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Backward { log, g, y, out } = self;
        let mut lanes = [T::lit(0.0); 32];
        for (g, y) in g.chunks(32).zip(y.chunks(32)) {
            for ((l, &g), &y) in lanes.iter_mut().zip(g).zip(y) {
                *l = *l + if log { g } else { g * y };
            }
        }
        let sum = fold(Sum, lanes);
        for ((o, &g), &y) in out.iter_mut().zip(g).zip(y) {
            *o = if log { g - y.exp() * sum } else { y * (g - sum) };
        }
    }
}

/// The largest element of a row, with a fixed number of running results.
#[inline(always)]
fn max<T: Float>(x: &[T]) -> T {
    let mut lanes = [T::NEG_INFINITY; LANES];
    for chunk in x.chunks(LANES) {
        for (l, &v) in lanes.iter_mut().zip(chunk) {
            *l = Max.combine(*l, v);
        }
    }
    fold(Max, lanes)
}

/// The maximum m of a row and Σ exp(x − m).
#[inline(always)]
pub(crate) fn max_and_sum<T: Float>(x: &[T]) -> (T, T) {
    let max = max(x);
    let mut lanes = [T::lit(0.0); LANES];
    for chunk in x.chunks(LANES) {
        for (l, &v) in lanes.iter_mut().zip(chunk) {
            *l = *l + (v - max).exp();
        }
    }
    (max, fold(Sum, lanes))
}

/// out = exp(x − max x) of a row, and its sum.
#[inline(always)]
pub(crate) fn exp_and_sum<T: Float>(x: &[T], out: &mut [T]) -> T {
    let max = max(x);
    let mut lanes = [T::lit(0.0); LANES];
    for (chunk, out) in x.chunks(LANES).zip(out.chunks_mut(LANES)) {
        for ((l, &v), o) in lanes.iter_mut().zip(chunk).zip(out) {
            *o = (v - max).exp();
            *l = *l + *o;
        }
    }
    fold(Sum, lanes)
}
