//! Reductions over one axis of a contiguous `[outer, axis, inner]` block.
//!
//! The order of the additions depends on the sizes alone: the same bits on every instruction set and for any
//! number of threads. Sums are taken in steps (16 or 64 running sums of a block, of blocks, of parts of a row), so their error
//! grows far more slowly than the length.

mod arg;
mod floats;

pub use arg::arg;

use crate::dtype::{Element, floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::lanes::WIDTH;
use crate::num::Num;
use crate::pool;
use crate::stream;
use crate::strided::numel;

/// The reductions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Σ x
    Sum,
    /// Π x
    Product,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// How two partial results become one.
pub trait Reducer: Sync + Send + Copy {
    /// Which one it is: rows of `f32` are combined in vectors that go by it.
    const KIND: Kind;
    /// The result for no elements.
    fn identity<T: Element>(self) -> T;
    /// Of two results, in order. Must be associative up to rounding.
    fn combine<T: Element>(self, a: T, b: T) -> T;
}

/// Σ x
#[derive(Clone, Copy)]
pub struct Sum;
impl Reducer for Sum {
    const KIND: Kind = Kind::Sum;
    #[inline(always)]
    fn identity<T: Element>(self) -> T {
        T::from_num(T::Num::lit(0.0))
    }
    #[inline(always)]
    fn combine<T: Element>(self, a: T, b: T) -> T {
        T::from_num(a.to_num() + b.to_num())
    }
}

/// Π x
#[derive(Clone, Copy)]
pub struct Product;
impl Reducer for Product {
    const KIND: Kind = Kind::Product;
    #[inline(always)]
    fn identity<T: Element>(self) -> T {
        T::from_num(T::Num::lit(1.0))
    }
    #[inline(always)]
    fn combine<T: Element>(self, a: T, b: T) -> T {
        T::from_num(a.to_num() * b.to_num())
    }
}

/// The largest element; NaN if there is one.
#[derive(Clone, Copy)]
pub struct Max;
impl Reducer for Max {
    const KIND: Kind = Kind::Max;
    #[inline(always)]
    fn identity<T: Element>(self) -> T {
        T::LOWEST
    }
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn combine<T: Element>(self, a: T, b: T) -> T {
        let best = if b > a { b } else { a };
        if b == b { best } else { b }
    }
}

/// The smallest element; NaN if there is one.
#[derive(Clone, Copy)]
pub struct Min;
impl Reducer for Min {
    const KIND: Kind = Kind::Min;
    #[inline(always)]
    fn identity<T: Element>(self) -> T {
        T::HIGHEST
    }
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn combine<T: Element>(self, a: T, b: T) -> T {
        let best = if b < a { b } else { a };
        if b == b { best } else { b }
    }
}

/// Running results of a row.
const LANES: usize = WIDTH;
/// Elements that one set of running results takes before it joins those of the blocks before.
const BLOCK: usize = 1024;
/// Lines of [`LANES`] elements that are asked for together.
const LINES: usize = 16;
/// Elements of one parallel task.
const TASK: usize = 1 << 15;
/// Rows that are combined at once: as many streams as memory is read in.
const STREAMS: usize = 8;
/// As many columns as narrow rows are together, at least.
const WIDE: usize = 64;
/// Columns up to which rows are combined one after another.
const NARROW: usize = 256;
/// The fewest rows of one parallel task, if there are more.
const ROWS: usize = 256;
/// Bytes of the columns of one parallel task: their running results stay in the first cache.
const COLUMN_BYTES: usize = 1 << 14;

/// Reduces the middle axis of a contiguous `[outer, axis, inner]` block into `out`, `[outer, inner]`.
pub fn reduce<T: Element>(r: impl Reducer, x: &[T], [outer, axis, inner]: [usize; 3], out: &mut [T]) {
    assert_eq!(x.len(), numel(&[outer, axis, inner]));
    assert_eq!(out.len(), numel(&[outer, inner]));
    if x.is_empty() {
        out.fill(r.identity());
    } else if inner == 1 {
        let is_far = stream::is_far_to_read(size_of_val(x));
        if axis > TASK {
            // Each row is cut into several.
            let each = axis.div_ceil(TASK);
            let mut parts = vec![r.identity(); outer * each];
            pool::chunks_mut(&mut parts, 1, |i, part| {
                let (row, from) = (&x[i / each * axis..][..axis], i % each * TASK);
                rows(r, &row[from..axis.min(from + TASK)], part, is_far);
            });
            rows(r, &parts, out, false);
        } else {
            pool::chunks_mut(out, (TASK / axis).max(1), |start, out| {
                rows(r, &x[start * axis..(start + out.len()) * axis], out, is_far);
            });
        }
    } else {
        columns(r, x, [outer, axis, inner], out);
    }
}

/// As [`reduce`] where neither size is 0. Blocks of rows are tasks; their results are rows again.
fn columns<T: Element>(r: impl Reducer, x: &[T], [outer, axis, inner]: [usize; 3], out: &mut [T]) {
    let rows = ROWS.max(TASK / inner);
    let blocks = axis.div_ceil(rows);
    if blocks > 1 {
        let mut parts = vec![r.identity(); outer * blocks * inner];
        tasks(r, x, [outer, axis, inner], rows, &mut parts);
        columns(r, &parts, [outer, blocks, inner], out);
    } else {
        tasks(r, x, [outer, axis, inner], rows, out);
    }
}

/// Reduces each block of `rows` rows (the last may be shorter) into one of `out`.
fn tasks<T: Element>(r: impl Reducer, x: &[T], [outer, axis, inner]: [usize; 3], rows: usize, out: &mut [T]) {
    let width = inner.min(COLUMN_BYTES / size_of::<T>());
    let (blocks, pieces) = (axis.div_ceil(rows), inner.div_ceil(width));
    // So many small ones to a task that it is worth waking a thread for.
    let together = (TASK / (rows.min(axis) * width)).max(1);
    let all = outer * blocks * pieces;
    let base = pool::SendPtr(out.as_mut_ptr());
    pool::run(all.div_ceil(together), &|task| {
        for i in task * together..all.min((task + 1) * together) {
            let (block, from) = (i / pieces, i % pieces * width);
            let (o, first) = (block / blocks, block % blocks * rows);
            let n = width.min(inner - from);
            // SAFETY: the pieces lie inside `out` and do not overlap; `out` outlives `run`.
            let out = unsafe { std::slice::from_raw_parts_mut(base.get().add(block * inner + from), n) };
            let last = axis.min(first + rows);
            dispatch(Columns {
                r,
                x: &x[(o * axis + first) * inner..(o * axis + last) * inner],
                inner,
                from,
                out,
            });
        }
    });
}

/// Each of some rows of one length, which is not 0, into `out`. If they are part of an operand beyond the cache, the next lines
/// are asked for.
fn rows<T: Element>(r: impl Reducer, x: &[T], out: &mut [T], is_far: bool) {
    // Shorter rows fill no vector.
    if x.len() >= LANES * out.len()
        && let (Some(x), Some(out)) = (floats(x), floats_mut(out))
    {
        return floats::rows(r, x, out, is_far);
    }
    dispatch(Rows(r, x, out, is_far));
}

/// Each of some rows of one length, which is not 0.
struct Rows<'a, R, T>(R, &'a [T], &'a mut [T], bool);
impl<R: Reducer, T: Element> Kernel for Rows<'_, R, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let Rows(r, x, out, is_far) = self;
        for (row, o) in x.chunks_exact(x.len() / out.len()).zip(out) {
            // The order of operations on integers makes no difference.
            *o = if row.len() < LANES || !T::DTYPE.is_float() {
                row.iter().fold(r.identity(), |a, &b| r.combine(a, b))
            } else {
                along(r, row, is_far)
            };
        }
    }
}

