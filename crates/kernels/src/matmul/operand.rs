//! A matrix as the kernels see it: an address and two strides.

use super::Matrix;

/// A matrix by the address of its first element.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) data: *const f32,
    /// From row to row of the tile, or from lane to lane.
    pub(super) across: usize,
    /// Along the sum.
    pub(super) along: usize,
}

/// # Safety
/// The matrices have elements.
pub(super) unsafe fn operands(a: Matrix<'_, f32>, b: Matrix<'_, f32>) -> (Operand, Operand) {
    // SAFETY: the offsets are those of elements.
    let (pa, pb) = unsafe { (a.data.as_ptr().add(a.offset), b.data.as_ptr().add(b.offset)) };
    (
        Operand { data: pa, across: a.rows, along: a.columns },
        Operand { data: pb, across: b.columns, along: b.rows },
    )
}

impl Operand {
    /// From so many rows or lanes on.
    ///
    /// # Safety
    /// There must be as many.
    pub(super) unsafe fn skip(&self, across: usize) -> Operand {
        // SAFETY: the caller's.
        Operand { data: unsafe { self.data.add(across * self.across) }, ..*self }
    }

    /// From a row or lane on, or an earlier one, so that `here` of `of` follow if there are as many.
    pub(super) fn ahead(&self, first: usize, here: usize, of: usize) -> Operand {
        // SAFETY: there are as many.
        unsafe { self.skip(first.min(of.saturating_sub(here))) }
    }

    /// Whether rows fall onto the same lines of the first-level cache, which has a page for each of its ways, fewer than
    /// a tile has rows.
    pub(super) fn collide(&self) -> bool {
        self.along == 1 && self.across.is_multiple_of(1024)
    }

    /// Copies so many rows of so many terms.
    ///
    /// # Safety
    /// Both have as many, one after another, and those of `to` may be written.
    pub(super) unsafe fn copy(&self, rows: usize, terms: usize, to: Operand) {
        for r in 0..rows {
            // SAFETY: the caller's.
            unsafe {
                let (from, to) = (self.skip(r).data, to.skip(r).data.cast_mut());
                to.copy_from_nonoverlapping(from, terms);
            }
        }
    }

    /// From so many terms of the sum on.
    ///
    /// # Safety
    /// There must be as many.
    pub(super) unsafe fn along(&self, terms: usize) -> Operand {
        // SAFETY: the caller's.
        Operand { data: unsafe { self.data.add(terms * self.along) }, ..*self }
    }
}

// SAFETY: it is only read, inside `multiply`, whose caller holds the memory.
unsafe impl Sync for Operand {}
// SAFETY: as above.
unsafe impl Send for Operand {}
