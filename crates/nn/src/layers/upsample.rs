use flambeau_tensor::{InterpolateMode, InterpolateOptions, Tensor};

use super::python::tuple;
use crate::{Forward, Module};

/// Resizes signals, images and volumes to a size or by a scale factor: [`Tensor::interpolate`] as a layer.
///
/// Shapes: `[N, C, d₁, …]` with one to three dimensions `dᵢ` becomes `[N, C, s₁, …]`, where `sᵢ` is the size given or
/// `⌊dᵢ · scale_factor⌋`.
///
/// ```
/// use flambeau_nn::{Forward, Upsample};
/// use flambeau_tensor::{InterpolateMode, Tensor};
///
/// let images = Tensor::ones([5, 3, 8, 8]);
/// assert_eq!(Upsample::scale_factor(2.0).call(&images).shape(), [5, 3, 16, 16]);
/// let resize = Upsample::size([10, 12]).mode(InterpolateMode::Bilinear).align_corners(true);
/// assert_eq!(resize.call(&images).shape(), [5, 3, 10, 12]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the mode does not take the input's dimensions.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::repr_of_options)]
pub struct Upsample {
    #[module(skip)]
    options: InterpolateOptions,
}

/// One number for all dimensions, or an array or `Vec` of one for each.
pub trait PerDimension<T> {
    /// The numbers as a list.
    fn into_list(self) -> Vec<T>;
}

impl PerDimension<usize> for usize {
    fn into_list(self) -> Vec<usize> {
        vec![self]
    }
}

impl PerDimension<f64> for f64 {
    fn into_list(self) -> Vec<f64> {
        vec![self]
    }
}

impl<T, const N: usize> PerDimension<T> for [T; N] {
    fn into_list(self) -> Vec<T> {
        self.into()
    }
}

impl<T> PerDimension<T> for Vec<T> {
    fn into_list(self) -> Vec<T> {
        self
    }
}

impl Upsample {
    /// To a size, or to one for each dimension.
    pub fn size(size: impl PerDimension<usize>) -> Self {
        Upsample { options: InterpolateOptions { size: Some(size.into_list()), ..Default::default() } }
    }

    /// By a factor, or by one for each dimension.
    pub fn scale_factor(scale_factor: impl PerDimension<f64>) -> Self {
        let scale_factor = Some(scale_factor.into_list());
        Upsample { options: InterpolateOptions { scale_factor, ..Default::default() } }
    }

    /// How values are found; nearest by default.
    #[must_use]
    pub fn mode(mut self, mode: InterpolateMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Whether the centres of the corner elements stay where they are; false by default.
    #[must_use]
    pub fn align_corners(mut self, align_corners: bool) -> Self {
        self.options.align_corners = align_corners;
        self
    }

    /// Whether positions follow from the resulting sizes and not from the scale factor; false by default.
    #[must_use]
    pub fn recompute_scale_factor(mut self, recompute_scale_factor: bool) -> Self {
        self.options.recompute_scale_factor = recompute_scale_factor;
        self
    }

    fn repr_of_options(&self) -> String {
        let mode = self.options.mode.name();
        match (&self.options.scale_factor, &self.options.size) {
            (Some(scale), _) => format!("scale_factor={}, mode='{mode}'", text(scale)),
            (None, size) => format!("size={}, mode='{mode}'", text(size.as_deref().unwrap_or(&[]))),
        }
    }
}

/// A number, or a tuple of several.
fn text<T: std::fmt::Debug>(values: &[T]) -> String {
    if let [one] = values { format!("{one:?}") } else { tuple(values) }
}

impl Forward for Upsample {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.interpolate(self.options.clone())
    }
}
