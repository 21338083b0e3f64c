//! Medians.

use super::amax::share;
use super::kthvalue::kth;
use super::sum::Reduced;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, ensure, unwrap};
use crate::shape::{Dims, Shape};
use crate::testing::{Sample, distinct, integers, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::dispatch_all;

/// `torch.median` of all elements.
struct Median;

impl Op for Median {
    fn name(&self) -> &'static str {
        "median"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(Shape::default(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous().reshape([-1]);
        let (value, _) = median(&x, Reduced::all(&x));
        dispatch_all!(x.dtype(), T => out[0].slice::<T>().fill(value.item::<T>()));
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::OUTPUT.input_if(true, [0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        share(&Reduced::all(ctx.input(0)), ctx)
    }
}

/// The lower of the middle elements of a dimension that is not empty; a NaN, the first, if there is one.
#[track_caller]
fn median(x: &Tensor, reduced: Reduced) -> (Tensor, Tensor) {
    let Some(&dim) = reduced.dims.first() else { return kth(x, 1, reduced) };
    let (value, position) = kth(x, x.shape()[dim].div_ceil(2), reduced.clone());
    let (largest, at) = x.max_dim(dim as isize, reduced.keepdim);
    let nan = largest.ne(&largest);
    (Tensor::where_(&nan, &largest, &value), Tensor::where_(&nan, &at, &position))
}

impl Tensor {
    /// The median of all elements, 0-d: the lower of the two in the middle; NaN if there is one, or no element at all.
    /// The gradient is shared evenly among equals.
    /// [`torch.median`](https://docs.pytorch.org/docs/stable/generated/torch.median.html).
    ///
    /// # Panics
    /// If the dtype is bool, or an integer type and there are no elements.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![3.0, 1.0, 2.0, 4.0].median().item::<f32>(), 2.0);
    /// ```
    #[track_caller]
    pub fn median(&self) -> Tensor {
        ensure!(self.dtype() != DType::Bool, "median", "of bools; convert them with to_dtype(DType::U8)");
        if self.numel() == 0 {
            ensure!(
                self.dtype().is_float(),
                "median",
                "of no elements (shape {:?}) is undefined; look at numel() first",
                self.shape()
            );
            return Tensor::full_as(f64::NAN, (), self.dtype());
        }
        apply(Median, &[self])
    }

    /// The medians along a dimension and their positions (`i64`): of an even number the lower of the two in the middle;
    /// the first NaN if there is one. The gradient goes to that position alone.
    ///
    /// # Panics
    /// If the dimension is out of range or has size 0, or the dtype is bool.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (values, positions) = tensor![[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]].median_dim(1, false);
    /// assert_eq!((values.to_vec::<f32>(), positions.to_vec::<i64>()), (vec![2.0, 5.0], vec![2, 1]));
    /// ```
    #[track_caller]
    pub fn median_dim(&self, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        ensure!(self.dtype() != DType::Bool, "median", "of bools; convert them with to_dtype(DType::U8)");
        let reduced = unwrap(Reduced::new("median", self, &Dims::from(dim), keepdim));
        unwrap(reduced.check_not_empty("median", self));
        median(self, reduced)
    }
}

pub(crate) const CALLS: Calls = &[("median", |a| {
    let (x, dim, keepdim): (Tensor, Option<isize>, bool) =
        (a.get("input")?, a.opt("dim")?, a.or("keepdim", false)?);
    match dim {
        Some(dim) => a.done(x.median_dim(dim, keepdim)),
        None => a.done(x.median()),
    }
})];

pub(crate) fn samples() -> Vec<Sample> {
    let ties = || integers(9, 3, &[4, 5]).to_dtype(DType::F64);
    // With a NaN once the root is taken.
    let nan = || Tensor::from_vec(vec![1.0, -1.0, 0.25, 4.0, 0.5, f64::INFINITY], [2, 3]);
    vec![
        sample("x0.median()", [distinct(0, &[3, 4])], |x| x[0].median()),
        sample("x0.median(1)", [distinct(1, &[3, 4])], |x| x[0].median_dim(1, false)),
        sample("x0.t().median(-1, keepdim=True)", [distinct(2, &[3, 4])], |x| x[0].t().median_dim(-1, true)),
        sample("x0.median()", [distinct(3, &[])], |x| x[0].median()),
        sample("x0.median(0)", [distinct(4, &[])], |x| x[0].median_dim(0, false)),
        sample("x0.median()", [ties()], |x| x[0].median()).not_smooth(),
        sample("x0.sqrt().median()", [nan()], |x| x[0].sqrt().median()).not_smooth(),
        sample("x0.sqrt().median(1)", [nan()], |x| x[0].sqrt().median_dim(1, false)).not_smooth(),
        sample("x0.median()", [integers(5, 9, &[6])], |x| x[0].median()),
    ]
}
