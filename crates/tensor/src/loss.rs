//! What losses have in common.

use crate::op::ensure;
use crate::{DType, Error, Result, Tensor};

/// How the losses of the examples become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reduction {
    /// They stay as they are.
    None,
    /// Their mean, PyTorch's default.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// By PyTorch's name: "none", "mean" (also without a name) or "sum".
    pub(crate) fn by_name(name: Option<&str>) -> Result<Reduction> {
        match name.unwrap_or("mean") {
            "none" => Ok(Reduction::None),
            "mean" => Ok(Reduction::Mean),
            "sum" => Ok(Reduction::Sum),
            other => {
                Err(Error::op("call", format!("reduction {other:?}; it is \"none\", \"mean\" or \"sum\"")))
            }
        }
    }
}

/// The options of [`Tensor::cross_entropy`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrossEntropyOptions {
    /// How the losses of the examples become one. Default: their mean.
    pub reduction: Reduction,
    /// A target that marks an example to be left out. Default: −100.
    pub ignore_index: i64,
}

impl Default for CrossEntropyOptions {
    fn default() -> Self {
        CrossEntropyOptions { reduction: Reduction::Mean, ignore_index: -100 }
    }
}

/// Refuses logits or log-probabilities (N, C) or (C) with targets that are not classes, (N) or 0-d, i64.
pub(crate) fn check_classes(op: &'static str, x: &Tensor, target: &Tensor, ignore_index: i64) -> Result<()> {
    let wrong = |why: String| {
        Err(Error::op(op, format!("input {:?} with targets {:?}: {why}", x.shape(), target.shape())))
    };
    if !x.dtype().is_float() || target.dtype() != DType::I64 {
        return wrong(format!(
            "dtypes {} and {}; the input must be floating-point, class indices torch.int64",
            x.dtype(),
            target.dtype()
        ));
    }
    if !(1..=2).contains(&x.ndim()) || target.shape() != &x.shape()[..x.ndim() - 1] {
        return wrong("for an input (N, C) the targets are class indices (N)".into());
    }
    let classes = x.size(-1);
    let targets = target.detach().contiguous();
    match targets.view::<i64>().iter().find(|&&t| t != ignore_index && (t < 0 || t as usize >= classes)) {
        Some(t) => wrong(format!("target {t} is not a class; there are {classes}, numbered from 0")),
        None => Ok(()),
    }
}

/// Computes a loss of class scores (N, C, d₁, …) with targets (N, d₁, …) by a function that takes (N·d₁·…, C) and
/// (N·d₁·…), or (C) and ().
#[track_caller]
pub(crate) fn by_rows(
    op: &'static str,
    x: &Tensor,
    target: &Tensor,
    reduction: Reduction,
    loss: impl FnOnce(&Tensor, &Tensor) -> Tensor,
) -> Tensor {
    if x.ndim() <= 2 {
        return loss(x, target);
    }
    let fits =
        target.ndim() + 1 == x.ndim() && target.size(0) == x.size(0) && target.shape()[1..] == x.shape()[2..];
    ensure!(
        fits,
        op,
        "input {:?} with targets {:?}; for (N, C, d…) they are (N, d…)",
        x.shape(),
        target.shape()
    );
    // Classes last, everything else in one row of examples.
    let order: Vec<usize> = [0].into_iter().chain(2..x.ndim()).chain([1]).collect();
    let rows = x.permute(order).reshape([target.numel(), x.size(1)]);
    let losses = loss(&rows, &target.reshape([-1]));
    if reduction == Reduction::None { losses.reshape(target.shape()) } else { losses }
}
