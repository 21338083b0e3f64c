//! Negative log-likelihood.

use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::Calls;
use crate::loss::{Reduction, by_rows, check_classes, class_weights, counted};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Element, Result, Tensor};
use flambeau_kernels::loss::{Targets, nll, nll_backward};
use flambeau_kernels::{Float, dispatch_float, reduce};

/// The options of [`Tensor::nll_loss`].
#[derive(Clone)]
pub struct NllLossOptions {
    /// What the examples of each class count; (C). Default: all the same.
    pub weight: Option<Tensor>,
    /// A target that marks an example to be left out. Default: −100.
    pub ignore_index: i64,
    /// How the losses of the examples become one. Default: their mean.
    pub reduction: Reduction,
}

impl Default for NllLossOptions {
    fn default() -> Self {
        NllLossOptions { weight: None, ignore_index: -100, reduction: Reduction::Mean }
    }
}

/// What the losses of class indices have in common: the inputs are x (N, C) or (C), targets (N) or (), and perhaps
/// a weight for each class; the backward rule is written once for all that is saved.
pub(super) struct Classes {
    pub(super) ignore_index: i64,
    pub(super) reduction: Reduction,
}

impl Classes {
    pub(super) fn output(&self, op: &'static str, x: &[&Tensor]) -> Result<Output> {
        check_classes(op, x[0], x[1], self.ignore_index)?;
        let shape =
            if self.reduction == Reduction::None { x[1].shape_ref().clone() } else { Shape::default() };
        Ok(Output::New(shape, x[0].dtype()))
    }

    /// What the sum of the losses is divided by.
    pub(super) fn divisor(&self, target: &Tensor, weight: Option<&Tensor>) -> f64 {
        match self.reduction {
            Reduction::Mean => counted(target, self.ignore_index, weight),
            _ => 1.0,
        }
    }

    /// Runs `losses` on the rows, and reduces.
    pub(super) fn forward<T: Float + Element>(
        &self,
        x: &[&Tensor],
        out: &mut [T],
        losses: impl FnOnce(&[T], Targets<'_, T>, usize, &mut [T]),
    ) {
        let (scores, target, weight) = (x[0].contiguous(), x[1].contiguous(), x.get(2));
        let (scores_view, classes, weights) =
            (scores.view::<T>(), target.view::<i64>(), weight.map(|w| w.view::<T>()));
        let targets = Targets {
            classes: &classes,
            ignore: self.ignore_index,
            weight: weights.as_ref().map(|w| w.slice()),
        };
        if self.reduction == Reduction::None {
            return losses(scores_view.slice(), targets, scores.size(-1), out);
        }
        let mut each = vec![T::default(); target.numel()];
        losses(scores_view.slice(), targets, scores.size(-1), &mut each);
        reduce::reduce(reduce::Sum, &each, [1, each.len(), 1], out);
        out[0] = out[0] / T::lit(self.divisor(&target, weight.copied()));
    }

    /// Which scores the targets are, (N, C) or (C), and what each row's gradient is to be multiplied with, (N, 1) or
    /// (1), as tensors.
    pub(super) fn hot_and_scale(&self, ctx: &Context<'_>, classes: usize) -> (Tensor, Tensor) {
        let (target, weight) = (ctx.input(1), ctx.saved_input(2));
        let scale = ctx.grad() / self.divisor(target, weight);
        let scale = if scale.ndim() == target.ndim() { scale.unsqueeze(-1) } else { scale };
        let hot = target.unsqueeze(-1).eq(Tensor::arange(0, classes as i64, 1)).to_dtype(scale.dtype());
        let scale = weight.map_or(scale.clone(), |w| (&hot * w).sum_dim(-1, true) * &scale);
        // Not times 0: where nothing counts, the divisor is 0.
        let zero = Tensor::full_as(0.0, (), scale.dtype());
        let scale = Tensor::where_(&target.ne(self.ignore_index).unsqueeze(-1), &scale, &zero);
        (hot, scale)
    }

    /// The gradient of the scores, by `run` on rows: the targets, each row's scale, the result.
    pub(super) fn gradient<T: Float + Element>(
        &self,
        ctx: &Context<'_>,
        out: &mut [T],
        run: impl FnOnce(Targets<'_, T>, &(dyn Fn(usize) -> T + Sync), &mut [T]),
    ) {
        let (target, weight, g) = (ctx.input(1).contiguous(), ctx.saved_input(2), ctx.grad());
        let scale = (g / self.divisor(&target, weight)).contiguous();
        let (classes, weights, scales) =
            (target.view::<i64>(), weight.map(|w| w.view::<T>()), scale.view::<T>());
        let targets = Targets {
            classes: &classes,
            ignore: self.ignore_index,
            weight: weights.as_ref().map(|w| w.slice()),
        };
        let (scales, step) = (scales.slice(), usize::from(g.ndim() > 0));
        run(targets, &|i| scales[i * step], out);
    }
}

/// The gradient of the scores; neither targets nor weights have one.
pub(super) fn only_first(gradient: Tensor, ctx: &Context<'_>) -> Gradients {
    let rest = (1..ctx.input_count()).map(|_| None);
    [Some(gradient)].into_iter().chain(rest).collect()
}

/// `torch.nn.functional.nll_loss` of rows.
struct NllLoss(Classes);

impl Op for NllLoss {
    fn name(&self) -> &'static str {
        "nll_loss"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        self.0.output("nll_loss", x)
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        dispatch_float!(x[0].dtype(), T => self.0.forward::<T>(x, out[0].slice(), nll));
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1, 2])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let shape = ctx.input_shape(0);
        let classes = shape[shape.len() - 1];
        if is_grad_enabled() {
            let (hot, scale) = self.0.hot_and_scale(ctx, classes);
            return only_first(-hot * scale, ctx);
        }
        let gradient = Tensor::compute(&shape[..], ctx.grad().dtype(), |out| {
            dispatch_float!(ctx.grad().dtype(), T => {
                self.0.gradient::<T>(ctx, out.slice(), |targets, scale, out| nll_backward(targets, classes, scale, out));
            });
        });
        only_first(gradient, ctx)
    }
}

