//! Broadcasting by repeating without copying: expand, broadcast_to.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, raise};
use crate::shape::{Dims, Shape, broadcast_shape};
use crate::testing::{Sample, normal, sample};
use crate::{Error, Result, Tensor};
use smallvec::smallvec;

/// `Tensor.expand`, to sizes that are all known.
pub struct Expand(pub Shape);

impl Op for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let fits = broadcast_shape("expand", &[x[0].shape_ref(), &self.0]).is_ok_and(|s| s == self.0);
        if !fits {
            return Err(Error::op(
                "expand",
                format!(
                    "shape {:?} does not expand to {:?}; only dimensions of size 1 repeat",
                    x[0].shape(),
                    self.0
                ),
            ));
        }
        Ok(Output::View(x[0].layout().expand(&self.0)))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        // The engine sums over what was repeated.
        smallvec![Some(ctx.grad().clone())]
    }
}

impl Tensor {
    /// Repeats dimensions of size 1 to the sizes given, without copying; −1 keeps a size.
    /// [`torch.Tensor.expand`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.expand.html).
    ///
    /// # Panics
    /// If a dimension is neither 1 nor the size asked for.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0], [2.0]].expand([-1, 3]).to_vec::<f32>(), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn expand(&self, sizes: impl Into<Dims>) -> Tensor {
        let sizes = sizes.into().0;
        let skip = sizes.len().saturating_sub(self.ndim());
        let keep = |d: usize| d.checked_sub(skip).and_then(|d| self.shape().get(d)).copied();
        let shape: Shape = sizes
            .iter()
            .enumerate()
            .map(|(d, &size)| match size {
                -1 => keep(d),
                size => usize::try_from(size).ok(),
            })
            .collect::<Option<_>>()
            .unwrap_or_else(|| {
                raise(Error::op(
                    "expand",
                    format!("shape {:?} to {sizes:?}: sizes are positive, or −1 to keep one", self.shape()),
                ))
            });
        if shape[..] == *self.shape() { self.clone() } else { apply(Expand(shape), &[self]) }
    }

    /// Another name for [`expand`](Tensor::expand).
    /// [`torch.broadcast_to`](https://docs.pytorch.org/docs/stable/generated/torch.broadcast_to.html).
    ///
    /// # Panics
    /// If a dimension is neither 1 nor the size asked for.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1, 2].broadcast_to([2, 2]).to_vec::<i64>(), [1, 2, 1, 2]);
    /// ```
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Dims>) -> Tensor {
        self.expand(shape)
    }
}

pub(crate) const CALLS: Calls = &[
    ("expand", |a| {
        let (x, sizes): (Tensor, Vec<isize>) = (a.get("input")?, a.rest("size")?);
        a.done(x.expand(sizes))
    }),
    ("broadcast_to", |a| {
        let (x, sizes): (Tensor, Vec<isize>) = (a.get("input")?, a.get("size")?);
        a.done(x.broadcast_to(sizes))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.expand(2, -1, 3)", [normal(0, &[4, 1])], |x| x[0].expand([2, -1, 3])),
        sample("x0.expand(5)", [normal(1, &[])], |x| x[0].expand([5])),
        sample("torch.broadcast_to(x0.t(), (2, 3, 1))", [normal(2, &[1, 3])], |x| {
            x[0].t().broadcast_to([2, 3, 1])
        }),
    ]
}
