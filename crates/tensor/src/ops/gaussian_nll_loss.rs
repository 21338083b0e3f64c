//! The negative log-likelihood of normal distributions.

use crate::door::{Calls, Other};
use crate::loss::{Reduction, float, pointwise_loss, same_shape};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Operand, Tensor};
use std::f64::consts::TAU;

/// The options of [`Tensor::gaussian_nll_loss`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GaussianNllLossOptions {
    /// Whether to add the constant ½ ln 2π. Default: no.
    pub full: bool,
    /// The smallest variance that is calculated with. Default: 1e-6.
    pub eps: f64,
    /// How the losses become one. Default: their mean.
    pub reduction: Reduction,
}

impl Default for GaussianNllLossOptions {
    fn default() -> Self {
        GaussianNllLossOptions { full: false, eps: 1e-6, reduction: Reduction::Mean }
    }
}

#[derive(Clone, Copy)]
struct GaussianNllLoss {
    full: bool,
    eps: f64,
}

impl GaussianNllLoss {
    #[inline(always)]
    fn at_least<E: Num>(self, var: E) -> E {
        E::select(var.lt(E::lit(self.eps)), E::lit(self.eps), var)
    }
}

impl Pointwise<3> for GaussianNllLoss {
    const NAME: &'static str = "gaussian_nll_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t, var]: [E; 3]) -> E {
        let (d, var) = (x - t, self.at_least(var));
        let constant = if self.full { 0.5 * TAU.ln() } else { 0.0 };
        E::lit(0.5) * (var.ln() + d * d / var) + E::lit(constant)
    }

    /// As PyTorch, a variance below eps gets the gradient of eps: it is not stuck there.
    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t, var]: [E; 3], _: E) -> [E; 3] {
        let var = self.at_least(var);
        let d = (x - t) / var;
        [g * d, -g * d, g * E::lit(0.5) * (E::lit(1.0) / var - d * d)]
    }
}

impl Tensor {
    /// ½ (ln var + (x − target)² / var) with var = max(var, eps), reduced: x is the mean of a normal distribution, var
    /// its variance, target what was observed.
    ///
    /// Shapes: the target has the input's; var too, or its last size is missing, or one of its sizes is 1.
    /// [`torch.nn.functional.gaussian_nll_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gaussian_nll_loss.html);
    /// [Nix and Weigend 1994](https://doi.org/10.1109/ICNN.1994.374138).
    ///
    /// # Panics
    /// If the shapes do not fit, or a variance is negative.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (x, target, var) = (tensor![1.0, 2.0], tensor![3.0, 2.0], tensor![1.0, 1.0]);
    /// assert_eq!(x.gaussian_nll_loss(&target, &var, Default::default()).item::<f32>(), 1.0);
    /// ```
    #[track_caller]
    pub fn gaussian_nll_loss(
        &self,
        target: &Tensor,
        var: &Tensor,
        options: GaussianNllLossOptions,
    ) -> Tensor {
        const OP: &str = "gaussian_nll_loss";
        float(OP, self);
        same_shape(OP, self, target);
        let other: Vec<usize> =
            self.shape().iter().zip(var.shape()).filter(|(a, b)| a != b).map(|(_, b)| *b).collect();
        let shared = self.ndim() > 0 && var.shape() == &self.shape()[..self.ndim() - 1];
        ensure!(
            shared || var.ndim() == self.ndim() && (other.is_empty() || other == [1]),
            OP,
            "input {:?} with variances {:?}; they have the input's shape, or lack its last size, or have one size of 1",
            self.shape(),
            var.shape()
        );
        ensure!(
            !var.detach().lt(0.0).any().item::<bool>(),
            OP,
            "a variance is negative; predict its logarithm, or use softplus"
        );
        let var = if shared && var.shape() != self.shape() { &var.unsqueeze(-1) } else { var };
        let GaussianNllLossOptions { full, eps, reduction } = options;
        pointwise_loss(GaussianNllLoss { full, eps }, [self, target, var], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.gaussian_nll_loss", |a| {
    let (x, target, var): (Tensor, Tensor, Other) = (a.get("input")?, a.get("target")?, a.get("var")?);
    let default = GaussianNllLossOptions::default();
    let options = GaussianNllLossOptions {
        full: a.or("full", default.full)?,
        eps: a.or("eps", default.eps)?,
        reduction: Reduction::by_name(a.opt("reduction")?)?,
    };
    let number = var.number().is_some();
    let var = var.hold(&x);
    let var = if number { var.expand(x.shape_ref()) } else { var };
    a.done(x.gaussian_nll_loss(&target, &var, options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), normal(1, &[3, 4]), positive(2, &[3, 4])];
    let default = GaussianNllLossOptions::default;
    vec![
        sample("F.gaussian_nll_loss(x0, x1, x2)", x(), move |x| {
            x[0].gaussian_nll_loss(&x[1], &x[2], default())
        }),
        sample("F.gaussian_nll_loss(x0.t(), x1.t(), x2.t(), full=True, reduction='none')", x(), move |x| {
            let options = GaussianNllLossOptions { full: true, reduction: Reduction::None, ..default() };
            x[0].t().gaussian_nll_loss(&x[1].t(), &x[2].t(), options)
        }),
        sample(
            "F.gaussian_nll_loss(x0, x1, x2, reduction='sum')",
            [normal(3, &[3, 4]), normal(4, &[3, 4]), positive(5, &[3])],
            move |x| {
                x[0].gaussian_nll_loss(
                    &x[1],
                    &x[2],
                    GaussianNllLossOptions { reduction: Reduction::Sum, ..default() },
                )
            },
        ),
        sample(
            "F.gaussian_nll_loss(x0, x1, x2)",
            [normal(3, &[2, 3, 4]), normal(4, &[2, 3, 4]), positive(5, &[2, 1, 4])],
            move |x| x[0].gaussian_nll_loss(&x[1], &x[2], default()),
        ),
        sample("F.gaussian_nll_loss(x0, x1, x2, eps=0.9)", x(), move |x| {
            x[0].gaussian_nll_loss(&x[1], &x[2], GaussianNllLossOptions { eps: 0.9, ..default() })
        })
        .not_smooth(),
        sample("F.gaussian_nll_loss(x0, x1, x2 * 0)", x(), move |x| {
            x[0].gaussian_nll_loss(&x[1], &(&x[2] * 0.0), default())
        })
        .not_smooth(),
    ]
}
