//! Softmax and log-softmax, forward and backward, over the middle axis of a contiguous `[outer, axis, inner]` block.

use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;
use crate::reduce::{Max, Reducer, Sum, fold};
use crate::short;
use crate::strided::numel;

/// Elements of one parallel task.
const TASK: usize = 1 << 14;

/// Elements of one task, from blocks of so many.
fn task(block: usize) -> usize {
    block * short::whole((TASK / block).max(1))
}

/// Running results of a row.
const LANES: usize = 16;

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
    if inner >= COLUMNS {
        return columns([outer, axis, inner], out, |columns| dispatch(Columns { kind, x, columns }));
    }
    let short = short::serves::<T>(outer, axis);
    pool::chunks_mut(out, task(axis * inner), |start, out| {
        if inner == 1 {
            let x = &x[start..start + out.len()];
            return if short {
                short::softmax(kind, x, axis, out)
            } else {
                dispatch(Rows { kind, x, axis, out })
            };
        }
        let (mut row, mut result) = (vec![T::default(); axis], vec![T::default(); axis]);
        for (block, o) in out.chunks_exact_mut(axis * inner).enumerate() {
            let base = start + block * axis * inner;
            for i in 0..inner {
                for (a, r) in row.iter_mut().enumerate() {
                    *r = x[base + a * inner + i];
                }
                dispatch(Rows { kind, x: &row, axis, out: &mut result });
                for (a, &r) in result.iter().enumerate() {
                    o[a * inner + i] = r;
                }
            }
        }
    });
}

/// Columns that are worth being lanes; fewer are copied into rows.
const COLUMNS: usize = 16;
/// The most columns that pass together.
const WIDTH: usize = 64;

/// Some neighbouring columns of one block of a result.
struct Part<'a, T> {
    /// Where the first column begins, in the operands and in the result.
    first: usize,
    /// How many they are.
    n: usize,
    axis: usize,
    inner: usize,
    out: &'a pool::SendPtr<T>,
}

impl<T> Part<'_, T> {
    /// A line of these columns of an operand.
    #[inline(always)]
    fn line<'x>(&self, x: &'x [T], a: usize) -> &'x [T] {
        &x[self.first + a * self.inner..][..self.n]
    }

    /// And of the result.
    #[inline(always)]
    fn out(&mut self, a: usize) -> &mut [T] {
        // SAFETY: the columns lie inside the result, which outlives the part, and no other part has them.
        unsafe { std::slice::from_raw_parts_mut(self.out.get().add(self.first + a * self.inner), self.n) }
    }
}

/// Calls `f` with all columns of a result, some at a time, on the pool's threads.
fn columns<T: Float>([outer, axis, inner]: [usize; 3], out: &mut [T], f: impl Fn(Part<'_, T>) + Sync) {
    let base = pool::SendPtr(out.as_mut_ptr());
    let pieces = inner.div_ceil(WIDTH);
    let together = (TASK / (axis * WIDTH.min(inner))).max(1);
    pool::run((outer * pieces).div_ceil(together), &|task| {
        for i in task * together..(outer * pieces).min((task + 1) * together) {
            let column = i % pieces * WIDTH;
            let first = i / pieces * axis * inner + column;
            f(Part { first, n: WIDTH.min(inner - column), axis, inner, out: &base });
        }
    });
}

struct Columns<'a, T> {
    kind: Softmax,
    x: &'a [T],
    columns: Part<'a, T>,
}
impl<T: Float> Kernel for Columns<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Columns { kind, x, mut columns } = self;
        let (mut largest, mut sums) = ([T::NEG_INFINITY; WIDTH], [T::lit(0.0); WIDTH]);
        for a in 0..columns.axis {
            for (largest, &v) in largest.iter_mut().zip(columns.line(x, a)) {
                *largest = Max.combine(*largest, v);
            }
        }
        for a in 0..columns.axis {
            let terms = columns.line(x, a).iter().zip(&largest).zip(&mut sums);
            if kind == Softmax::Log {
                terms.for_each(|((&v, &largest), sum)| *sum = *sum + (v - largest).exp_term());
            } else {
                for (((&v, &largest), sum), o) in terms.zip(columns.out(a)) {
                    *o = (v - largest).exp();
                    *sum = *sum + *o;
                }
            }
        }
        for (sum, &largest) in sums.iter_mut().zip(&largest) {
            let nothing = kind == Softmax::Safe && largest == T::NEG_INFINITY;
            *sum = match kind {
                Softmax::Log => sum.ln(),
                _ if nothing => T::lit(0.0),
                _ => T::lit(1.0) / *sum,
            };
        }
        for a in 0..columns.axis {
            let (x, out) = (columns.line(x, a), columns.out(a));
            for (((o, &v), &largest), &sum) in out.iter_mut().zip(x).zip(&largest).zip(&sums) {
                *o = match kind {
                    Softmax::Log => (v - largest) - sum,
                    Softmax::Safe if largest == T::NEG_INFINITY => T::lit(0.0),
                    _ => *o * sum,
                };
            }
        }
    }
}

