//! Losses of regression. Input and target have the same shape; the output is `[]`, or has it without reduction.

use flambeau_tensor::Tensor;
use flambeau_tensor::loss::Reduction;

use crate::{Forward, Module};

/// Mean squared error: `l = (x - t)²`, reduced.
///
/// ```
/// use flambeau_nn::MSELoss;
/// use flambeau_tensor::tensor;
///
/// let loss = MSELoss::default().call(&tensor![1.0, 2.0], &tensor![1.0, 5.0]);
/// assert_eq!(loss.item::<f32>(), 4.5);
/// ```
///
/// # Panics
/// [`call`](MSELoss::call) panics when the shapes differ; PyTorch warns and broadcasts.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct MSELoss {
    #[module(skip)]
    reduction: Reduction,
}

impl MSELoss {
    /// How the losses become one; their mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of the input against the target: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, input: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor)> for MSELoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.mse_loss(target, self.reduction)
    }
}

/// Mean absolute error: `l = |x - t|`, reduced.
///
/// ```
/// use flambeau_nn::L1Loss;
/// use flambeau_tensor::tensor;
///
/// let loss = L1Loss::default().call(&tensor![1.0, 2.0], &tensor![1.0, 5.0]);
/// assert_eq!(loss.item::<f32>(), 1.5);
/// ```
///
/// # Panics
/// [`call`](L1Loss::call) panics when the shapes differ; PyTorch warns and broadcasts.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct L1Loss {
    #[module(skip)]
    reduction: Reduction,
}

impl L1Loss {
    /// How the losses become one; their mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of the input against the target: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, input: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor)> for L1Loss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.l1_loss(target, self.reduction)
    }
}

/// Squared error near 0, absolute error beyond: `l = d² / (2 · beta)` if `d < beta`, else `d - beta / 2`, with
/// `d = |x - t|`; reduced.
///
/// ```
/// use flambeau_nn::SmoothL1Loss;
/// use flambeau_tensor::tensor;
///
/// let loss = SmoothL1Loss::default().call(&tensor![0.0, 0.0], &tensor![1.0, 3.0]);
/// assert_eq!(loss.item::<f32>(), 1.5);
/// ```
///
/// # Panics
/// [`call`](SmoothL1Loss::call) panics when the shapes differ; PyTorch warns and broadcasts.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct SmoothL1Loss {
    beta: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for SmoothL1Loss {
    /// With `beta` 1.
    fn default() -> Self {
        SmoothL1Loss { beta: 1.0, reduction: Reduction::Mean }
    }
}

impl SmoothL1Loss {
    /// Where the square ends; 1 by default.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// How the losses become one; their mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of the input against the target: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, input: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor)> for SmoothL1Loss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.smooth_l1_loss(target, self.beta, self.reduction)
    }
}

/// Squared error near 0, straight beyond: `l = d² / 2` if `d ≤ delta`, else `delta · (d - delta / 2)`, with
/// `d = |x - t|`; reduced.
///
/// ```
/// use flambeau_nn::HuberLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = HuberLoss::default().call(&tensor![0.0, 0.0], &tensor![1.0, 3.0]);
/// assert_eq!(loss.item::<f32>(), 1.5);
/// ```
///
/// # Panics
/// [`call`](HuberLoss::call) panics when the shapes differ; PyTorch warns and broadcasts.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct HuberLoss {
    delta: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for HuberLoss {
    /// With `delta` 1.
    fn default() -> Self {
        HuberLoss { delta: 1.0, reduction: Reduction::Mean }
    }
}

impl HuberLoss {
    /// Where the square ends; 1 by default.
    #[must_use]
    pub fn delta(mut self, delta: f64) -> Self {
        self.delta = delta;
        self
    }

    /// How the losses become one; their mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of the input against the target: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, input: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor)> for HuberLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.huber_loss(target, self.delta, self.reduction)
    }
}
