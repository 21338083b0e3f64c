//! A loss of the distances of three vectors.

use crate::Tensor;
use crate::door::Calls;
use crate::loss::{Reduction, float, reduce};
use crate::op::ensure;
use crate::testing::{Sample, normal, sample};

/// The options of [`Tensor::triplet_margin_loss`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TripletMarginLossOptions {
    /// How much farther than the positive the negative has to be. Default: 1.
    pub margin: f64,
    /// The order of the norm that measures distances. Default: 2.
    pub p: f64,
    /// What is added to each difference, so that the norm has a derivative. Default: 1e-6.
    pub eps: f64,
    /// Whether the distance between positive and negative counts where it is the smaller. Default: no.
    pub swap: bool,
    /// How the losses become one. Default: their mean.
    pub reduction: Reduction,
}

impl Default for TripletMarginLossOptions {
    fn default() -> Self {
        TripletMarginLossOptions { margin: 1.0, p: 2.0, eps: 1e-6, swap: false, reduction: Reduction::Mean }
    }
}

impl Tensor {
    /// max(0, d(x, positive) − d(x, negative) + margin) with d(a, b) = ‖a − b + eps‖ₚ along the last dimension, reduced:
    /// the anchor x should be nearer to the positive.
    ///
    /// Shapes: (N, D) gives N losses, (D) one.
    /// [`torch.nn.functional.triplet_margin_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_loss.html);
    /// [Balntas et al. 2016](https://doi.org/10.5244/C.30.119).
    ///
    /// # Panics
    /// If the three have different numbers of dimensions, none, or do not broadcast, or the margin is not positive.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (anchor, positive, negative) = (tensor![0.0, 0.0], tensor![3.0, 0.0], tensor![0.0, 3.0]);
    /// let loss = anchor.triplet_margin_loss(&positive, &negative, Default::default());
    /// assert!((loss.item::<f32>() - 1.0).abs() < 1e-5);
    /// ```
    #[track_caller]
    pub fn triplet_margin_loss(
        &self,
        positive: &Tensor,
        negative: &Tensor,
        options: TripletMarginLossOptions,
    ) -> Tensor {
        const OP: &str = "triplet_margin_loss";
        let TripletMarginLossOptions { margin, p, eps, swap, reduction } = options;
        [self, positive, negative].iter().for_each(|x| float(OP, x));
        ensure!(
            self.ndim() > 0 && self.ndim() == positive.ndim() && self.ndim() == negative.ndim(),
            OP,
            "anchor {:?}, positive {:?} and negative {:?}; all must have the same number of dimensions, at least one",
            self.shape(),
            positive.shape(),
            negative.shape()
        );
        ensure!(margin > 0.0, OP, "margin {margin}; it must be greater than 0");
        let distance = |a: &Tensor, b: &Tensor| (a - b + eps).norm_dim(p, -1, false);
        let far = distance(self, negative);
        let far = if swap { far.minimum(&distance(positive, negative)) } else { far };
        reduce(&(distance(self, positive) - far + margin).clamp_min(0.0), reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.triplet_margin_loss", |a| {
    let (x, positive, negative): (Tensor, Tensor, Tensor) =
        (a.get("anchor")?, a.get("positive")?, a.get("negative")?);
    let default = TripletMarginLossOptions::default();
    let options = TripletMarginLossOptions {
        margin: a.or("margin", default.margin)?,
        p: a.or("p", default.p)?,
        eps: a.or("eps", default.eps)?,
        swap: a.or("swap", default.swap)?,
        reduction: Reduction::by_name(a.key("reduction")?)?,
    };
    a.done(x.triplet_margin_loss(&positive, &negative, options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [0, 1, 2].map(|seed| normal(seed, &[5, 3]));
    let default = TripletMarginLossOptions::default;
    vec![
        sample("F.triplet_margin_loss(x0, x1, x2)", x(), move |x| {
            x[0].triplet_margin_loss(&x[1], &x[2], default())
        }),
        sample(
            "F.triplet_margin_loss(x0, x1, x2, margin=2.5, p=3, swap=True, reduction='none')",
            x(),
            move |x| {
                let options = TripletMarginLossOptions {
                    margin: 2.5,
                    p: 3.0,
                    swap: true,
                    reduction: Reduction::None,
                    ..default()
                };
                x[0].triplet_margin_loss(&x[1], &x[2], options)
            },
        ),
        sample(
            "F.triplet_margin_loss(x0.t(), x1.t(), x2.t(), p=1, eps=0.1, reduction='sum')",
            x(),
            move |x| {
                let options =
                    TripletMarginLossOptions { p: 1.0, eps: 0.1, reduction: Reduction::Sum, ..default() };
                x[0].t().triplet_margin_loss(&x[1].t(), &x[2].t(), options)
            },
        ),
        sample("F.triplet_margin_loss(x0, x1, x2)", [3, 4, 5].map(|seed| normal(seed, &[4])), move |x| {
            x[0].triplet_margin_loss(&x[1], &x[2], default())
        }),
    ]
}
