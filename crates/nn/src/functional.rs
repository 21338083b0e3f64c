//! The layers and losses as functions, without parameters or mode of their own.
//!
//! Source: <https://docs.pytorch.org/docs/stable/nn.functional.html>
//!
//! ```
//! use flambeau_nn::functional as F;
//! use flambeau_tensor::Tensor;
//!
//! let (x, weight) = (Tensor::ones([5, 4]), Tensor::ones([3, 4]));
//! let logits = F::linear(&F::relu(&x), &weight, None);
//! assert_eq!(F::softmax(&logits, -1).shape(), [5, 3]);
//! ```

mod activation;
mod attention;

pub use crate::losses::functional::*;
pub use activation::*;
pub(crate) use attention::attend;
pub use attention::{
    InProjWeight, MultiHeadAttentionParameters, MultiheadAttentionOptions, multi_head_attention_forward,
    scaled_dot_product_attention,
};
use flambeau_tensor::{
    AvgPoolOptions, BatchNormOptions, Conv1dOptions, Conv2dOptions, ConvTranspose1dOptions,
    ConvTranspose2dOptions, EmbeddingOptions, InstanceNormOptions, InterpolateOptions, MaxPoolOptions,
    OutputSize, PadMode, Shape, Sizes, Tensor, UnfoldOptions,
};

/// `y = x Wᵀ + b`; see [`Linear`](crate::Linear).
///
/// # Panics
/// When the last dimensions of input and weight differ.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::ones([5, 4]);
/// assert_eq!(F::linear(&x, &Tensor::ones([3, 4]), None).to_vec::<f32>(), [4.0; 15]);
/// ```
#[track_caller]
pub fn linear(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    input.linear(weight, bias)
}

/// Convolution of signals; see [`Tensor::conv1d`].
#[track_caller]
pub fn conv1d(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, options: Conv1dOptions) -> Tensor {
    input.conv1d(weight, bias, options)
}

/// Convolution of images; see [`Tensor::conv2d`].
#[track_caller]
pub fn conv2d(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>, options: Conv2dOptions) -> Tensor {
    input.conv2d(weight, bias, options)
}

/// Transposed convolution of signals; see [`Tensor::conv_transpose1d`].
#[track_caller]
pub fn conv_transpose1d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: ConvTranspose1dOptions,
) -> Tensor {
    input.conv_transpose1d(weight, bias, options)
}

/// Transposed convolution of images; see [`Tensor::conv_transpose2d`].
#[track_caller]
pub fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: ConvTranspose2dOptions,
) -> Tensor {
    input.conv_transpose2d(weight, bias, options)
}

/// The windows of images as columns (im2col); see [`Tensor::im2col`].
#[track_caller]
pub fn unfold(input: &Tensor, kernel_size: impl Sizes<2>, options: UnfoldOptions) -> Tensor {
    input.im2col(kernel_size, options)
}

/// Images from their windows (col2im); see [`Tensor::col2im`].
#[track_caller]
pub fn fold(
    input: &Tensor,
    output_size: impl Sizes<2>,
    kernel_size: impl Sizes<2>,
    options: UnfoldOptions,
) -> Tensor {
    input.col2im(output_size, kernel_size, options)
}

/// Makes a run of dimensions one; see [`Flatten`](crate::Flatten).
///
/// # Panics
/// When a dimension is out of range.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(F::flatten(&Tensor::zeros([2, 3, 4]), 1, -1).shape(), [2, 12]);
/// ```
#[track_caller]
pub fn flatten(input: &Tensor, start_dim: isize, end_dim: isize) -> Tensor {
    input.flatten(start_dim, end_dim)
}

/// `y = max(0, x)`; see [`ReLU`](crate::ReLU).
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(F::relu(&tensor![-1.0, 2.0]).to_vec::<f32>(), [0.0, 2.0]);
/// ```
pub fn relu(input: &Tensor) -> Tensor {
    input.relu()
}

/// `y = x` if `x > 0`, else `negative_slope · x`; see [`LeakyReLU`](crate::LeakyReLU). PyTorch's default slope is
/// 0.01.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(F::leaky_relu(&tensor![-4.0, 2.0], 0.25).to_vec::<f32>(), [-1.0, 2.0]);
/// ```
pub fn leaky_relu(input: &Tensor, negative_slope: f64) -> Tensor {
    input.leaky_relu(negative_slope)
}

/// `y = 1 / (1 + e⁻ˣ)`; see [`Sigmoid`](crate::Sigmoid).
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(F::sigmoid(&tensor![0.0]).to_vec::<f32>(), [0.5]);
/// ```
pub fn sigmoid(input: &Tensor) -> Tensor {
    input.sigmoid()
}

/// `y = tanh x`; see [`Tanh`](crate::Tanh).
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(F::tanh(&tensor![0.0]).to_vec::<f32>(), [0.0]);
/// ```
pub fn tanh(input: &Tensor) -> Tensor {
    input.tanh()
}

