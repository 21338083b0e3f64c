//! Running products.

use super::cumsum::counted;
use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, dispatch_float, scan};
use smallvec::smallvec;

/// `torch.cumprod` along a dimension, from its end if `reverse`.
struct Cumprod {
    dim: usize,
    reverse: bool,
}

impl Op for Cumprod {
    fn name(&self) -> &'static str {
        "cumprod"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_all!(x.dtype(), T => {
            scan::cumulate(true, self.reverse, x.view::<T>().slice(), block, out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0])
    }

    /// The product of those before, times Sₖ = gₖ + xₖ₊₁ Sₖ₊₁: no division, so zeros need no care.
    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (x, dim, reverse) = (ctx.input(0), self.dim, self.reverse);
        let after = shift(x, dim, !reverse, 0.0);
        let sums = apply(Recurrence { dim, reverse: !reverse }, &[ctx.grad(), &after]);
        smallvec![Some(products_before(x, dim, reverse) * sums)]
    }
}

/// yₖ = xₖ + aₖ yₖ₋₁ along a dimension, from its end if `reverse`.
struct Recurrence {
    dim: usize,
    reverse: bool,
}

impl Op for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let dtype = x[0].dtype();
        let (x, a) = (x[0].contiguous(), x[1].to_dtype(dtype).contiguous());
        let block = around(x.shape(), self.dim);
        dispatch_float!(dtype, T => {
            scan::recurrence::<T>(self.reverse, x.view().slice(), a.view().slice(), block, out[0].slice());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::OUTPUT.input_if(true, [1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let Recurrence { dim, reverse } = *self;
        let after = shift(ctx.input(1), dim, !reverse, 0.0);
        let g = apply(Recurrence { dim, reverse: !reverse }, &[ctx.grad(), &after]);
        let da = ctx.needs(1).then(|| &g * shift(&ctx.output(), dim, reverse, 0.0));
        smallvec![Some(g), da]
    }
}

/// Every element moved one place on (back if `reverse`) along a dimension; the first becomes `fill`.
fn shift(x: &Tensor, dim: usize, reverse: bool, fill: f64) -> Tensor {
    if x.ndim() == 0 {
        return Tensor::full_as(fill, (), x.dtype());
    }
    let (size, d) = (x.shape()[dim], dim as isize);
    if size == 0 {
        return x.clone();
    }
    let mut shape = x.shape_ref().clone();
    shape[dim] = 1;
    let first = Tensor::full_as(fill, &shape, x.dtype());
    match reverse {
        false => Tensor::cat(&[first, x.narrow(d, 0, size - 1)], d),
        true => Tensor::cat(&[x.narrow(d, 1, size - 1), first], d),
    }
}

/// For each element the product of those before it along a dimension (after it if `reverse`).
pub(crate) fn products_before(x: &Tensor, dim: usize, reverse: bool) -> Tensor {
    apply(Cumprod { dim, reverse }, &[&shift(x, dim, reverse, 1.0)])
}

impl Tensor {
    /// yᵢ = x₀ · … · xᵢ along a dimension; integers and bools give `i64`. The gradient is exact where elements are 0.
    /// [`torch.cumprod`](https://docs.pytorch.org/docs/stable/generated/torch.cumprod.html).
    ///
    /// # Panics
    /// If the dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 3.0].cumprod(0).to_vec::<f32>(), [1.0, 2.0, 6.0]);
    /// ```
    #[track_caller]
    pub fn cumprod(&self, dim: isize) -> Tensor {
        let dim = unwrap(normalize_dim("cumprod", dim, self.shape()));
        apply(Cumprod { dim, reverse: false }, &[&counted(self)])
    }
}

pub(crate) const CALLS: Calls = &[("cumprod", |a| {
    let (x, dim): (Tensor, isize) = (a.get("input")?, a.get("dim")?);
    let dtype: Option<DType> = a.key("dtype")?;
    let y = dtype.map_or_else(|| x.clone(), |dtype| x.to_dtype(dtype)).cumprod(dim);
    a.done(dtype.map_or_else(|| y.clone(), |dtype| y.to_dtype(dtype)))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let mask = || Tensor::from_vec(vec![1.0, 0.0, 1.0, 0.0, 1.0, 1.0], [2, 3]);
    vec![
        sample("x0.cumprod(1)", [normal(0, &[3, 4])], |x| x[0].cumprod(1)),
        sample("x0.cumprod(-2)", [normal(1, &[2, 3, 2])], |x| x[0].cumprod(-2)),
        sample("x0.t().cumprod(0)", [normal(2, &[3, 4])], |x| x[0].t().cumprod(0)),
        sample("(x0 * x1).cumprod(1)", [normal(3, &[2, 3]), mask()], |x| (&x[0] * &x[1]).cumprod(1)),
        sample("(x0 * x1).cumprod(0)", [normal(4, &[2, 3]), mask()], |x| (&x[0] * &x[1]).cumprod(0)),
        sample("x0.cumprod(0)", [normal(5, &[])], |x| x[0].cumprod(0)),
        sample("x0.cumprod(0)", [integers(6, 9, &[5])], |x| x[0].cumprod(0)),
    ]
}
