//! A share of the data for each of several processes.

use flambeau_tensor::{Error, Result};

use super::{RandomSampler, Sampler};

/// One process's share of an epoch: every `num_replicas`-th item from `rank` on of an order that all processes share.
///
/// All shares have the same length: the first items come again to fill up the last ones, or with
/// [`drop_last`](Self::drop_last) the remainder is left out.
///
/// Source: [`torch.utils.data.distributed.DistributedSampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler).
///
/// ```
/// use flambeau_data::{DistributedSampler, Sampler};
///
/// let share = |rank| DistributedSampler::new(5, 2, rank).unwrap().shuffle(false).sample(0);
/// assert_eq!(share(0), [0, 2, 4]);
/// assert_eq!(share(1), [1, 3, 0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DistributedSampler {
    items: usize,
    num_replicas: usize,
    rank: usize,
    shuffle: bool,
    seed: u64,
    drop_last: bool,
}

impl DistributedSampler {
    /// The share of process `rank` of `num_replicas` in a data set of `len` items.
    ///
    /// # Errors
    /// [`Error::Config`] if `rank` is not less than `num_replicas`.
    pub fn new(len: usize, num_replicas: usize, rank: usize) -> Result<Self> {
        if rank >= num_replicas {
            return Err(Error::config(
                "rank",
                format!("is {rank} of {num_replicas} processes; ranks go from 0 to below their number"),
            ));
        }
        Ok(Self { items: len, num_replicas, rank, shuffle: true, seed: 0, drop_last: false })
    }

    /// Whether the shared order is a new random one every epoch (default: yes).
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The seed of the orders, which must be the same in all processes (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether to leave out the remainder instead of filling up (default: no).
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }
}

impl Sampler for DistributedSampler {
    fn len(&self) -> usize {
        let (n, parts) = (self.items, self.num_replicas);
        if self.drop_last { n / parts } else { n.div_ceil(parts) }
    }

    fn sample(&self, epoch: u64) -> Vec<usize> {
        let order = if self.shuffle {
            RandomSampler::new(self.items).seed(self.seed).sample(epoch)
        } else {
            (0..self.items).collect()
        };
        order.into_iter().cycle().skip(self.rank).step_by(self.num_replicas).take(self.len()).collect()
    }
}
