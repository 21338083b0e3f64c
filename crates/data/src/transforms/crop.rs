//! A window of an image, that may reach beyond it.

use flambeau_tensor::Tensor;

use super::image::{Pixel, by_pixel, ensure, image, made};
use super::options::{Fill, PaddingMode};

/// The part of an image that begins at row `top` and column `left`. What lies outside of the image is 0.
#[track_caller]
pub fn crop(x: &Tensor, top: isize, left: isize, height: usize, width: usize) -> Tensor {
    let window = Window { top, left, height, width };
    window.of("crop", x, PaddingMode::Constant, &Fill::default())
}

/// A part of an image that was padded without end.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) top: isize,
    pub(super) left: isize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Window {
    /// The window of `x`.
    #[track_caller]
    pub(super) fn of(self, op: &'static str, x: &Tensor, mode: PaddingMode, fill: &Fill) -> Tensor {
        let [channels, height, width] = image(op, x);
        fill.check(op, channels);
        let (rows, columns) =
            (Span::new(self.top, self.height, height), Span::new(self.left, self.width, width));
        for (span, what) in [(&rows, "rows"), (&columns, "columns")] {
            let (reach, most) = (span.before.max(span.after), span.reach(mode));
            ensure!(
                reach <= most,
                op,
                "{reach} {what} of padding in mode {mode:?} around an image of {height}×{width}; at most {most} can be had, \
                 use less padding or the mode Constant"
            );
        }
        by_pixel!(x, T => made(x, [channels, self.height, self.width], |x: &[T], out| {
            fill_window(x, out, &rows, &columns, mode, |c| T::truncated(fill.channel(c)));
        }))
    }
}

/// Where the places of a window lie along one dimension of an image.
struct Span {
    start: isize,
    /// Of the image.
    n: usize,
    /// How many places lie before the image, on it and after it.
    before: usize,
    inside: usize,
    after: usize,
}

impl Span {
    fn new(start: isize, length: usize, n: usize) -> Self {
        let before = if start < 0 { start.unsigned_abs().min(length) } else { 0 };
        let first = usize::try_from(start).unwrap_or(0);
        let inside = (length - before).min(n.saturating_sub(first));
        Span { start, n, before, inside, after: length - before - inside }
    }

    /// How far a mode goes.
    fn reach(&self, mode: PaddingMode) -> usize {
        match mode {
            PaddingMode::Constant => usize::MAX,
            PaddingMode::Edge if self.n > 0 => usize::MAX,
            PaddingMode::Edge => 0,
            PaddingMode::Reflect => self.n.saturating_sub(1),
            PaddingMode::Symmetric => self.n,
        }
    }

    /// The image's place at place `i` of the window, if there is one.
    fn place(&self, i: usize, mode: PaddingMode) -> Option<usize> {
        let (at, n) = (self.start.saturating_add_unsigned(i), self.n as isize);
        if (0..n).contains(&at) {
            return Some(at as usize);
        }
        let below = at < 0;
        let place = match mode {
            PaddingMode::Constant => return None,
            PaddingMode::Edge => at.clamp(0, n - 1),
            PaddingMode::Reflect if below => -at,
            PaddingMode::Reflect => 2 * (n - 1) - at,
            PaddingMode::Symmetric if below => -1 - at,
            PaddingMode::Symmetric => 2 * n - 1 - at,
        };
        usize::try_from(place).ok().filter(|place| *place < self.n)
    }
}

fn fill_window<T: Pixel>(
    x: &[T],
    out: &mut [T],
    rows: &Span,
    columns: &Span,
    mode: PaddingMode,
    fill: impl Fn(usize) -> T,
) {
    let (height, width) =
        (rows.before + rows.inside + rows.after, columns.before + columns.inside + columns.after);
    if height * width == 0 {
        return;
    }
    // Where the columns before and after the image come from; all others are copied in one piece.
    let sides: Vec<(usize, Option<usize>)> = (0..columns.before)
        .chain(columns.before + columns.inside..width)
        .map(|j| (j, columns.place(j, mode)))
        .collect();
    let first = usize::try_from(columns.start).unwrap_or(0);
    let inside = columns.before..columns.before + columns.inside;
    for (c, out) in out.chunks_exact_mut(height * width).enumerate() {
        let fill = fill(c);
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            let Some(row) = rows.place(i, mode) else {
                out.fill(fill);
                continue;
            };
            let row = &x[(c * rows.n + row) * columns.n..][..columns.n];
            out[inside.clone()].copy_from_slice(&row[first.min(columns.n)..][..columns.inside]);
            for &(j, from) in &sides {
                out[j] = from.map_or(fill, |from| row[from]);
            }
        }
    }
}
