//! Many channels: matrix products with a block of the matrix of columns at a time.

use super::patches::{gather, scatter};
use super::{GRAIN, PARTS, Shape, batch_parts, part, run};
use crate::matmul::{Matrix, product};
use crate::num::Num;
use crate::pool::{self, SendPtr};
use crate::{Element, Storage, strided};
use std::ops::Range;

/// Elements of a block of the matrix of columns: it stays in the second cache.
const BLOCK: usize = 1 << 16;

/// Rows and windows of a block: `rows` at most, and as many windows as fit. Windows are cut further where that makes
/// up for a lack of other `tasks`.
fn block(rows: usize, windows: usize, tasks: usize) -> [usize; 2] {
    let rows = rows.min(1 << 10);
    let fit = (BLOCK / rows).max(64) / 64 * 64;
    let spread = windows.div_ceil((PARTS / tasks.max(1)).max(1)).next_multiple_of(64);
    [rows, fit.min(spread).min(windows)]
}

/// Memory for a block, none where the input serves.
fn scratch<T: Element>(shape: &Shape, [rows, windows]: [usize; 2]) -> Storage {
    Storage::new(T::DTYPE, if shape.is_pointwise() { 0 } else { rows * windows })
}

/// A block of the columns of one group of one image (`input`), gathered into `buffer` where it is not there already.
fn columns<'a, T: Element>(
    shape: &Shape,
    input: &'a [T],
    rows: Range<usize>,
    windows: Range<usize>,
    buffer: &'a mut [T],
) -> Matrix<'a, T> {
    let (pixels, taps, width) = (shape.pixels(), shape.taps(), windows.len());
    if shape.is_pointwise() {
        return Matrix { data: input, offset: rows.start * pixels + windows.start, rows: pixels, columns: 1 };
    }
    for (r, out) in rows.zip(buffer.chunks_mut(width)) {
        gather(shape, &input[r / taps * pixels..][..pixels], r % taps, windows.clone(), out);
    }
    Matrix { data: buffer, offset: 0, rows: width, columns: 1 }
}

pub(super) fn forward<T: Element>(
    shape: &Shape,
    input: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    let (rows, windows, outputs) = (shape.rows(), shape.windows(), shape.outputs);
    let images = shape.batch * shape.groups;
    let [height, width] = block(rows, windows, images);
    let blocks = windows.div_ceil(width);
    let base = SendPtr(out.as_mut_ptr());
    run(images * blocks, shape.work() / blocks, |tasks| {
        let mut scratch = scratch::<T>(shape, [height, width]);
        let buffer = scratch.as_mut_slice::<T>();
        for task in tasks {
            let (at, start) = (task / blocks, task % blocks * width);
            let columns_of = start..windows.min(start + width);
            let group = at % shape.groups;
            let input = &input[at * shape.inputs * shape.pixels()..][..shape.inputs * shape.pixels()];
            let place = at * outputs * windows + start;
            // SAFETY: the elements `columns_of` of channel `at · outputs + o` of the output, which lie inside `out`;
            // no other task has the same `at` and `columns_of`, and `out` outlives `run`.
            let line = |o: usize| unsafe {
                std::slice::from_raw_parts_mut(base.get().add(place + o * windows), columns_of.len())
            };
            for (o, bias) in bias.iter().flat_map(|bias| &bias[group * outputs..][..outputs]).enumerate() {
                line(o).fill(*bias);
            }
            for first in (0..rows).step_by(height) {
                let r = first..rows.min(first + height);
                let offset = group * outputs * rows + first;
                let a = Matrix { data: weight, offset, rows, columns: 1 };
                let b = columns(shape, input, r.clone(), columns_of.clone(), buffer);
                let accumulate = first > 0 || bias.is_some();
                // SAFETY: the same elements as `line` gives, one channel of the output a row; no reference to them
                // is left.
                unsafe {
                    let out = base.get().add(place);
                    product([outputs, r.len(), columns_of.len()], a, b, out, windows, accumulate);
                }
            }
        }
    });
}

