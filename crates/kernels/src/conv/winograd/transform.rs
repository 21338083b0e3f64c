//! The transformations of F(4, 3) with the points 0, ±√½, ±√2 and ∞, which round less than whole numbers do
//! (Barabasz et al. 2018, <https://arxiv.org/abs/1803.10986>). For signals d of 6 and windows g of 3, the 4 values of
//! d ⋆ g are Aᵀ (Bᵀ d ⊙ G g).

use crate::lanes::{Lanes, Part, WIDTH, opaque};
use std::f32::consts::{FRAC_1_SQRT_2 as ROOT_HALF, SQRT_2 as ROOT_TWO};

/// A vector of channels.
pub(super) type Pixel = [f32; WIDTH];

/// A linear map of I numbers to O.
pub(super) trait Map<const I: usize, const O: usize> {
    fn line<L: Part>(x: [L; I]) -> [L; O];
}

/// Vectors in memory: element (i, j) of a square is at i · `line` + j · `column`.
#[derive(Clone, Copy)]
pub(super) struct Apart {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Apart {
    /// Rows of n vectors without gaps.
    pub(super) fn rows(n: usize) -> Apart {
        Apart { line: n * WIDTH, column: WIDTH }
    }

    /// Rows of n planes.
    pub(super) fn planes(n: usize, plane: usize) -> Apart {
        Apart { line: n * plane, column: plane }
    }
}

/// Applies a map to the columns of a square and then to the rows.
#[inline(always)]
pub(super) fn square<M: Map<I, O>, L: Lanes, const I: usize, const O: usize>(
    (from, at): (&[f32], Apart),
    (to, place): (&mut [f32], Apart),
) {
    // Without checks in the loops, or the vectors would not stay in registers.
    assert!((I - 1) * (at.line + at.column) + WIDTH <= from.len());
    assert!((O - 1) * (place.line + place.column) + WIDTH <= to.len());
    for lane in (0..WIDTH).step_by(L::Part::COUNT) {
        let (from, to) = (from.as_ptr().wrapping_add(lane), to.as_mut_ptr().wrapping_add(lane));
        let mut half = [[L::Part::splat(0.0); I]; O];
        for j in 0..I {
            let mut column = [L::Part::splat(0.0); I];
            for i in 0..I {
                // SAFETY: in the slice, as asserted.
                column[i] = unsafe { L::Part::read(from.add(i * at.line + j * at.column)) };
            }
            let column = M::line(column);
            for o in 0..O {
                half[o][j] = column[o];
            }
        }
        for o in 0..O {
            let row = M::line(half[o]);
            // Or the compiler would keep all 36 addresses, on the stack.
            let to = opaque(to.wrapping_add(o * place.line)).cast_mut();
            for q in 0..O {
                // SAFETY: in the slice, as asserted.
                unsafe { row[q].write(to.add(q * place.column)) };
            }
        }
    }
}

/// a · x + y
#[inline(always)]
fn fma<L: Part>(a: f32, x: L, y: L) -> L {
    x.mul_add(L::splat(a), y)
}

#[inline(always)]
fn times<L: Part>(a: f32, x: L) -> L {
    L::splat(a) * x
}

/// Bᵀ d
pub(super) struct Input;
impl Map<6, 6> for Input {
    #[inline(always)]
    fn line<L: Part>(d: [L; 6]) -> [L; 6] {
        let (e, o) = (fma(-2.0, d[2], d[4]), fma(ROOT_HALF, d[3], times(-ROOT_TWO, d[1])));
        let (f, p) = (fma(-0.5, d[2], d[4]), fma(ROOT_TWO, d[3], times(-ROOT_HALF, d[1])));
        [fma(-2.5, d[2], d[0] + d[4]), e + o, e - o, f + p, f - p, fma(-2.5, d[3], d[1] + d[5])]
    }
}

/// G g
pub(super) struct Window;
impl Map<3, 6> for Window {
    #[inline(always)]
    fn line<L: Part>(g: [L; 3]) -> [L; 6] {
        let (e, o) = (fma(-1.0 / 3.0, g[2], times(-2.0 / 3.0, g[0])), times(-ROOT_TWO / 3.0, g[1]));
        let (f, p) = (fma(1.0 / 3.0, g[2], times(1.0 / 6.0, g[0])), times(ROOT_TWO / 6.0, g[1]));
        [g[0], e + o, e - o, f + p, f - p, g[2]]
    }
}

/// Aᵀ m
pub(super) struct Output;
impl Map<6, 4> for Output {
    #[inline(always)]
    fn line<L: Part>(m: [L; 6]) -> [L; 4] {
        let (e, o) = (m[1] + m[2], m[1] - m[2]);
        let (f, p) = (m[3] + m[4], m[3] - m[4]);
        [
            m[0] + e + f,
            fma(ROOT_HALF, o, times(ROOT_TWO, p)),
            fma(0.5, e, times(2.0, f)),
            fma(ROOT_HALF / 2.0, o, fma(2.0 * ROOT_TWO, p, m[5])),
        ]
    }
}

/// A y: the transpose of [`Output`].
pub(super) struct OutputTransposed;
impl Map<4, 6> for OutputTransposed {
    #[inline(always)]
    fn line<L: Part>(y: [L; 4]) -> [L; 6] {
        let (e, o) = (fma(0.5, y[2], y[0]), fma(ROOT_HALF / 2.0, y[3], times(ROOT_HALF, y[1])));
        let (f, p) = (fma(2.0, y[2], y[0]), fma(2.0 * ROOT_TWO, y[3], times(ROOT_TWO, y[1])));
        [y[0], e + o, e - o, f + p, f - p, y[3]]
    }
}

/// Gᵀ u: the transpose of [`Window`].
pub(super) struct WindowTransposed;
impl Map<6, 3> for WindowTransposed {
    #[inline(always)]
    fn line<L: Part>(u: [L; 6]) -> [L; 3] {
        let (e, o) = (u[1] + u[2], u[2] - u[1]);
        let (f, p) = (u[3] + u[4], u[3] - u[4]);
        [
            fma(-2.0 / 3.0, e, fma(1.0 / 6.0, f, u[0])),
            fma(ROOT_TWO / 3.0, o, times(ROOT_TWO / 6.0, p)),
            fma(1.0 / 3.0, f - e, u[5]),
        ]
    }
}
