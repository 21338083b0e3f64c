//! Views of storage: a slice with an offset and one stride per dimension, and copies between layouts.

use crate::dtype::{Element, floats_mut};
use crate::isa::{Kernel, dispatch};
use crate::lanes::{LaneKernel, Lanes, WIDTH, dispatch_lanes, prefetch_l2};
use crate::pool;
use crate::stream;
use smallvec::SmallVec;

/// Elements to a parallel task of a pointwise loop: enough work to pay for waking a thread.
pub const GRAIN: usize = 1 << 14;

/// Part of a slice, seen through an offset and strides (in elements) that belong to a shape given beside it.
#[derive(Clone, Copy)]
pub struct Strided<'a, T> {
    /// The whole storage.
    pub data: &'a [T],
    /// Index of the first element.
    pub offset: usize,
    /// Distance between neighbours, per dimension; 0 repeats an element.
    pub strides: &'a [usize],
}

impl<T> Strided<'_, T> {
    /// # Panics
    /// If some index of this shape lies outside the slice.
    #[inline]
    pub(crate) fn check(&self, shape: &[usize]) {
        assert_eq!(shape.len(), self.strides.len(), "one stride per dimension");
        let fits = last_index(self.offset, shape, self.strides).is_some_and(|last| last < self.data.len());
        assert!(shape.contains(&0) || fits, "view outside its storage");
    }
}

/// The largest index that a view reaches, if it can be told in a `usize`.
#[inline]
pub fn last_index(offset: usize, shape: &[usize], strides: &[usize]) -> Option<usize> {
    shape
        .iter()
        .zip(strides)
        .try_fold(offset, |last, (&n, &s)| last.checked_add(n.saturating_sub(1).checked_mul(s)?))
}

/// Number of elements; saturates where it exceeds `usize`.
#[inline]
pub fn numel(shape: &[usize]) -> usize {
    let mut n = 1usize;
    for &size in shape {
        n = n.saturating_mul(size);
    }
    n
}

/// One dimension of a loop over `N` operands.
#[derive(Clone, Copy)]
pub(crate) struct Dim<const N: usize> {
    pub(crate) size: usize,
    pub(crate) strides: [usize; N],
}

pub(crate) type Dims<const N: usize> = SmallVec<[Dim<N>; 6]>;

/// The loop over a shape, innermost dimension first, with dimensions merged where every operand allows it.
pub(crate) fn coalesce<const N: usize>(shape: &[usize], strides: [&[usize]; N]) -> Dims<N> {
    let mut dims: Dims<N> = SmallVec::new();
    for d in (0..shape.len()).rev() {
        let size = shape[d];
        if size == 1 {
            continue;
        }
        let s: [usize; N] = std::array::from_fn(|k| strides[k][d]);
        match dims.last_mut() {
            Some(last) if (0..N).all(|k| last.strides[k].checked_mul(last.size) == Some(s[k])) => {
                last.size = last.size.saturating_mul(size);
            }
            _ => dims.push(Dim { size, strides: s }),
        }
    }
    dims
}

/// Offsets of the element with this linear index within the dimensions given.
#[inline]
pub(crate) fn offsets<const N: usize>(dims: &[Dim<N>], mut index: usize, mut at: [usize; N]) -> [usize; N] {
    if let Some((last, others)) = dims.split_last() {
        for dim in others {
            if index == 0 {
                return at;
            }
            let i = index % dim.size;
            index /= dim.size;
            at.iter_mut().zip(&dim.strides).for_each(|(at, stride)| *at += i * stride);
        }
        at.iter_mut().zip(&last.strides).for_each(|(at, stride)| *at += index * stride);
    }
    at
}

/// Sides of the squares that [`transposed`] moves at a time: whole cache lines of four bytes' elements, and few enough
/// pages for the translation buffers.
const TILE: usize = WIDTH;
const SQUARE: usize = 64;