impl Tensor {
    /// `−weight[target[i]] · x[i, target[i]]` of log-probabilities, reduced: the mean divides by the sum of the targets'
    /// weights. Where the target is `ignore_index` it counts neither above nor below. The weight gets no gradient.
    ///
    /// Shapes: log-probabilities (N, C), (C) or (N, C, d₁, …) with class indices (N), () or (N, d₁, …).
    /// [`torch.nn.functional.nll_loss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html).
    ///
    /// # Panics
    /// If the shapes do not fit, the targets are not `i64`, or one is neither a class nor `ignore_index`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[-1.0, -2.0], [-3.0, -0.5]];
    /// assert_eq!(x.nll_loss(&tensor![0, 1], Default::default()).item::<f32>(), 0.75);
    /// ```
    #[track_caller]
    pub fn nll_loss(&self, target: &Tensor, options: NllLossOptions) -> Tensor {
        let NllLossOptions { weight, ignore_index, reduction } = options;
        let weight = class_weights("nll_loss", weight.as_ref(), self);
        by_rows("nll_loss", self, target, reduction, |x, t, reduction| {
            let op = NllLoss(Classes { ignore_index, reduction });
            match &weight {
                Some(weight) => apply(op, &[x, t, weight]),
                None => apply(op, &[x, t]),
            }
        })
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.nll_loss", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let weight = a.opt("weight")?;
    let ignore_index = a.key("ignore_index")?.unwrap_or(-100);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.nll_loss(&target, NllLossOptions { weight, ignore_index, reduction }))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[5, 3]), integers(1, 3, &[5])];
    let with = |weight: Option<&Tensor>, reduction, ignore_index| NllLossOptions {
        weight: weight.cloned(),
        ignore_index,
        reduction,
    };
    let weighted = || [normal(6, &[5, 3]).t(), integers(7, 5, &[3]), &integers(8, 5, &[5]) + 1];
    vec![
        sample("F.nll_loss(x0, x1)", x(), |x| x[0].nll_loss(&x[1], Default::default())),
        sample("F.nll_loss(x0, x1, reduction='sum')", x(), move |x| {
            x[0].nll_loss(&x[1], with(None, Reduction::Sum, -100))
        }),
        sample("F.nll_loss(x0, x1, reduction='none', ignore_index=1)", x(), move |x| {
            x[0].nll_loss(&x[1], with(None, Reduction::None, 1))
        }),
        sample("F.nll_loss(x0, x1, ignore_index=2)", x(), move |x| {
            x[0].nll_loss(&x[1], with(None, Reduction::Mean, 2))
        }),
        sample("F.nll_loss(x0, x1)", [normal(2, &[4]), integers(3, 4, &[])], |x| {
            x[0].nll_loss(&x[1], Default::default())
        }),
        sample(
            "F.nll_loss(x0, x1, reduction='none')",
            [normal(4, &[2, 3, 4]), integers(5, 3, &[2, 4])],
            move |x| x[0].nll_loss(&x[1], with(None, Reduction::None, -100)),
        ),
        sample("F.nll_loss(x0, x1, x2.to(x0.dtype))", weighted(), move |x| {
            x[0].nll_loss(&x[1], with(Some(&x[2].to_dtype(x[0].dtype())), Reduction::Mean, -100))
        }),
        sample("F.nll_loss(x0, x1, x2.to(x0.dtype), reduction='none')", weighted(), move |x| {
            x[0].nll_loss(&x[1], with(Some(&x[2].to_dtype(x[0].dtype())), Reduction::None, -100))
        }),
        sample(
            "F.nll_loss(x0, x1, x2.to(x0.dtype), ignore_index=1)",
            [normal(4, &[2, 3, 4, 2]), integers(5, 3, &[2, 4, 2]), &integers(9, 5, &[3]) + 1],
            move |x| x[0].nll_loss(&x[1], with(Some(&x[2].to_dtype(x[0].dtype())), Reduction::Mean, 1)),
        ),
    ]
}
