//! Products over a dimension.

use super::cumprod::products_before;
use super::cumsum::counted;
use super::index_select::around;
use super::sum::Reduced;
use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, reduce};
use smallvec::smallvec;

/// `torch.prod` over a dimension.
struct Prod {
    dim: usize,
    keepdim: bool,
}

impl Prod {
    fn reduced(&self, ndim: usize) -> Reduced {
        Reduced { dims: (self.dim..ndim.min(self.dim + 1)).collect(), keepdim: self.keepdim }
    }
}

impl Op for Prod {
    fn name(&self) -> &'static str {
        "prod"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.reduced(x[0].ndim()).shape(x[0].shape()), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_all!(x.dtype(), T => reduce::reduce(reduce::Product, x.view::<T>().slice(), block, out[0].slice()));
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0])
    }

    /// The product of all the others: of those before, times of those after. Exact where elements are 0.
    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let x = ctx.input(0);
        let others = products_before(x, self.dim, false) * products_before(x, self.dim, true);
        smallvec![Some(self.reduced(x.ndim()).restore(ctx.grad(), x.shape()) * others)]
    }
}

impl Tensor {
    /// Π x over all elements, 0-d, 1 if there are none; integers and bools give `i64`. The gradient is exact where
    /// elements are 0.
    /// [`torch.prod`](https://docs.pytorch.org/docs/stable/generated/torch.prod.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].prod().item::<f32>(), 24.0);
    /// ```
    #[track_caller]
    pub fn prod(&self) -> Tensor {
        apply(Prod { dim: 0, keepdim: false }, &[&counted(&self.reshape([-1]))])
    }

    /// Π x over a dimension, which is removed, or stays with size 1 if `keepdim`.
    ///
    /// # Panics
    /// If the dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 2.0], [3.0, 4.0]].prod_dim(1, false).to_vec::<f32>(), [2.0, 12.0]);
    /// ```
    #[track_caller]
    pub fn prod_dim(&self, dim: isize, keepdim: bool) -> Tensor {
        let dim = unwrap(normalize_dim("prod", dim, self.shape()));
        apply(Prod { dim, keepdim }, &[&counted(self)])
    }
}

pub(crate) const CALLS: Calls = &[("prod", |a| {
    let (x, dim, keepdim): (Tensor, Option<isize>, bool) =
        (a.get("input")?, a.opt("dim")?, a.or("keepdim", false)?);
    let dtype: Option<DType> = a.key("dtype")?;
    let x = dtype.map_or_else(|| x.clone(), |dtype| x.to_dtype(dtype));
    let y = dim.map_or_else(|| x.prod(), |dim| x.prod_dim(dim, keepdim));
    a.done(dtype.map_or_else(|| y.clone(), |dtype| y.to_dtype(dtype)))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let mask = || Tensor::from_vec(vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0], [2, 3]);
    vec![
        sample("x0.prod()", [normal(0, &[2, 3])], |x| x[0].prod()),
        sample("x0.prod(1)", [normal(1, &[3, 4])], |x| x[0].prod_dim(1, false)),
        sample("x0.prod(-2, keepdim=True)", [normal(2, &[2, 3, 2])], |x| x[0].prod_dim(-2, true)),
        sample("x0.t().prod(0)", [normal(3, &[3, 2])], |x| x[0].t().prod_dim(0, false)),
        sample("(x0 * x1).prod(1)", [normal(4, &[2, 3]), mask()], |x| (&x[0] * &x[1]).prod_dim(1, false)),
        sample("x0.prod()", [normal(5, &[])], |x| x[0].prod()),
        sample("x0.prod(0)", [integers(6, 9, &[3, 2])], |x| x[0].prod_dim(0, false)),
    ]
}
