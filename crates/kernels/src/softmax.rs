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
            let Terms { shift, sum } = terms(x, T::exp_term, |_, _| {}).near_max(x);
            // In this order: beside a large maximum the sum's logarithm would be rounded away.
            let log_sum = sum.ln();
            for (o, &v) in out.iter_mut().zip(x) {
                *o = (v - shift) - log_sum;
            }
        } else if kind == Softmax::Safe && max(x) == T::NEG_INFINITY {
            out.fill(T::default());
        } else {
            let scale = T::lit(1.0) / stored_terms(x, T::exp, out).sum;
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

/// A row in pieces of [`LANES`], the last one filled up with −∞, which changes neither a maximum nor a sum of exp.
#[inline(always)]
fn pieces<T: Float>(x: &[T]) -> (&[[T; LANES]], Option<[T; LANES]>) {
    let (pieces, rest) = x.as_chunks::<LANES>();
    let mut last = [T::NEG_INFINITY; LANES];
    // Not a copy_from_slice: that is a call, for a few elements.
    for (l, &v) in last.iter_mut().zip(rest) {
        *l = v;
    }
    (pieces, (!rest.is_empty()).then_some(last))
}

/// The largest element of a row, with a fixed number of running results.
#[inline(always)]
fn max<T: Float>(x: &[T]) -> T {
    let mut lanes = [T::NEG_INFINITY; LANES];
    let (pieces, last) = pieces(x);
    for piece in pieces.iter().chain(&last) {
        for (l, &v) in lanes.iter_mut().zip(piece) {
            *l = Max.combine(*l, v);
        }
    }
    fold(Max, lanes)
}

/// Σ exp(x − shift) over a row.
pub(crate) struct Terms<T> {
    pub(crate) shift: T,
    pub(crate) sum: T,
}

impl<T: Float> Terms<T> {
    /// The same of the row with the shift near its maximum, so that nothing cancels in (x − shift) − log sum.
    #[inline(always)]
    pub(crate) fn near_max(self, x: &[T]) -> Self {
        if self.sum <= T::lit(4.0 * x.len() as f64) {
            return self;
        }
        let max = max(x);
        Terms { shift: max, sum: self.sum * (self.shift - max).exp() }
    }

    /// log Σ exp(x) − v, where v is one of x.
    #[inline(always)]
    pub(crate) fn log_sum_above(&self, v: T) -> T {
        self.sum.ln() + (self.shift - v)
    }
}

/// The sum of a row's exponentials, which `exp` calculates; `store` gets each piece of them, and its number. One pass if
/// no element is far above the first ones, whose maximum is the shift; else another one, which stores all again.
#[inline(always)]
pub(crate) fn terms<T: Float>(
    x: &[T],
    exp: impl Fn(T) -> T,
    mut store: impl FnMut(usize, &[T; LANES]),
) -> Terms<T> {
    let (pieces, last) = pieces(x);
    let Some(first) = pieces.first().or(last.as_ref()) else {
        return Terms { shift: T::NEG_INFINITY, sum: T::lit(0.0) };
    };
    let mut shift = fold(Max, *first);
    loop {
        let mut sums = [T::lit(0.0); LANES];
        for (i, piece) in pieces.iter().chain(&last).enumerate() {
            let mut e = [T::lit(0.0); LANES];
            for k in 0..LANES {
                e[k] = exp(piece[k] - shift);
                sums[k] = sums[k] + e[k];
            }
            store(i, &e);
        }
        let sum = fold(Sum, sums);
        // Far from overflow, and no NaN.
        if sum < T::lit(1e17 * x.len() as f64) {
            return Terms { shift, sum };
        }
        let max = max(x);
        if max == shift || max.partial_cmp(&max).is_none() {
            return Terms { shift, sum };
        }
        shift = max;
    }
}

/// [`terms`] that are kept in `out`, which is as long as the row.
#[inline(always)]
pub(crate) fn stored_terms<T: Float>(x: &[T], exp: impl Fn(T) -> T, out: &mut [T]) -> Terms<T> {
    let (pieces, rest) = out.as_chunks_mut::<LANES>();
    terms(x, exp, |i, e| match pieces.get_mut(i) {
        Some(piece) => *piece = *e,
        None => {
            for (o, &e) in rest.iter_mut().zip(e) {
                *o = e;
            }
        }
    })
}
