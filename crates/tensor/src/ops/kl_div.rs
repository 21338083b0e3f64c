//! The Kullback-Leibler divergence.

use crate::door::Calls;
use crate::loss::{Reduction, float, pointwise_loss};
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Num, Tensor};

#[derive(Clone, Copy)]
struct KlDiv {
    log_target: bool,
}

impl Pointwise<2> for KlDiv {
    const NAME: &'static str = "kl_div";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        if self.log_target {
            return t.exp() * (t - x);
        }
        let zero = E::lit(0.0);
        E::select(t.equals(zero), zero, t * t.ln()) - t * x
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let one = E::lit(1.0);
        if self.log_target {
            let p = g * t.exp();
            return [-p, p * (t - x + one)];
        }
        [-g * t, g * (t.ln() + one - x)]
    }
}

impl Tensor {
    /// target · (ln target − x) of log-probabilities x and the probabilities that they should be, or their logarithms
    /// if `log_target`; reduced. A probability of 0 adds 0. The shapes broadcast.
    ///
    /// [`Reduction::BatchMean`] gives the divergence of one example's distribution; `Mean` also divides by the number
    /// of classes.
    /// [`torch.nn.functional.kl_div`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.kl_div.html);
    /// [Kullback and Leibler 1951](https://doi.org/10.1214/aoms/1177729694).
    ///
    /// # Panics
    /// If the shapes do not broadcast or x is not floating-point.
    ///
    /// ```
    /// use flambeau_tensor::{loss::Reduction, tensor};
    /// let logs = tensor![[0.5, 0.5]].log();
    /// let loss = logs.kl_div(&tensor![[0.0, 1.0]], false, Reduction::BatchMean);
    /// assert_eq!(loss.item::<f32>(), 2f32.ln());
    /// ```
    #[track_caller]
    pub fn kl_div(&self, target: &Tensor, log_target: bool, reduction: Reduction) -> Tensor {
        float("kl_div", self);
        pointwise_loss(KlDiv { log_target }, [self, target], reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.kl_div", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    let log_target = a.key("log_target")?.unwrap_or(false);
    a.done(x.kl_div(&target, log_target, reduction))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]), positive(1, &[3, 4])];
    vec![
        sample("F.kl_div(x0, x1)", x(), |x| x[0].kl_div(&x[1], false, Reduction::Mean)),
        sample("F.kl_div(x0.t(), x1.t(), reduction='batchmean', log_target=True)", x(), |x| {
            x[0].t().kl_div(&x[1].t(), true, Reduction::BatchMean)
        }),
        sample("F.kl_div(x0, x1, reduction='batchmean')", x(), |x| {
            x[0].kl_div(&x[1], false, Reduction::BatchMean)
        }),
        sample("F.kl_div(x0, x1, reduction='sum')", [normal(2, &[3, 4]), positive(3, &[4])], |x| {
            x[0].kl_div(&x[1], false, Reduction::Sum)
        }),
        sample(
            "F.kl_div(x0, x1, reduction='none', log_target=True)",
            [normal(2, &[3, 1]), normal(3, &[4])],
            |x| x[0].kl_div(&x[1], true, Reduction::None),
        ),
        sample("F.kl_div(x0, x1)", [normal(4, &[]), positive(5, &[])], |x| {
            x[0].kl_div(&x[1], false, Reduction::Mean)
        }),
        sample("F.kl_div(x0, x0.detach() * 0)", [normal(4, &[5])], |x| {
            x[0].kl_div(&(x[0].detach() * 0.0), false, Reduction::Mean)
        }),
        sample("F.kl_div(x0 * 100, x1 * 10, reduction='sum', log_target=True)", x(), |x| {
            (&x[0] * 100.0).kl_div(&(&x[1] * 10.0), true, Reduction::Sum)
        })
        .not_smooth(),
    ]
}
