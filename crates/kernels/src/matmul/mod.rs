//! Matrix products: our own kernels for the sizes of training steps (`tiles`), the `gemm` crates' single-threaded ones
//! for large matrices and `f64`, split over our own pool.
//!
//! How an element is computed depends on the sizes alone, so the result is the same for any number of threads.

mod dots;
mod finish;
mod operand;
mod packed;
mod panels;
mod tiles;
mod vanishing;

pub use finish::Finish;
pub use packed::Packed;

use crate::dtype::{DType, Element, floats};
use crate::lanes::is_narrow;
use crate::num::{Float, Num};
use crate::pool;
use crate::strided::{last_index, numel};

/// A matrix: part of a slice with a row and a column stride.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    /// The whole storage.
    pub data: &'a [T],
    /// Index of element (0, 0).
    pub offset: usize,
    /// Distance from row to row.
    pub rows: usize,
    /// Distance from column to column.
    pub columns: usize,
}

impl<'a, T: Element> Matrix<'a, T> {
    fn floats(self) -> Option<Matrix<'a, f32>> {
        Some(Matrix { data: floats(self.data)?, offset: self.offset, rows: self.rows, columns: self.columns })
    }

    /// # Panics
    /// If some element of this many rows and columns lies outside the slice.
    fn check(&self, rows: usize, columns: usize) {
        let last = last_index(self.offset, &[rows, columns], &[self.rows, self.columns]);
        let fits = last.is_some_and(|last| last < self.data.len());
        assert!(rows == 0 || columns == 0 || fits, "matrix outside its storage");
    }
}

/// out = a·b in wrapping arithmetic, for integers; the sizes are [`matmul`]'s.
///
/// # Panics
/// If a matrix lies outside its slice.
pub fn matmul_wrapping<T: Element>([m, k, n]: [usize; 3], a: Matrix<'_, T>, b: Matrix<'_, T>, out: &mut [T]) {
    a.check(m, k);
    b.check(k, n);
    assert_eq!(out.len(), numel(&[m, n]));
    pool::chunks_mut(out, n.max(1), |start, row| {
        let a_row = a.offset + start / n * a.rows;
        for (j, o) in row.iter_mut().enumerate() {
            let b_column = b.offset + j * b.columns;
            let term =
                |i: usize| a.data[a_row + i * a.columns].to_num() * b.data[b_column + i * b.rows].to_num();
            *o = T::from_num((0..k).map(term).fold(T::Num::lit(0.0), |sum, term| sum + term));
        }
    });
}

/// Rows and columns from which on a product goes to the library, but for a batch with larger weights, and for rows that `tiles`
/// serves better.
const MANY: usize = 256;
/// Multiply-adds below which a smaller product of the library's stays in one piece, with wide registers.
const PIECE: usize = 1 << 20;
/// The library has other ways for results of at most so many rows and columns, and of at most four times as many elements.
const SMALL: usize = 64;

/// out = a·b, or out += a·b where `accumulate`; a is m×k, b is k×n, `out` is m×n with contiguous rows.
///
/// # Panics
/// If a matrix lies outside its slice.
pub fn matmul<T: Float>(
    sizes: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    accumulate: bool,
) {
    matmul_with(sizes, a, b, out, accumulate, Finish::default(), None);
}

