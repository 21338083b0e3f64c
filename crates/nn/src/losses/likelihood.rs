//! Losses of distributions.

use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{GaussianNllLossOptions, PoissonNllLossOptions, Reduction};

use crate::{Forward, Module};

/// The Kullback-Leibler divergence of log-probabilities from what they should be: `l = t · (log t - x)`, reduced.
///
/// `Reduction::BatchMean` gives the divergence for each sample; the mean, PyTorch's default, also divides by the number
/// of classes.
///
/// Shapes: they broadcast.
///
/// ```
/// use flambeau_nn::KLDivLoss;
/// use flambeau_tensor::{loss::Reduction, tensor};
///
/// let loss = KLDivLoss::default().reduction(Reduction::BatchMean);
/// let logs = tensor![[0.5, 0.5]].log();
/// assert_eq!(loss.call(&logs, &tensor![[0.0, 1.0]]).item::<f32>(), 2.0_f32.ln());
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct KLDivLoss {
    log_target: bool,
    #[module(skip)]
    reduction: Reduction,
}

impl KLDivLoss {
    /// Whether the target holds logarithms, too; no by default.
    #[must_use]
    pub fn log_target(mut self, log_target: bool) -> Self {
        self.log_target = log_target;
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

impl Forward<(Tensor, Tensor)> for KLDivLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.kl_div(target, self.log_target, self.reduction)
    }
}

/// The negative log-likelihood of normal distributions whose mean and variance a model predicts:
/// `l = (log v + (x - t)² / v) / 2` with `v = max(var, eps)`, reduced.
///
/// Shapes: input and target have the same one; the variances too, or the last size is missing, or one size is 1.
///
/// ```
/// use flambeau_nn::GaussianNLLLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = GaussianNLLLoss::default().call(&tensor![1.0], &tensor![3.0], &tensor![1.0]);
/// assert_eq!(loss.item::<f32>(), 2.0);
/// ```
///
/// # Panics
/// [`call`](GaussianNLLLoss::call) panics when the shapes do not fit, or a variance is negative.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct GaussianNLLLoss {
    full: bool,
    eps: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for GaussianNLLLoss {
    /// With `eps` 1e-6.
    fn default() -> Self {
        GaussianNLLLoss { full: false, eps: 1e-6, reduction: Reduction::Mean }
    }
}

impl GaussianNLLLoss {
    /// Whether to add the constant `log(2π) / 2`; no by default.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// The smallest variance that is calculated with; 1e-6 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// How the losses become one; their mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of the three: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, input: &Tensor, target: &Tensor, var: &Tensor) -> Tensor {
        Forward::call(self, &(input.clone(), target.clone(), var.clone()))
    }
}

impl Forward<(Tensor, Tensor, Tensor)> for GaussianNLLLoss {
    #[track_caller]
    fn forward(&self, (input, target, var): &(Tensor, Tensor, Tensor)) -> Tensor {
        let options = GaussianNllLossOptions { full: self.full, eps: self.eps, reduction: self.reduction };
        input.gaussian_nll_loss(target, var, options)
    }
}

/// The negative log-likelihood of counts: `l = e^x - t · x` of the rates' logarithms, or `l = x - t · log(x + eps)` of
/// the rates; reduced.
///
/// Shapes: they broadcast.
///
/// ```
/// use flambeau_nn::PoissonNLLLoss;
/// use flambeau_tensor::tensor;
///
/// assert_eq!(PoissonNLLLoss::default().call(&tensor![0.0], &tensor![2.0]).item::<f32>(), 1.0);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct PoissonNLLLoss {
    log_input: bool,
    full: bool,
    eps: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for PoissonNLLLoss {
    /// Of logarithms, with `eps` 1e-8.
    fn default() -> Self {
        PoissonNLLLoss { log_input: true, full: false, eps: 1e-8, reduction: Reduction::Mean }
    }
}

impl PoissonNLLLoss {
    /// Whether the input holds logarithms of rates; yes by default.
    #[must_use]
    pub fn log_input(mut self, log_input: bool) -> Self {
        self.log_input = log_input;
        self
    }

    /// Whether to add Stirling's approximation of `log t!` where `t > 1`; no by default.
    #[must_use]
    pub fn full(mut self, full: bool) -> Self {
        self.full = full;
        self
    }

    /// What is added to a rate before its logarithm is taken; 1e-8 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
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

impl Forward<(Tensor, Tensor)> for PoissonNLLLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        let options = PoissonNllLossOptions {
            log_input: self.log_input,
            full: self.full,
            eps: self.eps,
            reduction: self.reduction,
        };
        input.poisson_nll_loss(target, options)
    }
}