/// A row's elements combined.
#[inline(always)]
fn along<T: Element>(r: impl Reducer, row: &[T], is_far: bool) -> T {
    let (lines, rest) = row.as_chunks::<LANES>();
    let mut totals = [r.identity(); LANES];
    for block in lines.chunks(BLOCK / LANES) {
        let mut lanes = [r.identity(); LANES];
        for lines in block.chunks(LINES) {
            if is_far {
                stream::ask_ahead_l2(lines);
            }
            for line in lines {
                combine(r, &mut lanes, line);
            }
        }
        combine(r, &mut totals, &lanes);
    }
    combine(r, &mut totals, rest);
    fold(r, totals)
}

/// Combines running results pairwise; `N` is a power of two.
#[inline(always)]
pub(crate) fn fold<const N: usize, T: Element>(r: impl Reducer, mut lanes: [T; N]) -> T {
    let mut width = N / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = r.combine(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

struct Columns<'a, R, T> {
    r: R,
    x: &'a [T],
    inner: usize,
    from: usize,
    out: &'a mut [T],
}
impl<R: Reducer, T: Element> Kernel for Columns<'_, R, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let Columns { r, x, inner, from, out } = self;
        let n = out.len();
        if !T::DTYPE.is_float() {
            out.fill(r.identity());
            for row in x.chunks_exact(inner) {
                combine(r, out, &row[from..from + n]);
            }
            return;
        }
        // Narrow rows several at a time, as one row.
        let fold = if n == inner { (WIDE / n).max(1).next_power_of_two() } else { 1 };
        let whole = x.len() / (fold * inner) * fold * inner;
        let folds = fold > 1 && whole > 0;
        let mut wide = [r.identity::<T>(); 2 * WIDE];
        let wide = &mut wide[..fold * n.min(WIDE)];
        out.fill(r.identity());
        let (rows, inner, from, sums) =
            if folds { (&x[..whole], fold * inner, 0, &mut *wide) } else { (x, inner, from, &mut *out) };
        side_by_side(r, rows, inner, from, sums);
        if folds {
            let mut half = fold / 2 * n;
            while half >= n {
                let (low, high) = wide.split_at_mut(half);
                combine(r, low, high);
                half /= 2;
            }
            out.copy_from_slice(&wide[..n]);
            for row in x[whole..].chunks_exact(n) {
                combine(r, out, row);
            }
        }
    }
}