/// As [`matmul`]; each sum gets its finish before it is stored. What is `packed` must be b; the result is the same with
/// and without it.
///
/// # Panics
/// If a matrix lies outside its slice, the bias is not as long as a row of `out`, or what is packed is not of b's size.
pub fn matmul_with<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: &mut [T],
    accumulate: bool,
    finish: Finish<'_, T>,
    packed: Option<&Packed>,
) {
    a.check(m, k);
    b.check(k, n);
    assert_eq!(out.len(), numel(&[m, n]));
    assert!(finish.bias.is_none_or(|bias| bias.len() == n));
    assert!(packed.is_none_or(|packed| [packed.k, packed.n] == [k, n]));
    if k == 0 || m == 0 || n == 0 {
        if !accumulate {
            out.fill(T::default());
        }
        out.chunks_mut(n.max(1)).for_each(|row| finish.row(row));
        return;
    }
    if vanishing::multiply([m, k, n], a, b, out, accumulate, finish, packed) {
        return;
    }
    if let (Some(a), Some(b), Some(finish)) = (a.floats(), b.floats(), finish.floats()) {
        let base = pool::SendPtr(out.as_mut_ptr().cast::<f32>());
        // SAFETY: a and b were checked, and `out` is ours; its elements are of their type.
        let done = unsafe {
            if dots::are_few([m, k, n], &a, &b) {
                dots::multiply([m, k, n], a, b, base, accumulate, finish);
                true
            } else {
                tiles::are_ours([m, k, n], &a, &b)
                    && tiles::multiply([m, k, n], a, b, base, accumulate, finish, packed)
            }
        };
        if done {
            return;
        }
    }
    let [down, across] = pieces([m, k, n]);
    let base = pool::SendPtr(out.as_mut_ptr());
    let width = n;
    let [rows, columns] = tiles();
    pool::run(down * across, &|piece| {
        // In whole register tiles.
        let [(row, m), (column, n)] = [(m, down, piece / across, rows), (n, across, piece % across, columns)]
            .map(|(size, pieces, i, tile)| {
                let start = |i: usize| (size.div_ceil(tile) * i / pieces * tile).min(size);
                (start(i), start(i + 1) - start(i))
            });
        let a = Matrix { offset: a.offset + row * a.rows, ..a };
        let b = Matrix { offset: b.offset + column * b.columns, ..b };
        // SAFETY: the pieces of `out` do not overlap, lie inside it (rows are `width` apart), and `out` outlives
        // `run`.
        unsafe {
            let out = base.get().add(row * width + column);
            product([m, k, n], a, b, out, width, accumulate);
            if !finish.is_nothing() {
                let finish = finish.skip(column);
                (0..m).for_each(|i| finish.row(std::slice::from_raw_parts_mut(out.add(i * width), n)));
            }
        }
    });
}

/// Rows and columns of whole register tiles of the library's.
fn tiles() -> [usize; 2] {
    if is_narrow() { [24, 16] } else { [48, 64] }
}

/// Into how many pieces the library's products are cut, by rows and by columns.
fn pieces([m, k, n]: [usize; 3]) -> [usize; 2] {
    let (mut down, mut across) = (1, 1);
    let threads = pool::threads_at_hand();
    if threads == 1 && is_narrow() {
        return [1, 1];
    }
    if m.min(n) >= MANY {
        // By columns as far as they go: those of b need less packing than rows of a. Even one thread gains by some pieces
        // where registers are wide: the memory that the library takes for a whole product may come from the system each
        // time. None is so small that the library would go another way with it: sums are cut by their length alone, and
        // any division gives the same result.
        let wanted = 2 * threads.max(2);
        while across < wanted && n / across >= 256 {
            across *= 2;
        }
        while threads > 1 && down * across < wanted && m / down >= 256 {
            down *= 2;
        }
        return [down, across];
    }
    let (work, [rows, columns]) = (numel(&[m, k, n]), tiles());
    // By rows where that gives each thread enough: rows of a weight's gradient are then with the thread that makes the
    // optimiser's step over them, and that multiplies by them.
    if !is_narrow() && threads > 1 && m >= threads * rows && work >= threads * PIECE {
        return [threads, 1];
    }
    // By columns where there are enough: each piece packs its own part of b, while pieces by rows would all pack
    // the whole of it.
    let by_rows = n < 128 && m >= n;
    let (length, other) = if by_rows { (m, n) } else { (n, m) };
    *(if by_rows { &mut down } else { &mut across }) = if is_narrow() {
        // No piece becomes small, or the number of threads would decide how sums are cut.
        let least = SMALL.max(4 * SMALL / other) + 2 * rows;
        (work / (PIECE / 8)).min(length / least).clamp(1, threads)
    } else {
        let step = length.div_ceil((work / PIECE).clamp(1, 64));
        length.div_ceil(step.next_multiple_of(if by_rows { 2 * rows } else { columns }))
    };
    [down, across]
}

