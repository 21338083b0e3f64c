//! A random order.

use flambeau_tensor::Tensor;
use flambeau_tensor::random::{fork_rng, permutation};

use super::Sampler;
use crate::item::mix;

/// The first of the generator's streams that loaders use, one an epoch; splits use another.
const STREAM: u64 = 0x10ad_0000_0000_0000;

/// Items in random order, another one every epoch: each once, or with [`replacement`](Self::replacement) each drawn
/// from all.
///
/// [`num_samples`](Self::num_samples) beyond the number of items begins another random order when one is used up.
///
/// Source: [`torch.utils.data.RandomSampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.RandomSampler).
///
/// ```
/// use flambeau_data::{RandomSampler, Sampler};
///
/// let sampler = RandomSampler::new(5).seed(1);
/// let mut order = sampler.sample(0);
/// assert_eq!(order, sampler.sample(0));
/// order.sort();
/// assert_eq!(order, [0, 1, 2, 3, 4]);
/// assert_eq!(sampler.replacement(true).num_samples(100).sample(0).len(), 100);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RandomSampler {
    items: usize,
    replacement: bool,
    num_samples: Option<usize>,
    seed: u64,
}

impl RandomSampler {
    /// Over a data set of `len` items.
    pub fn new(len: usize) -> Self {
        Self { items: len, replacement: false, num_samples: None, seed: 0 }
    }

    /// Whether an item may come again before all have come (default: no).
    pub fn replacement(mut self, replacement: bool) -> Self {
        self.replacement = replacement;
        self
    }

    /// How many items an epoch has (default: as many as the data).
    pub fn num_samples(mut self, num_samples: usize) -> Self {
        self.num_samples = Some(num_samples);
        self
    }

    /// The seed of the orders (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Sampler for RandomSampler {
    fn len(&self) -> usize {
        if self.items == 0 { 0 } else { self.num_samples.unwrap_or(self.items) }
    }

    fn sample(&self, epoch: u64) -> Vec<usize> {
        let n = self.len();
        if n == 0 {
            return Vec::new();
        }
        if self.replacement {
            let high = i64::try_from(self.items).unwrap_or(i64::MAX);
            let drawn = fork_rng(mix(&[self.seed, STREAM, epoch]), || Tensor::randint(0, high, [n]));
            return drawn.to_vec::<i64>().into_iter().map(|i| i as usize).collect();
        }
        let mut order = permutation(self.seed, STREAM.wrapping_add(epoch), self.items);
        let mut round = 0;
        while order.len() < n {
            round += 1;
            let seed = mix(&[self.seed, round]);
            order.extend(permutation(seed, STREAM.wrapping_add(epoch), self.items));
        }
        order.truncate(n);
        order
    }
}
