//! Copies side by side: repeat, tile.

use crate::door::Calls;
use crate::op::{ensure, raise};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Error, Tensor};

impl Tensor {
    /// Copies of the tensor side by side, `repeats[d]` of them along dimension d; more repeats than dimensions add
    /// dimensions in front. Unlike [`expand`](Tensor::expand), it copies the data.
    /// [`torch.Tensor.repeat`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.repeat.html).
    ///
    /// # Panics
    /// If there are fewer repeats than dimensions.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1, 2].repeat([2, 2]).to_vec::<i64>(), [1, 2, 1, 2, 1, 2, 1, 2]);
    /// ```
    #[track_caller]
    pub fn repeat(&self, repeats: impl Into<Shape>) -> Tensor {
        let repeats: Shape = repeats.into();
        ensure!(
            repeats.len() >= self.ndim(),
            "repeat",
            "{} repeats for the {} dimensions of shape {:?}; give one for each, 1 to leave it alone",
            repeats.len(),
            self.ndim(),
            self.shape()
        );
        let added = repeats.len() - self.ndim();
        let size = |d: usize| if d < added { 1 } else { self.shape()[d - added] };
        // Each dimension of size s beside one of size r that repeats it.
        let apart: Shape = (0..repeats.len()).flat_map(|d| [1, size(d)]).collect();
        let wide: Shape = (0..repeats.len()).flat_map(|d| [repeats[d], size(d)]).collect();
        let shape: Option<Shape> = (0..repeats.len()).map(|d| repeats[d].checked_mul(size(d))).collect();
        let shape = shape.unwrap_or_else(|| {
            raise(Error::op(
                "repeat",
                format!("shape {:?} by {repeats:?} has more elements than can be counted", self.shape()),
            ))
        });
        self.reshape(&apart).expand(&wide).copy().reshape(&shape)
    }

    /// [`repeat`](Tensor::repeat), where fewer repeats than dimensions apply to the last ones.
    /// [`torch.tile`](https://docs.pytorch.org/docs/stable/generated/torch.tile.html).
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1, 2], [3, 4]].tile(2).to_vec::<i64>(), [1, 2, 1, 2, 3, 4, 3, 4]);
    /// ```
    #[track_caller]
    pub fn tile(&self, repeats: impl Into<Shape>) -> Tensor {
        let mut repeats: Shape = repeats.into();
        while repeats.len() < self.ndim() {
            repeats.insert(0, 1);
        }
        self.repeat(repeats)
    }
}

pub(crate) const CALLS: Calls = &[
    ("repeat", |a| {
        let (x, repeats): (Tensor, Vec<usize>) = (a.get("input")?, a.rest("repeats")?);
        a.done(x.repeat(repeats))
    }),
    ("tile", |a| {
        let (x, repeats): (Tensor, Vec<usize>) = (a.get("input")?, a.rest("dims")?);
        a.done(x.tile(repeats))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.repeat(2, 1, 3)", [normal(0, &[2, 2])], |x| x[0].repeat([2, 1, 3])),
        sample("x0.t().repeat(1, 2)", [normal(1, &[2, 3])], |x| x[0].t().repeat([1, 2])),
        sample("x0.repeat(3)", [normal(2, &[])], |x| x[0].repeat([3])),
        sample("x0.repeat(0, 2)", [integers(3, 9, &[2, 2])], |x| x[0].repeat([0, 2])),
        sample("torch.tile(x0, (2,))", [normal(4, &[2, 3])], |x| x[0].tile(2)),
        sample("torch.tile(x0, ())", [normal(5, &[2])], |x| x[0].tile(())),
    ]
}
