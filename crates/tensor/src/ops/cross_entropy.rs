//! Cross-entropy from logits, fused with the softmax.

use super::nll_loss::{Classes, only_first};
use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::Calls;
use crate::loss::{Reduction, by_rows, check_classes, class_weights, counted, float, reduce, rows};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, ensure, unwrap};
use crate::testing::{Sample, integers, normal, positive, sample};
use crate::{Element, Result, Tensor};
use flambeau_kernels::{dispatch_float, loss};
use smallvec::smallvec;
use std::sync::{Mutex, PoisonError};

const OP: &str = "cross_entropy";

/// The options of [`Tensor::cross_entropy`].
#[derive(Clone)]
pub struct CrossEntropyOptions {
    /// What the examples of each class count; (C). Default: all the same.
    pub weight: Option<Tensor>,
    /// A target that marks an example to be left out; for class indices alone. Default: −100.
    pub ignore_index: i64,
    /// How the losses of the examples become one. Default: their mean.
    pub reduction: Reduction,
    /// The part of each target, 0 to 1, that is spread evenly over all classes. Default: 0.
    pub label_smoothing: f64,
}

impl Default for CrossEntropyOptions {
    fn default() -> Self {
        CrossEntropyOptions {
            weight: None,
            ignore_index: -100,
            reduction: Reduction::Mean,
            label_smoothing: 0.0,
        }
    }
}

/// Of logits (N, C) or (C) with class indices (N) or (), and perhaps a weight (C).
struct CrossEntropy {
    rows: Classes,
    /// Whether to compute the gradient of the reduced loss together with it: the exponentials are those of the loss.
    ahead: bool,
    /// That gradient, for the first backward pass.
    gradient: Mutex<Option<Tensor>>,
}

impl CrossEntropy {
    fn keep(&self, gradient: Option<Tensor>) -> Option<Tensor> {
        std::mem::replace(&mut self.gradient.lock().unwrap_or_else(PoisonError::into_inner), gradient)
    }
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        OP
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        self.rows.output(OP, x)
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        dispatch_float!(x[0].dtype(), T => {
            self.rows.forward::<T>(x, out[0].slice(), |scores, targets, classes, each| {
                if !self.ahead {
                    return loss::cross_entropy(scores, targets, classes, each);
                }
                let scale = T::from_f64(1.0 / self.rows.divisor(x[1], x.get(2).copied()));
                let gradient = Tensor::compute(x[0].shape(), x[0].dtype(), |out| {
                    loss::cross_entropy_with_gradient(scores, targets, classes, scale, each, out.slice());
                });
                self.keep(Some(gradient));
            });
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0, 1, 2])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let x = ctx.input(0);
        if is_grad_enabled() {
            let (hot, scale) = self.rows.hot_and_scale(ctx, x.size(-1));
            return only_first((x.softmax(-1) - hot) * scale, ctx);
        }
        if let Some(gradient) = self.keep(None) {
            let one = ctx.grad().eq(1.0).item::<bool>();
            return only_first(if one { gradient } else { gradient * ctx.grad() }, ctx);
        }
        let (x, classes) = (x.contiguous(), x.size(-1));
        let gradient = Tensor::compute(x.shape(), x.dtype(), |out| {
            dispatch_float!(x.dtype(), T => self.rows.gradient::<T>(ctx, out.slice(), |targets, scale, out| {
                loss::cross_entropy_backward(x.view::<T>().slice(), targets, classes, scale, out);
            }));
        });
        only_first(gradient, ctx)
    }
}

/// Σⱼ q\[i, j\] · (log Σₖ exp(x\[i, k\]) − x\[i, j\]) of logits x and weights q, both (N, C).
struct SoftCrossEntropy;