/// Copies into row-major order where rows of `out` do not lie side by side in `src` but other dimensions nearly do;
/// gives false, having done nothing, where plain loops serve as well.
///
/// # Panics
/// If the view lies outside its slice, or `out` has another number of elements than `shape`.
pub(crate) fn transposed<T: Element>(src: Strided<'_, T>, shape: &[usize], out: &mut [T]) -> bool {
    src.check(shape);
    assert_eq!(numel(shape), out.len());
    let dims = coalesce(shape, [src.strides]);
    let Some((rows, others)) = dims.split_first() else { return false };
    let step = |dim: &Dim<1>| dim.strides[0];
    let nearest = (0..others.len()).filter(|&d| step(&others[d]) > 0).min_by_key(|&d| step(&others[d]));
    let Some(nearest) = nearest.filter(|&d| step(&others[d]) < step(rows)) else { return false };
    let (mut rest, mut columns_step, mut size) = (Dims::<2>::new(), 0, rows.size);
    for (d, dim) in others.iter().enumerate() {
        if d == nearest {
            columns_step = size;
        } else {
            rest.push(Dim { size: dim.size, strides: [step(dim), size] });
        }
        size *= dim.size;
    }
    let columns = &others[nearest];
    let to = pool::SendPtr(out.as_mut_ptr());
    // A few elements side by side, such as the colours of a pixel, in the result or in the operand.
    let is_few = |size| (2..=4).contains(&size) && step(columns) == 1 && !stream::pays(out, size_of_val(out));
    let together = is_few(rows.size) && columns_step == rows.size;
    if together || is_few(columns.size) && step(rows) == columns.size {
        let few = if together { rows.size } else { columns.size };
        let lines = Lines {
            src: src.data,
            first: src.offset,
            rest: &rest,
            blocks: out.len() / (rows.size * columns.size),
            len: rows.size * columns.size / few,
            step: if together { step(rows) } else { columns_step },
            out: &to,
        };
        match few {
            2 => lines.copy::<2>(together),
            3 => lines.copy::<3>(together),
            _ => lines.copy::<4>(together),
        }
        return true;
    }
    let (down, across) = (rows.size.div_ceil(SQUARE), columns.size.div_ceil(SQUARE));
    let squares = down * across * (out.len() / (rows.size * columns.size));
    let together = (GRAIN / (SQUARE * SQUARE)).max(1);
    // A row of a tile is whole lines if it is as long as one, and each row of the result begins one.
    let line = stream::LINE / size_of::<T>();
    let begins_one = to.get().addr().is_multiple_of(stream::LINE) && rows.size.is_multiple_of(line);
    let past_cache = match begins_one && TILE >= line {
        true => stream::pays_apart(out),
        false => TILE >= line && stream::pays(out, size_of_val(out)),
    };
    let asks = stream::is_far(2 * size_of_val(out));
    pool::run(squares.div_ceil(together), &|task| {
        for square in task * together..squares.min((task + 1) * together) {
            let (a, b) = (square % down * SQUARE, square / down % across * SQUARE);
            let [s, d] = offsets(&rest, square / (down * across), [src.offset, 0]);
            dispatch_lanes(Square {
                src: &src.data[s + a * step(rows) + b * step(columns)..],
                steps: [step(rows), step(columns)],
                sizes: [SQUARE.min(rows.size - a), SQUARE.min(columns.size - b)],
                past_cache,
                asks,
                // SAFETY: an element of `out`, see `Square`.
                out: unsafe { to.get().add(d + a + b * columns_step) },
                columns_step,
            });
        }
        if past_cache {
            stream::end();
        }
    });
    true
}

/// Blocks of a few lines of `len` elements, which are apart on one side and have the elements of a number side by side on the other.
struct Lines<'a, T> {
    src: &'a [T],
    /// Where the first block begins in `src`; the others lie at the positions of the dimensions `rest`.
    first: usize,
    rest: &'a Dims<2>,
    blocks: usize,
    len: usize,
    /// From line to line where they are apart.
    step: usize,
    /// All of the result, which outlives this.
    out: &'a pool::SendPtr<T>,
}

impl<T: Element> Lines<'_, T> {
    /// Copies blocks of R lines, which come `together`, or else apart.
    fn copy<const R: usize>(&self, together: bool) {
        let piece = self.len.min(GRAIN / R);
        let (pieces, at_once) = (self.len.div_ceil(piece), (GRAIN / R / piece).max(1));
        let count = self.blocks * pieces;
        pool::run(count.div_ceil(at_once), &|task| {
            for i in task * at_once..count.min((task + 1) * at_once) {
                let [from, to] = offsets(self.rest, i / pieces, [self.first, 0]);
                let first = i % pieces * piece;
                let n = piece.min(self.len - first);
                let line = |start: usize, lines: usize| {
                    // SAFETY: elements of the result, which no other piece has.
                    unsafe { std::slice::from_raw_parts_mut(self.out.get().add(start), n * lines) }
                };
                if together {
                    let lines: [_; R] =
                        std::array::from_fn(|a| &self.src[from + a * self.step + first..][..n]);
                    weave(lines, line(to + first * R, R));
                } else {
                    let src = self.src[from + first * R..][..n * R].as_chunks::<R>().0;
                    let lines: [_; R] = std::array::from_fn(|a| line(to + a * self.step + first, 1));
                    for (i, src) in src.iter().enumerate() {
                        for a in 0..R {
                            lines[a][i] = src[a];
                        }
                    }
                }
            }
        });
    }
}

