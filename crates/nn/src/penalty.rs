//! Terms that a loss gets beside it, so that weights stay small.

use std::borrow::Borrow;

use flambeau_tensor::Tensor;

/// `Σ |w|` over all numbers of the parameters given: the L1 norm. It drives weights to exactly 0.
///
/// A term `λ · l1_penalty(…)` in the loss adds `λ · sign w` to the gradient. Biases are usually left out:
///
/// ```
/// use flambeau_nn::{Forward, Linear, Module, l1_penalty};
/// use flambeau_tensor::{Tensor, loss::Reduction};
///
/// let model = Linear::new(4, 2);
/// let weights = model.named_parameters().into_iter().filter(|(name, _)| name.ends_with("weight"));
/// let loss = model.call(&Tensor::ones([3, 4])).mse_loss(&Tensor::zeros([3, 2]), Reduction::Mean);
/// let loss = loss + 1e-4 * l1_penalty(weights.map(|(_, weight)| weight));
/// loss.backward();
/// ```
///
/// It is a 0-d tensor of the first parameter's dtype, and 0 without parameters.
///
/// Source: Tibshirani 1996, <https://doi.org/10.1111/j.2517-6161.1996.tb02080.x>
#[track_caller]
pub fn l1_penalty<T: Borrow<Tensor>>(parameters: impl IntoIterator<Item = T>) -> Tensor {
    total(parameters, |w| w.abs().sum())
}

/// `Σ w²` over all numbers of the parameters given: the square of the L2 norm.
///
/// A term `λ / 2 · l2_penalty(…)` in the loss adds `λ · w` to the gradient, which is what `weight_decay = λ` does in
/// `SGD` without being part of the loss. (With adaptive optimisers the two differ: see AdamW.)
///
/// ```
/// use flambeau_nn::{Linear, Module, l2_penalty};
///
/// let model = Linear::new(4, 2);
/// let penalty = 0.5 * 1e-2 * l2_penalty([&*model.weight]);
/// penalty.backward();
/// let (gradient, weight) = (model.weight.grad().unwrap(), model.weight.to_vec::<f32>());
/// gradient.to_vec::<f32>().iter().zip(weight).for_each(|(g, w)| assert!((g - 1e-2 * w).abs() < 1e-7));
/// ```
///
/// It is a 0-d tensor of the first parameter's dtype, and 0 without parameters.
///
/// Source: Krogh and Hertz 1991, "A simple weight decay can improve generalization"
#[track_caller]
pub fn l2_penalty<T: Borrow<Tensor>>(parameters: impl IntoIterator<Item = T>) -> Tensor {
    total(parameters, |w| w.square().sum())
}

#[track_caller]
fn total<T: Borrow<Tensor>>(
    parameters: impl IntoIterator<Item = T>,
    term: impl Fn(&Tensor) -> Tensor,
) -> Tensor {
    let terms = parameters.into_iter().map(|parameter| term(parameter.borrow()));
    terms.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::scalar(0_f32))
}
