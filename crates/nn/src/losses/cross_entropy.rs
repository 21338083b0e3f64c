use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{CrossEntropyOptions, NllLossOptions, Reduction};

use crate::{Buffer, Forward, Module};

/// How badly logits predict classes, the loss of classification:
/// `l = -weight[target] · log(e^x[target] / Σⱼ e^x[j])` for each sample, reduced to a number.
///
/// Shapes: the input is `[N, C]`, `[C]` or `[N, C, d₁, …]`, logits of `C` classes that need not be normalised: do
/// not put a softmax before. The target has the input's shape without `C` and holds class numbers (`i64`), or has the
/// input's shape and holds probabilities. The output is `[]`, or has the shape of class numbers without reduction.
///
/// ```
/// use flambeau_nn::CrossEntropyLoss;
/// use flambeau_tensor::Tensor;
///
/// let logits = Tensor::zeros([2, 10]);
/// let target = Tensor::from_vec(vec![3_i64, 7], [2]);
/// let loss = CrossEntropyLoss::default().call(&logits, &target);
/// assert!((loss.item::<f32>() - 10.0_f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// [`call`](CrossEntropyLoss::call) panics when the shapes do not fit, or a target is neither a class nor
/// `ignore_index`.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct CrossEntropyLoss {
    /// One weight for each class, or for each element; see the builder.
    pub weight: Option<Buffer>,
    ignore_index: i64,
    #[module(skip)]
    reduction: Reduction,
    label_smoothing: f64,
}

impl Default for CrossEntropyLoss {
    /// The mean, without weights or smoothing.
    fn default() -> Self {
        CrossEntropyLoss {
            weight: None,
            ignore_index: -100,
            reduction: Reduction::Mean,
            label_smoothing: 0.0,
        }
    }
}

impl CrossEntropyLoss {
    /// What the samples of each class count, `[C]`; all the same by default. It is a buffer: part of the `state_dict`.
    #[must_use]
    pub fn weight(mut self, weight: Tensor) -> Self {
        self.weight = Some(Buffer::new(weight));
        self
    }

    /// The target that counts for nothing; -100 by default.
    #[must_use]
    pub fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = ignore_index;
        self
    }

    /// The part of each target, 0 to 1, that is spread evenly over all classes; 0 by default.
    #[must_use]
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
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

impl Forward<(Tensor, Tensor)> for CrossEntropyLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        let options = CrossEntropyOptions {
            weight: self.weight.as_deref().cloned(),
            ignore_index: self.ignore_index,
            reduction: self.reduction,
            label_smoothing: self.label_smoothing,
        };
        input.cross_entropy(target, options)
    }
}

/// How badly log-probabilities predict classes: `l = -weight[target] · x[target]` for each sample, reduced. After
/// [`LogSoftmax`](crate::LogSoftmax) it is [`CrossEntropyLoss`].
///
/// Shapes: as [`CrossEntropyLoss`] with class numbers.
///
/// ```
/// use flambeau_nn::NLLLoss;
/// use flambeau_tensor::tensor;
///
/// let loss = NLLLoss::default().call(&tensor![[-0.5, -1.0]], &tensor![1]);
/// assert_eq!(loss.item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// [`call`](NLLLoss::call) panics when the shapes do not fit, or a target is neither a class nor `ignore_index`.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct NLLLoss {
    /// One weight for each class, or for each element; see the builder.
    pub weight: Option<Buffer>,
    ignore_index: i64,
    #[module(skip)]
    reduction: Reduction,
}

impl Default for NLLLoss {
    /// The mean, without weights.
    fn default() -> Self {
        NLLLoss { weight: None, ignore_index: -100, reduction: Reduction::Mean }
    }
}

impl NLLLoss {
    /// What the samples of each class count, `[C]`; all the same by default. It is a buffer: part of the `state_dict`.
    #[must_use]
    pub fn weight(mut self, weight: Tensor) -> Self {
        self.weight = Some(Buffer::new(weight));
        self
    }

    /// The target that counts for nothing; -100 by default.
    #[must_use]
    pub fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.ignore_index = ignore_index;
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

impl Forward<(Tensor, Tensor)> for NLLLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        let options = NllLossOptions {
            weight: self.weight.as_deref().cloned(),
            ignore_index: self.ignore_index,
            reduction: self.reduction,
        };
        input.nll_loss(target, options)
    }
}
