//! The softmaxes.

use flambeau_tensor::Tensor;

use super::super::Place;
use crate::{Forward, Module};

/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Softmax {
    dim: isize,
}

impl Softmax {
    /// Along `dim`; a negative one counts from the end. (PyTorch guesses when it is left out, and warns.)
    pub fn new(dim: isize) -> Self {
        Softmax { dim }
    }

    fn options(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for Softmax {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.softmax(self.dim)
    }
}

/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct LogSoftmax {
    dim: isize,
}

impl LogSoftmax {
    /// Along `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Self {
        LogSoftmax { dim }
    }

    fn options(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for LogSoftmax {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.log_softmax(self.dim)
    }
}

/// [`Softmax`] of the negative: `yᵢ = e^-xᵢ / Σⱼ e^-xⱼ` along a dimension.
///
/// ```
/// use flambeau_nn::{Forward, Softmin};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(Softmin::new(-1).call(&tensor![0.0, 1000.0]).to_vec::<f32>(), [1.0, 0.0]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the dimension is out of range.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmin.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Softmin {
    dim: isize,
}

impl Softmin {
    /// Along `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Self {
        Softmin { dim }
    }

    fn options(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Forward for Softmin {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.softmin(self.dim)
    }
}

/// [`Softmax`] over the channels of images, at each pixel: `[N, C, H, W]` or `[C, H, W]`.
///
/// ```
/// use flambeau_nn::{Forward, Softmax2d};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(Softmax2d::default().call(&Tensor::zeros([1, 4, 1, 1])).to_vec::<f32>(), [0.25; 4]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the input has not three or four dimensions.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Softmax2d {
    place: Place,
}

impl Forward for Softmax2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        let shape = input.shape();
        assert!(
            (3..=4).contains(&shape.len()),
            "Softmax2d: an input of shape {shape:?}; it takes [N, C, H, W]"
        );
        input.softmax(-3)
    }
}