/// Rows of `axis` elements.
struct Rows<'a, T> {
    kind: Softmax,
    x: &'a [T],
    axis: usize,
    out: &'a mut [T],
}
impl<T: Float> Kernel for Rows<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Rows { kind, x, axis, out } = self;
        for (x, out) in x.chunks_exact(axis).zip(out.chunks_exact_mut(axis)) {
            if kind == Softmax::Log {
                let Terms { shift, sum } = terms(x, T::exp_term).near_max(x);
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
}

/// The gradient of the input, given the gradient g of the result y: y (g − Σ g y), or g − exp(y) Σ g for the logarithm.
pub fn backward<T: Float>(kind: Softmax, g: &[T], y: &[T], [outer, axis, inner]: [usize; 3], out: &mut [T]) {
    assert_eq!(y.len(), numel(&[outer, axis, inner]));
    assert!(g.len() == y.len() && out.len() == y.len());
    if y.is_empty() {
        return;
    }
    let log = kind == Softmax::Log;
    if inner >= COLUMNS {
        return columns([outer, axis, inner], out, |columns| {
            dispatch(BackwardColumns { log, g, y, columns })
        });
    }
    let short = short::serves::<T>(outer, axis);
    pool::chunks_mut(out, task(axis * inner), |start, out| {
        if inner == 1 {
            let (g, y) = (&g[start..start + out.len()], &y[start..start + out.len()]);
            return if short {
                short::softmax_backward(log, [g, y], axis, out)
            } else {
                dispatch(Backward { log, g, y, axis, out })
            };
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
                dispatch(Backward { log, g: &rows[0], y: &rows[1], axis, out: &mut result });
                for (a, &r) in result.iter().enumerate() {
                    o[a * inner + i] = r;
                }
            }
        }
    });
}

/// Rows of `axis` elements.
struct Backward<'a, T> {
    log: bool,
    g: &'a [T],
    y: &'a [T],
    axis: usize,
    out: &'a mut [T],
}
impl<T: Float> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Backward { log, g, y, axis, out } = self;
        let rows = g.chunks_exact(axis).zip(y.chunks_exact(axis));
        for ((g, y), out) in rows.zip(out.chunks_exact_mut(axis)) {
            let mut lanes = [T::lit(0.0); LANES];
            let ((gs, g_rest), (ys, y_rest)) = (g.as_chunks::<LANES>(), y.as_chunks::<LANES>());
            for (g, y) in gs.iter().zip(ys) {
                for k in 0..LANES {
                    lanes[k] = lanes[k] + if log { g[k] } else { g[k] * y[k] };
                }
            }
            for ((l, &g), &y) in lanes.iter_mut().zip(g_rest).zip(y_rest) {
                *l = *l + if log { g } else { g * y };
            }
            let sum = fold(Sum, lanes);
            for ((o, &g), &y) in out.iter_mut().zip(g).zip(y) {
                *o = if log { g - y.exp() * sum } else { y * (g - sum) };
            }
        }
    }
}

struct BackwardColumns<'a, T> {
    log: bool,
    g: &'a [T],
    y: &'a [T],
    columns: Part<'a, T>,
}
impl<T: Float> Kernel for BackwardColumns<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let BackwardColumns { log, g, y, mut columns } = self;
        let mut sums = [T::lit(0.0); WIDTH];
        for a in 0..columns.axis {
            for ((sum, &g), &y) in sums.iter_mut().zip(columns.line(g, a)).zip(columns.line(y, a)) {
                *sum = *sum + if log { g } else { g * y };
            }
        }
        for a in 0..columns.axis {
            let (g, y) = (columns.line(g, a), columns.line(y, a));
            for (((o, &g), &y), &sum) in columns.out(a).iter_mut().zip(g).zip(y).zip(&sums) {
                *o = if log { g - y.exp() * sum } else { y * (g - sum) };
            }
        }
    }
}

/// The last elements of a row, with how many of them are in a piece before too.
struct Last<T> {
    elements: [T; LANES],
    again: usize,
}

/// A row in pieces of [`LANES`], and what these leave over. A row shorter than that is filled up with −∞, which changes
/// neither a maximum nor a sum of exp.
#[inline(always)]
fn pieces<T: Float>(x: &[T]) -> (&[[T; LANES]], Option<Last<T>>) {
    let (pieces, rest) = x.as_chunks::<LANES>();
    if rest.is_empty() {
        return (pieces, None);
    }
    if let Some(&elements) = x.last_chunk() {
        return (pieces, Some(Last { elements, again: LANES - rest.len() }));
    }
    let mut elements = [T::NEG_INFINITY; LANES];
    // Not a copy_from_slice: that is a call, for a few elements.
    for (l, &v) in elements.iter_mut().zip(rest) {
        *l = v;
    }
    (pieces, Some(Last { elements, again: 0 }))
}

