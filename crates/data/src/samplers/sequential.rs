//! Every item in its order, and some items in a random one.

use super::{RandomSampler, Sampler};

/// Every item once, in the data's own order.
///
/// Source: [`torch.utils.data.SequentialSampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.SequentialSampler).
///
/// ```
/// use flambeau_data::{Sampler, SequentialSampler};
/// assert_eq!(SequentialSampler::new(3).sample(0), [0, 1, 2]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SequentialSampler {
    len: usize,
}

impl SequentialSampler {
    /// Over a data set of `len` items.
    pub fn new(len: usize) -> Self {
        Self { len }
    }
}

impl Sampler for SequentialSampler {
    fn len(&self) -> usize {
        self.len
    }
    fn sample(&self, _epoch: u64) -> Vec<usize> {
        (0..self.len).collect()
    }
}

/// The items at given indices, once each, in a new random order every epoch.
///
/// Source: [`torch.utils.data.SubsetRandomSampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.SubsetRandomSampler).
///
/// ```
/// use flambeau_data::{Sampler, SubsetRandomSampler};
///
/// let mut indices = SubsetRandomSampler::new(vec![2, 4, 6]).sample(0);
/// indices.sort();
/// assert_eq!(indices, [2, 4, 6]);
/// ```
#[derive(Clone, Debug)]
pub struct SubsetRandomSampler {
    indices: Vec<usize>,
    order: RandomSampler,
}

impl SubsetRandomSampler {
    /// Over the items at `indices`.
    pub fn new(indices: Vec<usize>) -> Self {
        Self { order: RandomSampler::new(indices.len()), indices }
    }

    /// The seed of the orders (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.order = self.order.seed(seed);
        self
    }
}

impl Sampler for SubsetRandomSampler {
    fn len(&self) -> usize {
        self.indices.len()
    }
    fn sample(&self, epoch: u64) -> Vec<usize> {
        self.order.sample(epoch).into_iter().map(|i| self.indices[i]).collect()
    }
}
