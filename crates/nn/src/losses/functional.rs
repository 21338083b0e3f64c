//! The losses as functions, which [`functional`](crate::functional) shows.

use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{
    BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, CrossEntropyOptions,
    GaussianNllLossOptions, NllLossOptions, PoissonNllLossOptions, Reduction, TripletMarginLossOptions,
};

/// The loss of logits against classes or probabilities; see [`Tensor::cross_entropy`] and [`CrossEntropyLoss`](crate::CrossEntropyLoss).
#[track_caller]
pub fn cross_entropy(input: &Tensor, target: &Tensor, options: CrossEntropyOptions) -> Tensor {
    input.cross_entropy(target, options)
}

/// The loss of log-probabilities against class numbers; see [`Tensor::nll_loss`] and [`NLLLoss`](crate::NLLLoss).
#[track_caller]
pub fn nll_loss(input: &Tensor, target: &Tensor, options: NllLossOptions) -> Tensor {
    input.nll_loss(target, options)
}

/// The loss of probabilities against probabilities; see [`Tensor::binary_cross_entropy`] and [`BCELoss`](crate::BCELoss).
#[track_caller]
pub fn binary_cross_entropy(input: &Tensor, target: &Tensor, options: BinaryCrossEntropyOptions) -> Tensor {
    input.binary_cross_entropy(target, options)
}

/// The loss of logits against probabilities; see [`Tensor::binary_cross_entropy_with_logits`] and [`BCEWithLogitsLoss`](crate::BCEWithLogitsLoss).
#[track_caller]
pub fn binary_cross_entropy_with_logits(
    input: &Tensor,
    target: &Tensor,
    options: BinaryCrossEntropyWithLogitsOptions,
) -> Tensor {
    input.binary_cross_entropy_with_logits(target, options)
}

/// `(x - t)²`; see [`Tensor::mse_loss`] and [`MSELoss`](crate::MSELoss).
#[track_caller]
pub fn mse_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    input.mse_loss(target, reduction)
}

/// `|x - t|`; see [`Tensor::l1_loss`] and [`L1Loss`](crate::L1Loss).
#[track_caller]
pub fn l1_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    input.l1_loss(target, reduction)
}

/// A squared error that turns into an absolute one at `beta`; see [`Tensor::smooth_l1_loss`] and [`SmoothL1Loss`](crate::SmoothL1Loss).
#[track_caller]
pub fn smooth_l1_loss(input: &Tensor, target: &Tensor, beta: f64, reduction: Reduction) -> Tensor {
    input.smooth_l1_loss(target, beta, reduction)
}

/// A squared error with straight tails from `delta`; see [`Tensor::huber_loss`] and [`HuberLoss`](crate::HuberLoss).
#[track_caller]
pub fn huber_loss(input: &Tensor, target: &Tensor, delta: f64, reduction: Reduction) -> Tensor {
    input.huber_loss(target, delta, reduction)
}

/// The divergence of log-probabilities from a distribution; see [`Tensor::kl_div`] and [`KLDivLoss`](crate::KLDivLoss).
#[track_caller]
pub fn kl_div(input: &Tensor, target: &Tensor, log_target: bool, reduction: Reduction) -> Tensor {
    input.kl_div(target, log_target, reduction)
}

/// The loss of means and variances; see [`Tensor::gaussian_nll_loss`] and [`GaussianNLLLoss`](crate::GaussianNLLLoss).
#[track_caller]
pub fn gaussian_nll_loss(
    input: &Tensor,
    target: &Tensor,
    var: &Tensor,
    options: GaussianNllLossOptions,
) -> Tensor {
    input.gaussian_nll_loss(target, var, options)
}

/// The loss of rates against counts; see [`Tensor::poisson_nll_loss`] and [`PoissonNLLLoss`](crate::PoissonNLLLoss).
#[track_caller]
pub fn poisson_nll_loss(input: &Tensor, target: &Tensor, options: PoissonNllLossOptions) -> Tensor {
    input.poisson_nll_loss(target, options)
}

/// The loss of the angle between vectors; see [`Tensor::cosine_embedding_loss`] and [`CosineEmbeddingLoss`](crate::CosineEmbeddingLoss).
#[track_caller]
pub fn cosine_embedding_loss(
    input1: &Tensor,
    input2: &Tensor,
    target: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Tensor {
    input1.cosine_embedding_loss(input2, target, margin, reduction)
}

/// The loss of the order of two numbers; see [`Tensor::margin_ranking_loss`] and [`MarginRankingLoss`](crate::MarginRankingLoss).
#[track_caller]
pub fn margin_ranking_loss(
    input1: &Tensor,
    input2: &Tensor,
    target: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Tensor {
    input1.margin_ranking_loss(input2, target, margin, reduction)
}

/// The loss of anchors nearer to the negative than to the positive; see [`Tensor::triplet_margin_loss`] and [`TripletMarginLoss`](crate::TripletMarginLoss).
#[track_caller]
pub fn triplet_margin_loss(
    anchor: &Tensor,
    positive: &Tensor,
    negative: &Tensor,
    options: TripletMarginLossOptions,
) -> Tensor {
    anchor.triplet_margin_loss(positive, negative, options)
}

/// The hinge loss of distances; see [`Tensor::hinge_embedding_loss`] and [`HingeEmbeddingLoss`](crate::HingeEmbeddingLoss).
#[track_caller]
pub fn hinge_embedding_loss(input: &Tensor, target: &Tensor, margin: f64, reduction: Reduction) -> Tensor {
    input.hinge_embedding_loss(target, margin, reduction)
}

/// The logistic loss of scores against 1 and -1; see [`Tensor::soft_margin_loss`] and [`SoftMarginLoss`](crate::SoftMarginLoss).
#[track_caller]
pub fn soft_margin_loss(input: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    input.soft_margin_loss(target, reduction)
}