/// The largest element of a row, with a fixed number of running results.
#[inline(always)]
fn max<T: Float>(x: &[T]) -> T {
    let mut lanes = [T::NEG_INFINITY; LANES];
    let (pieces, last) = pieces(x);
    for piece in pieces.iter().chain(last.as_ref().map(|last| &last.elements)) {
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

/// The sum of a row's exponentials, which `exp` calculates. One pass if no element is far above the first ones, whose maximum is
/// the shift; else another one.
#[inline(always)]
pub(crate) fn terms<T: Float>(x: &[T], exp: impl Fn(T) -> T) -> Terms<T> {
    sum::<T, false>(x, exp, &mut [])
}

/// [`terms`] that are kept in `out`, which is as long as the row.
#[inline(always)]
pub(crate) fn stored_terms<T: Float>(x: &[T], exp: impl Fn(T) -> T, out: &mut [T]) -> Terms<T> {
    sum::<T, true>(x, exp, out)
}

/// What is left of the row after the last piece is apart from the loop over the pieces, which stays tight.
#[inline(always)]
fn sum<T: Float, const STORE: bool>(x: &[T], exp: impl Fn(T) -> T, out: &mut [T]) -> Terms<T> {
    let (pieces, last) = pieces(x);
    let Some(first) = pieces.first().or(last.as_ref().map(|last| &last.elements)) else {
        return Terms { shift: T::NEG_INFINITY, sum: T::lit(0.0) };
    };
    let mut shift = fold(Max, *first);
    loop {
        let mut sums = [T::lit(0.0); LANES];
        if STORE {
            for (piece, out) in pieces.iter().zip(out.as_chunks_mut::<LANES>().0) {
                let mut e = [T::lit(0.0); LANES];
                for k in 0..LANES {
                    e[k] = exp(piece[k] - shift);
                    sums[k] = sums[k] + e[k];
                }
                *out = e;
            }
        } else {
            for piece in pieces {
                for k in 0..LANES {
                    sums[k] = sums[k] + exp(piece[k] - shift);
                }
            }
        }
        if let Some(Last { elements, again }) = &last {
            let mut e = [T::lit(0.0); LANES];
            for k in 0..LANES {
                e[k] = exp(elements[k] - shift);
                sums[k] = sums[k] + if k < *again { T::lit(0.0) } else { e[k] };
            }
            if let Some(out) = out.last_chunk_mut() {
                *out = e;
            } else {
                for (out, &e) in out.iter_mut().zip(&e) {
                    *out = e;
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    /// Columns as lanes, columns copied into rows, and rows.
    #[test]
    fn every_axis_agrees_with_a_plain_loop() {
        for shape in [
            [3, 5, 1],
            [37, 5, 1],
            [20, 48, 1],
            [2, 200, 1],
            [2, 40, 7],
            [3, 9, 16],
            [2, 30, 100],
            [1, 300, 64],
            [70, 3, 20],
        ] {
            let [outer, axis, inner] = shape;
            let numbers = |seed| -> Vec<f32> {
                (0..outer * axis * inner).map(|i| rng::normal_f32(seed, i as u64) * 3.0).collect()
            };
            let (mut x, g) = (numbers(1), numbers(2));
            // A column of nothing but −∞.
            (0..axis).for_each(|a| x[a * inner] = f32::NEG_INFINITY);
            for kind in [Softmax::Plain, Softmax::Log, Softmax::Safe] {
                let calls = [1, 3].map(|threads| {
                    pool::with_num_threads(threads, || {
                        let (mut y, mut dx) = (vec![7.0; x.len()], vec![7.0; x.len()]);
                        softmax(kind, &x, shape, &mut y);
                        backward(kind, &g, &y, shape, &mut dx);
                        (y, dx)
                    })
                });
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(bits(&calls[0].0) == bits(&calls[1].0) && bits(&calls[0].1) == bits(&calls[1].1));
                let (y, dx) = &calls[0];
                for column in 0..outer * inner {
                    let at = |a: usize| (column / inner * axis + a) * inner + column % inner;
                    let of = |x: &[f32], a| f64::from(x[at(a)]);
                    let max = (0..axis).fold(f64::NEG_INFINITY, |max, a| max.max(of(&x, a)));
                    let sum: f64 = (0..axis).map(|a| (of(&x, a) - max).exp()).sum();
                    let dot: f64 = (0..axis)
                        .map(|a| if kind == Softmax::Log { of(&g, a) } else { of(&g, a) * of(y, a) })
                        .sum();
                    for a in 0..axis {
                        let (want, got) = match kind {
                            Softmax::Log => (of(&x, a) - max - sum.ln(), of(y, a)),
                            Softmax::Safe if max == f64::NEG_INFINITY => (0.0, of(y, a)),
                            _ => ((of(&x, a) - max).exp() / sum, of(y, a)),
                        };
                        assert!(
                            (want - got).abs() < 2e-6 * (1.0 + want.abs()) || want.is_nan() && got.is_nan()
                        );
                        let want = match kind {
                            Softmax::Log => of(&g, a) - got.exp() * dot,
                            _ => got * (of(&g, a) - dot),
                        };
                        let got = of(dx, a);
                        assert!(
                            (want - got).abs() < 1e-4 || want.is_nan() && got.is_nan(),
                            "{shape:?} {kind:?}"
                        );
                    }
                }
            }
        }
    }
}