/// `y = log(1 + e^(beta · x)) / beta`; see [`Softplus`](crate::Softplus). PyTorch's defaults are 1 and 20.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(F::softplus(&tensor![30.0], 1.0, 20.0).to_vec::<f32>(), [30.0]);
/// ```
pub fn softplus(input: &Tensor, beta: f64, threshold: f64) -> Tensor {
    input.softplus(beta, threshold)
}

/// `yᵢ = e^xᵢ / Σⱼ e^xⱼ` along `dim`; see [`Softmax`](crate::Softmax).
///
/// # Panics
/// When the dimension is out of range.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(F::softmax(&tensor![3.0, 3.0], 0).to_vec::<f32>(), [0.5, 0.5]);
/// ```
#[track_caller]
pub fn softmax(input: &Tensor, dim: isize) -> Tensor {
    input.softmax(dim)
}

/// `yᵢ = xᵢ - log Σⱼ e^xⱼ` along `dim`; see [`LogSoftmax`](crate::LogSoftmax).
///
/// # Panics
/// When the dimension is out of range.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// let y = F::log_softmax(&tensor![3.0, 3.0], 0).to_vec::<f32>();
/// assert!((y[0] + 2.0_f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn log_softmax(input: &Tensor, dim: isize) -> Tensor {
    input.log_softmax(dim)
}

/// Drops numbers with probability `p` if `training`; see [`Dropout`](crate::Dropout). A module passes
/// `self.training.get()`; PyTorch's defaults are 0.5 and true.
///
/// # Panics
/// When `p` is not within 0 to 1.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::tensor;
///
/// let x = tensor![1.0, 2.0];
/// assert_eq!(F::dropout(&x, 0.5, false).to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[track_caller]
pub fn dropout(input: &Tensor, p: f64, training: bool) -> Tensor {
    input.dropout(p, training)
}

/// The largest number of each window; see [`Tensor::max_pool1d`] and [`MaxPool1d`](crate::MaxPool1d).
#[track_caller]
pub fn max_pool1d(input: &Tensor, kernel_size: usize, options: MaxPoolOptions<1>) -> Tensor {
    input.max_pool1d(kernel_size, options)
}

/// [`max_pool1d`] and where the maxima are; see [`Tensor::max_pool1d_with_indices`].
#[track_caller]
pub fn max_pool1d_with_indices(
    input: &Tensor,
    kernel_size: usize,
    options: MaxPoolOptions<1>,
) -> (Tensor, Tensor) {
    input.max_pool1d_with_indices(kernel_size, options)
}

/// The mean of each window; see [`Tensor::avg_pool1d`] and [`AvgPool1d`](crate::AvgPool1d).
#[track_caller]
pub fn avg_pool1d(input: &Tensor, kernel_size: usize, options: AvgPoolOptions<1>) -> Tensor {
    input.avg_pool1d(kernel_size, options)
}

/// Means over as many windows as the output has places; see [`Tensor::adaptive_avg_pool1d`].
#[track_caller]
pub fn adaptive_avg_pool1d(input: &Tensor, output_size: usize) -> Tensor {
    input.adaptive_avg_pool1d(output_size)
}

/// Maxima over as many windows as the output has places; see [`Tensor::adaptive_max_pool1d`].
#[track_caller]
pub fn adaptive_max_pool1d(input: &Tensor, output_size: usize) -> Tensor {
    input.adaptive_max_pool1d(output_size)
}

/// [`adaptive_max_pool1d`] and where the maxima are; see [`Tensor::adaptive_max_pool1d_with_indices`].
#[track_caller]
pub fn adaptive_max_pool1d_with_indices(input: &Tensor, output_size: usize) -> (Tensor, Tensor) {
    input.adaptive_max_pool1d_with_indices(output_size)
}

/// The largest number of each window; see [`Tensor::max_pool2d`] and [`MaxPool2d`](crate::MaxPool2d).
#[track_caller]
pub fn max_pool2d(input: &Tensor, kernel_size: impl Sizes<2>, options: MaxPoolOptions<2>) -> Tensor {
    input.max_pool2d(kernel_size, options)
}

/// [`max_pool2d`] and where the maxima are; see [`Tensor::max_pool2d_with_indices`].
#[track_caller]
pub fn max_pool2d_with_indices(
    input: &Tensor,
    kernel_size: impl Sizes<2>,
    options: MaxPoolOptions<2>,
) -> (Tensor, Tensor) {
    input.max_pool2d_with_indices(kernel_size, options)
}

/// The mean of each window; see [`Tensor::avg_pool2d`] and [`AvgPool2d`](crate::AvgPool2d).
#[track_caller]
pub fn avg_pool2d(input: &Tensor, kernel_size: impl Sizes<2>, options: AvgPoolOptions<2>) -> Tensor {
    input.avg_pool2d(kernel_size, options)
}

