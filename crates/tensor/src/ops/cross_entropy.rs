//! Cross-entropy from logits, fused with the softmax.

use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::Calls;
use crate::loss::{CrossEntropyOptions, Reduction, by_rows, check_classes};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Result, Tensor};
use flambeau_kernels::{Num, dispatch_float, loss, reduce};
use smallvec::smallvec;

/// `torch.nn.functional.cross_entropy` of logits (N, C) with class indices (N).
struct CrossEntropy(CrossEntropyOptions);

impl CrossEntropy {
    /// What the sum of the losses is divided by.
    fn divisor(&self, target: &Tensor) -> f64 {
        match self.0.reduction {
            Reduction::Mean => {
                target.view::<i64>().iter().filter(|&&t| t != self.0.ignore_index).count() as f64
            }
            _ => 1.0,
        }
    }
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        check_classes("cross_entropy", x[0], x[1], self.0.ignore_index)?;
        let shape =
            if self.0.reduction == Reduction::None { x[1].shape_ref().clone() } else { Shape::default() };
        Ok(Output::New(shape, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, target) = (x[0].contiguous(), x[1].contiguous());
        let (n, classes) = (target.numel(), x.size(-1));
        dispatch_float!(x.dtype(), T => {
            let (x, targets) = (x.view::<T>(), target.view::<i64>());
            let out = out[0].slice::<T>();
            if self.0.reduction == Reduction::None {
                loss::cross_entropy(x.slice(), &targets, self.0.ignore_index, classes, out);
            } else {
                let mut losses = vec![T::default(); n];
                loss::cross_entropy(x.slice(), &targets, self.0.ignore_index, classes, &mut losses);
                reduce::reduce(reduce::Sum, &losses, [1, n, 1], out);
                out[0] /= T::lit(self.divisor(&target));
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0, 1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (x, target, g) = (ctx.input(0), ctx.input(1).contiguous(), ctx.grad());
        let scale = g / self.divisor(&target);
        let ignore = self.0.ignore_index;
        if is_grad_enabled() {
            let hot = target.unsqueeze(-1).eq(Tensor::arange(0, x.size(-1) as i64, 1)).to_dtype(x.dtype());
            let counts = target.ne(ignore).unsqueeze(-1);
            let scale = if g.ndim() == 0 { scale } else { scale.unsqueeze(-1) };
            let zero = Tensor::full_as(0.0, (), x.dtype());
            return smallvec![Some(Tensor::where_(&counts, &((x.softmax(-1) - hot) * scale), &zero)), None];
        }
        let (x, scale, step) = (x.contiguous(), scale.contiguous(), usize::from(g.ndim() > 0));
        let gradient = Tensor::compute(x.shape(), x.dtype(), |out| {
            dispatch_float!(x.dtype(), T => {
                let (scale, classes) = (scale.view::<T>(), x.size(-1));
                let scale = scale.slice();
                let (x, target) = (x.view::<T>(), target.view::<i64>());
                loss::cross_entropy_backward(x.slice(), &target, ignore, classes, |i| scale[i * step], out.slice());
            });
        });
        smallvec![Some(gradient), None]
    }
}

impl Tensor {
    /// `log Σⱼ exp(x[i, j]) − x[i, target[i]]` of logits (not probabilities: softmax is part of it), reduced.
    ///
    /// Shapes: logits (N, C), (C) or (N, C, d₁, …) with class indices (N), () or (N, d₁, …).
    /// [`torch.nn.functional.cross_entropy`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html).
    ///
    /// # Panics
    /// If the shapes do not fit, the targets are not `i64`, or one is neither a class nor `ignore_index`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let loss = tensor![[0.0, 0.0], [50.0, 0.0]].cross_entropy(&tensor![1, 0], Default::default());
    /// assert_eq!(loss.item::<f32>(), 2f32.ln() / 2.0);
    /// ```
    #[track_caller]
    pub fn cross_entropy(&self, target: &Tensor, options: CrossEntropyOptions) -> Tensor {
        by_rows("cross_entropy", self, target, options.reduction, |x, t| {
            apply(CrossEntropy(options), &[x, t])
        })
    }
}

pub(crate) const CALLS: Calls = &[("nn.functional.cross_entropy", |a| {
    let (x, target): (Tensor, Tensor) = (a.get("input")?, a.get("target")?);
    let ignore_index = a.key("ignore_index")?.unwrap_or(-100);
    let reduction = Reduction::by_name(a.key("reduction")?)?;
    a.done(x.cross_entropy(&target, CrossEntropyOptions { reduction, ignore_index }))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[5, 3]), integers(1, 3, &[5])];
    let with = |reduction, ignore_index| CrossEntropyOptions { reduction, ignore_index };
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
    ]
}
