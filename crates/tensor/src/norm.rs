//! What normalisations have in common.

use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, ensure};
use crate::ops::relu::relu_gradient;
use crate::shape::Shape;
use crate::{Error, Result, Tensor};
use flambeau_kernels::norm::{Moments, batch, group};
use flambeau_kernels::{Element, Float, Num, dispatch_float};
use std::sync::{Arc, OnceLock};

/// Which elements have a mean and a variance in common.
#[derive(Clone, Copy)]
pub(crate) enum Sets {
    /// All of a channel.
    Channels,
    /// Those of so many neighbouring channels of one row.
    Groups(usize),
    /// As `Groups`, with 0 in place of the mean.
    RootMeanSquare(usize),
}

/// A mean and a variance for each set, once they are known.
pub(crate) type Statistics = Arc<OnceLock<Vec<Moments>>>;

/// (x − mean) / √(variance + eps) · weight + bias over a block `[outer, channels, inner]`: x and perhaps a weight and
/// a bias for each channel.
pub(crate) struct Norm {
    pub(crate) name: &'static str,
    pub(crate) block: [usize; 3],
    pub(crate) sets: Sets,
    pub(crate) eps: f64,
    /// Given, or computed by the forward pass for the backward pass: too few numbers to be a tensor of their own.
    pub(crate) statistics: Statistics,
    /// Whether they are given, and so have no part in the gradient.
    pub(crate) fixed: bool,
    /// Whether `relu` follows, in the same pass; of channels alone.
    pub(crate) relu: bool,
}

impl Norm {
    /// From statistics of x itself.
    pub(crate) fn new(name: &'static str, block: [usize; 3], sets: Sets, eps: f64) -> Norm {
        Norm { name, block, sets, eps, statistics: Statistics::default(), fixed: false, relu: false }
    }

    /// Applies it to x, with a weight and a bias of this shape where there are any.
    #[track_caller]
    pub(crate) fn apply(
        self,
        x: &Tensor,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        shape: &[usize],
    ) -> Tensor {
        for (what, t) in [("weight", weight), ("bias", bias)] {
            let (op, of) = (self.name, x.shape());
            let got = t.map_or(shape, Tensor::shape);
            ensure!(
                got == shape,
                op,
                "the {what} has shape {got:?}; for an input {of:?} it must have {shape:?}"
            );
        }
        match (weight, bias) {
            (None, None) => apply(Affine { norm: self, weight: false }, &[x]),
            (Some(weight), None) => apply(Affine { norm: self, weight: true }, &[x, weight]),
            (None, Some(bias)) => apply(Affine { norm: self, weight: false }, &[x, bias]),
            (Some(weight), Some(bias)) => apply(Affine { norm: self, weight: true }, &[x, weight, bias]),
        }
    }

    fn groups(&self, per: usize, centered: bool) -> group::Groups {
        group::Groups { block: self.block, per, centered, eps: self.eps }
    }

    fn forward<T: Float>(&self, x: &[T], weight: &[T], bias: &[T], out: &mut [T]) {
        let (per, centered) = match self.sets {
            Sets::Channels => {
                let terms = [weight, bias];
                if let Some(statistics) = self.statistics.get() {
                    return batch::forward(x, self.block, statistics, self.eps, terms, self.relu, out);
                }
                let statistics = batch::train(x, self.block, self.eps, terms, self.relu, out);
                self.statistics.get_or_init(|| statistics);
                return;
            }
            Sets::Groups(per) => (per, true),
            Sets::RootMeanSquare(per) => (per, false),
        };
        let statistics = group::forward(x, self.groups(per, centered), weight, bias, out);
        self.statistics.get_or_init(|| statistics);
    }

    fn backward<T: Float>(&self, x: [&[T]; 2], weight: &[T], out: &mut [T]) -> [Vec<T>; 2] {
        let statistics =
            self.statistics.get().unwrap_or_else(|| unreachable!("the forward pass computed them"));
        let (per, centered) = match self.sets {
            Sets::Channels => {
                return batch::backward(x, self.block, statistics, self.eps, self.fixed, weight, out);
            }
            Sets::Groups(per) => (per, true),
            Sets::RootMeanSquare(per) => (per, false),
        };
        group::backward(x, self.groups(per, centered), statistics, weight, out)
    }

