//! Pooling layers: the largest or the mean number of each window.

use flambeau_tensor::{AvgPoolOptions, MaxPoolOptions, Sizes, Tensor};

use super::python::{boolean, sizes};
use crate::{Forward, Module};

/// The largest number of each window that slides along the last dimension; see [`Tensor::max_pool1d`].
///
/// Shapes: `[samples, channels, length]`, or without samples; each size becomes
/// `⌊(size + 2 · padding - dilation · (kernel_size - 1) - 1) / stride⌋ + 1`, or rounded up with `ceil_mode`.
///
/// ```
/// use flambeau_nn::{Forward, MaxPool1d};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28]);
/// assert_eq!(MaxPool1d::new(2).call(&x).shape(), [32, 6, 14]);
/// assert_eq!(MaxPool1d::new(3).stride(2).padding(1).call(&x).shape(), [32, 6, 14]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a window does not fit, or the padding is more than half of one.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct MaxPool1d {
    #[module(skip)]
    kernel_size: [usize; 1],
    #[module(skip)]
    pool: MaxPoolOptions<1>,
}

impl MaxPool1d {
    /// With windows of this size, side by side.
    pub fn new(kernel_size: usize) -> Self {
        MaxPool1d { kernel_size: [kernel_size], pool: MaxPoolOptions::default() }
    }

    /// The step from one window to the next. Default: the window's size.
    pub fn stride(mut self, stride: usize) -> Self {
        self.pool.stride = Some([stride]);
        self
    }

    /// What is added to both sides of each dimension: -∞. Default: 0.
    pub fn padding(mut self, padding: usize) -> Self {
        self.pool.padding = [padding];
        self
    }

    /// The distance of a window's positions. Default: 1.
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.pool.dilation = [dilation];
        self
    }

    /// Whether windows that stick out at the end count. Default: no.
    pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.pool.ceil_mode = ceil_mode;
        self
    }

    /// The output and where the maxima are (PyTorch's `return_indices`).
    #[track_caller]
    pub fn with_indices(&self, input: &Tensor) -> (Tensor, Tensor) {
        input.max_pool1d_with_indices(self.kernel_size[0], self.pool)
    }

    fn options(&self) -> String {
        let stride = self.pool.stride.unwrap_or(self.kernel_size);
        format!(
            "kernel_size={}, stride={}, padding={}, dilation={}, ceil_mode={}",
            sizes(self.kernel_size),
            sizes(stride),
            sizes(self.pool.padding),
            sizes(self.pool.dilation),
            boolean(self.pool.ceil_mode)
        )
    }
}

impl Forward for MaxPool1d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.max_pool1d(self.kernel_size[0], self.pool)
    }

    fn commutes_with_relu(&self) -> bool {
        true
    }
}

/// The mean of each window that slides along the last dimension; see [`Tensor::avg_pool1d`].
///
/// Shapes: `[samples, channels, length]`, or without samples; each size becomes
/// `⌊(size + 2 · padding - kernel_size) / stride⌋ + 1`, or rounded up with `ceil_mode`.
///
/// ```
/// use flambeau_nn::{Forward, AvgPool1d};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28]);
/// assert_eq!(AvgPool1d::new(2).call(&x).shape(), [32, 6, 14]);
/// assert_eq!(AvgPool1d::new(3).stride(2).padding(1).call(&x).shape(), [32, 6, 14]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a window does not fit, or the padding is more than half of one.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AvgPool1d {
    #[module(skip)]
    kernel_size: [usize; 1],
    #[module(skip)]
    pool: AvgPoolOptions<1>,
}

impl AvgPool1d {
    /// The numbers in a window.
    pub(crate) fn window(&self) -> usize {
        self.kernel_size.iter().product()
    }

    /// With windows of this size, side by side.
    pub fn new(kernel_size: usize) -> Self {
        AvgPool1d { kernel_size: [kernel_size], pool: AvgPoolOptions::default() }
    }

    /// The step from one window to the next. Default: the window's size.
    pub fn stride(mut self, stride: usize) -> Self {
        self.pool.stride = Some([stride]);
        self
    }

    /// What is added to both sides of each dimension: zeros. Default: 0.
    pub fn padding(mut self, padding: usize) -> Self {
        self.pool.padding = [padding];
        self
    }

    /// Whether windows that stick out at the end count. Default: no.
    pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.pool.ceil_mode = ceil_mode;
        self
    }

    /// Whether the padding counts in the mean. Default: yes.
    pub fn count_include_pad(mut self, count_include_pad: bool) -> Self {
        self.pool.count_include_pad = count_include_pad;
        self
    }

    fn options(&self) -> String {
        let stride = self.pool.stride.unwrap_or(self.kernel_size);
        let [kernel_size, stride, padding] = [self.kernel_size, stride, self.pool.padding].map(sizes);
        format!("kernel_size=({kernel_size},), stride=({stride},), padding=({padding},)")
    }
}

impl Forward for AvgPool1d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.avg_pool1d(self.kernel_size[0], self.pool)
    }
}

