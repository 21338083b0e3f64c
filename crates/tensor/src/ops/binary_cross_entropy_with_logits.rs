//! Cross-entropy of two classes from logits, fused with the sigmoid.

use crate::door::Calls;
use crate::loss::{Reduction, fits_into, float, pointwise_loss, reduce, same_shape, weighted};
use crate::op::unwrap;
use crate::pointwise::{Pointwise, Reads};
use crate::testing::{Sample, integers, normal, sample};
use crate::{Num, Tensor};

const OP: &str = "binary_cross_entropy_with_logits";

/// The options of [`Tensor::binary_cross_entropy_with_logits`].
#[derive(Clone, Default)]
pub struct BinaryCrossEntropyWithLogitsOptions {
    /// What each loss is multiplied with; broadcasts to the input. Default: nothing.
    pub weight: Option<Tensor>,
    /// What the positive part of each loss is multiplied with, one for each class; broadcasts to the input. Above 1 it
    /// raises recall, below precision. Default: nothing.
    pub pos_weight: Option<Tensor>,
    /// How the losses become one. Default: their mean.
    pub reduction: Reduction,
}

/// max(x, 0) + ln(1 + exp(−|x|)), which is ln(1 + exp x) without overflow.
#[inline(always)]
fn softplus<E: Num>(x: E) -> E {
    E::select(x.lt(E::lit(0.0)), E::lit(0.0), x) + (-x.abs()).exp().ln_1p()
}

#[derive(Clone, Copy)]
struct WithLogits;

impl Pointwise<2> for WithLogits {
    const NAME: &'static str = OP;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t]: [E; 2]) -> E {
        // Not softplus(x) − t·x, which for large x and t = 1 would round the small rest away.
        let zero = E::lit(0.0);
        E::select(x.lt(zero), zero, x) - t * x + (-x.abs()).exp().ln_1p()
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t]: [E; 2], _: E) -> [E; 2] {
        [g * (x.sigmoid() - t), -g * x]
    }
}

/// With a weight p of the positive part.
#[derive(Clone, Copy)]
struct WithPosWeight;

impl Pointwise<3> for WithPosWeight {
    const NAME: &'static str = OP;
    const READS: Reads = Reads::Operands;

    #[inline(always)]
    fn f<E: Num>(self, [x, t, p]: [E; 3]) -> E {
        let one = E::lit(1.0);
        (one - t) * x + (one + (p - one) * t) * softplus(-x)
    }

    #[inline(always)]
    fn df<E: Num>(self, g: E, [x, t, p]: [E; 3], _: E) -> [E; 3] {
        let (one, loss) = (E::lit(1.0), softplus(-x));
        let dx = one - t - (one + (p - one) * t) * (-x).sigmoid();
        [g * dx, g * ((p - one) * loss - x), g * t * loss]
    }
}

impl Tensor {
    /// −(pos_weight · target · ln σ(x) + (1 − target) · ln(1 − σ(x))) of logits x, times the weight, reduced; exact and
    /// finite for logits of any size.
    /// [`torch.nn.functional.binary_cross_entropy_with_logits`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html).
    ///
    /// # Panics
    /// If the shapes differ, or a weight does not broadcast to them.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![0.0, 1e4];
    /// let loss = x.binary_cross_entropy_with_logits(&tensor![1.0, 1.0], Default::default());
    /// assert_eq!(loss.item::<f32>(), 2f32.ln() / 2.0);
    /// ```
    #[track_caller]
    pub fn binary_cross_entropy_with_logits(
        &self,
        target: &Tensor,
        options: BinaryCrossEntropyWithLogitsOptions,
    ) -> Tensor {
        float(OP, self);
        same_shape(OP, self, target);
        let BinaryCrossEntropyWithLogitsOptions { weight, pos_weight, reduction } = options;
        let losses = |reduction| match &pos_weight {
            Some(p) => {
                unwrap(fits_into(OP, "pos_weight", p.shape_ref(), self.shape_ref()));
                pointwise_loss(WithPosWeight, [self, target, p], reduction)
            }
            None => pointwise_loss(WithLogits, [self, target], reduction),
        };
        match weight {
            Some(weight) => reduce(&weighted(OP, &losses(Reduction::None), &weight), reduction),
            None => losses(reduction),
        }
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.binary_cross_entropy_with_logits", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let weight = a.opt("weight")?;
    let pos_weight = a.key("pos_weight")?;
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    let options = BinaryCrossEntropyWithLogitsOptions { weight, pos_weight, reduction };
    a.done(x.binary_cross_entropy_with_logits(&target, options))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || {
        [
            normal(0, &[3, 4]),
            normal(1, &[3, 4]).sigmoid(),
            &integers(2, 5, &[3, 1]) + 1,
            &integers(3, 5, &[4]) + 1,
        ]
    };
    let extremes = || {
        [Tensor::from_vec(vec![0.0, 50.0, -50.0, 100.0, -100.0, 1e4, -1e4], [7]), normal(4, &[7]).sigmoid()]
    };
    let default = BinaryCrossEntropyWithLogitsOptions::default;
    let with = |weight: Option<&Tensor>, pos_weight: Option<&Tensor>, reduction| {
        BinaryCrossEntropyWithLogitsOptions {
            weight: weight.cloned(),
            pos_weight: pos_weight.cloned(),
            reduction,
        }
    };
    vec![
        sample("F.binary_cross_entropy_with_logits(x0, x1)", x(), move |x| {
            x[0].binary_cross_entropy_with_logits(&x[1], default())
        }),
        sample("F.binary_cross_entropy_with_logits(x0.t(), x1.t(), reduction='none')", x(), move |x| {
            x[0].t().binary_cross_entropy_with_logits(&x[1].t(), with(None, None, Reduction::None))
        }),
        sample(
            "F.binary_cross_entropy_with_logits(x0, x1, x2.to(x0.dtype), reduction='sum')",
            x(),
            move |x| {
                x[0].binary_cross_entropy_with_logits(
                    &x[1],
                    with(Some(&x[2].to_dtype(x[0].dtype())), None, Reduction::Sum),
                )
            },
        ),
        sample("F.binary_cross_entropy_with_logits(x0, x1, pos_weight=x3.to(x0.dtype))", x(), move |x| {
            x[0].binary_cross_entropy_with_logits(
                &x[1],
                with(None, Some(&x[3].to_dtype(x[0].dtype())), Reduction::Mean),
            )
        }),
        sample(
            "F.binary_cross_entropy_with_logits(x0, x1, x2.to(x0.dtype), pos_weight=x3.to(x0.dtype), reduction='none')",
            x(),
            move |x| {
                x[0].binary_cross_entropy_with_logits(
                    &x[1],
                    with(
                        Some(&x[2].to_dtype(x[0].dtype())),
                        Some(&x[3].to_dtype(x[0].dtype())),
                        Reduction::None,
                    ),
                )
            },
        ),
        sample("F.binary_cross_entropy_with_logits(x0, x1, reduction='none')", extremes(), move |x| {
            x[0].binary_cross_entropy_with_logits(&x[1], with(None, None, Reduction::None))
        })
        .not_smooth(),
        sample(
            "F.binary_cross_entropy_with_logits(x0, x1.round(), reduction='none')",
            extremes(),
            move |x| x[0].binary_cross_entropy_with_logits(&x[1].round(), with(None, None, Reduction::None)),
        )
        .not_smooth(),
    ]
}
