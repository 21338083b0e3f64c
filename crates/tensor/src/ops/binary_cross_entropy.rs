//! Cross-entropy of probabilities of two classes.

use crate::door::Calls;
use crate::loss::{Reduction, float, pointwise_loss, reduce, same_shape, weighted};
use crate::op::ensure;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Element, Num, Tensor};
use flambeau_kernels::dispatch_float;

/// The options of [`Tensor::binary_cross_entropy`].
#[derive(Clone, Default)]
pub struct BinaryCrossEntropyOptions {
    /// What each loss is multiplied with; broadcasts to the input. Default: nothing.
    pub weight: Option<Tensor>,
    /// How the losses become one. Default: their mean.
    pub reduction: Reduction,
}

#[derive(Clone, Copy)]
struct BinaryCrossEntropy;

/// A logarithm, at least −100: the loss of what was held impossible stays finite, and 0 · ln 0 is 0.
#[inline(always)]
fn at_least<E: Num>(log: E) -> E {
    E::select(log.lt(E::lit(-100.0)), E::lit(-100.0), log)
}

impl Pointwise<2> for BinaryCrossEntropy {
    const NAME: &'static str = "binary_cross_entropy";
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        (t - E::lit(1.0)) * at_least((-x).ln_1p()) - t * at_least(x.ln())
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        let (slope, small) = ((E::lit(1.0) - x) * x, E::lit(1e-12));
        let dx = g * (x - t) / E::select(slope.lt(small), small, slope);
        [dx, g * (at_least((-x).ln_1p()) - at_least(x.ln()))]
    }
}

impl Tensor {
    /// −(target · ln x + (1 − target) · ln(1 − x)) of probabilities x, times the weight, reduced; logarithms count as at
    /// least −100. Of logits, [`binary_cross_entropy_with_logits`](Tensor::binary_cross_entropy_with_logits) is exact.
    /// [`torch.nn.functional.binary_cross_entropy`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html).
    ///
    /// # Panics
    /// If the shapes differ, the weight does not broadcast to them, or an input is not within 0 to 1.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let loss = tensor![0.5, 0.0].binary_cross_entropy(&tensor![1.0, 0.0], Default::default());
    /// assert_eq!(loss.item::<f32>(), 2f32.ln() / 2.0);
    /// ```
    #[track_caller]
    pub fn binary_cross_entropy(&self, target: &Tensor, options: BinaryCrossEntropyOptions) -> Tensor {
        const OP: &str = "binary_cross_entropy";
        float(OP, self);
        same_shape(OP, self, target);
        let input = self.detach().contiguous();
        let wrong = dispatch_float!(self.dtype(), T => {
            input.view::<T>().iter().find(|v| !(0.0..=1.0).contains(*v)).map(|&v| v.to_f64())
        });
        ensure!(
            wrong.is_none(),
            OP,
            "an input of {}; it takes probabilities, from 0 to 1: use sigmoid before, or binary_cross_entropy_with_logits",
            wrong.unwrap_or_default()
        );
        let BinaryCrossEntropyOptions { weight, reduction } = options;
        let Some(weight) = weight else {
            return pointwise_loss(BinaryCrossEntropy, [self, target], reduction);
        };
        let losses = pointwise_loss(BinaryCrossEntropy, [self, target], Reduction::None);
        reduce(&weighted(OP, &losses, &weight), reduction)
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.binary_cross_entropy", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let weight = a.opt("weight")?;
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.binary_cross_entropy(&target, BinaryCrossEntropyOptions { weight, reduction }))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[3, 4]).sigmoid(), normal(1, &[3, 4]).sigmoid(), &integers(2, 5, &[3, 1]) + 1];
    let default = BinaryCrossEntropyOptions::default;
    vec![
        sample("F.binary_cross_entropy(x0, x1)", x(), move |x| x[0].binary_cross_entropy(&x[1], default())),
        sample("F.binary_cross_entropy(x0.t(), x1.t(), reduction='none')", x(), move |x| {
            let options = BinaryCrossEntropyOptions { reduction: Reduction::None, ..default() };
            x[0].t().binary_cross_entropy(&x[1].t(), options)
        }),
        sample("F.binary_cross_entropy(x0, x1, x2.to(x0.dtype), reduction='sum')", x(), |x| {
            let options = BinaryCrossEntropyOptions {
                weight: Some(x[2].to_dtype(x[0].dtype())),
                reduction: Reduction::Sum,
            };
            x[0].binary_cross_entropy(&x[1], options)
        }),
        sample(
            "F.binary_cross_entropy(x0.round(), x1.round().detach(), reduction='none')",
            [normal(3, &[9]).sigmoid(), normal(4, &[9]).sigmoid()],
            move |x| {
                let options = BinaryCrossEntropyOptions { reduction: Reduction::None, ..default() };
                x[0].round().binary_cross_entropy(&x[1].round().detach(), options)
            },
        )
        .not_smooth(),
    ]
}
