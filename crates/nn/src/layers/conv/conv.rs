use flambeau_tensor::{ConvOptions, PadMode, Padding, Sizes, Tensor};

use super::{Weights, check_groups, ending, unless, weight};
use crate::layers::python::{float, tuple};
use crate::{Forward, Module, Parameter};

/// A convolutional layer over N dimensions: [`Conv1d`] or [`Conv2d`].
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::settings, type_name = Self::name)]
pub struct Conv<const N: usize> {
    /// `[out_channels, in_channels / groups, kernel…]`
    pub weight: Parameter,
    /// `[out_channels]`
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: ConvOptions<N>,
    #[module(skip)]
    padding_mode: PadMode,
}

/// A convolutional layer for signals: each channel of the output is a bias plus the sum of the channels of the input,
/// each slid over by a kernel of its own.
///
/// Shapes: `[N, C, L]` or `[C, L]` becomes `[N, out_channels, L′]` or `[out_channels, L′]` with
/// `L′ = ⌊(L + 2 · padding - dilation · (kernel_size - 1) - 1) / stride⌋ + 1`. Weight and bias are drawn from
/// `U(-b, b)` with `b = 1/√(in_channels / groups · kernel_size)`.
///
/// ```
/// use flambeau_nn::{Conv1d, Forward};
/// use flambeau_tensor::Tensor;
///
/// let layer = Conv1d::new(16, 33, 3).stride(2);
/// assert_eq!(layer.call(&Tensor::randn([20, 16, 50])).shape(), [20, 33, 24]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has other channels than `in_channels` or is smaller than the kernel.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html>
pub type Conv1d = Conv<1>;

/// A convolutional layer for images: each channel of the output is a bias plus the sum of the channels of the input,
/// each slid over by a kernel of its own.
///
/// Shapes: `[N, C, H, W]` or `[C, H, W]` becomes `[N, out_channels, H′, W′]` or `[out_channels, H′, W′]` with
/// `H′ = ⌊(H + 2 · padding - dilation · (kernel_size - 1) - 1) / stride⌋ + 1` and W′ likewise. Weight and bias are
/// drawn from `U(-b, b)` with `b = 1/√(in_channels / groups · kernel height · kernel width)`.
///
/// ```
/// use flambeau_nn::{Conv2d, Forward, Module};
/// use flambeau_tensor::{Padding, Tensor};
///
/// let x = Tensor::randn([20, 16, 50, 100]);
/// assert_eq!(Conv2d::new(16, 33, 3).stride(2).call(&x).shape(), [20, 33, 24, 49]);
/// assert_eq!(Conv2d::new(16, 33, (3, 5)).padding((1, 2)).call(&x).shape(), [20, 33, 50, 100]);
/// assert_eq!(Conv2d::new(16, 8, 4).padding(Padding::Same).dilation(3).call(&x).shape(), [20, 8, 50, 100]);
/// // Depthwise: a kernel for each channel.
/// assert_eq!(Conv2d::new(16, 16, 3).groups(16).bias(false).num_parameters(), 16 * 9);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has other channels than `in_channels` or is smaller than the kernel.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html>; LeCun et al. 1989,
/// <https://doi.org/10.1162/neco.1989.1.4.541>
pub type Conv2d = Conv<2>;

