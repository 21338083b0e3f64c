//! Pooling over the last two dimensions of contiguous `[planes, height, width]` blocks.
//!
//! An [`Axis`] says where the windows of one dimension are; sliding and adaptive windows, cut off at the border or
//! not, are the same to the loops. Whole neighbours in a row are computed side by side in lanes.

mod avg;
mod max;
mod planes;
mod two;

pub use avg::{average, average_backward};
pub use max::{Code, gather, max, scatter};

use std::ops::Range;

/// Loads of one parallel task.
const TASK: usize = 1 << 15;

/// The positions of a window that lie in the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first.
    pub start: usize,
    /// How many, the axis' dilation apart.
    pub count: usize,
}

/// The windows along one dimension.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Positions of the input.
    pub input: usize,
    /// Positions of a whole window.
    pub kernel: usize,
    /// The windows.
    pub spans: Vec<Span>,
    /// How many positions each window has with the padding.
    pub padded: Vec<usize>,
    dilation: usize,
    stride: usize,
    /// Windows that lie wholly in the input, `stride` apart.
    whole: Range<usize>,
}

impl Axis {
    /// Windows that slide; the caller has counted them, so that the last begins within the input and the padding
    /// before it.
    pub fn sliding(
        [input, output]: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
    ) -> Axis {
        let window = |o: usize| {
            let begin = o * stride;
            // Positions of the window that lie before the input.
            let before = padding.saturating_sub(begin).div_ceil(dilation);
            let start = (begin + before * dilation).saturating_sub(padding);
            let fit = if start < input { (input - 1 - start) / dilation + 1 } else { 0 };
            let span = Span { start, count: fit.min(kernel.saturating_sub(before)) };
            (span, (input + 2 * padding - begin).min((kernel - 1) * dilation + 1))
        };
        let (spans, padded): (Vec<Span>, Vec<usize>) = (0..output).map(window).unzip();
        let first = spans.iter().position(|span| span.count == kernel).unwrap_or(output);
        let many = spans[first..].iter().take_while(|span| span.count == kernel).count();
        Axis { input, kernel, spans, padded, dilation, stride, whole: first..first + many }
    }

    /// Windows from ⌊o · input / output⌋ to ⌈(o + 1) · input / output⌉, which cover the input.
    pub fn adaptive([input, output]: [usize; 2]) -> Axis {
        if output > 0 && input.is_multiple_of(output) && input > 0 {
            return Axis::sliding([input, output], input / output, input / output, 0, 1);
        }
        // In 128 bits the products cannot overflow.
        let (i, n) = (input as u128, output as u128);
        let window = |o: u128| {
            let (start, end) = (o * i / n, ((o + 1) * i).div_ceil(n));
            Span { start: start as usize, count: (end - start) as usize }
        };
        let spans: Vec<Span> = (0..n).map(window).collect();
        let padded: Vec<usize> = spans.iter().map(|span| span.count).collect();
        let kernel = padded.iter().copied().max().unwrap_or(0);
        Axis { input, kernel, spans, padded, dilation: 1, stride: 1, whole: 0..0 }
    }

    fn output(&self) -> usize {
        self.spans.len()
    }

    /// Whether the windows are pairs side by side.
    fn is_pairs(&self) -> bool {
        (self.kernel, self.stride, self.dilation) == (2, 2, 1)
            && self.whole == (0..self.output())
            && self.spans.first().is_none_or(|span| span.start == 0)
    }
}

/// Output rows of one task.
fn task_rows([rows, cols]: &[Axis; 2]) -> usize {
    let loads = rows.kernel.saturating_mul(cols.kernel).saturating_mul(cols.output());
    (TASK / loads.max(1)).max(1)
}

/// Calls `f` with the first of each block of B that together cover the range of at least B, the last overlapping
/// the one before it where they do not fit.
#[inline(always)]
fn blocks<const B: usize>(range: &Range<usize>, mut f: impl FnMut(usize)) {
    // One call of `f`, so that it is inlined.
    for o in range.clone().step_by(B) {
        f(o.min(range.end - B));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(axis: &Axis) -> Vec<(usize, usize)> {
        axis.spans.iter().map(|span| (span.start, span.count)).collect()
    }

    #[test]
    fn sliding_windows_are_cut_off_at_the_border() {
        let axis = Axis::sliding([5, 4], 3, 2, 1, 1);
        assert_eq!(spans(&axis), [(0, 2), (1, 3), (3, 2), (5, 0)]);
        assert_eq!(axis.padded, [3, 3, 3, 1]);
        assert_eq!(axis.whole, 1..2);
        let axis = Axis::sliding([5, 3], 3, 1, 2, 3);
        assert_eq!(spans(&axis), [(1, 2), (2, 1), (0, 2)]);
    }

    #[test]
    fn adaptive_windows_cover_the_input() {
        assert_eq!(spans(&Axis::adaptive([5, 3])), [(0, 2), (1, 3), (3, 2)]);
        assert_eq!(spans(&Axis::adaptive([2, 3])), [(0, 1), (0, 2), (1, 1)]);
        assert_eq!(Axis::adaptive([6, 3]).whole, 0..3);
        assert!(Axis::adaptive([6, 0]).spans.is_empty());
    }
}