/// The largest number of each window that slides over the last two dimensions; see [`Tensor::max_pool2d`].
///
/// Shapes: `[samples, channels, height, width]`, or without samples; each size becomes
/// `⌊(size + 2 · padding - dilation · (kernel_size - 1) - 1) / stride⌋ + 1`, or rounded up with `ceil_mode`.
///
/// ```
/// use flambeau_nn::{Forward, MaxPool2d};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28, 28]);
/// assert_eq!(MaxPool2d::new(2).call(&x).shape(), [32, 6, 14, 14]);
/// assert_eq!(MaxPool2d::new(3).stride(2).padding(1).call(&x).shape(), [32, 6, 14, 14]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a window does not fit, or the padding is more than half of one.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct MaxPool2d {
    #[module(skip)]
    kernel_size: [usize; 2],
    #[module(skip)]
    pool: MaxPoolOptions<2>,
}

impl MaxPool2d {
    /// With windows of this size, side by side.
    pub fn new(kernel_size: impl Sizes<2>) -> Self {
        MaxPool2d { kernel_size: kernel_size.sizes(), pool: MaxPoolOptions::default() }
    }

    /// The step from one window to the next. Default: the window's size.
    pub fn stride(mut self, stride: impl Sizes<2>) -> Self {
        self.pool.stride = Some(stride.sizes());
        self
    }

    /// What is added to both sides of each dimension: -∞. Default: 0.
    pub fn padding(mut self, padding: impl Sizes<2>) -> Self {
        self.pool.padding = padding.sizes();
        self
    }

    /// The distance of a window's positions. Default: 1.
    pub fn dilation(mut self, dilation: impl Sizes<2>) -> Self {
        self.pool.dilation = dilation.sizes();
        self
    }

    /// Whether windows that stick out at the end count. Default: no.
    pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.pool.ceil_mode = ceil_mode;
        self
    }

    /// The output and where the maxima are (PyTorch's `return_indices`).
    #[track_caller]
    pub fn with_indices(&self, input: &Tensor) -> (Tensor, Tensor) {
        input.max_pool2d_with_indices(self.kernel_size, self.pool)
    }

    fn options(&self) -> String {
        let stride = self.pool.stride.unwrap_or(self.kernel_size);
        format!(
            "kernel_size={}, stride={}, padding={}, dilation={}, ceil_mode={}",
            sizes(self.kernel_size),
            sizes(stride),
            sizes(self.pool.padding),
            sizes(self.pool.dilation),
            boolean(self.pool.ceil_mode)
        )
    }
}

impl Forward for MaxPool2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.max_pool2d(self.kernel_size, self.pool)
    }

    fn commutes_with_relu(&self) -> bool {
        true
    }
}

/// The mean of each window that slides over the last two dimensions; see [`Tensor::avg_pool2d`].
///
/// Shapes: `[samples, channels, height, width]`, or without samples; each size becomes
/// `⌊(size + 2 · padding - kernel_size) / stride⌋ + 1`, or rounded up with `ceil_mode`.
///
/// ```
/// use flambeau_nn::{Forward, AvgPool2d};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28, 28]);
/// assert_eq!(AvgPool2d::new(2).call(&x).shape(), [32, 6, 14, 14]);
/// assert_eq!(AvgPool2d::new(3).stride(2).padding(1).call(&x).shape(), [32, 6, 14, 14]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a window does not fit, or the padding is more than half of one.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AvgPool2d {
    #[module(skip)]
    kernel_size: [usize; 2],
    #[module(skip)]
    pool: AvgPoolOptions<2>,
}

impl AvgPool2d {
    /// The numbers in a window.
    pub(crate) fn window(&self) -> usize {
        self.kernel_size.iter().product()
    }

    /// With windows of this size, side by side.
    pub fn new(kernel_size: impl Sizes<2>) -> Self {
        AvgPool2d { kernel_size: kernel_size.sizes(), pool: AvgPoolOptions::default() }
    }

    /// The step from one window to the next. Default: the window's size.
    pub fn stride(mut self, stride: impl Sizes<2>) -> Self {
        self.pool.stride = Some(stride.sizes());
        self
    }

    /// What is added to both sides of each dimension: zeros. Default: 0.
    pub fn padding(mut self, padding: impl Sizes<2>) -> Self {
        self.pool.padding = padding.sizes();
        self
    }

    /// Whether windows that stick out at the end count. Default: no.
    pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
        self.pool.ceil_mode = ceil_mode;
        self
    }

    /// Whether the padding counts in the mean. Default: yes.
    pub fn count_include_pad(mut self, count_include_pad: bool) -> Self {
        self.pool.count_include_pad = count_include_pad;
        self
    }

    /// What sums are divided by instead of the window's size. Default: none.
    pub fn divisor_override(mut self, divisor: i64) -> Self {
        self.pool.divisor_override = Some(divisor);
        self
    }

    fn options(&self) -> String {
        let stride = self.pool.stride.unwrap_or(self.kernel_size);
        let [kernel_size, stride, padding] = [self.kernel_size, stride, self.pool.padding].map(sizes);
        format!("kernel_size={kernel_size}, stride={stride}, padding={padding}")
    }
}

impl Forward for AvgPool2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.avg_pool2d(self.kernel_size, self.pool)
    }
}
