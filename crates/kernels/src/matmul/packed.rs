//! Weights packed once for many products.

use super::operand::Operand;
use super::panels::Panels;
use super::{Matrix, tiles};
use crate::alloc::{Block, try_alloc};
use crate::lanes::{WIDTH, tile_size};
use crate::num::Float;
use crate::pool;

/// The right operand of products as their kernels read it, so that they need not pack it each time. As large as the
/// operand.
pub struct Packed {
    pub(super) memory: Block,
    pub(super) k: usize,
    pub(super) n: usize,
    /// The most lanes of a panel.
    pub(super) width: usize,
}

impl Packed {
    /// Products of fewer rows do not read it.
    pub const FEWEST_ROWS: usize = tiles::LEAST;

    /// Of a k×n matrix. `None` where it would gain nothing: it is read where it lies, is too small for register tiles, or
    /// is too large for the cache, so that its memory would be read only once; and where there is no memory.
    ///
    /// # Panics
    /// If the matrix lies outside its slice.
    pub fn new<T: Float>(b: Matrix<'_, T>, k: usize, n: usize) -> Option<Packed> {
        b.check(k, n);
        let b = b.floats()?;
        if b.columns == 1 || k < tiles::SHORTEST || n < tiles::LEAST || k * n > tiles::MOST {
            return None;
        }
        // SAFETY: the offset is that of an element.
        let data = unsafe { b.data.as_ptr().add(b.offset) };
        let operand = Operand { data, across: b.columns, along: b.rows };
        let width = tile_size(n)[1] * WIDTH;
        let memory = try_alloc(Panels::room(operand, [k, n, width], false))?;
        let panels = Panels::new(operand, [k, n, width], false, Some(&memory));
        pool::run(panels.count(), &|panel| {
            panels.get(panel);
        });
        Some(Packed { memory, k, n, width })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Finish, matmul_with};
    use super::*;
    use crate::rng;

    #[test]
    fn products_with_packed_weights_have_the_same_bits() {
        let x: Vec<f32> = (0..1030 * 330).map(|i| rng::normal_f32(1, i)).collect();
        let few: &[usize] = &[1, 8, 17, 64];
        let sums = [2, 24, 31, 200, 784, 1024];
        let sizes = sums.into_iter().flat_map(|k| [7, 8, 49, 97, 330].map(|n| (k, n, few)));
        // Many rows, and rows that displace each other in the first cache.
        for (k, n, rows) in sizes.chain([(784, 200, &[40, 400][..]), (2048, 96, &[40])]) {
            let b = Matrix { data: &x, offset: 3, rows: 1, columns: k };
            let gains = k >= tiles::SHORTEST && n >= tiles::LEAST && k * n <= tiles::MOST;
            assert_eq!(Packed::new(b, k, n).is_some(), gains, "{k} {n}");
            let Some(packed) = Packed::new(b, k, n) else { continue };
            for &m in rows {
                let a = Matrix { data: &x, offset: 0, rows: k, columns: 1 };
                let finish = Finish { bias: Some(&x[..n]), relu: true };
                let [plain, fast, slow] =
                    [(None, 1), (Some(&packed), 1), (Some(&packed), 3)].map(|(packed, threads)| {
                        pool::with_num_threads(threads, || {
                            let mut out = vec![1.0; m * n];
                            matmul_with([m, k, n], a, b, &mut out, true, finish, packed);
                            out
                        })
                    });
                assert!(plain == fast && plain == slow, "{m} {k} {n}");
            }
        }
    }

    #[test]
    fn what_is_read_where_it_lies_is_not_packed() {
        let x = vec![0.0f32; 64 * 64];
        assert!(Packed::new(Matrix { data: &x, offset: 0, rows: 64, columns: 1 }, 64, 64).is_none());
        let x = vec![0.0f64; 64 * 64];
        assert!(Packed::new(Matrix { data: &x, offset: 0, rows: 1, columns: 64 }, 64, 64).is_none());
    }
}
