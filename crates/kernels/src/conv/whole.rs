//! Products of matrices: one window as large as the image, as behind the last pool of a network or before the first
//! transposed convolution of a generator; and windows of single pixels, of an image at a time.

use super::Shape;
use crate::isa::{Kernel, dispatch};
use crate::matmul::{Finish, Matrix, matmul, matmul_with};
use crate::pool;

/// Channels on either side from which on single pixels are products of an image at a time.
const CHANNELS: usize = 8;
/// And pixels: smaller images are taken several at a time elsewhere.
const PIXELS: usize = 1 << 8;
/// Pixels of an image alone whose weight's gradient is one product: of more, the sums are cut elsewhere.
const SUMMED: usize = 1 << 12;

/// Whether windows are single pixels that go this way.
fn is_by_image(shape: &Shape) -> bool {
    shape.groups == 1
        && shape.is_pointwise()
        && shape.inputs.min(shape.outputs) >= CHANNELS
        && (shape.batch == 1 || shape.windows() >= PIXELS)
}

/// Whether the forward pass and the input's gradient go this way.
pub(super) fn serves(shape: &Shape) -> bool {
    is_whole(shape) || is_by_image(shape)
}

/// Whether the weight's gradient goes this way.
pub(super) fn serves_weight(shape: &Shape) -> bool {
    is_whole(shape) || (is_by_image(shape) && shape.batch == 1 && shape.windows() <= SUMMED)
}

fn is_whole(shape: &Shape) -> bool {
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
    if !is_whole(shape) {
        let weight = rows(weight, shape.inputs);
        return by_image([shape.outputs, shape.inputs, shape.windows()], weight, input, bias, relu, out);
    }
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
    if !is_whole(shape) {
        let weight = transposed(rows(weight, shape.inputs));
        return by_image([shape.inputs, shape.outputs, shape.windows()], weight, grad, bias, false, out);
    }
    let sizes = [shape.batch, shape.outputs, shape.rows()];
    // One for each pixel.
    let bias: Option<Vec<f32>> =
        bias.map(|bias| bias.iter().flat_map(|&bias| std::iter::repeat_n(bias, shape.taps())).collect());
    let (grad, weight) = (rows(grad, sizes[1]), rows(weight, sizes[2]));
    matmul_with(sizes, grad, weight, out, false, Finish { bias: bias.as_deref(), relu: false }, None);
}

/// The product of the weight and each image.
fn by_image(
    sizes: [usize; 3],
    weight: Matrix<'_, f32>,
    source: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    out: &mut [f32],
) {
    let [channels, terms, pixels] = sizes;
    let product = |start: usize, out: &mut [f32]| {
        let image = &source[start / channels * terms..][..terms * pixels];
        let finish = Finish { bias: None, relu: relu && bias.is_none() };
        matmul_with(sizes, weight, rows(image, pixels), out, false, finish, None);
        if let Some(bias) = bias {
            dispatch(Shift { bias, relu, out });
        }
    };
    let size = channels * pixels;
    if out.len() / size < pool::num_threads() {
        // Threads share each product, which changes no bit of it.
        out.chunks_exact_mut(size).enumerate().for_each(|(image, out)| product(image * size, out));
    } else {
        pool::chunks_mut(out, size, product);
    }
}

/// Adds a bias to each of so many rows, and takes max(0, …) of the sums with `relu`.
struct Shift<'a> {
    bias: &'a [f32],
    relu: bool,
    out: &'a mut [f32],
}

impl Kernel for Shift<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Shift { bias, relu, out } = self;
        let length = out.len() / bias.len();
        for (row, &bias) in out.chunks_exact_mut(length).zip(bias) {
            for v in row {
                let sum = *v + bias;
                // NaN stays.
                *v = if relu && sum <= 0.0 { 0.0 } else { sum };
            }
        }
    }
}

pub(super) fn weight_gradient(shape: &Shape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    if !is_whole(shape) {
        let sizes = [shape.outputs, shape.windows(), shape.inputs];
        return matmul(sizes, rows(grad, sizes[1]), transposed(rows(input, sizes[1])), out, false);
    }
    let sizes = [shape.outputs, shape.batch, shape.rows()];
    matmul(sizes, transposed(rows(grad, sizes[0])), rows(input, sizes[2]), out, false);
}
