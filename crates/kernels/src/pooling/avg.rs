//! Means over windows, and the transpose that carries gradients.

use super::{
    Axis, Span, TASK, blocks, planes, task_rows,
    two::{self, Pairs},
};
use crate::dtype::{Element, floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::num::{Float, Num};
use crate::pool;

/// The sum of each window over `divisors[0][row] · divisors[1][column]`.
///
/// # Panics
/// If lengths do not fit the axes.
pub fn average<T: Element>(x: &[T], axes: &[Axis; 2], divisors: [&[f64]; 2], out: &mut [T]) {
    let [rows, cols] = axes;
    let windows = rows.output() * cols.output();
    if out.is_empty() {
        return;
    }
    assert_eq!(x.len() * windows, out.len() * rows.input * cols.input, "as many planes on both sides");
    if let (Some(x), Some(out)) = (floats(x), floats_mut(out)) {
        if let Some(pairs) = Pairs::of(axes) {
            // All windows are whole.
            return two::average(x, pairs, (divisors[0][0] * divisors[1][0]) as f32, out);
        }
        if planes::serves(out.len() / windows, axes) {
            return planes::average(x, axes, divisors, out);
        }
    }
    let grain = task_rows(axes).saturating_mul(cols.output());
    pool::chunks_mut(out, grain, |start, out| {
        dispatch(Average { x, axes, divisors, row: start / cols.output(), out });
    });
}

struct Average<'a, T> {
    x: &'a [T],
    axes: &'a [Axis; 2],
    divisors: [&'a [f64]; 2],
    /// The first row, counted over all planes.
    row: usize,
    out: &'a mut [T],
}

impl<T: Element> Kernel for Average<'_, T> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        match self.axes[1].stride {
            _ if !T::DTYPE.is_float() => self.rows::<0>(),
            1 => self.rows::<1>(),
            2 => self.rows::<2>(),
            _ => self.rows::<0>(),
        }
    }
}

impl<T: Element> Average<'_, T> {
    /// With the stride of columns known to the compiler unless S is 0.
    #[inline(always)]
    fn rows<const S: usize>(self) {
        let Average { x, axes: [rows, cols], divisors, row, out } = self;
        let (width, size) = (cols.input, rows.input * cols.input);
        for (i, out) in out.chunks_exact_mut(cols.output()).enumerate() {
            let (plane, line) = ((row + i) / rows.output(), (row + i) % rows.output());
            let plane = &x[plane * size..(plane + 1) * size];
            let span = rows.spans[line];
            // Integers, which are rare, one by one.
            let blocked = T::DTYPE.is_float() && cols.whole.len() >= 4;
            let whole = if blocked { cols.whole.clone() } else { 0..0 };
            let first = |o: usize| span.start * width + cols.spans[o].start;
            let over =
                |o: usize, sum: T::Num| T::from_num(sum / T::Num::lit(divisors[0][line] * divisors[1][o]));
            for o in (0..whole.start).chain(whole.end..cols.output()) {
                out[o] = over(o, one(plane, width, span, cols.spans[o]));
            }
            if whole.len() >= 16 {
                blocks::<16>(&whole, |o| {
                    let sums = lanes::<T, 16, S>(&plane[first(o)..], width, span.count, cols);
                    (0..16).for_each(|j| out[o + j] = over(o + j, sums[j]));
                });
            } else if !whole.is_empty() {
                blocks::<4>(&whole, |o| {
                    let sums = lanes::<T, 4, S>(&plane[first(o)..], width, span.count, cols);
                    (0..4).for_each(|j| out[o + j] = over(o + j, sums[j]));
                });
            }
        }
    }
}

