//! Items kept in memory.

use flambeau_tensor::Tensor;
use std::sync::OnceLock;

use crate::{Dataset, item};

/// Another data set whose items are kept in memory once asked for; made by [`Dataset::cache`].
///
/// What the data set below draws at random in a loader depends on the seed and the index alone, not on the epoch, so
/// that it does not matter when an item was first asked for.
#[derive(Debug)]
pub struct Cache<D> {
    dataset: D,
    items: Vec<OnceLock<(Tensor, Tensor)>>,
}

impl<D: Dataset> Cache<D> {
    pub(crate) fn new(dataset: D) -> Self {
        let items = (0..dataset.len()).map(|_| OnceLock::new()).collect();
        Self { dataset, items }
    }
}

impl<D: Dataset> Dataset for Cache<D> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn get(&self, index: usize) -> (Tensor, Tensor) {
        assert!(index < self.len(), "item {index} of a Cache of {} items", self.len());
        // Copied: the item may be a view that would keep a whole file in memory.
        let compute = || {
            let (x, y) = item::once(index, || self.dataset.get(index));
            (x.copy(), y.copy())
        };
        self.items[index].get_or_init(compute).clone()
    }

    fn origin(&self, index: usize) -> Option<(usize, usize)> {
        self.dataset.origin(index)
    }
}
