//! Maxima, where they are, and the transposed pair that carries gradients: scatter and gather.

use super::{
    Axis, Span, TASK, blocks, planes, task_rows,
    two::{self, Pairs},
};
use crate::dtype::{Element, floats, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::num::Float;
use crate::pool;

/// How the place of a maximum is written down.
pub trait Code: Copy + Send + Sync {
    /// Whether it is the position within the window: then 2×2 windows take a short way.
    const LOCAL: bool;
    /// From the position within the window, counted by rows of `kernel`, and the window's first place.
    fn encode(local: u32, window: Window) -> Self;
    /// The place within the plane.
    fn place(self, first: usize, offsets: &[usize; 256]) -> usize;
    /// The position within the window, if it is that.
    fn local(self) -> u8;
    /// Whether it is a byte, or nothing.
    const SMALL: bool = Self::LOCAL;
    /// The codes themselves, if they are bytes.
    fn bytes(codes: &[Self]) -> Option<&[u8]> {
        let _ = codes;
        None
    }
    /// As `bytes`.
    fn bytes_mut(codes: &mut [Self]) -> Option<&mut [u8]> {
        let _ = codes;
        None
    }
}

/// What turns a position within a window into a place in the plane.
#[derive(Clone, Copy)]
pub struct Window {
    first: usize,
    kernel: usize,
    steps: [usize; 2],
}

/// Nowhere: the values alone are wanted.
impl Code for () {
    const LOCAL: bool = false;
    const SMALL: bool = true;
    #[inline(always)]
    fn encode(_: u32, _: Window) {}
    #[inline(always)]
    fn place(self, first: usize, _: &[usize; 256]) -> usize {
        first
    }
    #[inline(always)]
    fn local(self) -> u8 {
        0
    }
}

/// The position within the part of the window that lies in the input; for windows of at most 256.
impl Code for u8 {
    const LOCAL: bool = true;
    #[inline(always)]
    fn encode(local: u32, _: Window) -> u8 {
        local as u8
    }
    #[inline(always)]
    fn place(self, first: usize, offsets: &[usize; 256]) -> usize {
        first + offsets[self as usize]
    }
    #[inline(always)]
    fn local(self) -> u8 {
        self
    }
    fn bytes(codes: &[u8]) -> Option<&[u8]> {
        Some(codes)
    }
    fn bytes_mut(codes: &mut [u8]) -> Option<&mut [u8]> {
        Some(codes)
    }
}

/// The place within the plane, as PyTorch gives it.
impl Code for i64 {
    const LOCAL: bool = false;
    #[inline(always)]
    fn encode(local: u32, Window { first, kernel, steps }: Window) -> i64 {
        let local = local as usize;
        (first + local / kernel * steps[0] + local % kernel * steps[1]) as i64
    }
    #[inline(always)]
    fn place(self, _: usize, _: &[usize; 256]) -> usize {
        self as usize
    }
    #[inline(always)]
    fn local(self) -> u8 {
        0
    }
}

/// The largest element of each window, the first of equals, and its place. NaN is larger than all, the last one
/// counts.
///
/// # Panics
/// If lengths do not fit the axes.
pub fn max<T: Element, C: Code>(x: &[T], axes: &[Axis; 2], out: &mut [T], codes: &mut [C]) {
    check(x.len(), axes, out.len());
    assert_eq!(out.len(), codes.len());
    let [rows, cols] = axes;
    let windows = rows.output() * cols.output();
    if C::SMALL
        && !out.is_empty()
        && let (Some(x), Some(out)) = (floats(x), floats_mut(out))
    {
        if let Some(pairs) = Pairs::of(axes) {
            return two::max(x, pairs, out, codes);
        }
        if planes::serves(out.len() / windows, axes) {
            return planes::max(x, axes, out, codes);
        }
    }
    let grain = task_rows(axes).saturating_mul(axes[1].output());
    pool::chunks_mut_2(out, codes, grain, |start, out, codes| {
        dispatch(Max { x, axes, row: start / axes[1].output(), out, codes });
    });
}

fn check(input: usize, [rows, cols]: &[Axis; 2], output: usize) {
    let windows = rows.output() * cols.output();
    assert!(output == 0 || (output.is_multiple_of(windows)), "outputs are whole planes");
    assert!(
        output == 0 || input == output / windows * rows.input * cols.input,
        "inputs are as many planes as outputs"
    );
}

struct Max<'a, T, C> {
    x: &'a [T],
    axes: &'a [Axis; 2],
    /// The first row, counted over all planes.
    row: usize,
    out: &'a mut [T],
    codes: &'a mut [C],
}