/// Means over as many windows as the output has places; see [`Tensor::adaptive_avg_pool2d`].
#[track_caller]
pub fn adaptive_avg_pool2d(input: &Tensor, output_size: impl OutputSize<2>) -> Tensor {
    input.adaptive_avg_pool2d(output_size)
}

/// Maxima over as many windows as the output has places; see [`Tensor::adaptive_max_pool2d`].
#[track_caller]
pub fn adaptive_max_pool2d(input: &Tensor, output_size: impl OutputSize<2>) -> Tensor {
    input.adaptive_max_pool2d(output_size)
}

/// [`adaptive_max_pool2d`] and where the maxima are; see [`Tensor::adaptive_max_pool2d_with_indices`].
#[track_caller]
pub fn adaptive_max_pool2d_with_indices(input: &Tensor, output_size: impl OutputSize<2>) -> (Tensor, Tensor) {
    input.adaptive_max_pool2d_with_indices(output_size)
}

/// Resizes the dimensions behind `[N, C]`; see [`Tensor::interpolate`].
#[track_caller]
pub fn interpolate(input: &Tensor, options: InterpolateOptions) -> Tensor {
    input.interpolate(options)
}

/// Adds positions at the ends of dimensions, the last dimension's pair first; see [`Tensor::pad`].
#[track_caller]
pub fn pad(input: &Tensor, pad: &[isize], mode: PadMode) -> Tensor {
    input.pad(pad, mode)
}

/// Channels to pixels; see [`Tensor::pixel_shuffle`].
#[track_caller]
pub fn pixel_shuffle(input: &Tensor, upscale_factor: usize) -> Tensor {
    input.pixel_shuffle(upscale_factor)
}

/// Pixels to channels; see [`Tensor::pixel_unshuffle`].
#[track_caller]
pub fn pixel_unshuffle(input: &Tensor, downscale_factor: usize) -> Tensor {
    input.pixel_unshuffle(downscale_factor)
}

/// A bilinear form of two inputs for each output; see [`Tensor::bilinear`].
#[track_caller]
pub fn bilinear(input1: &Tensor, input2: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    input1.bilinear(input2, weight, bias)
}

/// Normalises channels over the batch; see [`Tensor::batch_norm`].
#[track_caller]
pub fn batch_norm(
    input: &Tensor,
    running_mean: Option<&Tensor>,
    running_var: Option<&Tensor>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    options: BatchNormOptions,
) -> Tensor {
    input.batch_norm(running_mean, running_var, weight, bias, options)
}

/// Normalises the channels of each sample; see [`Tensor::instance_norm`].
#[track_caller]
pub fn instance_norm(
    input: &Tensor,
    running_mean: Option<&Tensor>,
    running_var: Option<&Tensor>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    options: InstanceNormOptions,
) -> Tensor {
    input.instance_norm(running_mean, running_var, weight, bias, options)
}

/// Normalises groups of channels of each sample; see [`Tensor::group_norm`]. PyTorch's default `eps` is 1e-5.
#[track_caller]
pub fn group_norm(
    input: &Tensor,
    num_groups: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Tensor {
    input.group_norm(num_groups, weight, bias, eps)
}

/// Normalises over the last dimensions; see [`Tensor::layer_norm`]. PyTorch's default `eps` is 1e-5.
#[track_caller]
pub fn layer_norm(
    input: &Tensor,
    normalized_shape: impl Into<Shape>,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Tensor {
    input.layer_norm(normalized_shape, weight, bias, eps)
}

/// Divides by the root mean square over the last dimensions; see [`Tensor::rms_norm`].
#[track_caller]
pub fn rms_norm(
    input: &Tensor,
    normalized_shape: impl Into<Shape>,
    weight: Option<&Tensor>,
    eps: Option<f64>,
) -> Tensor {
    input.rms_norm(normalized_shape, weight, eps)
}

/// Divides by the p-norm along `dim`; see [`Tensor::normalize`]. PyTorch's defaults are 2, 1 and 1e-12.
#[track_caller]
pub fn normalize(input: &Tensor, p: f64, dim: isize, eps: f64) -> Tensor {
    input.normalize(p, dim, eps)
}

/// The cosine of the angle along `dim`; see [`Tensor::cosine_similarity`]. PyTorch's defaults are 1 and 1e-8.
#[track_caller]
pub fn cosine_similarity(x1: &Tensor, x2: &Tensor, dim: isize, eps: f64) -> Tensor {
    x1.cosine_similarity(x2, dim, eps)
}

/// Rows of a table by their numbers; see [`Tensor::embedding`].
#[track_caller]
pub fn embedding(input: &Tensor, weight: &Tensor, options: EmbeddingOptions) -> Tensor {
    input.embedding(weight, options)
}

/// One-hot vectors of class numbers; see [`Tensor::one_hot`].
#[track_caller]
pub fn one_hot(input: &Tensor, num_classes: Option<usize>) -> Tensor {
    input.one_hot(num_classes)
}
