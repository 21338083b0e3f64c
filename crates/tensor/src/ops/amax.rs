//! Extreme values over dimensions: amax, amin.

use super::sum::Reduced;
use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, distinct, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, reduce};
use smallvec::smallvec;

/// `torch.amax`, or `torch.amin`.
pub(crate) struct Extreme {
    pub(crate) reduced: Reduced,
    pub(crate) largest: bool,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        if self.largest { "amax" } else { "amin" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        self.reduced.check_not_empty(self.name(), x[0])?;
        Ok(Output::New(self.reduced.shape(x[0].shape()), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, block) = self.reduced.block(x[0]);
        dispatch_all!(x.dtype(), T => {
            let x = x.view::<T>();
            match self.largest {
                true => reduce::reduce(reduce::Max, x.slice(), block, out[0].slice()),
                false => reduce::reduce(reduce::Min, x.slice(), block, out[0].slice()),
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::OUTPUT.input_if(true, [0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        share(&self.reduced, ctx)
    }
}

/// The gradient of a result that is one of the elements: shared evenly among those equal to it. Reads the input and
/// the output.
pub(crate) fn share(reduced: &Reduced, ctx: &Context<'_>) -> Gradients {
    let (x, y) = (ctx.input(0), ctx.output());
    let y = reduced.restore(&y, x.shape());
    // A NaN is the extreme of those among which it is.
    let ties = Tensor::where_(&y.ne(&y), &x.ne(x), &x.eq(&y));
    let g = reduced.restore(ctx.grad(), x.shape());
    if reduced.dims.is_empty() {
        return smallvec![Some(g)];
    }
    let count = ties.sum_dim(reduced.dims.to_vec(), true).to_dtype(x.dtype());
    smallvec![Some(Tensor::where_(&ties, &(g / count), &Tensor::full_as(0.0, (), x.dtype())))]
}

#[track_caller]
fn extreme(x: &Tensor, dims: impl Into<Dims>, keepdim: bool, largest: bool) -> Tensor {
    let reduced = unwrap(Reduced::new(if largest { "amax" } else { "amin" }, x, &dims.into(), keepdim));
    apply(Extreme { reduced, largest }, &[x])
}

impl Tensor {
    /// The largest element over the dimensions given (an empty list: all); NaN if there is one. The gradient is
    /// shared evenly among equal maxima.
    /// [`torch.amax`](https://docs.pytorch.org/docs/stable/generated/torch.amax.html).
    ///
    /// # Panics
    /// If a dimension is out of range, appears twice or has size 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0], [2.0, 0.0]].amax(1, false).to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn amax(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        extreme(self, dims, keepdim, true)
    }

    /// The smallest element; otherwise as [`amax`](Tensor::amax).
    ///
    /// # Panics
    /// As `amax`.
    #[track_caller]
    pub fn amin(&self, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        extreme(self, dims, keepdim, false)
    }
}

pub(crate) const CALLS: Calls = &[("amax", |a| call(a, true)), ("amin", |a| call(a, false))];

fn call(a: &mut Args<'_>, largest: bool) -> Result<Vec<Tensor>> {
    let (x, dims, keepdim): (Tensor, Dims, bool) =
        (a.get("input")?, a.or("dim", Dims::all())?, a.or("keepdim", false)?);
    a.done(extreme(&x, dims, keepdim, largest))
}

pub(crate) fn samples() -> Vec<Sample> {
    let ties = || integers(9, 3, &[4, 5]).to_dtype(DType::F64);
    vec![
        sample("x0.amax(1)", [distinct(0, &[3, 4])], |x| x[0].amax(1, false)),
        sample("x0.amin((0, 2), keepdim=True)", [distinct(1, &[2, 3, 4])], |x| x[0].amin([0, 2], true)),
        sample("x0.amax(0)", [integers(2, 9, &[3, 4])], |x| x[0].amax(0, false)),
        sample("x0.amax(-1)", [normal(3, &[1])], |x| x[0].amax(-1, false)),
        sample("x0.amax(0)", [ties()], |x| x[0].amax(0, false)).not_smooth(),
        sample("x0.amin((0, 1))", [ties()], |x| x[0].amin([0, 1], false)).not_smooth(),
    ]
}