impl Op for SoftCrossEntropy {
    fn name(&self) -> &'static str {
        OP
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New([x[0].size(0)].into(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, q) = (x[0].contiguous(), x[1].contiguous());
        dispatch_float!(x.dtype(), T => {
            loss::soft_cross_entropy(x.view::<T>().slice(), q.view::<T>().slice(), x.size(1), out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0, 1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (x, q, g) = (ctx.input(0), ctx.input(1), ctx.grad());
        let dx = || {
            if is_grad_enabled() {
                return (x.softmax(1) * q.sum_dim(1, true) - q) * g.unsqueeze(1);
            }
            let (x, q, g) = (x.contiguous(), q.contiguous(), g.contiguous());
            Tensor::compute(x.shape(), x.dtype(), |out| {
                dispatch_float!(x.dtype(), T => {
                    let (x_view, q, g) = (x.view::<T>(), q.view::<T>(), g.view::<T>());
                    let (rows, q, g) = (x_view.slice(), q.slice(), g.slice());
                    loss::soft_cross_entropy_backward(rows, q, g, x.size(1), out.slice());
                });
            })
        };
        smallvec![ctx.needs(0).then(dx), ctx.needs(1).then(|| -x.log_softmax(1) * g.unsqueeze(1))]
    }
}

/// The losses of rows of logits with rows of weights; (C) is one row.
#[track_caller]
fn soft(x: &Tensor, q: &Tensor) -> Tensor {
    let one = x.ndim() == 1;
    let row = |x: &Tensor| if one { x.unsqueeze(0) } else { rows(x) };
    let losses = apply(SoftCrossEntropy, &[&row(x), &row(&q.to_dtype(x.dtype()))]);
    if one { losses.squeeze(0) } else { losses }
}

impl Tensor {
    /// `log Σⱼ exp(x[i, j]) − x[i, target[i]]` of logits (not probabilities: softmax is part of it), times the target's
    /// weight, reduced; the mean divides by the sum of the targets' weights. The weight gets no gradient.
    ///
    /// A floating-point target of the logits' shape holds a probability for each class:
    /// `Σⱼ weight[j] · target[i, j] · (log Σₖ exp(x[i, k]) − x[i, j])`, and the mean divides by the number of examples.
    ///
    /// Shapes: logits (N, C), (C) or (N, C, d₁, …) with class indices (N), () or (N, d₁, …), or with probabilities of the
    /// same shape.
    /// [`torch.nn.functional.cross_entropy`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html);
    /// label smoothing: [Szegedy et al. 2015](https://arxiv.org/abs/1512.00567).
    ///
    /// # Panics
    /// If the shapes do not fit, class indices are not `i64`, one is neither a class nor `ignore_index`, or
    /// `label_smoothing` is not within 0 to 1.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let loss = tensor![[0.0, 0.0], [50.0, 0.0]].cross_entropy(&tensor![1, 0], Default::default());
    /// assert_eq!(loss.item::<f32>(), 2f32.ln() / 2.0);
    /// let loss = tensor![[0.0, 0.0]].cross_entropy(&tensor![[0.5, 0.5]], Default::default());
    /// assert_eq!(loss.item::<f32>(), 2f32.ln());
    /// ```
    #[track_caller]
    pub fn cross_entropy(&self, target: &Tensor, options: CrossEntropyOptions) -> Tensor {
        let CrossEntropyOptions { weight, ignore_index, reduction, label_smoothing } = options;
        ensure!(
            (0.0..=1.0).contains(&label_smoothing),
            OP,
            "label_smoothing {label_smoothing}; it is a part, from 0 to 1"
        );
        let weight = class_weights(OP, weight.as_ref(), self);
        if target.dtype().is_float() && target.shape() == self.shape() {
            return self.cross_entropy_of_probabilities(
                target,
                weight,
                ignore_index,
                reduction,
                label_smoothing,
            );
        }
        by_rows(OP, self, target, reduction, |x, t, reduction| {
            if label_smoothing == 0.0 {
                let ahead = reduction != Reduction::None && x.requires_grad() && is_grad_enabled();
                let rows = Classes { ignore_index, reduction };
                let op = CrossEntropy { rows, ahead, gradient: Mutex::new(None) };
                return match &weight {
                    Some(weight) => apply(op, &[x, t, weight]),
                    None => apply(op, &[x, t]),
                };
            }
            unwrap(check_classes(OP, x, t, ignore_index));
            let classes = x.size(-1);
            let hot = t.unsqueeze(-1).eq(Tensor::arange(0, classes as i64, 1)).to_dtype(x.dtype());
            let q = hot * (1.0 - label_smoothing) + label_smoothing / classes as f64;
            let q = weight.as_ref().map_or(q.clone(), |w| q * w);
            let q = q * t.ne(ignore_index).unsqueeze(-1).to_dtype(x.dtype());
            let losses = soft(x, &q);
            match reduction {
                Reduction::Mean => losses.sum() / counted(t, ignore_index, weight.as_ref()),
                reduction => reduce(&losses, reduction),
            }
        })
    }

    #[track_caller]
    fn cross_entropy_of_probabilities(
        &self,
        target: &Tensor,
        weight: Option<Tensor>,
        ignore_index: i64,
        reduction: Reduction,
        label_smoothing: f64,
    ) -> Tensor {
        float(OP, self);
        ensure!(self.ndim() > 0, OP, "a 0-d input; it holds logits (C), (N, C) or (N, C, d…)");
        ensure!(
            ignore_index < 0,
            OP,
            "ignore_index {ignore_index} beside probabilities; it is for class indices, so make the rows to ignore 0"
        );
        let dim = usize::from(self.ndim() > 1);
        let q = match label_smoothing {
            0.0 => target.clone(),
            smoothing => target * (1.0 - smoothing) + smoothing / self.shape()[dim] as f64,
        };
        let q = weight.map_or(q.clone(), |weight| {
            let mut shape = vec![1; self.ndim()];
            shape[dim] = self.shape()[dim];
            q * weight.reshape(shape)
        });
        let losses = soft(self, &q);
        match reduction {
            Reduction::None if self.ndim() > 2 => {
                losses.reshape([&self.shape()[..1], &self.shape()[2..]].concat())
            }
            Reduction::BatchMean if self.ndim() > 2 => losses.sum() / self.size(0) as f64,
            reduction => reduce(&losses, reduction),
        }
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.cross_entropy", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let weight = a.opt("weight")?;
    let ignore_index = a.key("ignore_index")?.unwrap_or(-100);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    let label_smoothing = a.key("label_smoothing")?.unwrap_or(0.0);
    a.done(x.cross_entropy(&target, CrossEntropyOptions { weight, ignore_index, reduction, label_smoothing }))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[5, 3]), integers(1, 3, &[5])];
    let default = CrossEntropyOptions::default;
    let with = move |reduction, ignore_index| CrossEntropyOptions { reduction, ignore_index, ..default() };
    let full = |weight: &Tensor, reduction, ignore_index, label_smoothing| CrossEntropyOptions {
        weight: Some(weight.clone()),
        ignore_index,
        reduction,
        label_smoothing,
    };
    let weighted = || [normal(8, &[3, 4]), integers(9, 4, &[3]), &integers(10, 5, &[4]) + 1];
    let images = || [normal(6, &[2, 3, 4, 2]), integers(7, 3, &[2, 4, 2]), &integers(11, 5, &[3]) + 1];
    let soft = || [normal(12, &[2, 3, 4]), positive(13, &[2, 3, 4]), &integers(14, 5, &[3]) + 1];
    vec![
        sample("F.cross_entropy(x0, x1)", x(), |x| x[0].cross_entropy(&x[1], Default::default())),
        sample("F.cross_entropy(x0, x1, reduction='sum', ignore_index=0)", x(), move |x| {
            x[0].cross_entropy(&x[1], with(Reduction::Sum, 0))
        }),
        sample("F.cross_entropy(x0, x1, reduction='none', ignore_index=2)", x(), move |x| {
            x[0].cross_entropy(&x[1], with(Reduction::None, 2))
        }),
        sample("F.cross_entropy(x0, x1, ignore_index=1)", x(), move |x| {
            x[0].cross_entropy(&x[1], with(Reduction::Mean, 1))
        }),
        sample("F.cross_entropy(x0 * 1e4, x1)", [normal(2, &[4, 50]), integers(3, 50, &[4])], |x| {
            (&x[0] * 1e4).cross_entropy(&x[1], Default::default())
        }),
        sample("F.cross_entropy(x0, x1)", [normal(4, &[6]), integers(5, 6, &[])], |x| {
            x[0].cross_entropy(&x[1], Default::default())
        }),
        sample("F.cross_entropy(x0, x1)", [normal(6, &[2, 3, 4]), integers(7, 3, &[2, 4])], |x| {
            x[0].cross_entropy(&x[1], Default::default())
        }),
        sample("F.cross_entropy(x0, x1, x2.to(x0.dtype))", weighted(), move |x| {
            x[0].cross_entropy(&x[1], full(&x[2].to_dtype(x[0].dtype()), Reduction::Mean, -100, 0.0))
        }),
        sample("F.cross_entropy(x0, x1, x2.to(x0.dtype), reduction='none')", images(), move |x| {
            x[0].cross_entropy(&x[1], full(&x[2].to_dtype(x[0].dtype()), Reduction::None, -100, 0.0))
        }),
        sample(
            "F.cross_entropy(x0, x1, x2.to(x0.dtype), ignore_index=2, label_smoothing=0.1)",
            weighted(),
            move |x| x[0].cross_entropy(&x[1], full(&x[2].to_dtype(x[0].dtype()), Reduction::Mean, 2, 0.1)),
        ),
        sample("F.cross_entropy(x0, x1, reduction='none', label_smoothing=0.3)", images(), move |x| {
            let options = CrossEntropyOptions { label_smoothing: 0.3, ..with(Reduction::None, -100) };
            x[0].cross_entropy(&x[1], options)
        }),
        sample(
            "F.cross_entropy(x0, x1, label_smoothing=0.2)",
            [normal(4, &[6]), integers(5, 6, &[])],
            move |x| x[0].cross_entropy(&x[1], CrossEntropyOptions { label_smoothing: 0.2, ..default() }),
        ),
        sample("F.cross_entropy(x0, x1)", [normal(15, &[3, 40]), positive(16, &[3, 40])], |x| {
            x[0].cross_entropy(&x[1], Default::default())
        }),
        sample("F.cross_entropy(x0, x1)", [normal(15, &[5]), positive(16, &[5])], |x| {
            x[0].cross_entropy(&x[1], Default::default())
        }),
        sample("F.cross_entropy(x0, x1, x2.to(x0.dtype), label_smoothing=0.1)", soft(), move |x| {
            x[0].cross_entropy(&x[1], full(&x[2].to_dtype(x[0].dtype()), Reduction::Mean, -100, 0.1))
        }),
        sample("F.cross_entropy(x0, x1, x2.to(x0.dtype), reduction='none')", soft(), move |x| {
            x[0].cross_entropy(&x[1], full(&x[2].to_dtype(x[0].dtype()), Reduction::None, -100, 0.0))
        }),
    ]
}
