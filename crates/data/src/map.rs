//! A function applied to every item.

use flambeau_tensor::Tensor;

use crate::Dataset;

/// Another data set's items with a function applied to each; made by [`Dataset::map`].
#[derive(Clone)]
pub struct Map<D, F> {
    dataset: D,
    f: F,
}

impl<D, F> Map<D, F> {
    pub(crate) fn new(dataset: D, f: F) -> Self {
        Self { dataset, f }
    }
}

impl<D: std::fmt::Debug, F> std::fmt::Debug for Map<D, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Map({:?})", self.dataset)
    }
}

impl<D, F> Dataset for Map<D, F>
where
    D: Dataset,
    F: Fn(Tensor, Tensor) -> (Tensor, Tensor) + Send + Sync,
{
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        let (x, y) = self.dataset.get(index);
        (self.f)(x, y)
    }

    fn origin(&self, index: usize) -> Option<(usize, usize)> {
        self.dataset.origin(index)
    }
}
