//! In which order a loader walks.

mod batch;
mod distributed;
mod random;
mod sequential;
mod weighted;

pub use batch::BatchSampler;
pub(crate) use batch::{chunk, count};
pub use distributed::DistributedSampler;
pub use random::RandomSampler;
pub use sequential::{SequentialSampler, SubsetRandomSampler};
pub use weighted::WeightedRandomSampler;

/// An order in which to walk over a data set: gives indices, or for [`BatchSampler`] lists of them.
///
/// Epochs are counted by the caller, so that a sampler has no state and any epoch can be had again.
///
/// Source: [`torch.utils.data.Sampler`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Sampler).
///
/// # Examples
/// From the last item to the first:
/// ```
/// use flambeau_data::{DataLoader, Sampler, digits};
///
/// struct Backwards(usize);
///
/// impl Sampler for Backwards {
///     fn len(&self) -> usize {
///         self.0
///     }
///     fn sample(&self, _epoch: u64) -> Vec<usize> {
///         (0..self.0).rev().collect()
///     }
/// }
///
/// let loader = DataLoader::new(digits(), 10)?.sampler(Backwards(1797));
/// assert_eq!(loader.iter().next().unwrap().1.to_vec::<i64>()[..2], [8, 9]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub trait Sampler<T = usize>: Send + Sync {
    /// How many there are in an epoch.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The indices of one epoch, [`len`](Self::len) of them. The same epoch always gives the same.
    fn sample(&self, epoch: u64) -> Vec<T>;
}