impl<T: Element, C: Code> Kernel for Max<'_, T, C> {
    type Output = ();
    const WIDE: bool = T::DTYPE.is_float();
    #[inline(always)]
    fn run(self) {
        let [rows, cols] = self.axes;
        match cols.stride {
            // One way is enough for what is rare.
            _ if !T::DTYPE.is_float() => self.rows::<0, false>(),
            2 if (rows.kernel, cols.kernel, rows.dilation, cols.dilation) == (2, 2, 1, 1) => {
                self.rows::<2, true>();
            }
            1 => self.rows::<1, false>(),
            2 => self.rows::<2, false>(),
            _ => self.rows::<0, false>(),
        }
    }
}

impl<T: Element, C: Code> Max<'_, T, C> {
    /// With the stride of columns known to the compiler unless S is 0, and 2×2 windows if `TWO`.
    #[inline(always)]
    fn rows<const S: usize, const TWO: bool>(self) {
        let Max { x, axes: [rows, cols], row, out, codes } = self;
        let (width, size) = (cols.input, rows.input * cols.input);
        let lines = out.chunks_exact_mut(cols.output()).zip(codes.chunks_exact_mut(cols.output()));
        for (i, (out, codes)) in lines.enumerate() {
            let (plane, line) = ((row + i) / rows.output(), (row + i) % rows.output());
            let plane = &x[plane * size..(plane + 1) * size];
            let steps = [rows.dilation * width, cols.dilation];
            let span = rows.spans[line];
            let mut some = |o: usize, s: Span| {
                let window = Window { first: span.start * width + s.start, kernel: cols.kernel, steps };
                let (value, local) = one(plane, window, [span.count, s.count]);
                (out[o], codes[o]) = (value, C::encode(local, window));
            };
            // Integers, which are rare, one by one.
            let blocked = T::DTYPE.is_float() && cols.whole.len() >= 4;
            let whole = if blocked { cols.whole.clone() } else { 0..0 };
            for o in (0..whole.start).chain(whole.end..cols.output()) {
                some(o, cols.spans[o]);
            }
            // Two rows of a window may be one at the border.
            let count = if TWO && span.count == 2 { 2 } else { span.count };
            let kernel = if TWO { 2 } else { cols.kernel };
            let line = Line { plane, first: span.start * width, count, kernel, steps };
            if whole.len() >= 16 {
                blocks::<16>(&whole, |o| line.write::<C, 16, S>(cols, o, out, codes));
            } else if whole.len() >= 8 {
                blocks::<8>(&whole, |o| line.write::<C, 8, S>(cols, o, out, codes));
            } else if !whole.is_empty() {
                blocks::<4>(&whole, |o| line.write::<C, 4, S>(cols, o, out, codes));
            }
        }
    }
}

/// What the windows of one row of outputs have in common.
#[derive(Clone, Copy)]
struct Line<'a, T> {
    plane: &'a [T],
    /// The first place of the first row.
    first: usize,
    /// Rows of the windows that lie in the input.
    count: usize,
    kernel: usize,
    steps: [usize; 2],
}

impl<T: Element> Line<'_, T> {
    /// The maxima of the B whole windows from `o` on.
    #[inline(always)]
    fn write<C: Code, const B: usize, const S: usize>(
        self,
        cols: &Axis,
        o: usize,
        out: &mut [T],
        codes: &mut [C],
    ) {
        let Line { plane, first, count, kernel, steps } = self;
        let first = first + cols.spans[o].start;
        let (values, locals) = lanes::<T, B, S>(plane, Window { first, kernel, steps }, count, cols.stride);
        out[o..o + B].copy_from_slice(&values);
        for (j, (code, &local)) in codes[o..o + B].iter_mut().zip(&locals).enumerate() {
            *code = C::encode(local, Window { first: first + j * cols.stride, kernel, steps });
        }
    }
}

/// Whether `v` takes the place of the largest before it.
#[inline(always)]
#[allow(clippy::eq_op)]
fn larger<T: Element>(v: T, best: T) -> bool {
    // Not `||`: without a branch it vectorises.
    (v > best) | (v != v)
}

/// The maximum of one window and its position.
#[inline(always)]
fn one<T: Element>(plane: &[T], Window { first, kernel, steps }: Window, counts: [usize; 2]) -> (T, u32) {
    let (mut best, mut at) = (T::LOWEST, 0);
    for r in 0..counts[0] {
        for c in 0..counts[1] {
            let v = plane[first + r * steps[0] + c * steps[1]];
            if larger(v, best) {
                (best, at) = (v, (r * kernel + c) as u32);
            }
        }
    }
    (best, at)
}

