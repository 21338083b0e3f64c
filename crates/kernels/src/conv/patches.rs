//! Windows as columns of a matrix, and back: im2col and col2im.

use super::Shape;
use crate::Element;
use crate::pool;
use crate::strided::{GRAIN, numel};
use std::ops::Range;

/// Position `tap` of each window in a range: one row of the matrix of columns. Zeros are outside the plane.
pub(super) fn gather<T: Element>(
    shape: &Shape,
    plane: &[T],
    tap: usize,
    windows: Range<usize>,
    row: &mut [T],
) {
    row.fill(T::default());
    let stride = shape.stride[1];
    shape.stretches(tap, windows, |i, pixel, n| {
        let row = &mut row[i..i + n];
        if stride == 1 {
            row.copy_from_slice(&plane[pixel..pixel + n]);
        } else {
            for (o, x) in row.iter_mut().zip(plane[pixel..].iter().step_by(stride)) {
                *o = *x;
            }
        }
    });
}

/// Adds a row of the matrix of columns to the pixels that it would be gathered from.
pub(super) fn scatter<T: Element>(
    shape: &Shape,
    row: &[T],
    tap: usize,
    windows: Range<usize>,
    plane: &mut [T],
) {
    let stride = shape.stride[1];
    shape.stretches(tap, windows, |i, pixel, n| {
        let add = |(o, x): (&mut T, &T)| *o = T::from_num(o.to_num() + x.to_num());
        if stride == 1 {
            plane[pixel..pixel + n].iter_mut().zip(&row[i..i + n]).for_each(add);
        } else {
            plane[pixel..].iter_mut().step_by(stride).zip(&row[i..i + n]).for_each(add);
        }
    });
}

/// The matrix (channels · taps, windows) of each image: `torch.nn.functional.unfold`. `groups` and `outputs` play no
/// part.
///
/// # Panics
/// If a slice is not as long as the shape says.
pub fn unfold<T: Element>(shape: &Shape, images: &[T], out: &mut [T]) {
    let (pixels, windows, taps) = (shape.pixels(), shape.windows(), shape.taps());
    assert_eq!(images.len(), numel(&[shape.batch, shape.inputs, pixels]));
    assert_eq!(out.len(), numel(&[shape.batch, shape.rows(), windows]));
    if out.is_empty() {
        return;
    }
    pool::chunks_mut(out, windows * (GRAIN / windows).max(1), |start, out| {
        for (i, row) in out.chunks_mut(windows).enumerate() {
            let at = start / windows + i;
            gather(shape, &images[at / taps * pixels..][..pixels], at % taps, 0..windows, row);
        }
    });
}

/// Images from their windows, which add up where they overlap: `torch.nn.functional.fold`, the transpose of
/// [`unfold`].
///
/// # Panics
/// If a slice is not as long as the shape says.
pub fn fold<T: Element>(shape: &Shape, matrix: &[T], out: &mut [T]) {
    let (pixels, windows, taps) = (shape.pixels(), shape.windows(), shape.taps());
    assert_eq!(out.len(), numel(&[shape.batch, shape.inputs, pixels]));
    assert_eq!(matrix.len(), numel(&[shape.batch, shape.rows(), windows]));
    if out.is_empty() {
        return;
    }
    let step = (GRAIN / numel(&[taps, windows]).max(1)).max(1);
    pool::chunks_mut(out, pixels.saturating_mul(step), |start, out| {
        for (i, plane) in out.chunks_mut(pixels).enumerate() {
            plane.fill(T::default());
            let rows = &matrix[(start / pixels + i) * taps * windows..][..taps * windows];
            for (tap, row) in rows.chunks(windows).enumerate() {
                scatter(shape, row, tap, 0..windows, plane);
            }
        }
    });
}
