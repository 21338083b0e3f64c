use flambeau_tensor::{Sizes, Tensor, UnfoldOptions};

use crate::{Forward, Module};

/// The windows of images as columns of a matrix, which a convolution multiplies with its weight.
///
/// Shapes: `[N, C, H, W]` or `[C, H, W]` becomes `[N, C · kernel height · kernel width, L]` or the same without `N`,
/// with a column for each of the L windows.
///
/// ```
/// use flambeau_nn::{Forward, Unfold};
/// use flambeau_tensor::Tensor;
///
/// let unfold = Unfold::new((2, 3));
/// assert_eq!(unfold.call(&Tensor::randn([2, 5, 3, 4])).shape(), [2, 30, 4]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a window does not fit into the input.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Unfold.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Unfold {
    kernel_size: [usize; 2],
    #[module(skip)]
    options: UnfoldOptions,
}

/// Images from their windows: puts the columns that [`Unfold`] makes back to their places, where they add up.
///
/// Shapes: `[N, C · kernel height · kernel width, L]` becomes `[N, C, H, W]`, where `[H, W]` is `output_size`; both
/// also without `N`.
///
/// ```
/// use flambeau_nn::{Fold, Forward};
/// use flambeau_tensor::Tensor;
///
/// let fold = Fold::new((4, 5), 2);
/// assert_eq!(fold.call(&Tensor::randn([1, 3 * 2 * 2, 12])).shape(), [1, 3, 4, 5]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when rows and columns of the input do not fit the windows of such an image.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Fold.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Fold {
    output_size: [usize; 2],
    kernel_size: [usize; 2],
    #[module(skip)]
    options: UnfoldOptions,
}

impl Unfold {
    /// Windows of this size, one at each pixel.
    pub fn new(kernel_size: impl Sizes<2>) -> Self {
        Unfold { kernel_size: kernel_size.sizes(), options: UnfoldOptions::default() }
    }

    /// The distance of a window's pixels; 1 by default.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Sizes<2>) -> Self {
        self.options.dilation = dilation.sizes();
        self
    }

    /// Zeros on either side of the image; 0 by default.
    #[must_use]
    pub fn padding(mut self, padding: impl Sizes<2>) -> Self {
        self.options.padding = padding.sizes();
        self
    }

    /// The step from window to window; 1 by default.
    #[must_use]
    pub fn stride(mut self, stride: impl Sizes<2>) -> Self {
        self.options.stride = stride.sizes();
        self
    }

    fn options(&self) -> String {
        settings(self.kernel_size, &self.options)
    }
}

impl Fold {
    /// Images of `output_size`, with windows of `kernel_size`, one at each pixel.
    pub fn new(output_size: impl Sizes<2>, kernel_size: impl Sizes<2>) -> Self {
        let (output_size, kernel_size) = (output_size.sizes(), kernel_size.sizes());
        Fold { output_size, kernel_size, options: UnfoldOptions::default() }
    }

    /// The distance of a window's pixels; 1 by default.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Sizes<2>) -> Self {
        self.options.dilation = dilation.sizes();
        self
    }

    /// Zeros on either side of the image, which are cut off; 0 by default.
    #[must_use]
    pub fn padding(mut self, padding: impl Sizes<2>) -> Self {
        self.options.padding = padding.sizes();
        self
    }

    /// The step from window to window; 1 by default.
    #[must_use]
    pub fn stride(mut self, stride: impl Sizes<2>) -> Self {
        self.options.stride = stride.sizes();
        self
    }

    fn options(&self) -> String {
        format!("output_size={}, {}", size(self.output_size), settings(self.kernel_size, &self.options))
    }
}

fn settings(kernel_size: [usize; 2], options: &UnfoldOptions) -> String {
    let UnfoldOptions { dilation, padding, stride } = *options;
    format!(
        "kernel_size={}, dilation={}, padding={}, stride={}",
        size(kernel_size),
        size(dilation),
        size(padding),
        size(stride)
    )
}

/// One number where it stands for both, as one would write it.
fn size([height, width]: [usize; 2]) -> String {
    if height == width { height.to_string() } else { format!("({height}, {width})") }
}

impl Forward for Unfold {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.im2col(self.kernel_size, self.options)
    }
}

impl Forward for Fold {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.col2im(self.output_size, self.kernel_size, self.options)
    }
}
