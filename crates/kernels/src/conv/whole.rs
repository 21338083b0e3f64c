//! One window as large as the image, as behind the last pool of a network or before the first transposed convolution of
//! a generator: products of matrices.

use super::Shape;
use crate::matmul::{Finish, Matrix, matmul, matmul_with};

/// Whether a convolution goes this way.
pub(super) fn serves(shape: &Shape) -> bool {
    shape.groups == 1
        && shape.output == [1, 1]
        && shape.kernel == shape.input
        && shape.dilation == [1, 1]
        && shape.padding == [0, 0]
        // A pixel alone has a way of its own, which takes any number of them.
        && shape.taps() > 1
}

/// Of so many columns, one after another.
fn rows(data: &[f32], columns: usize) -> Matrix<'_, f32> {
    Matrix { data, offset: 0, rows: columns, columns: 1 }
}

fn transposed(matrix: Matrix<'_, f32>) -> Matrix<'_, f32> {
    Matrix { rows: matrix.columns, columns: matrix.rows, ..matrix }
}

pub(super) fn forward(
    shape: &Shape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let sizes = [shape.batch, shape.rows(), shape.outputs];
    let (input, weight) = (rows(input, sizes[1]), transposed(rows(weight, sizes[1])));
    matmul_with(sizes, input, weight, out, false, Finish { bias, relu }, None);
}

pub(super) fn input_gradient(
    shape: &Shape,
    grad: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let sizes = [shape.batch, shape.outputs, shape.rows()];
    // One for each pixel.
    let bias: Option<Vec<f32>> =
        bias.map(|bias| bias.iter().flat_map(|&bias| std::iter::repeat_n(bias, shape.taps())).collect());
    let (grad, weight) = (rows(grad, sizes[1]), rows(weight, sizes[2]));
    matmul_with(sizes, grad, weight, out, false, Finish { bias: bias.as_deref(), relu: false }, None);
}

pub(super) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    let sizes = [shape.outputs, shape.batch, shape.rows()];
    matmul(sizes, transposed(rows(grad, sizes[0])), rows(input, sizes[2]), out, false);
}
