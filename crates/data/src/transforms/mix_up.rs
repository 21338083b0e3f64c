//! Mixing the images of a batch.

use flambeau_tensor::{DType, Tensor};

use super::draw;
use super::image::ensure;

const OP: &str = "MixUp";

/// Mixes each image of a batch with the one before it, and their targets alike: λ x\[i\] + (1 − λ) x\[i − 1\], with λ
/// from Beta(α, α), one for the batch. The targets become class probabilities (N, K), which cross-entropy takes.
///
/// Shuffle the data: neighbours in a batch are what is mixed. In a loader it is part of the `collate_fn`:
/// ```
/// use flambeau_data::transforms::MixUp;
/// use flambeau_data::{DataLoader, default_collate, digits};
///
/// let mix_up = MixUp::new().alpha(0.2).num_classes(10);
/// let loader = DataLoader::new(digits(), 64)?.shuffle(true).collate_fn(move |items| {
///     let (x, y) = default_collate(items);
///     mix_up.call(&x, &y)
/// });
/// let (x, y) = loader.iter().next().unwrap();
/// assert_eq!((x.shape(), y.shape()), (&[64, 1, 8, 8][..], &[64, 10][..]));
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
///
/// Source: [`torchvision.transforms.v2.MixUp`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.MixUp.html);
/// Zhang et al. 2017, <https://arxiv.org/abs/1710.09412>
#[derive(Clone, Copy, Debug)]
pub struct MixUp {
    alpha: f64,
    num_classes: Option<usize>,
}

impl MixUp {
    /// With α = 1: every λ is as likely as any other.
    pub fn new() -> Self {
        MixUp { alpha: 1.0, num_classes: None }
    }

    /// Both parameters of the Beta distribution of λ: small ones give λ near 0 or 1.
    ///
    /// # Panics
    /// If it is not above 0.
    #[track_caller]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = check_alpha(OP, alpha);
        self
    }

    /// The number of classes K, where targets are class indices.
    pub fn num_classes(mut self, num_classes: usize) -> Self {
        self.num_classes = Some(num_classes);
        self
    }

    /// Mixes a batch of images (N, C, H, W), `f32`, and its targets: class indices (N), or probabilities (N, K).
    ///
    /// # Panics
    /// If they have other shapes or types, or a class index is not below K.
    #[track_caller]
    pub fn call(&self, x: &Tensor, y: &Tensor) -> (Tensor, Tensor) {
        let y = probabilities(OP, x, y, self.num_classes);
        let lambda = draw::beta(self.alpha);
        (mixed(&x.detach(), lambda), mixed(&y, lambda))
    }
}

impl Default for MixUp {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
pub(super) fn check_alpha(op: &'static str, alpha: f64) -> f64 {
    ensure!(
        alpha > 0.0 && alpha.is_finite(),
        op,
        "alpha {alpha}; the Beta distribution's parameter is above 0, such as 1.0 or 0.2"
    );
    alpha
}

/// λ of each row and the rest of the one before it.
#[track_caller]
pub(super) fn mixed(x: &Tensor, lambda: f64) -> Tensor {
    x.roll(1, 0) * (1.0 - lambda) + x * lambda
}

/// Checks a batch, and gives class probabilities (N, K) for its targets.
#[track_caller]
pub(super) fn probabilities(op: &'static str, x: &Tensor, y: &Tensor, classes: Option<usize>) -> Tensor {
    ensure!(
        x.ndim() == 4 && x.dtype() == DType::F32 && x.shape()[0] > 0,
        op,
        "images of shape {:?}, {}; it takes a batch [N, C, H, W] of torch.float32, as a collate_fn has it",
        x.shape(),
        x.dtype()
    );
    let n = x.shape()[0];
    ensure!(
        matches!(y.ndim(), 1 | 2) && y.shape()[0] == n,
        op,
        "targets of shape {:?} for {n} images; they are class indices (N) or probabilities (N, K)",
        y.shape()
    );
    if y.ndim() == 2 {
        ensure!(
            classes.is_none_or(|classes| y.shape()[1] == classes),
            op,
            "targets of shape {:?}, but num_classes is {classes:?}; leave num_classes out for probabilities",
            y.shape()
        );
        return y.detach().to_dtype(DType::F32);
    }
    ensure!(
        y.dtype() == DType::I64,
        op,
        "class indices of {}; make them torch.int64 with to_dtype",
        y.dtype()
    );
    let k = classes.unwrap_or(0);
    ensure!(
        classes.is_some(),
        op,
        "targets that are class indices need num_classes(K), the number of classes"
    );
    let targets = y.to_vec::<i64>();
    let wrong = targets.iter().find(|t| !usize::try_from(**t).is_ok_and(|t| t < k));
    ensure!(
        wrong.is_none(),
        op,
        "target {} is none of {k} classes, which count from 0; see num_classes",
        wrong.unwrap_or(&0)
    );
    y.one_hot(Some(k)).to_dtype(DType::F32)
}
