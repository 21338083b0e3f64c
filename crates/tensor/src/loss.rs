//! What losses have in common.

use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::op::{Fresh, Mask, Op, Output, Saves, ensure, no_memory, unwrap};
use crate::pointwise::{Formula, Pointwise, choose, compute, pointwise, recorded, try_apply_as};
use crate::shape::{Shape, broadcast_shape};
use crate::{DType, Element, Error, Result, Tensor};
use flambeau_kernels::pointwise::{Map, Rows, map_sum};
use flambeau_kernels::{Float, dispatch_float};

pub use crate::ops::binary_cross_entropy::BinaryCrossEntropyOptions;
pub use crate::ops::binary_cross_entropy_with_logits::BinaryCrossEntropyWithLogitsOptions;
pub use crate::ops::cross_entropy::CrossEntropyOptions;
pub use crate::ops::gaussian_nll_loss::GaussianNllLossOptions;
pub use crate::ops::nll_loss::NllLossOptions;
pub use crate::ops::poisson_nll_loss::PoissonNllLossOptions;
pub use crate::ops::triplet_margin_loss::TripletMarginLossOptions;

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
    /// Their sum divided by the number of examples, the size of the first dimension. PyTorch has it for `kl_div` alone.
    BatchMean,
}

impl Reduction {
    /// By PyTorch's name: "none", "mean" (also without a name), "sum" or "batchmean".
    pub(crate) fn by_name(name: Option<&str>) -> Result<Reduction> {
        match name.unwrap_or("mean") {
            "none" => Ok(Reduction::None),
            "mean" => Ok(Reduction::Mean),
            "sum" => Ok(Reduction::Sum),
            "batchmean" => Ok(Reduction::BatchMean),
            other => Err(Error::op(
                "call",
                format!("reduction {other:?}; it is \"none\", \"mean\", \"sum\" or \"batchmean\""),
            )),
        }
    }

    /// What a sum of losses of this shape is divided by.
    fn divisor(self, losses: &Shape) -> f64 {
        match self {
            Reduction::Mean => losses.numel() as f64,
            Reduction::BatchMean => losses.first().map_or(1.0, |&n| n as f64),
            Reduction::None | Reduction::Sum => 1.0,
        }
    }
}

/// Reduces the losses of the examples.
#[track_caller]
pub(crate) fn reduce(losses: &Tensor, reduction: Reduction) -> Tensor {
    match reduction {
        Reduction::None => losses.clone(),
        Reduction::Sum => losses.sum(),
        Reduction::Mean => losses.mean(),
        Reduction::BatchMean => losses.sum() / reduction.divisor(losses.shape_ref()),
    }
}

/// Losses times weights, which broadcast to them.
#[track_caller]
pub(crate) fn weighted(op: &'static str, losses: &Tensor, weight: &Tensor) -> Tensor {
    unwrap(fits_into(op, "weight", weight.shape_ref(), losses.shape_ref()));
    losses * weight
}

/// Refuses a shape that does not broadcast to another.
pub(crate) fn fits_into(op: &'static str, what: &str, shape: &Shape, target: &Shape) -> Result<()> {
    match broadcast_shape(op, &[shape, target]) {
        Ok(both) if both == *target => Ok(()),
        _ => {
            Err(Error::op(op, format!("{what} {shape:?} does not broadcast to the input's shape {target:?}")))
        }
    }
}

/// A pointwise formula of operands that broadcast, reduced; neither pass stores what is not asked for.
#[track_caller]
pub(crate) fn pointwise_loss<const N: usize, P: Pointwise<N>>(
    p: P,
    x: [&Tensor; N],
    reduction: Reduction,
) -> Tensor {
    if reduction == Reduction::None {
        return pointwise(p, x);
    }
    let mut outputs = unwrap(try_apply_as(false, Reduced::<P, N> { p, reduction }, x));
    outputs.pop().unwrap_or_else(|| unreachable!("an op has an output"))
}

struct Reduced<P, const N: usize> {
    p: P,
    reduction: Reduction,
}

/// ∂f/∂xᵢ times a gradient that is the same for all elements.
#[derive(Clone, Copy)]
struct Slope<P, T> {
    p: P,
    wrt: usize,
    g: T,
}
impl<const N: usize, P: Pointwise<N>, T: Float> Map<N, T, T> for Slope<P, T> {
    #[inline(always)]
    fn apply(&self, x: [T; N]) -> T {
        choose(self.p.df(self.g, x, self.g), self.wrt)
    }
}

fn sum<const N: usize, T: Element>(f: &dyn Rows<N, T, T>, x: &[&Tensor], shape: &Shape) -> T {
    let views: [_; N] = std::array::from_fn(|i| x[i].view_as::<T>(shape));
    map_sum(f, views.each_ref().map(|v| v.strided()), shape)
}

