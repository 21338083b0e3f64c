//! The negative log-likelihood of counts.

use crate::door::Calls;
use crate::loss::{Reduction, pointwise_loss};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Tensor};
use std::f64::consts::TAU;

/// The options of [`Tensor::poisson_nll_loss`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PoissonNllLossOptions {
    /// Whether the input is the logarithm of the rate. Default: yes.
    pub log_input: bool,
    /// Whether to add Stirling's approximation of ln target! where the target is above 1. Default: no.
    pub full: bool,
    /// What is added to a rate before its logarithm is taken. Default: 1e-8.
    pub eps: f64,
    /// How the losses become one. Default: their mean.
    pub reduction: Reduction,
}

impl Default for PoissonNllLossOptions {
    fn default() -> Self {
        PoissonNllLossOptions { log_input: true, full: false, eps: 1e-8, reduction: Reduction::Mean }
    }
}

#[derive(Clone, Copy)]
struct PoissonNllLoss {
    log_input: bool,
    full: bool,
    eps: f64,
}

impl PoissonNllLoss {
    #[inline(always)]
    fn log_rate<E: Num>(self, x: E) -> E {
        if self.log_input { x } else { (x + E::lit(self.eps)).ln() }
    }
}

impl Pointwise<2> for PoissonNllLoss {
    const NAME: &'static str = "poisson_nll_loss";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        let rate = if self.log_input { x.exp() } else { x };
        let loss = rate - t * self.log_rate(x);
        if !self.full {
            return loss;
        }
        let stirling = t * t.ln() - t + E::lit(0.5) * (E::lit(TAU) * t).ln();
        loss + E::select(t.gt(E::lit(1.0)), stirling, E::lit(0.0))
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let dx = if self.log_input { x.exp() - t } else { E::lit(1.0) - t / (x + E::lit(self.eps)) };
        let dt = -self.log_rate(x);
        if !self.full {
            return [g * dx, g * dt];
        }
        let slope = t.ln() + E::lit(0.5) / t;
        [g * dx, g * (dt + E::select(t.gt(E::lit(1.0)), slope, E::lit(0.0)))]
    }
}

impl Tensor {
    /// exp x − target · x of log-rates x against counts, or x − target · ln(x + eps) of rates, reduced. The shapes
    /// broadcast.
    /// [`torch.nn.functional.poisson_nll_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.poisson_nll_loss.html).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let loss = tensor![0.0, 0.0].poisson_nll_loss(&tensor![2.0, 3.0], Default::default());
    /// assert_eq!(loss.item::<f32>(), 1.0);
    /// ```
    #[track_caller]
    pub fn poisson_nll_loss(&self, target: &Tensor, options: PoissonNllLossOptions) -> Tensor {
        let PoissonNllLossOptions { log_input, full, eps, reduction } = options;
        pointwise_loss(PoissonNllLoss { log_input, full, eps }, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.poisson_nll_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let default = PoissonNllLossOptions::default();
    let options = PoissonNllLossOptions {
        log_input: a.or("log_input", default.log_input)?,
        full: a.or("full", default.full)?,
        eps: a.key("eps")?.unwrap_or(default.eps),
        reduction: Reduction::by_name(a.key("reduction")?)?,
    };
    a.done(x.poisson_nll_loss(&target, options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), positive(1, &[3, 4])];
    let default = PoissonNllLossOptions::default;
    vec![
        sample("F.poisson_nll_loss(x0, x1)", x(), move |x| x[0].poisson_nll_loss(&x[1], default())),
        sample("F.poisson_nll_loss(x0.t(), x1.t(), full=True, reduction='none')", x(), move |x| {
            let options = PoissonNllLossOptions { full: true, reduction: Reduction::None, ..default() };
            x[0].t().poisson_nll_loss(&x[1].t(), options)
        }),
        sample(
            "F.poisson_nll_loss(x0, x1, log_input=False, eps=0.1, reduction='sum')",
            [positive(2, &[5]), positive(3, &[5])],
            move |x| {
                let options = PoissonNllLossOptions {
                    log_input: false,
                    eps: 0.1,
                    reduction: Reduction::Sum,
                    ..default()
                };
                x[0].poisson_nll_loss(&x[1], options)
            },
        ),
    ]
}
