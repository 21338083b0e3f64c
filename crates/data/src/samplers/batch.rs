//! Indices in batches.

use flambeau_tensor::{Error, Result};

use super::Sampler;

/// Another sampler's indices, `batch_size` at a time.
///
/// Source: [`torch.utils.data.BatchSampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.BatchSampler).
///
/// ```
/// use flambeau_data::{BatchSampler, Sampler, SequentialSampler};
///
/// let batches = BatchSampler::new(SequentialSampler::new(5), 2, false)?;
/// assert_eq!(batches.sample(0), [vec![0, 1], vec![2, 3], vec![4]]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchSampler<S> {
    sampler: S,
    batch_size: usize,
    drop_last: bool,
}

impl<S: Sampler> BatchSampler<S> {
    /// Batches of `sampler`'s indices; with `drop_last`, without a last one that is smaller than the others.
    ///
    /// # Errors
    /// [`Error::Config`] if `batch_size` is 0.
    pub fn new(sampler: S, batch_size: usize, drop_last: bool) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::config("batch_size", "is 0; a batch needs at least 1 item"));
        }
        Ok(Self { sampler, batch_size, drop_last })
    }
}

impl<S: Sampler> Sampler<Vec<usize>> for BatchSampler<S> {
    fn len(&self) -> usize {
        count(self.sampler.len(), self.batch_size, self.drop_last)
    }

    fn sample(&self, epoch: u64) -> Vec<Vec<usize>> {
        chunk(&self.sampler.sample(epoch), self.batch_size, self.drop_last)
    }
}

/// How many batches `items` make.
pub(crate) fn count(items: usize, batch_size: usize, drop_last: bool) -> usize {
    if drop_last { items / batch_size } else { items.div_ceil(batch_size) }
}

/// Cuts an order into batches.
pub(crate) fn chunk(order: &[usize], batch_size: usize, drop_last: bool) -> Vec<Vec<usize>> {
    order.chunks(batch_size).take(count(order.len(), batch_size, drop_last)).map(<[usize]>::to_vec).collect()
}