impl<const N: usize> Conv<N> {
    /// A layer with bias, stride 1 and no padding. The kernel's size is one number for all dimensions, or one for each.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Sizes<N>) -> Self {
        let weight = weight(out_channels, in_channels, &kernel_size.sizes());
        let (options, padding_mode) = (ConvOptions::default(), PadMode::default());
        let layer = Conv { weight, bias: None, options, padding_mode };
        layer.reset_parameters();
        layer.bias(true)
    }

    /// The step of the kernel; 1 by default.
    #[must_use]
    pub fn stride(mut self, stride: impl Sizes<N>) -> Self {
        self.options.stride = stride.sizes();
        self
    }

    /// How many zeros are around the input: a number for all sides, one for each dimension, or [`Padding::Same`]; 0 by
    /// default.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding<N>>) -> Self {
        self.options.padding = padding.into();
        self
    }

    /// What is around the input instead of zeros.
    ///
    /// ```
    /// use flambeau_nn::{Conv1d, Forward};
    /// use flambeau_tensor::{PadMode, tensor};
    ///
    /// let mean = Conv1d::new(1, 1, 3).padding(1).padding_mode(PadMode::Replicate).bias(false);
    /// mean.weight.detach().fill_(1.0 / 3.0);
    /// assert_eq!(mean.call(&tensor![[3.0, 6.0, 9.0]]).to_vec::<f32>(), [4.0, 6.0, 8.0]);
    /// ```
    #[must_use]
    pub fn padding_mode(mut self, padding_mode: PadMode) -> Self {
        self.padding_mode = padding_mode;
        self
    }

    /// The distance of the pixels that a kernel sees; 1 by default.
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
        let channels = self.in_channels();
        check_groups(self.type_name(), channels, self.out_channels(), groups);
        self.weight = weight(self.out_channels(), channels / groups, self.kernel());
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
        self.weight.size(1) * self.options.groups
    }

    /// The channels of the output.
    pub fn out_channels(&self) -> usize {
        self.weight.size(0)
    }

    /// Draws weight and bias anew, as [`Conv::new`] does.
    pub fn reset_parameters(&self) {
        self.weights().reset();
    }

    fn kernel(&self) -> &[usize] {
        &self.weight.shape()[2..]
    }

    /// The input with what is around it, where that is no zeros, and the options of the convolution that is left.
    #[track_caller]
    fn padded(&self, input: &Tensor) -> (Tensor, ConvOptions<N>) {
        let ConvOptions { stride, padding, dilation, .. } = self.options;
        // The convolution itself refuses 'same' with a stride.
        if self.padding_mode == PadMode::Constant(0.0) || (padding == Padding::Same && stride != [1; N]) {
            return (input.clone(), self.options);
        }
        let sides = |d: usize| padding.sides(d, self.kernel()[d], dilation[d]);
        let pads: Vec<isize> = (0..N).rev().flat_map(sides).map(|n| n as isize).collect();
        (input.pad(&pads, self.padding_mode), ConvOptions { padding: Padding::Valid, ..self.options })
    }

    /// Weight and bias with a scale and a shift of the outputs taken into them, where the images outweigh the weight.
    fn scaled(&self, input: &Tensor, after: &dyn Fn(usize) -> Option<[Tensor; 2]>) -> Option<[Tensor; 2]> {
        if input.ndim() != N + 2 || input.numel() < 2 * self.weight.numel() {
            return None;
        }
        let [scale, shift] = after(input.ndim())?;
        if scale.shape() != [self.out_channels()] || scale.dtype() != self.weight.dtype() {
            return None;
        }
        let mut shape = vec![1; N + 2];
        shape[0] = self.out_channels();
        let bias = self.bias.as_ref().map_or_else(|| shift.clone(), |bias| &scale * &**bias + &shift);
        Some([&*self.weight * scale.reshape(shape), bias])
    }

    fn weights(&self) -> Weights<'_> {
        Weights { weight: &self.weight, bias: &self.bias }
    }

    fn settings(&self) -> String {
        let ConvOptions { stride, padding, dilation, groups } = &self.options;
        let padding = match padding {
            Padding::Both(both) => unless(0, "padding", both),
            // PyTorch has no such setting.
            Padding::Sides(sides) => {
                format!(", padding=({})", sides.iter().map(|s| tuple(s)).collect::<Vec<_>>().join(", "))
            }
            Padding::Same => ", padding=same".into(),
            Padding::Valid => ", padding=valid".into(),
        };
        let mode = match self.padding_mode {
            PadMode::Constant(0.0) => String::new(),
            // PyTorch has zeros only.
            PadMode::Constant(value) => format!(", padding_mode={}", float(value)),
            PadMode::Reflect => ", padding_mode=reflect".into(),
            PadMode::Replicate => ", padding_mode=replicate".into(),
            PadMode::Circular => ", padding_mode=circular".into(),
        };
        format!(
            "{}, {}, kernel_size={}, stride={}{padding}{}{}{mode}",
            self.in_channels(),
            self.out_channels(),
            tuple(self.kernel()),
            tuple(stride),
            unless(1, "dilation", dilation),
            ending(*groups, self.bias.is_some())
        )
    }

    fn name(&self) -> &'static str {
        if N == 1 { "Conv1d" } else { "Conv2d" }
    }
}

impl Forward for Conv1d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        let (input, options) = self.padded(input);
        input.conv1d(&self.weight, self.bias.as_deref(), options)
    }

    #[track_caller]
    fn forward_relu(&self, input: &Tensor) -> Option<Tensor> {
        let (input, options) = self.padded(input);
        Some(input.conv1d_relu(&self.weight, self.bias.as_deref(), options))
    }

    #[track_caller]
    fn forward_scaled(
        &self,
        input: &Tensor,
        after: &dyn Fn(usize) -> Option<[Tensor; 2]>,
        relu: bool,
    ) -> Option<Tensor> {
        let [weight, bias] = self.scaled(input, after)?;
        let (input, options) = self.padded(input);
        Some(if relu {
            input.conv1d_relu(&weight, Some(&bias), options)
        } else {
            input.conv1d(&weight, Some(&bias), options)
        })
    }
}

impl Forward for Conv2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        let (input, options) = self.padded(input);
        input.conv2d(&self.weight, self.bias.as_deref(), options)
    }

    #[track_caller]
    fn forward_relu(&self, input: &Tensor) -> Option<Tensor> {
        let (input, options) = self.padded(input);
        Some(input.conv2d_relu(&self.weight, self.bias.as_deref(), options))
    }

    #[track_caller]
    fn forward_scaled(
        &self,
        input: &Tensor,
        after: &dyn Fn(usize) -> Option<[Tensor; 2]>,
        relu: bool,
    ) -> Option<Tensor> {
        let [weight, bias] = self.scaled(input, after)?;
        let (input, options) = self.padded(input);
        Some(if relu {
            input.conv2d_relu(&weight, Some(&bias), options)
        } else {
            input.conv2d(&weight, Some(&bias), options)
        })
    }
}
