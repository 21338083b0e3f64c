//! Losses that leave alone what is right by a margin.

use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{Reduction, TripletMarginLossOptions};

use crate::{Forward, Module};

/// The angle between pairs of vectors: `l = 1 - cos(a, b)` where the target is 1, `max(0, cos(a, b) - margin)` where it
/// is -1; reduced.
///
/// Shapes: `[N, D]` with targets `[N]`, or `[D]` with `[]`.
///
/// ```
/// use flambeau_nn::CosineEmbeddingLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = CosineEmbeddingLoss::default();
/// assert_eq!(loss.call(&tensor![[1.0, 0.0]], &tensor![[0.0, 2.0]], &tensor![1]).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// [`call`](CosineEmbeddingLoss::call) panics when the shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct CosineEmbeddingLoss {
    margin: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl CosineEmbeddingLoss {
    /// The cosine up to which vectors count as unlike; 0 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
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
    pub fn call(&self, input1: &Tensor, input2: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input1.clone(), input2.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor, Tensor)> for CosineEmbeddingLoss {
    #[track_caller]
    fn forward(&self, (input1, input2, target): &(Tensor, Tensor, Tensor)) -> Tensor {
        input1.cosine_embedding_loss(input2, target, self.margin, self.reduction)
    }
}

/// The order of pairs of numbers: `l = max(0, -t · (a - b) + margin)`, where the target is 1 if `a` should be the larger
/// and -1 if `b`; reduced.
///
/// Shapes: they broadcast, with the same number of dimensions.
///
/// ```
/// use flambeau_nn::MarginRankingLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = MarginRankingLoss::default();
/// assert_eq!(loss.call(&tensor![1.0], &tensor![3.0], &tensor![1.0]).item::<f32>(), 2.0);
/// ```
///
/// # Panics
/// [`call`](MarginRankingLoss::call) panics when the shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct MarginRankingLoss {
    margin: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl MarginRankingLoss {
    /// How much larger it should be; 0 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
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
    pub fn call(&self, input1: &Tensor, input2: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input1.clone(), input2.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor, Tensor)> for MarginRankingLoss {
    #[track_caller]
    fn forward(&self, (input1, input2, target): &(Tensor, Tensor, Tensor)) -> Tensor {
        input1.margin_ranking_loss(input2, target, self.margin, self.reduction)
    }
}

/// Anchors that should be nearer to the positive than to the negative: `l = max(0, d(a, p) - d(a, n) + margin)` with
/// `d(a, b) = ‖a - b + eps‖ₚ`; reduced.
///
/// Shapes: `[N, D]` gives `N` losses, `[D]` one.
///
/// ```
/// use flambeau_nn::TripletMarginLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = TripletMarginLoss::default();
/// let loss = loss.call(&tensor![0.0, 0.0], &tensor![3.0, 0.0], &tensor![0.0, 3.0]);
/// assert!((loss.item::<f32>() - 1.0).abs() < 1e-5);
/// ```
///
/// # Panics
/// [`call`](TripletMarginLoss::call) panics when the shapes do not fit, or the margin is not positive.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct TripletMarginLoss {
    margin: f64,
    p: f64,
    eps: f64,
    swap: bool,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for TripletMarginLoss {
    /// With `margin` 1, `p` 2 and `eps` 1e-6.
    fn default() -> Self {
        TripletMarginLoss { margin: 1.0, p: 2.0, eps: 1e-6, swap: false, reduction: Reduction::Mean }
    }
}

impl TripletMarginLoss {
    /// How much farther the negative should be; 1 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// The order of the norm; 2 by default.
    #[must_use]
    pub fn p(mut self, p: f64) -> Self {
        self.p = p;
        self
    }

    /// What is added to each difference, so that the norm has a derivative; 1e-6 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether the distance between positive and negative counts where it is the smaller; no by default.
    #[must_use]
    pub fn swap(mut self, swap: bool) -> Self {
        self.swap = swap;
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
    pub fn call(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
        Forward::call(self, &(anchor.clone(), positive.clone(), negative.clone()))
    }
}

impl Forward<(Tensor, Tensor, Tensor)> for TripletMarginLoss {
    #[track_caller]
    fn forward(&self, (anchor, positive, negative): &(Tensor, Tensor, Tensor)) -> Tensor {
        let options = TripletMarginLossOptions {
            margin: self.margin,
            p: self.p,
            eps: self.eps,
            swap: self.swap,
            reduction: self.reduction,
        };
        anchor.triplet_margin_loss(positive, negative, options)
    }
}

/// Distances of pairs: `l = x` where the target is 1, `max(0, margin - x)` where it is -1; reduced.
///
/// Shapes: input and target have the same one.
///
/// ```
/// use flambeau_nn::HingeEmbeddingLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = HingeEmbeddingLoss::default().call(&tensor![0.25], &tensor![-1.0]);
/// assert_eq!(loss.item::<f32>(), 0.75);
/// ```
///
/// # Panics
/// [`call`](HingeEmbeddingLoss::call) panics when the shapes differ; PyTorch warns and broadcasts.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct HingeEmbeddingLoss {
    margin: f64,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for HingeEmbeddingLoss {
    /// With `margin` 1.
    fn default() -> Self {
        HingeEmbeddingLoss { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl HingeEmbeddingLoss {
    /// The distance from which pairs count as unlike; 1 by default.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
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

impl Forward<(Tensor, Tensor)> for HingeEmbeddingLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.hinge_embedding_loss(target, self.margin, self.reduction)
    }
}

/// The logistic loss of scores against targets 1 and -1: `l = log(1 + e^(-t · x))`, reduced; it does not overflow.
///
/// Shapes: input and target have the same one.
///
/// ```
/// use flambeau_nn::SoftMarginLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = SoftMarginLoss::default().call(&tensor![-1e4], &tensor![1.0]);
/// assert_eq!(loss.item::<f32>(), 1e4);
/// ```
///
/// # Panics
/// [`call`](SoftMarginLoss::call) panics when the shapes differ; PyTorch warns and broadcasts.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct SoftMarginLoss {
    #[module(skip)]
    reduction: Reduction,
}

impl SoftMarginLoss {
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

impl Forward<(Tensor, Tensor)> for SoftMarginLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.soft_margin_loss(target, self.reduction)
    }
}
