//! Pooling layers that are given the size of their output.

use flambeau_tensor::{OutputSize, Tensor};

use crate::{Forward, Module};

/// Sizes as PyTorch prints them: one if they are equal, `None` for one that is kept.
fn text(sizes: [Option<usize>; 2]) -> String {
    let one = |size: Option<usize>| size.map_or("None".to_owned(), |size| size.to_string());
    match sizes {
        [height, width] if height != width => format!("({}, {})", one(height), one(width)),
        [size, _] => one(size),
    }
}

/// Means over windows that cover the input, as many as the output has places; see [`Tensor::adaptive_avg_pool1d`].
///
/// Shapes: `[samples, channels, length]`, or without samples, to the output size.
///
/// ```
/// use flambeau_nn::{AdaptiveAvgPool1d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28]);
/// assert_eq!(AdaptiveAvgPool1d::new(5).call(&x).shape(), [32, 6, 5]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of dimensions or nothing to pool.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AdaptiveAvgPool1d {
    #[module(skip)]
    output_size: usize,
}

impl AdaptiveAvgPool1d {
    /// With this output size.
    pub fn new(output_size: usize) -> Self {
        AdaptiveAvgPool1d { output_size }
    }

    fn options(&self) -> String {
        format!("output_size={}", self.output_size)
    }
}

impl Forward for AdaptiveAvgPool1d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.adaptive_avg_pool1d(self.output_size)
    }
}

/// Means over windows that cover the input, as many as the output has places; see [`Tensor::adaptive_avg_pool2d`].
///
/// Shapes: `[samples, channels, height, width]`, or without samples, to the output size; `None` keeps a size.
///
/// ```
/// use flambeau_nn::{AdaptiveAvgPool2d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28, 20]);
/// assert_eq!(AdaptiveAvgPool2d::new([None, Some(7)]).call(&x).shape(), [32, 6, 28, 7]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of dimensions or nothing to pool.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AdaptiveAvgPool2d {
    #[module(skip)]
    output_size: [Option<usize>; 2],
}

impl AdaptiveAvgPool2d {
    /// With this output size.
    pub fn new(output_size: impl OutputSize<2>) -> Self {
        AdaptiveAvgPool2d { output_size: output_size.output_size() }
    }

    fn options(&self) -> String {
        format!("output_size={}", text(self.output_size))
    }
}

impl Forward for AdaptiveAvgPool2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.adaptive_avg_pool2d(self.output_size)
    }
}

/// Maxima over windows that cover the input, as many as the output has places; see [`Tensor::adaptive_max_pool1d`].
///
/// Shapes: `[samples, channels, length]`, or without samples, to the output size.
///
/// ```
/// use flambeau_nn::{AdaptiveMaxPool1d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28]);
/// assert_eq!(AdaptiveMaxPool1d::new(5).call(&x).shape(), [32, 6, 5]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of dimensions or nothing to pool.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AdaptiveMaxPool1d {
    #[module(skip)]
    output_size: usize,
}

impl AdaptiveMaxPool1d {
    /// With this output size.
    pub fn new(output_size: usize) -> Self {
        AdaptiveMaxPool1d { output_size }
    }

    /// The output and where the maxima are (PyTorch's `return_indices`).
    #[track_caller]
    pub fn with_indices(&self, input: &Tensor) -> (Tensor, Tensor) {
        input.adaptive_max_pool1d_with_indices(self.output_size)
    }

    fn options(&self) -> String {
        format!("output_size={}", self.output_size)
    }
}

impl Forward for AdaptiveMaxPool1d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.adaptive_max_pool1d(self.output_size)
    }
}

/// Maxima over windows that cover the input, as many as the output has places; see [`Tensor::adaptive_max_pool2d`].
///
/// Shapes: `[samples, channels, height, width]`, or without samples, to the output size; `None` keeps a size.
///
/// ```
/// use flambeau_nn::{AdaptiveMaxPool2d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::zeros([32, 6, 28, 20]);
/// assert_eq!(AdaptiveMaxPool2d::new([None, Some(7)]).call(&x).shape(), [32, 6, 28, 7]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has another number of dimensions or nothing to pool.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AdaptiveMaxPool2d {
    #[module(skip)]
    output_size: [Option<usize>; 2],
}

impl AdaptiveMaxPool2d {
    /// With this output size.
    pub fn new(output_size: impl OutputSize<2>) -> Self {
        AdaptiveMaxPool2d { output_size: output_size.output_size() }
    }

    /// The output and where the maxima are (PyTorch's `return_indices`).
    #[track_caller]
    pub fn with_indices(&self, input: &Tensor) -> (Tensor, Tensor) {
        input.adaptive_max_pool2d_with_indices(self.output_size)
    }

    fn options(&self) -> String {
        format!("output_size={}", text(self.output_size))
    }
}

impl Forward for AdaptiveMaxPool2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.adaptive_max_pool2d(self.output_size)
    }
}