/// The sum of one window.
#[inline(always)]
fn one<T: Element>(plane: &[T], width: usize, rows: Span, cols: Span) -> T::Num {
    let sum = |x: &[T]| {
        // Eight running sums at least halve what rounding adds up over a whole plane.
        let mut lanes = [T::Num::lit(0.0); 8];
        for chunk in x.chunks(8) {
            for (l, v) in lanes.iter_mut().zip(chunk) {
                *l = *l + v.to_num();
            }
        }
        lanes.into_iter().fold(T::Num::lit(0.0), |a, b| a + b)
    };
    if rows.count == 0 || cols.count == 0 {
        return T::Num::lit(0.0);
    }
    let first = rows.start * width + cols.start;
    if cols.count == width {
        return sum(&plane[first..first + rows.count * width]);
    }
    let mut total = T::Num::lit(0.0);
    for r in 0..rows.count {
        total = total + sum(&plane[first + r * width..][..cols.count]);
    }
    total
}

/// The sums of B neighbouring windows.
#[inline(always)]
fn lanes<T: Element, const B: usize, const S: usize>(
    x: &[T],
    width: usize,
    rows: usize,
    cols: &Axis,
) -> [T::Num; B] {
    let stride = if S > 0 { S } else { cols.stride };
    let mut sums = [T::Num::lit(0.0); B];
    for r in 0..rows {
        for c in 0..cols.kernel {
            let x = &x[r * width + c..][..(B - 1) * stride + 1];
            for j in 0..B {
                sums[j] = sums[j] + x[j * stride].to_num();
            }
        }
    }
    sums
}

/// Adds each output's gradient, divided as by [`average`], to the places of its window; `gx` is overwritten.
///
/// # Panics
/// If lengths do not fit the axes.
pub fn average_backward<T: Float>(g: &[T], axes: &[Axis; 2], divisors: [&[f64]; 2], gx: &mut [T]) {
    let [rows, cols] = axes;
    let (size, windows) = (rows.input * cols.input, rows.output() * cols.output());
    if size == 0 || windows == 0 || gx.is_empty() {
        gx.fill(T::default());
        return;
    }
    assert_eq!(gx.len() * windows, g.len() * size, "as many planes on both sides");
    if let (Some(g), Some(gx)) = (floats(g), floats_mut(gx)) {
        if let Some(pairs) = Pairs::of(axes) {
            return two::average_backward(g, pairs, (divisors[0][0] * divisors[1][0]) as f32, gx);
        }
        if planes::serves_backward(gx.len() / size, axes) {
            return planes::average_backward(g, axes, divisors, gx);
        }
    }
    pool::chunks_mut(gx, (TASK / size).max(1) * size, |start, gx| {
        let mut line = vec![T::default(); cols.input];
        for (i, gx) in gx.chunks_exact_mut(size).enumerate() {
            let from = (start / size + i) * windows;
            dispatch(AverageBackward { g: &g[from..from + windows], axes, divisors, line: &mut line, gx });
        }
    });
}

/// One plane of [`average_backward`].
struct AverageBackward<'a, T> {
    g: &'a [T],
    axes: &'a [Axis; 2],
    divisors: [&'a [f64]; 2],
    /// What one row of windows adds to each of its rows.
    line: &'a mut [T],
    gx: &'a mut [T],
}

impl<T: Float> Kernel for AverageBackward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let AverageBackward { g, axes: [rows, cols], divisors, line, gx } = self;
        let width = cols.input;
        gx.fill(T::default());
        for ((g, span), &d) in g.chunks_exact(cols.output()).zip(&rows.spans).zip(divisors[0]) {
            line.fill(T::default());
            for ((&g, col), &e) in g.iter().zip(&cols.spans).zip(divisors[1]) {
                let g = g / T::lit(d * e);
                for v in &mut line[col.start..col.start + col.count] {
                    *v = *v + g;
                }
            }
            let from = span.start * width;
            for row in gx[from..from + span.count * width].chunks_exact_mut(width) {
                for (o, &v) in row.iter_mut().zip(&*line) {
                    *o = *o + v;
                }
            }
        }
    }
}