/// One product on the calling thread, into part of a larger matrix: the m×n elements at `out`, whose rows are
/// `width` apart, become a·b, or grow by it. Integers wrap.
///
/// # Safety
/// Those elements must be initialised and nobody else may use them meanwhile.
///
/// # Panics
/// If a matrix lies outside its slice.
pub(crate) unsafe fn product<T: Element>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: *mut T,
    width: usize,
    accumulate: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    a.check(m, k);
    b.check(k, n);
    if k > 0 && T::DTYPE.is_float() {
        // SAFETY: checked above that every element of a and b lies inside its slice; the caller answers for `out`.
        unsafe { library([m, k, n], a, b, out, width, accumulate) };
        return;
    }
    for i in 0..m {
        // SAFETY: the caller's rows do not overlap, and `row` is the only reference to this one.
        let row = unsafe { std::slice::from_raw_parts_mut(out.add(i * width), n) };
        for (j, o) in row.iter_mut().enumerate() {
            let start = if accumulate { o.to_num() } else { T::default().to_num() };
            let term = |p: usize| {
                let (a, b) = (a.offset + i * a.rows + p * a.columns, b.offset + p * b.rows + j * b.columns);
                (a, b)
            };
            *o = T::from_num(
                (0..k).map(term).fold(start, |sum, (p, q)| sum + a.data[p].to_num() * b.data[q].to_num()),
            );
        }
    }
}