impl<const N: usize, P: Pointwise<N>> Op for Reduced<P, N> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        N..=N
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let shape = broadcast_shape(P::NAME, x)?;
        let (n, dtype) = (shape.numel(), x[0].dtype());
        // The single losses are not stored, but more than memory could hold would take hours.
        if n > 1 << 24 && Vec::<u8>::new().try_reserve_exact(n.saturating_mul(dtype.size())).is_err() {
            return Err(no_memory(P::NAME, &shape, dtype));
        }
        Ok(Output::New(Shape::default(), dtype))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let shape = unwrap(broadcast_shape(P::NAME, x));
        let divisor = self.reduction.divisor(&shape);
        dispatch_float!(x[0].dtype(), T => {
            out[0].slice::<T>()[0] = sum::<N, T>(&Formula(self.p), x, &shape) / T::from_f64(divisor);
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::ALL_INPUTS
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let x: [&Tensor; N] = std::array::from_fn(|i| ctx.input(i));
        let shape = unwrap(broadcast_shape(P::NAME, &x));
        let g = ctx.grad() / self.reduction.divisor(&shape);
        if is_grad_enabled() {
            let g = g.expand(&shape);
            return recorded(self.p, ctx, &g, x, &g);
        }
        let gradient = |wrt| {
            Tensor::compute(&shape[..], g.dtype(), |out| {
                dispatch_float!(g.dtype(), T => {
                    let slope = Slope { p: self.p, wrt, g: g.item::<T>() };
                    compute::<N, T>(&slope, &x, out);
                });
            })
        };
        (0..N).map(|i| ctx.needs(i).then(|| gradient(i))).collect()
    }
}

/// Refuses an input and a target of different shapes, which PyTorch broadcasts with a warning: (n, 1) beside (n)
/// gives n² losses, and a mean that looks like a loss.
#[track_caller]
pub(crate) fn same_shape(op: &'static str, input: &Tensor, target: &Tensor) {
    ensure!(
        input.shape() == target.shape(),
        op,
        "input {:?} with target {:?}: the shapes differ; reshape one (squeeze, unsqueeze), or broadcast them yourself with \
         broadcast_to if you mean every combination",
        input.shape(),
        target.shape()
    );
}

/// Refuses anything but floating-point numbers.
#[track_caller]
pub(crate) fn float(op: &'static str, input: &Tensor) {
    ensure!(
        input.dtype().is_float(),
        op,
        "an input of {}; it must be floating-point: use to_dtype",
        input.dtype()
    );
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

/// One weight for each of `classes`, in the dtype of the input and without gradient, or none.
#[track_caller]
pub(crate) fn class_weights(op: &'static str, weight: Option<&Tensor>, x: &Tensor) -> Option<Tensor> {
    let weight = weight?;
    let classes = if x.ndim() < 2 { x.numel() } else { x.size(1) };
    ensure!(
        weight.shape() == [classes] && weight.dtype().is_float(),
        op,
        "weight {:?} of {} for {classes} classes; it takes one floating-point weight for each",
        weight.shape(),
        weight.dtype()
    );
    Some(weight.detach().to_dtype(x.dtype()).contiguous())
}

/// What the losses of rows are divided by: the weights of the targets that count.
pub(crate) fn counted(target: &Tensor, ignore_index: i64, weight: Option<&Tensor>) -> f64 {
    let target = target.detach().contiguous();
    let targets = target.view::<i64>();
    let mut counts = targets.iter().filter(|&&t| t != ignore_index);
    match weight {
        None => counts.count() as f64,
        Some(weight) => {
            let weight = weight.to_dtype(DType::F64);
            let weight = weight.view::<f64>();
            let weight = weight.slice();
            counts.by_ref().map(|&t| weight[t as usize]).sum()
        }
    }
}

/// Computes a loss of class scores (N, C, d₁, …) with targets (N, d₁, …) by a function that takes (N·d₁·…, C) and
/// (N·d₁·…), or (C) and (); the reduction that it is given is never `BatchMean`.
#[track_caller]
pub(crate) fn by_rows(
    op: &'static str,
    x: &Tensor,
    target: &Tensor,
    reduction: Reduction,
    loss: impl FnOnce(&Tensor, &Tensor, Reduction) -> Tensor,
) -> Tensor {
    if reduction == Reduction::BatchMean {
        let batch = if x.ndim() < 2 { 1.0 } else { x.size(0) as f64 };
        return by_rows(op, x, target, Reduction::Sum, loss) / batch;
    }
    if x.ndim() <= 2 {
        return loss(x, target, reduction);
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
    let losses = loss(&rows(x), &target.reshape([-1]), reduction);
    if reduction == Reduction::None { losses.reshape(target.shape()) } else { losses }
}

/// (N, C, d₁, …) as (N·d₁·…, C): classes last, everything else in one row of examples.
#[track_caller]
pub(crate) fn rows(x: &Tensor) -> Tensor {
    if x.ndim() <= 2 {
        return x.clone();
    }
    let order: Vec<usize> = [0].into_iter().chain(2..x.ndim()).chain([1]).collect();
    let examples = [&x.shape()[..1], &x.shape()[2..]].concat();
    x.permute(order).reshape([flambeau_kernels::strided::numel(&examples), x.size(1)])
}
