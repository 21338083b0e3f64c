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

use flambeau_tensor::loss::{CrossEntropyOptions, Reduction};
use flambeau_tensor::{AvgPoolOptions, MaxPoolOptions, OutputSize, Sizes, Tensor};

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

/// The loss of logits against class numbers; see [`CrossEntropyLoss`](crate::CrossEntropyLoss).
///
/// # Panics
/// When the shapes do not fit, or a target is neither a class nor `ignore_index`.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::{Tensor, tensor};
///
/// let loss = F::cross_entropy(&Tensor::zeros([1, 4]), &tensor![2_i64], Default::default());
/// assert!((loss.item::<f32>() - 4.0_f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn cross_entropy(input: &Tensor, target: &Tensor, options: CrossEntropyOptions) -> Tensor {
    input.cross_entropy(target, options)
}

/// The loss of log-probabilities against class numbers: `l = -x[target]` for each sample, then reduced. After
/// [`log_softmax`] it is [`cross_entropy`]. PyTorch's defaults are the mean and -100.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html>
///
/// # Panics
/// When the shapes do not fit, or a target is neither a class nor `ignore_index`.
///
/// ```
/// use flambeau_nn::functional as F;
/// use flambeau_tensor::loss::Reduction;
/// use flambeau_tensor::tensor;
///
/// let logs = tensor![[-0.5, -1.0]];
/// let loss = F::nll_loss(&logs, &tensor![1_i64], Reduction::Mean, -100);
/// assert_eq!(loss.item::<f32>(), 1.0);
/// ```
#[track_caller]
pub fn nll_loss(input: &Tensor, target: &Tensor, reduction: Reduction, ignore_index: i64) -> Tensor {
    input.nll_loss(target, reduction, ignore_index)
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