    /// The gradients of x, weight and bias by tensor ops.
    fn recorded(&self, x: &Tensor, g: &Tensor, weight: Option<&Tensor>) -> [Tensor; 3] {
        let [outer, channels, inner] = self.block;
        let of_sets = match self.sets {
            Sets::Channels => self.block,
            Sets::Groups(per) | Sets::RootMeanSquare(per) => [outer, channels / per, per * inner],
        };
        let mean = |x: &Tensor| match self.sets {
            Sets::Channels => x.mean_dim([0, 2], true),
            _ => x.mean_dim(2, true),
        };
        let centered = !matches!(self.sets, Sets::RootMeanSquare(_));
        let (values, g) = (x.reshape(of_sets), g.reshape(self.block));
        let (deviation, rstd) = match self.statistics.get().filter(|_| self.fixed) {
            Some(statistics) => {
                let column = |f: &dyn Fn(&Moments) -> f64| {
                    Tensor::from_vec(statistics.iter().map(f).collect::<Vec<f64>>(), [1, channels, 1])
                        .to_dtype(x.dtype())
                };
                (values - column(&|s| s.mean), column(&|s| s.rstd(self.eps)))
            }
            None => {
                let deviation = if centered { &values - mean(&values) } else { values };
                let rstd = (mean(&(&deviation * &deviation)) + self.eps).rsqrt();
                (deviation, rstd)
            }
        };
        let normal = deviation * &rstd;
        let scaled = match weight {
            Some(weight) => (&g * weight.reshape([1, channels, 1])).reshape(of_sets),
            None => g.reshape(of_sets),
        };
        let of_x = if self.fixed {
            scaled * rstd
        } else {
            let rest = &scaled - &normal * mean(&(&scaled * &normal));
            (if centered { rest - mean(&scaled) } else { rest }) * rstd
        };
        let of_weight = (&g * normal.reshape(self.block)).sum_dim([0, 2], false);
        [of_x, of_weight, g.sum_dim([0, 2], false)]
    }
}

/// [`Norm`] with its operands; the second is the weight if there is one, else the bias.
struct Affine {
    norm: Norm,
    weight: bool,
}

impl Affine {
    fn or<T: Float>(&self, x: Option<&Tensor>, default: f64) -> Vec<T> {
        x.map_or_else(|| vec![T::lit(default); self.norm.block[1]], |x| x.detach().to_vec::<T>())
    }
}

