//! Where a tensor is not zero.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Result, Tensor};
use flambeau_kernels::{dispatch_all, index};
use smallvec::smallvec;

/// `torch.nonzero`.
struct Nonzero;

impl Op for Nonzero {
    fn name(&self) -> &'static str {
        "nonzero"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let values = x[0].detach().contiguous();
        let n = dispatch_all!(values.dtype(), T => index::count_nonzero(values.view::<T>().slice()));
        Ok(Output::New(Shape::from([n, x[0].ndim()]), DType::I64))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let values = x[0].contiguous();
        dispatch_all!(values.dtype(), T => {
            index::nonzero(values.view::<T>().slice(), values.shape(), out[0].slice());
        });
    }

    fn backward(&self, _: &Context<'_>) -> Gradients {
        smallvec![None]
    }
}

impl Tensor {
    /// The positions of the elements that are not 0 (or false), in row-major order: `i64` of shape
    /// \[number of them, number of dimensions\]. NaN is not 0. The columns, by [`unbind`](Tensor::unbind), are PyTorch's
    /// `as_tuple=True`.
    /// [`torch.nonzero`](https://docs.pytorch.org/docs/stable/generated/torch.nonzero.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 0.0], [0.0, 2.0]].nonzero();
    /// assert_eq!((x.shape(), x.to_vec::<i64>()), (&[2, 2][..], vec![0, 0, 1, 1]));
    /// ```
    #[track_caller]
    pub fn nonzero(&self) -> Tensor {
        apply(Nonzero, &[self])
    }
}

pub(crate) const CALLS: Calls = &[("nonzero", |a| {
    let (x, tuple): (Tensor, Option<bool>) = (a.get("input")?, a.key("as_tuple")?);
    if tuple != Some(true) {
        return a.done(x.nonzero());
    }
    // A 0-d tensor has no columns; PyTorch takes it for one of a single element.
    let x = if x.ndim() == 0 { x.reshape([1]) } else { x };
    a.done(x.nonzero().unbind(1))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.nonzero(x0 - 1)", [integers(0, 3, &[3, 4])], |x| (&x[0] - 1).nonzero()),
        sample("torch.nonzero(x0.t() > 0)", [normal(1, &[2, 3])], |x| x[0].t().gt(0.0).nonzero()),
        sample("torch.nonzero(x0)", [normal(2, &[])], |x| x[0].nonzero()),
        sample("torch.nonzero(x0 * 0)", [normal(3, &[2, 2])], |x| (&x[0] * 0.0).nonzero()),
        sample("torch.nonzero(x0 > 0, as_tuple=True)", [normal(4, &[2, 3])], |x| {
            x[0].gt(0.0).nonzero().unbind(1)
        }),
    ]
}
