//! Negative log-likelihood.

use crate::Tensor;
use crate::door::Calls;
use crate::loss::{Reduction, by_rows, check_classes};
use crate::op::unwrap;
use crate::testing::{Sample, integers, normal, sample};

impl Tensor {
    /// `−x[i, target[i]]` of log-probabilities, reduced; where the target is `ignore_index` (PyTorch's default: −100) it
    /// counts neither in the sum nor in the mean's denominator.
    ///
    /// Shapes: log-probabilities (N, C), (C) or (N, C, d₁, …) with class indices (N), () or (N, d₁, …).
    /// [`torch.nn.functional.nll_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html).
    ///
    /// # Panics
    /// If the shapes do not fit, the targets are not `i64`, or one is neither a class nor `ignore_index`.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let x = tensor![[-1.0, -2.0], [-3.0, -0.5]];
    /// assert_eq!(x.nll_loss(&tensor![0, 1], Reduction::Mean, -100).item::<f32>(), 0.75);
    /// ```
    #[track_caller]
    pub fn nll_loss(&self, target: &Tensor, reduction: Reduction, ignore_index: i64) -> Tensor {
        by_rows("nll_loss", self, target, reduction, |x, t| nll_loss(x, t, reduction, ignore_index))
    }
}

#[track_caller]
fn nll_loss(x: &Tensor, target: &Tensor, reduction: Reduction, ignore_index: i64) -> Tensor {
    unwrap(check_classes("nll_loss", x, target, ignore_index));
    let zero = Tensor::full_as(0.0, (), x.dtype());
    let counts = target.ne(ignore_index);
    let classes = Tensor::arange(0, x.size(-1) as i64, 1);
    let picked = Tensor::where_(&target.unsqueeze(-1).eq(&classes), x, &zero);
    let losses = Tensor::where_(&counts, &-picked.sum_dim(-1, false), &zero);
    match reduction {
        Reduction::None => losses,
        Reduction::Sum => losses.sum(),
        Reduction::Mean => losses.sum() / counts.sum().to_dtype(x.dtype()),
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.nll_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let ignore_index = a.key("ignore_index")?.unwrap_or(-100);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.nll_loss(&target, reduction, ignore_index))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[5, 3]), integers(1, 3, &[5])];
    vec![
        sample("F.nll_loss(x0, x1)", x(), |x| x[0].nll_loss(&x[1], Reduction::Mean, -100)),
        sample("F.nll_loss(x0, x1, reduction='sum')", x(), |x| x[0].nll_loss(&x[1], Reduction::Sum, -100)),
        sample("F.nll_loss(x0, x1, reduction='none', ignore_index=1)", x(), |x| {
            x[0].nll_loss(&x[1], Reduction::None, 1)
        }),
        sample("F.nll_loss(x0, x1, ignore_index=2)", x(), |x| x[0].nll_loss(&x[1], Reduction::Mean, 2)),
        sample("F.nll_loss(x0, x1)", [normal(2, &[4]), integers(3, 4, &[])], |x| {
            x[0].nll_loss(&x[1], Reduction::Mean, -100)
        }),
        sample(
            "F.nll_loss(x0, x1, reduction='none')",
            [normal(4, &[2, 3, 4]), integers(5, 3, &[2, 4])],
            |x| x[0].nll_loss(&x[1], Reduction::None, -100),
        ),
    ]
}