/// One element of each line in turn. A function, so that the compiler knows that nothing overlaps.
fn weave<T: Element, const R: usize>(lines: [&[T]; R], out: &mut [T]) {
    for (i, out) in out.as_chunks_mut::<R>().0.iter_mut().enumerate() {
        for a in 0..R {
            out[a] = lines[a][i];
        }
    }
}

/// Element (a, b) goes to `out` + a + b · `columns_step`: places in the output of [`transposed`], which outlives this, and
/// which no other square has.
struct Square<'a, T> {
    src: &'a [T],
    steps: [usize; 2],
    sizes: [usize; 2],
    past_cache: bool,
    /// Whether what the next square reads is asked for: that below this one.
    asks: bool,
    out: *mut T,
    columns_step: usize,
}

impl<T: Element> LaneKernel for Square<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Square {
            src,
            steps: [down, across],
            sizes: [rows, columns],
            past_cache,
            asks,
            out,
            columns_step,
        } = self;
        let mut tile = [[T::default(); TILE]; TILE];
        for a in (0..rows).step_by(TILE) {
            let height = TILE.min(rows - a);
            for b in (0..columns).step_by(TILE) {
                let width = TILE.min(columns - b);
                // Line by line, each once: their distance may be such that they displace each other.
                for i in 0..height {
                    let from = &src[(a + i) * down + b * across..];
                    if across == 1 && width == TILE {
                        if asks {
                            prefetch_l2(from.as_ptr().wrapping_add(SQUARE * down).cast());
                        }
                        tile[i].copy_from_slice(&from[..TILE]);
                    } else {
                        for j in 0..width {
                            tile[i][j] = from[j * across];
                        }
                    }
                }
                turn::<T, L>(&mut tile, height.max(width));
                for (j, row) in tile[..width].iter().enumerate() {
                    let row = &row[..height];
                    // SAFETY: see `Square`.
                    let to = unsafe {
                        std::slice::from_raw_parts_mut(out.add(a + (b + j) * columns_step), height)
                    };
                    if past_cache { stream::copy(row, to) } else { to.copy_from_slice(row) }
                }
            }
        }
    }
}

/// Transposes the first `n` rows and columns of a tile at least; of `f32` all, in registers.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "no iterators over lanes: they are not always inlined")]
fn turn<T: Element, L: Lanes>(tile: &mut [[T; TILE]; TILE], n: usize) {
    let Some(floats) = floats_mut(tile.as_flattened_mut()) else {
        for i in 1..n {
            for j in 0..i {
                (tile[i][j], tile[j][i]) = (tile[j][i], tile[i][j]);
            }
        }
        return;
    };
    let rows = floats.as_chunks_mut().0;
    let mut lanes = [L::zero(); TILE];
    for i in 0..TILE {
        lanes[i] = L::load(&rows[i]);
    }
    lanes = L::transpose(lanes);
    for i in 0..TILE {
        lanes[i].store(&mut rows[i]);
    }
}

/// Writes `src`, broadcast to `shape`, into the places of `dst` that `offset` and `strides` give.
///
/// # Panics
/// If a view lies outside its slice.
pub fn copy_into<T: Element>(
    src: Strided<'_, T>,
    shape: &[usize],
    dst: &mut [T],
    offset: usize,
    strides: &[usize],
) {
    src.check(shape);
    Strided { data: &*dst, offset, strides }.check(shape);
    let n = numel(shape);
    if n == 0 {
        return;
    }
    let dims = coalesce(shape, [src.strides, strides]);
    let Some((inner, outer)) = dims.split_first() else {
        dst[offset] = src.data[src.offset];
        return;
    };
    for row in 0..n / inner.size {
        let [s, d] = offsets(outer, row, [src.offset, offset]);
        if inner.strides == [1, 1] {
            dst[d..d + inner.size].copy_from_slice(&src.data[s..s + inner.size]);
        } else {
            for i in 0..inner.size {
                dst[d + i * inner.strides[1]] = src.data[s + i * inner.strides[0]];
            }
        }
    }
}

