use flambeau_tensor::{ConvTransposeOptions, Sizes, Tensor};

use super::{Weights, check_groups, ending, unless, weight};
use crate::layers::python::tuple;
use crate::{Forward, Module, Parameter};

/// A transposed convolutional layer over N dimensions: [`ConvTranspose1d`] or [`ConvTranspose2d`].
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::settings, type_name = Self::name)]
pub struct ConvTranspose<const N: usize> {
    /// `[in_channels, out_channels / groups, kernel…]`
    pub weight: Parameter,
    /// `[out_channels]`
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: ConvTransposeOptions<N>,
}

/// A transposed convolutional layer for signals, which makes them longer where [`Conv1d`](crate::Conv1d) makes them
/// shorter: each number of the input adds a multiple of the kernel to the output.
///
/// Shapes: `[N, C, L]` or `[C, L]` becomes `[N, out_channels, L′]` or `[out_channels, L′]` with
/// `L′ = (L - 1) · stride - 2 · padding + dilation · (kernel_size - 1) + output_padding + 1`. Weight and bias are
/// drawn from `U(-b, b)` with `b = 1/√(out_channels / groups · kernel_size)`.
///
/// ```
/// use flambeau_nn::{ConvTranspose1d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let layer = ConvTranspose1d::new(16, 33, 4).stride(2).padding(1);
/// assert_eq!(layer.call(&Tensor::randn([20, 16, 50])).shape(), [20, 33, 100]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has other channels than `in_channels`, or `output_padding` is neither
/// below the stride nor below the dilation.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html>
pub type ConvTranspose1d = ConvTranspose<1>;

/// A transposed convolutional layer for images, which makes them larger where [`Conv2d`](crate::Conv2d) makes them
/// smaller: each pixel of the input adds a multiple of the kernel to the output.
///
/// Shapes: `[N, C, H, W]` or `[C, H, W]` becomes `[N, out_channels, H′, W′]` or `[out_channels, H′, W′]` with
/// `H′ = (H - 1) · stride - 2 · padding + dilation · (kernel_size - 1) + output_padding + 1` and W′ likewise. Weight
/// and bias are drawn from `U(-b, b)` with `b = 1/√(out_channels / groups · kernel height · kernel width)`.
///
/// ```
/// use flambeau_nn::{Conv2d, ConvTranspose2d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let x = Tensor::randn([1, 16, 12, 12]);
/// let down = Conv2d::new(16, 16, 3).stride(2).padding(1);
/// // Both 11 and 12 become 6; output_padding says which one to go back to.
/// let up = ConvTranspose2d::new(16, 16, 3).stride(2).padding(1).output_padding(1);
/// assert_eq!(up.call(&down.call(&x)).shape(), x.shape());
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has other channels than `in_channels`, or `output_padding` is neither
/// below the stride nor below the dilation.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html>; Zeiler et al. 2010,
/// <https://doi.org/10.1109/CVPR.2010.5539957>
pub type ConvTranspose2d = ConvTranspose<2>;

impl<const N: usize> ConvTranspose<N> {
    /// A layer with bias, stride 1 and no padding. The kernel's size is one number for all dimensions, or one for each.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Sizes<N>) -> Self {
        let weight = weight(in_channels, out_channels, &kernel_size.sizes());
        let layer = ConvTranspose { weight, bias: None, options: ConvTransposeOptions::default() };
        layer.reset_parameters();
        layer.bias(true)
    }

    /// The step of the kernel over the output; 1 by default.
    #[must_use]
    pub fn stride(mut self, stride: impl Sizes<N>) -> Self {
        self.options.stride = stride.sizes();
        self
    }

    /// How much is cut off the output on either side; 0 by default.
    #[must_use]
    pub fn padding(mut self, padding: impl Sizes<N>) -> Self {
        self.options.padding = padding.sizes();
        self
    }

    /// How much larger the output is at its end; 0 by default. Must be below the stride or the dilation.
    #[must_use]
    pub fn output_padding(mut self, output_padding: impl Sizes<N>) -> Self {
        self.options.output_padding = output_padding.sizes();
        self
    }

    /// The distance of the pixels that a kernel reaches; 1 by default.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Sizes<N>) -> Self {
        self.options.dilation = dilation.sizes();
        self
    }

    /// Cuts the channels into groups that do not see each other; 1 by default. Draws the parameters anew.
    ///
    /// # Panics
    /// If it does not divide both numbers of channels.
    #[must_use]
    #[track_caller]
    pub fn groups(mut self, groups: usize) -> Self {
        let channels = self.out_channels();
        check_groups(self.type_name(), self.in_channels(), channels, groups);
        self.weight = weight(self.in_channels(), channels / groups, self.kernel());
        self.options.groups = groups;
        self.reset_parameters();
        self
    }

    /// Whether there is a bias; with one by default.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        if bias != self.bias.is_some() {
            self.bias = bias.then(|| Parameter::new(Tensor::zeros([self.out_channels()])));
            self.weights().reset_bias();
        }
        self
    }

    /// The channels of the input.
    pub fn in_channels(&self) -> usize {
        self.weight.size(0)
    }

    /// The channels of the output.
    pub fn out_channels(&self) -> usize {
        self.weight.size(1) * self.options.groups
    }

    /// Draws weight and bias anew, as [`ConvTranspose::new`] does.
    pub fn reset_parameters(&self) {
        self.weights().reset();
    }

    fn kernel(&self) -> &[usize] {
        &self.weight.shape()[2..]
    }

    fn weights(&self) -> Weights<'_> {
        Weights { weight: &self.weight, bias: &self.bias }
    }

    fn settings(&self) -> String {
        let ConvTransposeOptions { stride, padding, output_padding, groups, dilation } = &self.options;
        format!(
            "{}, {}, kernel_size={}, stride={}{}{}{}{}",
            self.in_channels(),
            self.out_channels(),
            tuple(self.kernel()),
            tuple(stride),
            unless(0, "padding", padding),
            unless(1, "dilation", dilation),
            unless(0, "output_padding", output_padding),
            ending(*groups, self.bias.is_some())
        )
    }

    fn name(&self) -> &'static str {
        if N == 1 { "ConvTranspose1d" } else { "ConvTranspose2d" }
    }
}

impl Forward for ConvTranspose1d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.conv_transpose1d(&self.weight, self.bias.as_deref(), self.options)
    }
}

impl Forward for ConvTranspose2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.conv_transpose2d(&self.weight, self.bias.as_deref(), self.options)
    }
}