/// [`product`] of floats by the library, whose crates for other types are left out: they take long to build.
///
/// # Safety
/// As [`product`], and no element of a and b may lie outside its slice.
unsafe fn library<T: Element>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    out: *mut T,
    width: usize,
    accumulate: bool,
) {
    // It wants long columns: rows of `out` are columns of its transpose, bᵀ·aᵀ.
    let turned = width > 1;
    let [a, b] =
        [a, b].map(|a| (a.data.as_ptr().wrapping_add(a.offset), a.rows as isize, a.columns as isize));
    let (m, n, left, right, row, column) = if turned {
        (n, m, (b.0, b.2, b.1), (a.0, a.2, a.1), 1, width as isize)
    } else {
        (m, n, a, b, width as isize, 1)
    };
    macro_rules! call {
        ($gemm:path, $T:ty) => {
            // SAFETY: the caller answers for the elements, whose type is T.
            unsafe {
                $gemm()(
                    m,
                    n,
                    k,
                    out.cast::<$T>(),
                    column,
                    row,
                    accumulate,
                    left.0.cast::<$T>(),
                    left.2,
                    left.1,
                    right.0.cast::<$T>(),
                    right.2,
                    right.1,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm_common::Parallelism::None,
                )
            }
        };
    }
    match T::DTYPE {
        DType::F32 => call!(gemm_f32::gemm::f32::get_gemm_fn, f32),
        DType::F64 => call!(gemm_f64::gemm::f64::get_gemm_fn, f64),
        other => unreachable!("{other:?} is no float"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::WIDTH;
    use crate::rng;

    #[test]
    fn agrees_with_three_loops_for_every_layout() {
        for (m, k, n) in
            [(1, 1, 1), (2, 3, 4), (64, 200, 10), (130, 300, 70), (70, 129, 257), (5, 0, 3), (1, 300, 1)]
        {
            let x = |seed, len: usize| {
                (0..len.max(1000)).map(|i| rng::normal_f64(seed, i as u64)).collect::<Vec<_>>()
            };
            let (av, bv) = (x(1, m * k), x(2, k * n));
            for (at, bt) in [(false, false), (true, false), (false, true), (true, true)] {
                let a = Matrix {
                    data: &av,
                    offset: 0,
                    rows: if at { 1 } else { k },
                    columns: if at { m } else { 1 },
                };
                let b = Matrix {
                    data: &bv,
                    offset: 0,
                    rows: if bt { 1 } else { n },
                    columns: if bt { k } else { 1 },
                };
                let mut out = vec![1.0; m * n];
                let (bias, relu) = (at.then_some(&bv[..n]), bt);
                matmul_with([m, k, n], a, b, &mut out, true, Finish { bias, relu }, None);
                for i in 0..m {
                    for j in 0..n {
                        let sum: f64 = (0..k)
                            .map(|p| av[i * a.rows + p * a.columns] * bv[p * b.rows + j * b.columns])
                            .sum();
                        let want = 1.0 + sum + bias.map_or(0.0, |bias| bias[j]);
                        let want = if relu { want.max(0.0) } else { want };
                        assert!(
                            (out[i * n + j] - want).abs() < 1e-9 * (1.0 + want.abs()),
                            "{m} {k} {n} {at} {bt}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn small_products_agree_with_three_loops_in_every_layout_and_size() {
        let sizes =
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17, 24, 31, 32, 33, 47, 48, 65, 100, 109, 112];
        let depths = [1, 2, 15, 16, 17, 40, 200];
        let mut case = 0;
        for &m in &sizes {
            for &n in &sizes {
                let k = depths[case % depths.len()];
                let layout = [case % 2, case / 2 % 2, case / 4 % 2, case / 3 % 2, case / 5 % 2, case / 9 % 2];
                case += 1;
                let [at, bt, wide, accumulate, biased, relu] = layout.map(|x| x == 1);
                // Where `wide`, neither stride is 1.
                let step = if wide { 3 } else { 1 };
                let matrix = |seed, rows: usize, columns: usize, turned: bool| {
                    let (r, c) = if turned { (step, rows * step) } else { (columns * step, step) };
                    let data: Vec<f32> =
                        (0..(rows * columns * step + 5)).map(|i| rng::normal_f32(seed, i as u64)).collect();
                    (data, r, c)
                };
                let ((av, ar, ac), (bv, br, bc)) = (matrix(1, m, k, at), matrix(2, k, n, bt));
                let a = Matrix { data: &av, offset: 5, rows: ar, columns: ac };
                let b = Matrix { data: &bv, offset: 3, rows: br, columns: bc };
                let mut out = vec![1.0f32; m * n];
                let numbers: Vec<f32> = (0..n).map(|i| rng::normal_f32(3, i as u64)).collect();
                let bias = biased.then_some(&numbers[..]);
                matmul_with([m, k, n], a, b, &mut out, accumulate, Finish { bias, relu }, None);
                for i in 0..m {
                    for j in 0..n {
                        let term = |p: usize| {
                            f64::from(av[5 + i * ar + p * ac]) * f64::from(bv[3 + p * br + j * bc])
                        };
                        let start = if accumulate { 1.0 } else { 0.0 };
                        let start = start + bias.map_or(0.0, |bias| f64::from(bias[j]));
                        let (sum, size) =
                            (0..k).map(term).fold((start, 1.0), |(s, t), x| (s + x, t + x.abs()));
                        let sum = if relu { sum.max(0.0) } else { sum };
                        let got = f64::from(out[i * n + j]);
                        assert!((got - sum).abs() < 1e-6 * size, "{m} {k} {n} {layout:?}: {got} for {sum}");
                    }
                }
            }
        }
    }

    /// Rows of weights that are read more than a slice at a time, next to each other in the first-level cache or not; and those
    /// that a single row is multiplied with, from every place in a cache line on, and any number of them.
    #[test]
    fn products_along_both_rows_agree_with_three_loops() {
        let large = [[9, 1024, 600], [20, 2048, 130], [33, 5000, 61], [100, 1027, 270], [270, 512, 300]];
        let vectors = (0..WIDTH).flat_map(|i| [[1, 60 + i, 37], [1, 800 + i, 700], [50, 70 + i, 1]]);
        let few = (1..=2 * WIDTH).map(|n| [1, 370 + n, n]);
        for [m, k, n] in large.into_iter().chain(vectors).chain(few) {
            let [av, bv] = [(1, m), (2, n)].map(|(seed, rows)| -> Vec<f32> {
                (0..rows * k).map(|i| rng::normal_f32(seed, i as u64)).collect()
            });
            let a = Matrix { data: &av, offset: 0, rows: k, columns: 1 };
            let b = Matrix { data: &bv, offset: 0, rows: 1, columns: k };
            for accumulate in [false, true] {
                let products = [1, 3].map(|threads| {
                    pool::with_num_threads(threads, || {
                        let mut out = vec![1.0f32; m * n];
                        let finish = Finish { bias: Some(&av[..n]), relu: true };
                        matmul_with([m, k, n], a, b, &mut out, accumulate, finish, None);
                        out
                    })
                });
                assert_eq!(products[0], products[1]);
                for (at, got) in products[0].iter().enumerate() {
                    let (row, column) = (&av[at / n * k..][..k], &bv[at % n * k..][..k]);
                    let start = f64::from(u8::from(accumulate)) + f64::from(av[at % n]);
                    let sum: f64 = row.iter().zip(column).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
                    let want = (start + sum).max(0.0);
                    assert!((f64::from(*got) - want).abs() < 1e-3, "{m} {k} {n}: {got} for {want}");
                }
            }
        }
    }

    #[test]
    fn a_vectors_products_have_the_same_bits_wherever_a_row_lies() {
        for k in (64..100).chain(128..160).chain([400, 517]) {
            let x: Vec<f32> = (0..k as u64).map(|i| rng::normal_f32(1, i)).collect();
            let row: Vec<f32> = (0..k as u64).map(|i| rng::normal_f32(2, i)).collect();
            let product = |apart: usize| {
                let mut rows = vec![f32::NAN; 40 * apart];
                rows.chunks_exact_mut(apart).for_each(|place| place[..k].copy_from_slice(&row));
                let mut out = vec![0.0f32; 40];
                let a = Matrix { data: &x, offset: 0, rows: k, columns: 1 };
                matmul(
                    [1, k, 40],
                    a,
                    Matrix { data: &rows, offset: 0, rows: 1, columns: apart },
                    &mut out,
                    false,
                );
                out
            };
            let close = product(k);
            assert!(close.iter().all(|&v| v == close[0]), "{k}: {close:?}");
            // Rows that begin at any place of a cache line.
            for apart in [k + 5].into_iter().chain([2, 4, 8, 16].map(|of| (k + 1).next_multiple_of(of))) {
                assert_eq!(close, product(apart), "{k} {apart}");
            }
        }
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        fn check<T: Float + PartialEq>(x: &[T], [m, k, n]: [usize; 3], [a_turned, b_turned]: [bool; 2]) {
            let product = |threads| {
                pool::with_num_threads(threads, || {
                    let mut out = vec![T::default(); m * n];
                    let matrix = |rows, columns, turned| {
                        let (rows, columns) = if turned { (1, rows) } else { (columns, 1) };
                        Matrix { data: x, offset: 0, rows, columns }
                    };
                    matmul([m, k, n], matrix(m, k, a_turned), matrix(k, n, b_turned), &mut out, false);
                    out
                })
            };
            let one = product(1);
            assert!(one == product(2) && one == product(8), "{m} {k} {n}");
        }
        let x: Vec<f32> = (0..784 * 784).map(|i| rng::normal_f32(1, i)).collect();
        for sizes in [[200, 784, 200], [300, 784, 257], [257, 600, 700], [512, 784, 512]] {
            check(&x, sizes, [false; 2]);
        }
        // Whose pieces the library could take for small products.
        let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        for sizes in
            [[64, 784, 128], [32, 600, 140], [8, 512, 256], [10, 200, 200], [145, 64, 100], [128, 16, 128]]
        {
            for turned in [[false, false], [true, false], [false, true]] {
                check(&x, sizes, turned);
            }
            check(&wide, sizes, [false, true]);
        }
    }
}