/// Adds to the input's gradient for one group of one image, which is number `at` of all.
pub(super) fn input_gradient<T: Element>(shape: &Shape, at: usize, grad: &[T], weight: &[T], out: &mut [T]) {
    let (pixels, windows, taps, rows) = (shape.pixels(), shape.windows(), shape.taps(), shape.rows());
    // Pieces of whole channels: no two write the same pixels.
    let pieces = (PARTS / (shape.batch * shape.groups)).min(shape.work() / GRAIN).max(1);
    let channels = shape.inputs.div_ceil(pieces).max(64usize.div_ceil(taps));
    pool::chunks_mut(out, channels.saturating_mul(pixels), |start, out| {
        let first = start / pixels * taps;
        let end = first + out.len() / pixels * taps;
        let [height, width] = block(end - first, windows, PARTS);
        let mut scratch = scratch::<T>(shape, [height, width]);
        let buffer = scratch.as_mut_slice::<T>();
        for row in (first..end).step_by(height) {
            let r = row..end.min(row + height);
            let offset = at % shape.groups * shape.outputs * rows + row;
            let a = Matrix { data: weight, offset, rows: 1, columns: rows };
            for start in (0..windows).step_by(width) {
                let n = width.min(windows - start);
                let offset = at * shape.outputs * windows + start;
                let b = Matrix { data: grad, offset, rows: windows, columns: 1 };
                let sizes = [r.len(), shape.outputs, n];
                if shape.is_pointwise() {
                    let out = &mut out[(row - first) * pixels..][..r.len() * pixels];
                    // SAFETY: `start` to `start + n` of each channel in `r`, which is a row of `out`.
                    unsafe { product(sizes, a, b, out.as_mut_ptr().add(start), pixels, true) };
                    continue;
                }
                let buffer = &mut buffer[..r.len() * n];
                // SAFETY: `buffer` is r × n.
                unsafe { product(sizes, a, b, buffer.as_mut_ptr(), n, false) };
                for (row, values) in r.clone().zip(buffer.chunks(n)) {
                    let plane = &mut out[(row - first) / taps * pixels..][..pixels];
                    scatter(shape, values, row % taps, start..start + n, plane);
                }
            }
        }
    });
}

pub(super) fn weight_gradient<T: Element>(shape: &Shape, input: &[T], grad: &[T], out: &mut [T]) {
    let (pixels, windows, rows, outputs) = (shape.pixels(), shape.windows(), shape.rows(), shape.outputs);
    let [height, width] = block(rows.min(256), windows, PARTS);
    let blocks = rows.div_ceil(height);
    let parts = batch_parts(shape, shape.groups * blocks);
    // The sum of each range of images, for one block of the weight's columns: (part, group, block, outputs, height).
    let size = outputs * height;
    let mut sums = Storage::new(T::DTYPE, parts * shape.groups * blocks * size);
    let step = GRAIN / (shape.work() / blocks).saturating_mul(shape.batch / parts).max(1);
    pool::chunks_mut(sums.as_mut_slice::<T>(), size * step.clamp(1, shape.groups * blocks), |start, sums| {
        let mut scratch = scratch::<T>(shape, [height, width]);
        let buffer = scratch.as_mut_slice::<T>();
        for (i, sum) in sums.chunks_mut(size).enumerate() {
            let task = start / size + i;
            let (group, first) = (task / blocks % shape.groups, task % blocks * height);
            let r = first..rows.min(first + height);
            sum.fill(T::default());
            for image in part(shape.batch, parts, task / (blocks * shape.groups)) {
                let at = image * shape.groups + group;
                let input = &input[at * shape.inputs * pixels..][..shape.inputs * pixels];
                for start in (0..windows).step_by(width) {
                    let n = width.min(windows - start);
                    let offset = at * outputs * windows + start;
                    let a = Matrix { data: grad, offset, rows: windows, columns: 1 };
                    let b = columns(shape, input, r.clone(), start..start + n, buffer);
                    let b = Matrix { rows: b.columns, columns: b.rows, ..b };
                    // SAFETY: `sum` is outputs × height, of which the first r of each row.
                    unsafe { product([outputs, n, r.len()], a, b, sum.as_mut_ptr(), height, true) };
                }
            }
        }
    });
    let sums = &*sums.as_mut_slice::<T>();
    pool::chunks_mut(out, rows * (strided::GRAIN / rows).max(1), |start, out| {
        for (line, out) in out.chunks_mut(rows).enumerate() {
            let (group, o) = ((start / rows + line) / outputs, (start / rows + line) % outputs);
            for (b, out) in out.chunks_mut(height).enumerate() {
                let at = (group * blocks + b) * size + o * height;
                for (r, out) in out.iter_mut().enumerate() {
                    let sum = sums[at + r..].iter().step_by(shape.groups * blocks * size);
                    *out = T::from_num(sum.fold(T::Num::lit(0.0), |sum, part| sum + part.to_num()));
                }
            }
        }
    });
}