impl Op for Affine {
    fn name(&self) -> &'static str {
        self.norm.name
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        1..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        if !x[0].dtype().is_float() || x.iter().any(|t| t.dtype() != x[0].dtype()) {
            let dtypes: Vec<_> = x.iter().map(|t| t.dtype().name()).collect();
            let message =
                format!("dtypes {dtypes:?}; all must be the same floating-point dtype: use to_dtype");
            return Err(Error::op(self.name(), message));
        }
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let input = x[0].contiguous();
        if input.numel() == 0 {
            return;
        }
        let (weight, bias) = if self.weight { (x.get(1), x.get(2)) } else { (None, x.get(1)) };
        dispatch_float!(input.dtype(), T => {
            let (weight, bias) = (self.or::<T>(weight.copied(), 1.0), self.or::<T>(bias.copied(), 0.0));
            self.norm.forward(input.view::<T>().slice(), &weight, &bias, out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        let saves = if self.norm.relu { Saves::OUTPUT } else { Saves::NONE };
        saves.input_if(true, [0]).input_if(self.weight, [1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let masked = self.norm.relu.then(|| relu_gradient(ctx.grad(), &ctx.output()));
        let (x, g) = (ctx.input(0), masked.as_ref().unwrap_or(ctx.grad()));
        let weight = if self.weight { ctx.saved_input(1) } else { None };
        let gradients = if x.numel() == 0 {
            // Nothing to sum, and the sizes of an empty tensor may be too large for memory.
            let zeros = |i: usize| {
                let shape = if i < ctx.input_count() && ctx.needs(i) {
                    ctx.input_shape(i).clone()
                } else {
                    [0].into()
                };
                Tensor::full_as(0.0, shape, x.dtype())
            };
            [g.clone(), zeros(1), zeros(if self.weight { 2 } else { 1 })]
        } else if is_grad_enabled() {
            self.norm.recorded(x, g, weight)
        } else {
            let (x, g) = (x.contiguous(), g.contiguous());
            let mut rest = None;
            let of_x = Tensor::compute(x.shape(), x.dtype(), |out| {
                dispatch_float!(x.dtype(), T => {
                    let (x, g, weight) = (x.view::<T>(), g.view::<T>(), self.or::<T>(weight, 1.0));
                    let sums = self.norm.backward([x.slice(), g.slice()], &weight, out.slice());
                    rest = Some(sums.map(|sums| { let n = sums.len(); Tensor::from_vec(sums, [n]) }));
                });
            });
            let [of_weight, of_bias] = rest.unwrap_or_else(|| unreachable!("computed above"));
            [of_x, of_weight, of_bias]
        };
        let shaped = |i: usize, gradient: Tensor| {
            let shape: &Shape = ctx.input_shape(i);
            if gradient.shape() == &shape[..] { gradient } else { gradient.reshape(shape) }
        };
        let order = [true, self.weight, true];
        let present = gradients.into_iter().zip(order).filter(|(_, present)| *present).map(|(g, _)| g);
        present.take(ctx.input_count()).enumerate().map(|(i, g)| ctx.needs(i).then(|| shaped(i, g))).collect()
    }
}

/// A shape as `[outer, channels, inner]` around dimension 1, for an input (N, C, …).
pub(crate) fn around_channels(op: &'static str, x: &Tensor) -> Result<[usize; 3]> {
    match x.shape() {
        [outer, channels, inner @ ..] => Ok([*outer, *channels, flambeau_kernels::strided::numel(inner)]),
        shape => Err(Error::op(op, format!("an input of shape {shape:?}; it must be (N, C, …)"))),
    }
}

/// The size of the last dimensions, which must be `normalized_shape`, as the channels of `[outer, channels, 1]`.
pub(crate) fn last_dims(op: &'static str, x: &Tensor, normalized_shape: &Shape) -> Result<[usize; 3]> {
    let shape = x.shape();
    if normalized_shape.is_empty() || !shape.ends_with(normalized_shape) {
        return Err(Error::op(
            op,
            format!(
                "an input of shape {shape:?} with normalized_shape {normalized_shape:?}, which must be its last sizes"
            ),
        ));
    }
    let outer = &shape[..shape.len() - normalized_shape.len()];
    Ok([flambeau_kernels::strided::numel(outer), normalized_shape.numel(), 1])
}

/// Given statistics, one for each channel.
pub(crate) fn given(mean: &Tensor, var: &Tensor) -> Statistics {
    let [mean, var] = [mean, var].map(|t| t.detach().to_dtype(crate::DType::F64).to_vec::<f64>());
    let moments = mean.into_iter().zip(var).map(|(mean, var)| Moments { count: 1.0, mean, squares: var });
    Arc::new(OnceLock::from(moments.collect::<Vec<_>>()))
}

/// Refuses running statistics that are not one for each channel, of the input's dtype.
pub(crate) fn check_running(op: &'static str, x: &Tensor, running: [Option<&Tensor>; 2]) -> Result<()> {
    for (what, t) in ["running_mean", "running_var"].into_iter().zip(running) {
        let Some(t) = t else { continue };
        if t.shape() != [x.size(1)] || t.dtype() != x.dtype() || !t.dtype().is_float() {
            let (got, dtype) = (t.shape(), t.dtype());
            return Err(Error::op(
                op,
                format!(
                    "{what} has shape {got:?} and {dtype}; for an input {:?} of {} it must be [{}] of the same \
                     floating-point dtype",
                    x.shape(),
                    x.dtype(),
                    x.size(1)
                ),
            ));
        }
    }
    Ok(())
}

/// running ← (1 − momentum) · running + momentum · new, unrecorded.
#[track_caller]
pub(crate) fn update(running: Option<&Tensor>, momentum: f64, new: impl Fn(usize) -> f64) {
    let Some(running) = running else { return };
    dispatch_float!(running.dtype(), T => running.modify(|running: &mut [T]| {
        for (i, r) in running.iter_mut().enumerate() {
            *r = T::lit((1.0 - momentum) * r.to_f64() + momentum * new(i));
        }
    }));
}
