use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{BinaryCrossEntropyOptions, BinaryCrossEntropyWithLogitsOptions, Reduction};

use crate::{Buffer, Forward, Module};

/// Cross-entropy of probabilities of two classes: `l = -weight · (t · log x + (1 - t) · log(1 - x))` with logarithms of
/// at least -100, reduced. [`BCEWithLogitsLoss`] takes logits and is exact.
///
/// Shapes: input and target have the same one; the target holds probabilities.
///
/// ```
/// use flambeau_nn::BCELoss;
/// use flambeau_tensor::tensor;
///
/// let loss = BCELoss::default().call(&tensor![0.5], &tensor![1.0]);
/// assert_eq!(loss.item::<f32>(), 2.0_f32.ln());
/// ```
///
/// # Panics
/// [`call`](BCELoss::call) panics when the shapes do not fit, or an input is not within 0 to 1.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct BCELoss {
    /// One weight for each class, or for each element; see the builder.
    pub weight: Option<Buffer>,
    #[module(skip)]
    reduction: Reduction,
}

impl BCELoss {
    /// What each loss is multiplied with; broadcasts to the input. It is a buffer: part of the `state_dict`.
    #[must_use]
    pub fn weight(mut self, weight: Tensor) -> Self {
        self.weight = Some(Buffer::new(weight));
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

impl Forward<(Tensor, Tensor)> for BCELoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        let weight = self.weight.as_deref().cloned();
        input.binary_cross_entropy(target, BinaryCrossEntropyOptions { weight, reduction: self.reduction })
    }
}

/// Cross-entropy of two classes from logits, the loss of yes-or-no questions:
/// `l = -weight · (pos_weight · t · log σ(x) + (1 - t) · log(1 - σ(x)))`, reduced; exact for logits of any size.
///
/// Shapes: input and target have the same one; the target holds probabilities.
///
/// ```
/// use flambeau_nn::BCEWithLogitsLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = BCEWithLogitsLoss::default().call(&tensor![-1e4], &tensor![1.0]);
/// assert_eq!(loss.item::<f32>(), 1e4);
/// ```
///
/// # Panics
/// [`call`](BCEWithLogitsLoss::call) panics when the shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct BCEWithLogitsLoss {
    /// One weight for each class, or for each element; see the builder.
    pub weight: Option<Buffer>,
    /// One weight of the positive part for each class.
    pub pos_weight: Option<Buffer>,
    #[module(skip)]
    reduction: Reduction,
}

impl BCEWithLogitsLoss {
    /// What each loss is multiplied with; broadcasts to the input. It is a buffer: part of the `state_dict`.
    #[must_use]
    pub fn weight(mut self, weight: Tensor) -> Self {
        self.weight = Some(Buffer::new(weight));
        self
    }

    /// What the positive part of each loss is multiplied with, `[C]`: above 1 it raises recall. It is a buffer: part of the `state_dict`.
    #[must_use]
    pub fn pos_weight(mut self, pos_weight: Tensor) -> Self {
        self.pos_weight = Some(Buffer::new(pos_weight));
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

impl Forward<(Tensor, Tensor)> for BCEWithLogitsLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        let options = BinaryCrossEntropyWithLogitsOptions {
            weight: self.weight.as_deref().cloned(),
            pos_weight: self.pos_weight.as_deref().cloned(),
            reduction: self.reduction,
        };
        input.binary_cross_entropy_with_logits(target, options)
    }
}