/// Combines the columns from `from` on of rows of `inner` elements with what `out` holds.
#[inline(always)]
fn side_by_side<T: Element>(r: impl Reducer, x: &[T], inner: usize, from: usize, out: &mut [T]) {
    let n = out.len();
    if n <= NARROW {
        // In a buffer, which the compiler knows to overlap with nothing.
        let mut sums = [r.identity::<T>(); NARROW];
        for row in x.chunks_exact(inner) {
            combine(r, &mut sums, &row[from..from + n]);
        }
        combine(r, out, &sums);
        return;
    }
    let mut groups = x.chunks_exact(STREAMS * inner);
    for group in &mut groups {
        let row = |k: usize| &group[k * inner + from..][..n];
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        let (e, f, g, h) = (row(4), row(5), row(6), row(7));
        for i in 0..n {
            let first = r.combine(r.combine(a[i], b[i]), r.combine(c[i], d[i]));
            let second = r.combine(r.combine(e[i], f[i]), r.combine(g[i], h[i]));
            out[i] = r.combine(out[i], r.combine(first, second));
        }
    }
    for row in groups.remainder().chunks_exact(inner) {
        combine(r, out, &row[from..from + n]);
    }
}

/// Combines each result with the next element of its column.
#[inline(always)]
fn combine<T: Element>(r: impl Reducer, out: &mut [T], row: &[T]) {
    for (o, &v) in out.iter_mut().zip(row) {
        *o = r.combine(*o, v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_close_to_exact_and_the_same_on_any_number_of_threads() {
        let x: Vec<f32> = (0..1_000_003u64).map(|i| ((i * 7919) % 1000) as f32 / 1000.0 + 0.1).collect();
        let exact: f64 = x.iter().map(|&v| f64::from(v)).sum();
        let sum = |threads| {
            pool::with_num_threads(threads, || {
                let mut out = [0f32];
                reduce(Sum, &x, [1, x.len(), 1], &mut out);
                out[0]
            })
        };
        assert!((f64::from(sum(1)) / exact - 1.0).abs() < 1e-6);
        assert_eq!(sum(1).to_bits(), sum(2).to_bits());
        assert_eq!(sum(1).to_bits(), sum(5).to_bits());
    }

    #[test]
    fn every_axis_agrees_with_a_plain_loop() {
        for shape in [
            [1, 1, 1],
            [3, 5, 1],
            [3, 70, 2],
            [2, 200, 7],
            [1, 130, 600],
            [4, 1, 9],
            [2, 4097, 1],
            [2, 40_960, 1],
            [3, 32_769, 1],
            [5, 41_000, 1],
            [2, 0, 3],
            [1, 20_001, 3],
            [2, 700, 2100],
            [1, 300, 64],
            [3, 0, 0],
        ] {
            let [outer, axis, inner] = shape;
            let x: Vec<f64> = (0..outer * axis * inner).map(|i| ((i * 31) % 17) as f64 - 8.0).collect();
            let plain = |start: f64, f: fn(f64, f64) -> f64| -> Vec<f64> {
                let at = |o, a, i| x[(o * axis + a) * inner + i];
                (0..outer * inner)
                    .map(|oi| (0..axis).fold(start, |acc, a| f(acc, at(oi / inner, a, oi % inner))))
                    .collect()
            };
            let mut out = vec![0.0; outer * inner];
            reduce(Sum, &x, shape, &mut out);
            assert_eq!(out, plain(0.0, |a, b| a + b), "{shape:?}");
            reduce(Max, &x, shape, &mut out);
            assert_eq!(out, plain(f64::NEG_INFINITY, f64::max), "{shape:?}");
            reduce(Min, &x, shape, &mut out);
            assert_eq!(out, plain(f64::INFINITY, f64::min), "{shape:?}");
        }
    }

    #[test]
    fn nan_wins_maxima_and_minima() {
        for at in [0, 1, 63, 64, 99] {
            let mut x = vec![1f32; 100];
            x[at] = f32::NAN;
            let mut out = [0f32];
            reduce(Max, &x, [1, 100, 1], &mut out);
            assert!(out[0].is_nan());
            reduce(Min, &x, [1, 100, 1], &mut out);
            assert!(out[0].is_nan());
            for shape in [[1, 100, 1], [1, 50, 2]] {
                let mut index = vec![0; shape[2]];
                for largest in [true, false] {
                    arg(largest, &x, shape, &mut index);
                    assert_eq!(index[at % shape[2]], (at / shape[2]) as i64);
                }
            }
        }
    }
}
