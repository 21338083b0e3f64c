//! Small matrix products in registers: what convolutions are made of.

use crate::lanes::{Lanes, WIDTH};

/// Columns of a panel: what the second operand and the result are stored in.
pub(super) const PANEL: usize = 2 * WIDTH;

/// The first operand: where its element (row, k) is.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) data: &'a [f32],
    pub(super) row: usize,
    pub(super) k: usize,
}

/// out = left · right, or out += left · right where `accumulate`. `right` is (k, [`PANEL`]) and `out` (rows,
/// [`PANEL`]), of which the first `columns`, rounded up to [`WIDTH`], are used.
///
/// # Panics
/// If an operand lies outside its slice.
#[inline(always)]
pub(super) fn multiply<L: Lanes>(
    [rows, k, columns]: [usize; 3],
    left: Left<'_>,
    right: &[f32],
    out: &mut [f32],
    accumulate: bool,
) {
    if columns > WIDTH && L::COLUMNS > 1 {
        blocks::<L, 2>([rows, k], left, right, out, accumulate);
        return;
    }
    for start in (0..columns).step_by(WIDTH) {
        blocks::<L, 1>([rows, k], left, &right[start..], &mut out[start..], accumulate);
    }
}

#[inline(always)]
fn blocks<L: Lanes, const N: usize>(
    [rows, k]: [usize; 2],
    left: Left<'_>,
    right: &[f32],
    out: &mut [f32],
    accumulate: bool,
) {
    if rows == 0 || k == 0 {
        return;
    }
    assert!((rows - 1) * left.row + (k - 1) * left.k < left.data.len());
    assert!((k - 1) * PANEL + N * WIDTH <= right.len());
    assert!((rows - 1) * PANEL + N * WIDTH <= out.len());
    let mut at = 0;
    while at < rows {
        let rest = rows - at;
        // SAFETY: asserted above for the last row; `rest` rows are left, and the block has no more.
        unsafe {
            let strides = [left.row, left.k];
            let (a, b) = (left.data.as_ptr().add(at * left.row), right.as_ptr());
            let c = out.as_mut_ptr().add(at * PANEL);
            at += if L::ROWS >= 12 && rest >= 12 {
                block::<L, 12, N>(k, a, strides, b, c, accumulate)
            } else if L::ROWS >= 12 && rest >= 8 {
                block::<L, 8, N>(k, a, strides, b, c, accumulate)
            } else if L::ROWS >= 6 && rest >= 6 {
                block::<L, 6, N>(k, a, strides, b, c, accumulate)
            } else if L::ROWS >= 4 && rest >= 4 {
                block::<L, 4, N>(k, a, strides, b, c, accumulate)
            } else if rest >= 2 {
                block::<L, 2, N>(k, a, strides, b, c, accumulate)
            } else {
                block::<L, 1, N>(k, a, strides, b, c, accumulate)
            };
        }
    }
}

/// M rows and N · [`WIDTH`] columns, whose sums stay in registers. Returns M.
///
/// # Safety
/// `a` must hold M × k elements at these strides, `b` k rows and `c` M rows of N · `WIDTH`, [`PANEL`] apart.
#[inline(always)]
unsafe fn block<L: Lanes, const M: usize, const N: usize>(
    k: usize,
    a: *const f32,
    [row, step]: [usize; 2],
    b: *const f32,
    c: *mut f32,
    accumulate: bool,
) -> usize {
    let mut sums = [[L::zero(); N]; M];
    let (mut a, mut b) = (a, b.cast::<[[f32; WIDTH]; N]>());
    for _ in 0..k {
        // SAFETY: this is row `p` of b, of which there are k; one past the last is only pointed to.
        let right: &[[f32; WIDTH]; N] = unsafe { &*b };
        let mut lanes = [L::zero(); N];
        for j in 0..N {
            lanes[j] = L::load(&right[j]);
        }
        for i in 0..M {
            // SAFETY: element (i, p) of a.
            let v = L::splat(unsafe { *a.add(i * row) });
            for j in 0..N {
                sums[i][j] = v.mul_add(lanes[j], sums[i][j]);
            }
        }
        a = a.wrapping_add(step);
        b = b.cast::<f32>().wrapping_add(PANEL).cast();
    }
    for i in 0..M {
        // SAFETY: row i of c.
        let out: &mut [[f32; WIDTH]; N] = unsafe { &mut *c.add(i * PANEL).cast() };
        for j in 0..N {
            let sum = if accumulate { L::load(&out[j]) + sums[i][j] } else { sums[i][j] };
            sum.store(&mut out[j]);
        }
    }
    M
}
