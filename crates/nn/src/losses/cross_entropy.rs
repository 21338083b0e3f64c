use flambeau_tensor::Tensor;
use flambeau_tensor::loss::{CrossEntropyOptions, Reduction};

use crate::{Forward, Module};

/// How badly logits predict classes, the loss of classification:
/// `l = -log(e^x[target] / Σⱼ e^x[j])` for each sample, reduced to a number.
///
/// Shapes: the input is `[N, C]`, `[C]` or `[N, C, d₁, …]`, logits of `C` classes that need not be normalised: do
/// not put a softmax before. The target has the input's shape without `C` and holds class numbers (`i64`). The
/// output is `[]`, or has the target's shape without reduction.
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
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct CrossEntropyLoss {
    #[module(skip)]
    options: CrossEntropyOptions,
}

impl CrossEntropyLoss {
    /// How the samples' losses become one; their mean by default.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.options.reduction = reduction;
        self
    }

    /// The target that counts for nothing; -100 by default.
    #[must_use]
    pub fn ignore_index(mut self, ignore_index: i64) -> Self {
        self.options.ignore_index = ignore_index;
        self
    }

    /// The loss of logits against targets: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, input: &Tensor, target: &Tensor) -> Tensor {
        Forward::call(self, &(input.clone(), target.clone()))
    }
}

impl Forward<(Tensor, Tensor)> for CrossEntropyLoss {
    #[track_caller]
    fn forward(&self, (input, target): &(Tensor, Tensor)) -> Tensor {
        input.cross_entropy(target, self.options)
    }
}