/// The maxima of B neighbouring windows and their positions.
#[inline(always)]
fn lanes<T: Element, const B: usize, const S: usize>(
    plane: &[T],
    Window { first, kernel, steps }: Window,
    rows: usize,
    stride: usize,
) -> ([T; B], [u32; B]) {
    let stride = if S > 0 { S } else { stride };
    let (mut best, mut at) = ([T::LOWEST; B], [0; B]);
    for r in 0..rows {
        for c in 0..kernel {
            let x = &plane[first + r * steps[0] + c * steps[1]..][..(B - 1) * stride + 1];
            let position = (r * kernel + c) as u32;
            for j in 0..B {
                let v = x[j * stride];
                let take = larger(v, best[j]);
                best[j] = if take { v } else { best[j] };
                at[j] = if take { position } else { at[j] };
            }
        }
    }
    (best, at)
}

/// How far each position within a window is from its first.
fn offsets([rows, cols]: &[Axis; 2]) -> [usize; 256] {
    let kernel = cols.kernel.max(1);
    std::array::from_fn(|i| i / kernel * rows.dilation * cols.input + i % kernel * cols.dilation)
}

/// Adds each output's gradient to the place of its maximum; `gx` is overwritten.
///
/// # Panics
/// If lengths do not fit the axes or a place lies outside the plane.
pub fn scatter<T: Float, C: Code>(g: &[T], codes: &[C], axes: &[Axis; 2], gx: &mut [T]) {
    check(gx.len(), axes, g.len());
    assert_eq!(g.len(), codes.len());
    if g.is_empty() {
        gx.fill(T::default());
        return;
    }
    let [rows, cols] = axes;
    let (size, windows) = (rows.input * cols.input, rows.output() * cols.output());
    let short = C::LOCAL && rows.is_pairs() && cols.is_pairs();
    if let (Some(g), Some(codes), Some(gx)) = (floats(g), C::bytes(codes), floats_mut(gx)) {
        if let Some(pairs) = Pairs::of(axes) {
            return two::scatter(g, codes, pairs, gx);
        }
        if planes::serves_backward(g.len() / windows, axes) {
            return planes::scatter(g, codes, axes, gx);
        }
    }
    let offsets = offsets(axes);
    pool::chunks_mut(gx, (TASK / size.max(1)).max(1) * size, |start, gx| {
        for (i, gx) in gx.chunks_exact_mut(size).enumerate() {
            let from = (start / size + i) * windows;
            let (g, codes) = (&g[from..from + windows], &codes[from..from + windows]);
            if short {
                dispatch(Two { g, codes, axes, gx });
                continue;
            }
            gx.fill(T::default());
            let lines = g.chunks_exact(cols.output()).zip(codes.chunks_exact(cols.output()));
            for (row, (g, codes)) in rows.spans.iter().zip(lines) {
                for ((col, &g), &code) in cols.spans.iter().zip(g).zip(codes) {
                    let o = &mut gx[code.place(row.start * cols.input + col.start, &offsets)];
                    *o = *o + g;
                }
            }
        }
    });
}

/// One plane of [`scatter`] for 2×2 windows that do not overlap: written once, without adding.
struct Two<'a, T, C> {
    g: &'a [T],
    codes: &'a [C],
    axes: &'a [Axis; 2],
    gx: &'a mut [T],
}

impl<T: Float, C: Code> Kernel for Two<'_, T, C> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Two { g, codes, axes: [rows, cols], gx } = self;
        let (width, windows) = (cols.input, cols.output());
        let (used, rest) = gx.split_at_mut(rows.output() * 2 * width);
        let lines = g.chunks_exact(windows).zip(codes.chunks_exact(windows));
        for (pair, (g, codes)) in used.chunks_exact_mut(2 * width).zip(lines) {
            let (upper, lower) = pair.split_at_mut(width);
            for (row, line) in [upper, lower].into_iter().enumerate() {
                let (pairs, rest) = line.as_chunks_mut::<2>();
                let code = row as u8 * 2;
                for ((pair, &g), &c) in pairs.iter_mut().zip(g).zip(codes) {
                    let c = c.local();
                    pair[0] = if c == code { g } else { T::default() };
                    pair[1] = if c == code + 1 { g } else { T::default() };
                }
                rest.fill(T::default());
            }
        }
        rest.fill(T::default());
    }
}

/// The element at the place of each maximum: the transpose of [`scatter`].
///
/// # Panics
/// As `scatter`.
pub fn gather<T: Float, C: Code>(x: &[T], codes: &[C], axes: &[Axis; 2], out: &mut [T]) {
    check(x.len(), axes, out.len());
    assert_eq!(out.len(), codes.len());
    let [rows, cols] = axes;
    let size = rows.input * cols.input;
    let offsets = offsets(axes);
    pool::chunks_mut(out, TASK, |start, out| {
        for (i, o) in out.iter_mut().enumerate() {
            let (line, col) = ((start + i) / cols.output(), (start + i) % cols.output());
            let plane = line / rows.output() * size;
            let first = rows.spans[line % rows.output()].start * cols.input + cols.spans[col].start;
            *o = x[plane + codes[start + i].place(first, &offsets)];
        }
    });
}
