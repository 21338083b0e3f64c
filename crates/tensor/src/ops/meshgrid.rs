//! Coordinate grids.

use crate::Tensor;
use crate::door::Calls;
use crate::op::ensure;
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};

/// Which way the first two tensors of [`Tensor::meshgrid`] run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Indexing {
    /// As matrices are indexed: the first tensor down the rows, the second along the columns.
    #[default]
    Ij,
    /// As points are: the first tensor along the columns, the second down the rows.
    Xy,
}

impl Tensor {
    /// Grids of coordinates: the outputs all have the inputs' lengths as their shape, and output k varies along
    /// dimension k alone, with input k's elements. The inputs have one dimension or none; the grids share their memory.
    /// [`torch.meshgrid`](https://docs.pytorch.org/docs/stable/generated/torch.meshgrid.html).
    ///
    /// # Panics
    /// If the list is empty, a tensor has more than one dimension, or the dtypes differ.
    ///
    /// ```
    /// use flambeau_tensor::{Indexing, Tensor, tensor};
    /// let grids = Tensor::meshgrid(&[tensor![1, 2], tensor![3, 4, 5]], Indexing::Ij);
    /// assert_eq!(grids[0].to_vec::<i64>(), [1, 1, 1, 2, 2, 2]);
    /// assert_eq!(grids[1].to_vec::<i64>(), [3, 4, 5, 3, 4, 5]);
    /// ```
    #[track_caller]
    pub fn meshgrid(tensors: &[Tensor], indexing: Indexing) -> Vec<Tensor> {
        ensure!(!tensors.is_empty(), "meshgrid", "the list of tensors is empty; give at least one");
        let shapes: Vec<&[usize]> = tensors.iter().map(|x| x.shape()).collect();
        ensure!(
            shapes.iter().all(|s| s.len() < 2),
            "meshgrid",
            "shapes {shapes:?}; each tensor has at most one dimension"
        );
        let dtypes: Vec<_> = tensors.iter().map(|x| x.dtype()).collect();
        ensure!(
            dtypes.iter().all(|&d| d == dtypes[0]),
            "meshgrid",
            "dtypes {dtypes:?} differ; convert with to_dtype"
        );
        let sizes: Shape = tensors.iter().map(|x| x.numel()).collect();
        let swap = indexing == Indexing::Xy && tensors.len() > 1;
        let grid = |(k, x): (usize, &Tensor)| {
            let alone: Shape = (0..sizes.len()).map(|d| if d == k { sizes[d] } else { 1 }).collect();
            let grid = x.reshape(&alone).expand(&sizes);
            if swap { grid.transpose(0, 1) } else { grid }
        };
        tensors.iter().enumerate().map(grid).collect()
    }
}

pub(crate) const CALLS: Calls = &[("meshgrid", |a| {
    let (tensors, indexing): (Vec<Tensor>, Option<&str>) = (a.rest("tensors")?, a.key("indexing")?);
    let indexing = match indexing {
        None | Some("ij") => Indexing::Ij,
        Some("xy") => Indexing::Xy,
        Some(other) => {
            ensure!(false, "meshgrid", "indexing is {other:?}; it takes \"ij\" or \"xy\"");
            Indexing::Ij
        }
    };
    a.done(Tensor::meshgrid(&tensors, indexing))
})];

pub(crate) fn samples() -> Vec<Sample> {
    let x = || [normal(0, &[2]), normal(1, &[3]), normal(2, &[])];
    vec![
        sample("torch.meshgrid(x0, x1, x2, indexing='ij')", x(), |x| Tensor::meshgrid(x, Indexing::Ij)),
        sample("torch.meshgrid(x0, x1, x2, indexing='xy')", x(), |x| Tensor::meshgrid(x, Indexing::Xy)),
        sample("torch.meshgrid(x0, indexing='xy')", [integers(3, 9, &[2])], |x| {
            Tensor::meshgrid(x, Indexing::Xy)
        }),
    ]
}