/// Adds `src` to the places of `dst` that `offset` and `strides` give, in row-major order; they may coincide.
///
/// # Panics
/// If a view lies outside its slice.
pub fn add_into<T: Element>(
    src: Strided<'_, T>,
    shape: &[usize],
    dst: &mut [T],
    offset: usize,
    strides: &[usize],
) {
    src.check(shape);
    Strided { data: &*dst, offset, strides }.check(shape);
    let dims = coalesce(shape, [src.strides, strides]);
    for i in 0..numel(shape) {
        let [s, d] = offsets(&dims, i, [src.offset, offset]);
        dst[d] = T::from_num(dst[d].to_num() + src.data[s].to_num());
    }
}

/// Fills the places of `dst` that `offset` and `strides` give with one value.
pub fn fill<T: Element>(value: T, shape: &[usize], dst: &mut [T], offset: usize, strides: &[usize]) {
    let zeros: SmallVec<[usize; 6]> = SmallVec::from_elem(0, shape.len());
    copy_into(Strided { data: &[value], offset: 0, strides: &zeros }, shape, dst, offset, strides);
}

/// Converts a contiguous slice, as `Tensor.to(dtype)` does.
pub fn cast<I: Element, O: Element>(x: &[I], out: &mut [O]) {
    struct Cast<'a, I, O>(&'a [I], &'a mut [O]);
    impl<I: Element, O: Element> Kernel for Cast<'_, I, O> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            for (o, &x) in self.1.iter_mut().zip(self.0) {
                *o = x.cast();
            }
        }
    }
    assert_eq!(x.len(), out.len());
    pool::chunks_mut(out, GRAIN, |start, out| dispatch(Cast(&x[start..start + out.len()], out)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Storage};

    #[test]
    fn transposed_copies_are_those_of_a_plain_loop() {
        transposes::<i64>((0..300_000).collect());
        transposes::<f32>((0..300_000).map(|i| i as f32).collect());
        transposes::<u8>((0..300_000).map(|i| (i * 31 % 251) as u8).collect());
    }

    fn transposes<T: Element>(data: Vec<T>) {
        let cases: [(&[usize], &[usize]); 12] = [
            (&[70, 130], &[1, 70]),
            (&[3, 40, 17], &[680, 1, 40]),
            (&[17, 3, 5, 33], &[1, 561, 17, 85]),
            (&[5, 1000], &[1, 5]),
            (&[1000, 5], &[1, 1000]),
            (&[60, 50], &[2, 150]),
            (&[4, 33, 20], &[0, 1, 40]),
            // A few lines.
            (&[20_000, 3], &[1, 20_000]),
            (&[5, 7, 2, 9, 4], &[2_000, 5, 63, 1, 200]),
            (&[2, 20_000], &[1, 2]),
            (&[5, 3, 40], &[150, 1, 3]),
            (&[4, 3, 40], &[1, 160, 4]),
        ];
        for (shape, strides) in cases {
            let src = Strided { data: &data, offset: 7, strides };
            let dims = coalesce(shape, [strides]);
            for threads in [1, 3] {
                let mut out = vec![T::default(); numel(shape)];
                assert!(pool::with_num_threads(threads, || transposed(src, shape, &mut out)), "{shape:?}");
                for (i, &v) in out.iter().enumerate() {
                    assert_eq!(v, data[offsets(&dims, i, [7])[0]], "{shape:?}, element {i}");
                }
            }
        }
        for (shape, strides) in [([3, 4], [4, 1]), ([3, 4], [0, 1]), ([4, 3], [8, 2])] {
            let src = Strided { data: &data, offset: 0, strides: &strides };
            assert!(!transposed(src, &shape, &mut [T::default(); 12]));
        }
    }

    /// Results that do not fit the cache, of whole lines and of others.
    #[test]
    fn large_transposed_copies_are_those_of_a_plain_loop() {
        for [rows, columns] in [[1040, 2100], [2100, 1041], [130, 70_000]] {
            let data: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let src = Strided { data: &data, offset: 0, strides: &[1, columns] };
            let mut out = Storage::new(DType::F32, rows * columns);
            let out = out.as_mut_slice::<f32>();
            assert!(transposed(src, &[columns, rows], out));
            assert!(out.iter().enumerate().all(|(i, &v)| v == data[i % rows * columns + i / rows]));
        }
    }
}
