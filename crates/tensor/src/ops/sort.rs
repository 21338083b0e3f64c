//! Sorting: sort, argsort.

use super::index_select::around;
use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Op, Output, apply, unwrap};
use crate::shape::normalize_dim;
use crate::testing::{Sample, distinct, integers, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, sort};
use smallvec::smallvec;

/// `torch.argsort` along a dimension, stable.
struct Argsort {
    dim: usize,
    descending: bool,
}

impl Op for Argsort {
    fn name(&self) -> &'static str {
        "argsort"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(x[0].shape_ref().clone(), DType::I64))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        let block = around(x.shape(), self.dim);
        dispatch_all!(x.dtype(), T => {
            sort::argsort(self.descending, x.view::<T>().slice(), block, out[0].slice());
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

/// The positions of the elements in order along a dimension that has been checked.
#[track_caller]
pub(crate) fn order(x: &Tensor, dim: usize, descending: bool) -> Tensor {
    apply(Argsort { dim, descending }, &[&x.detach()])
}

impl Tensor {
    /// The elements in ascending order along a dimension, or in descending order, and their positions (`i64`). Equal
    /// elements keep their order; NaN counts as largest.
    /// [`torch.sort`](https://docs.pytorch.org/docs/stable/generated/torch.sort.html), always stable.
    ///
    /// # Panics
    /// If the dimension is out of range.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (values, positions) = tensor![3.0, 1.0, 2.0].sort(0, false);
    /// assert_eq!((values.to_vec::<f32>(), positions.to_vec::<i64>()), (vec![1.0, 2.0, 3.0], vec![1, 2, 0]));
    /// ```
    #[track_caller]
    pub fn sort(&self, dim: isize, descending: bool) -> (Tensor, Tensor) {
        let positions = order(self, unwrap(normalize_dim("sort", dim, self.shape())), descending);
        (self.gather(dim, &positions), positions)
    }

    /// The positions of the elements in order along a dimension: the second result of [`sort`](Tensor::sort).
    /// [`torch.argsort`](https://docs.pytorch.org/docs/stable/generated/torch.argsort.html).
    ///
    /// # Panics
    /// As `sort`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![3.0, 1.0, 2.0].argsort(0, true).to_vec::<i64>(), [0, 2, 1]);
    /// ```
    #[track_caller]
    pub fn argsort(&self, dim: isize, descending: bool) -> Tensor {
        order(self, unwrap(normalize_dim("argsort", dim, self.shape())), descending)
    }
}

pub(crate) const CALLS: Calls = &[
    ("sort", |a| {
        let (x, dim, descending) = arguments(a)?;
        a.done(x.sort(dim, descending))
    }),
    ("argsort", |a| {
        let (x, dim, descending) = arguments(a)?;
        a.done(x.argsort(dim, descending))
    }),
];

fn arguments(a: &mut Args<'_>) -> Result<(Tensor, isize, bool)> {
    let (x, dim, descending) = (a.get("input")?, a.or("dim", -1)?, a.or("descending", false)?);
    // Sorting is always stable.
    a.key::<bool>("stable")?;
    Ok((x, dim, descending))
}

pub(crate) fn samples() -> Vec<Sample> {
    let ties = || integers(9, 3, &[4, 5]).to_dtype(DType::F64);
    // With NaNs once the root is taken.
    let nan = || Tensor::from_vec(vec![1.0, -1.0, 0.25, f64::INFINITY, -2.0, 0.01], [6]);
    vec![
        sample("x0.sort()", [distinct(0, &[3, 4])], |x| x[0].sort(-1, false)),
        sample("x0.sort(0, descending=True)", [distinct(1, &[3, 4])], |x| x[0].sort(0, true)),
        sample("x0.transpose(0, 2).sort(1)", [distinct(2, &[2, 3, 4])], |x| {
            x[0].transpose(0, 2).sort(1, false)
        }),
        sample("x0.sort()", [distinct(3, &[])], |x| x[0].sort(-1, false)),
        sample("x0.sort(dim=0, stable=True)", [ties()], |x| x[0].sort(0, false)).not_smooth(),
        sample("x0.sort(dim=1, stable=True, descending=True)", [ties()], |x| x[0].sort(1, true)).not_smooth(),
        sample("x0.sqrt().sort(stable=True)", [nan()], |x| x[0].sqrt().sort(0, false)).not_smooth(),
        sample("x0.sqrt().sort(stable=True, descending=True)", [nan()], |x| x[0].sqrt().sort(0, true))
            .not_smooth(),
        sample("torch.argsort(x0, dim=1, stable=True)", [integers(4, 9, &[2, 7])], |x| {
            x[0].argsort(1, false)
        }),
    ]
}
