//! Choosing between two tensors by a mask.

use crate::autograd::{Context, Gradients};
use crate::door::{Calls, Other};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, check_bool};
use crate::pointwise::result_type;
use crate::shape::broadcast_shape;
use crate::testing::{Sample, normal, sample};
use crate::{Operand, Result, Tensor};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::select::select;
use smallvec::smallvec;

/// `torch.where(condition, x, y)`.
pub struct Where;

impl Op for Where {
    fn name(&self) -> &'static str {
        "where"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        3..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        check_bool("where", "condition", x[0])?;
        Ok(Output::New(broadcast_shape("where", x)?, result_type(&x[1..])))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let shape = out[0].shape().clone();
        let dtype = result_type(&x[1..]);
        let (a, b) = (x[1].to_dtype(dtype), x[2].to_dtype(dtype));
        let mask = x[0].view_as::<bool>(&shape);
        dispatch_all!(dtype, T => {
            let (a, b) = (a.view_as::<T>(&shape), b.view_as::<T>(&shape));
            select(mask.strided(), a.strided(), b.strided(), &shape, out[0].slice::<T>());
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (g, mask) = (ctx.grad(), ctx.input(0));
        let zero = Tensor::full_as(0.0, (), g.dtype());
        smallvec![
            None,
            ctx.needs(1).then(|| Tensor::where_(mask, g, &zero)),
            ctx.needs(2).then(|| Tensor::where_(mask, &zero, g)),
        ]
    }
}

impl Tensor {
    /// x where the condition holds, else y, element by element; all three broadcast.
    /// [`torch.where`](https://docs.pytorch.org/docs/stable/generated/torch.where.html).
    ///
    /// # Panics
    /// If the condition is not `bool`, or the shapes do not broadcast.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = tensor![-1.0, 2.0];
    /// assert_eq!(Tensor::where_(&x.gt(0.0), &x, &Tensor::zeros([2])).to_vec::<f32>(), [0.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn where_(condition: &Tensor, x: &Tensor, y: &Tensor) -> Tensor {
        apply(Where, &[condition, x, y])
    }
}

pub(crate) const CALLS: Calls = &[("where", |a| {
    let (condition, x, y): (Tensor, Other, Other) = (a.get("condition")?, a.get("input")?, a.get("other")?);
    // Numbers on both sides are of the default dtypes.
    let like = Tensor::scalar(0f32);
    let x = x.hold(&like);
    let y = y.hold(&x);
    a.done(Tensor::where_(&condition, &x, &y))
})];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample(
            "torch.where(x2 > 0, x0, x1)",
            [normal(0, &[2, 3]), normal(1, &[2, 3]), normal(2, &[2, 3])],
            |x| Tensor::where_(&x[2].gt(0.0), &x[0], &x[1]),
        ),
        sample("torch.where(x0 > 0, x0, x1)", [normal(0, &[4, 3]), normal(1, &[4, 1])], |x| {
            Tensor::where_(&x[0].gt(0.0), &x[0], &x[1])
        }),
    ]
}
