//! Mean and deviation of the channels.

use flambeau_tensor::{DType, Tensor};

use super::Transform;
use super::image::{ensure, image, made};

/// Shifts and scales each channel: out = (in − mean) / std. With the means and deviations of the training images, the
/// inputs of the model have mean 0 and deviation 1. One value stands for all channels.
///
/// ```
/// use flambeau_data::transforms::{Normalize, Transform};
/// use flambeau_tensor::tensor;
///
/// let x = tensor![[[0.0, 1.0]], [[0.25, 0.75]]];
/// let x = Normalize::new([0.5, 0.5], [0.5, 0.25]).call(&x);
/// assert_eq!(x.to_vec::<f32>(), [-1.0, 1.0, -1.0, 1.0]);
/// ```
///
/// Source: [`torchvision.transforms.v2.Normalize`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Normalize.html)
#[derive(Clone, Debug)]
pub struct Normalize {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Normalize {
    /// From means and deviations, one for each channel or one for all.
    ///
    /// # Panics
    /// If their numbers differ, there is none, or a deviation is 0.
    #[track_caller]
    pub fn new(mean: impl Into<Vec<f64>>, std: impl Into<Vec<f64>>) -> Self {
        let (mean, std) = (mean.into(), std.into());
        check(&mean, &std);
        Normalize { mean, std }
    }
}

impl Transform for Normalize {
    #[track_caller]
    fn forward(&self, image: &Tensor) -> Tensor {
        normalize(image, &self.mean, &self.std)
    }
}

#[track_caller]
fn check(mean: &[f64], std: &[f64]) {
    ensure!(
        !mean.is_empty() && mean.len() == std.len(),
        "Normalize",
        "{} means and {} deviations; give one of each for each channel",
        mean.len(),
        std.len()
    );
    let bad = std.iter().find(|s| **s == 0.0 || !s.is_finite());
    ensure!(bad.is_none(), "Normalize", "std {bad:?}; a deviation must be a number that is not 0");
}

/// (x − mean) / std for each channel; see [`Normalize`].
#[track_caller]
pub fn normalize(x: &Tensor, mean: &[f64], std: &[f64]) -> Tensor {
    check(mean, std);
    let [channels, height, width] = image("Normalize", x);
    ensure!(
        x.dtype() == DType::F32,
        "Normalize",
        "an image of {}; make it numbers from 0 to 1 first, with ToTensor or to_dtype(DType::F32) / 255",
        x.dtype()
    );
    ensure!(
        mean.len() == 1 || mean.len() == channels,
        "Normalize",
        "{} means for an image of {channels} channels; give one, or one for each channel",
        mean.len()
    );
    let plane = (height * width).max(1);
    made(x, [channels, height, width], |x: &[f32], out| {
        for (c, (x, out)) in x.chunks_exact(plane).zip(out.chunks_exact_mut(plane)).enumerate() {
            let c = if mean.len() == 1 { 0 } else { c };
            let (mean, std) = (mean[c] as f32, std[c] as f32);
            out.iter_mut().zip(x).for_each(|(o, x)| *o = (x - mean) / std);
        }
    })
}
