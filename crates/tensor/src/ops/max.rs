//! Extreme values and where they are: max, min, max_dim, min_dim.

use super::amax::Extreme;
use super::gather::GatherAdd;
use super::sum::Reduced;
use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, try_apply, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, distinct, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, reduce};
use smallvec::smallvec;

/// `torch.max(dim)` or `torch.min(dim)`: values and positions.
struct ExtremeAt {
    reduced: Reduced,
    largest: bool,
}

impl Op for ExtremeAt {
    fn name(&self) -> &'static str {
        if self.largest { "max" } else { "min" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let shape = self.reduced.shape(x[0].shape());
        self.reduced.check_not_empty(self.name(), x[0])?;
        Ok(Output::Many(vec![(shape.clone(), x[0].dtype()), (shape, DType::I64)]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, block) = self.reduced.block(x[0]);
        let inner = block[2];
        let [values, positions] = out else { unreachable!("two outputs") };
        dispatch_all!(x.dtype(), T => {
            let x = x.view::<T>();
            let x = x.slice();
            reduce::arg(self.largest, x, block, positions.slice());
            let positions = positions.slice::<i64>();
            for (i, (v, &p)) in values.slice::<T>().iter_mut().zip(&*positions).enumerate() {
                *v = x[(i / inner * block[1] + p as usize) * inner + i % inner];
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let x = ctx.input(0);
        let Some(g) = ctx.grad_of(0) else { return smallvec![None] };
        let Some(&dim) = self.reduced.dims.first() else { return smallvec![Some(g.clone())] };
        let arg = Arg { reduced: Reduced { keepdim: true, ..self.reduced.clone() }, largest: self.largest };
        let at = apply(arg, &[&x.detach()]);
        let g = if self.reduced.keepdim { g.clone() } else { g.unsqueeze(dim as isize) };
        smallvec![Some(apply(GatherAdd { dim, shape: x.shape_ref().clone() }, &[&g, &at]))]
    }
}

/// `torch.argmax` or `torch.argmin`.
pub(crate) struct Arg {
    pub(crate) reduced: Reduced,
    pub(crate) largest: bool,
}

impl Op for Arg {
    fn name(&self) -> &'static str {
        if self.largest { "argmax" } else { "argmin" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        self.reduced.check_not_empty(self.name(), x[0])?;
        Ok(Output::New(self.reduced.shape(x[0].shape()), DType::I64))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, block) = self.reduced.block(x[0]);
        dispatch_all!(x.dtype(), T => {
            reduce::arg::<T>(self.largest, x.view().slice(), block, out[0].slice());
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

#[track_caller]
fn extreme_at(x: &Tensor, dim: isize, keepdim: bool, largest: bool) -> (Tensor, Tensor) {
    let reduced = unwrap(Reduced::new(if largest { "max" } else { "min" }, x, &Dims::from(dim), keepdim));
    let mut outputs = unwrap(try_apply(ExtremeAt { reduced, largest }, &[x])).into_iter();
    match (outputs.next(), outputs.next()) {
        (Some(values), Some(positions)) => (values, positions),
        _ => unreachable!("two outputs"),
    }
}

impl Tensor {
    /// The largest of all elements, 0-d; NaN if there is one. The gradient is shared evenly among equal maxima.
    /// [`torch.max`](https://docs.pytorch.org/docs/stable/generated/torch.max.html).
    ///
    /// # Panics
    /// If there are no elements.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0], [2.0, 0.0]].max().item::<f32>(), 3.0);
    /// ```
    #[track_caller]
    pub fn max(&self) -> Tensor {
        apply(Extreme { reduced: Reduced::all(self), largest: true }, &[self])
    }

    /// The smallest of all elements; otherwise as [`max`](Tensor::max).
    ///
    /// # Panics
    /// If there are no elements.
    #[track_caller]
    pub fn min(&self) -> Tensor {
        apply(Extreme { reduced: Reduced::all(self), largest: false }, &[self])
    }

    /// The largest elements along a dimension and their positions (`i64`), the first of equals. The gradient goes
    /// to that position alone.
    ///
    /// # Panics
    /// If the dimension is out of range or has size 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (values, positions) = tensor![[1.0, 3.0], [2.0, 0.0]].max_dim(1, false);
    /// assert_eq!((values.to_vec::<f32>(), positions.to_vec::<i64>()), (vec![3.0, 2.0], vec![1, 0]));
    /// ```
    #[track_caller]
    pub fn max_dim(&self, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        extreme_at(self, dim, keepdim, true)
    }

    /// The smallest elements along a dimension and their positions; otherwise as [`max_dim`](Tensor::max_dim).
    ///
    /// # Panics
    /// As `max_dim`.
    #[track_caller]
    pub fn min_dim(&self, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        extreme_at(self, dim, keepdim, false)
    }
}

pub(crate) const CALLS: Calls = &[("max", |a| call(a, true)), ("min", |a| call(a, false))];

fn call(a: &mut Args<'_>, largest: bool) -> Result<Vec<Tensor>> {
    let x: Tensor = a.get("input")?;
    if a.next_is::<Tensor>() || a.has_key("other") {
        let other: Tensor = a.get("other")?;
        return a.done(if largest { x.maximum(&other) } else { x.minimum(&other) });
    }
    let (dim, keepdim): (Option<isize>, bool) = (a.opt("dim")?, a.or("keepdim", false)?);
    match dim {
        Some(dim) => a.done(extreme_at(&x, dim, keepdim, largest)),
        None => a.done(if largest { x.max() } else { x.min() }),
    }
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.max()", [distinct(0, &[3, 4])], |x| x[0].max()),
        sample("x0.min()", [distinct(1, &[3, 4])], |x| x[0].min()),
        sample("x0.max(1)", [distinct(2, &[3, 4])], |x| x[0].max_dim(1, false)),
        sample("x0.min(0, keepdim=True)", [distinct(3, &[3, 4])], |x| x[0].min_dim(0, true)),
        sample("x0.max(1)", [distinct(4, &[2, 3, 4])], |x| x[0].max_dim(1, false)),
        sample("x0.max(0)", [distinct(5, &[])], |x| x[0].max_dim(0, false)),
    ]
}
