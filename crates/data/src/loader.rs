//! Walking over a data set in batches.

use flambeau_tensor::{Error, Result, Tensor, random};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Dataset;

/// The first of the generator's streams that loaders use, one an epoch; splits use another.
const STREAM: u64 = 0x10ad_0000_0000_0000;

/// Batches of a data set, a new pass with every `for` loop.
///
/// Each iteration over `&loader` is one epoch. With [`shuffle`](Self::shuffle), the order of epoch `e` is a function
/// of the seed and `e` alone: two loaders of the same seed give the same batches, and any epoch can be had again with
/// [`set_epoch`](Self::set_epoch). The last batch holds what is left over, unless [`drop_last`](Self::drop_last).
///
/// Source: [`torch.utils.data.DataLoader`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader).
///
/// # Examples
/// ```
/// use flambeau_data::{DataLoader, digits};
///
/// let loader = DataLoader::new(digits(), 64)?.shuffle(true).seed(0);
/// assert_eq!(loader.len(), 29);
/// for (x, y) in &loader {
///     assert_eq!(x.shape()[1..], [1, 8, 8]);
///     assert_eq!(y.shape(), [x.shape()[0]]);
/// }
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub struct DataLoader {
    dataset: Arc<dyn Dataset>,
    batch_size: usize,
    shuffle: bool,
    drop_last: bool,
    seed: u64,
    epoch: AtomicU64,
}

impl DataLoader {
    /// A loader of `dataset` in its own order, `batch_size` items at a time.
    ///
    /// # Errors
    /// [`Error::Config`] if `batch_size` is 0 or the data set is empty.
    pub fn new(dataset: impl Dataset + 'static, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::config("batch_size", "is 0; a batch needs at least 1 item"));
        }
        if dataset.is_empty() {
            return Err(Error::config("dataset", "has no items; a loader needs at least 1"));
        }
        Ok(Self {
            dataset: Arc::new(dataset),
            batch_size,
            shuffle: false,
            drop_last: false,
            seed: 0,
            epoch: AtomicU64::new(0),
        })
    }

    /// Whether every epoch walks in a new random order (default: no).
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The seed of the shuffles (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether to leave out a last batch smaller than the others (default: no). A data set smaller than one batch then
    /// gives none.
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// The data set that is walked over.
    pub fn dataset(&self) -> &dyn Dataset {
        &*self.dataset
    }

    /// The number of items in a full batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        count(self.dataset.len(), self.batch_size, self.drop_last)
    }

    /// Whether an epoch has no batches, which only [`drop_last`](Self::drop_last) can bring about.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The epoch that the next iteration walks, counted from 0.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Makes the next iteration walk `epoch`, to continue a training or to see an epoch again.
    ///
    /// # Examples
    /// ```
    /// use flambeau_data::{DataLoader, digits};
    ///
    /// let loader = DataLoader::new(digits(), 64)?.shuffle(true);
    /// let first: Vec<i64> = loader.iter().next().unwrap().1.to_vec();
    /// loader.set_epoch(0);
    /// assert_eq!(loader.iter().next().unwrap().1.to_vec::<i64>(), first);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// Begins the next epoch. The same as `for … in &loader`.
    pub fn iter(&self) -> Batches {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed);
        let items = self.dataset.len();
        let order = if self.shuffle {
            random::permutation(self.seed, STREAM.wrapping_add(epoch), items)
        } else {
            (0..items).collect()
        };
        Batches {
            dataset: Arc::clone(&self.dataset),
            order,
            batch_size: self.batch_size,
            drop_last: self.drop_last,
            next: 0,
        }
    }
}

impl std::fmt::Debug for DataLoader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataLoader")
            .field("items", &self.dataset.len())
            .field("batch_size", &self.batch_size)
            .field("shuffle", &self.shuffle)
            .field("drop_last", &self.drop_last)
            .field("seed", &self.seed)
            .field("epoch", &self.epoch())
            .finish()
    }
}

impl IntoIterator for &DataLoader {
    type Item = (Tensor, Tensor);
    type IntoIter = Batches;

    fn into_iter(self) -> Batches {
        self.iter()
    }
}

/// One epoch of a [`DataLoader`]: gives (inputs, targets) batch by batch.
///
/// It holds the data on its own, so it outlives the loader and may move to another thread.
///
/// # Examples
/// ```
/// use flambeau_data::{DataLoader, digits};
///
/// let mut batches = DataLoader::new(digits(), 1000)?.iter();
/// assert_eq!(batches.len(), 2);
/// let (x, _y) = batches.next().unwrap();
/// assert_eq!(x.shape(), [1000, 1, 8, 8]);
/// assert_eq!(batches.len(), 1);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub struct Batches {
    dataset: Arc<dyn Dataset>,
    order: Vec<usize>,
    batch_size: usize,
    drop_last: bool,
    /// Where in `order` the next batch starts.
    next: usize,
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batches({} of {} items walked)", self.next, self.order.len())
    }
}

impl Iterator for Batches {
    type Item = (Tensor, Tensor);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.order[self.next..];
        if count(rest.len(), self.batch_size, self.drop_last) == 0 {
            return None;
        }
        let indices = &rest[..self.batch_size.min(rest.len())];
        self.next += indices.len();
        Some(self.dataset.batch(indices))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let batches = count(self.order.len() - self.next, self.batch_size, self.drop_last);
        (batches, Some(batches))
    }
}

impl ExactSizeIterator for Batches {}

/// How many batches `items` make.
fn count(items: usize, batch_size: usize, drop_last: bool) -> usize {
    if drop_last { items / batch_size } else { items.div_ceil(batch_size) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;
    use proptest::prelude::*;

    fn numbers(n: usize) -> TensorDataset {
        let x = Tensor::from_vec((0..n).map(|v| v as f32).collect(), [n, 1]);
        let y = Tensor::from_vec((0..n as i64).collect(), [n]);
        TensorDataset::new(x, y).unwrap()
    }

    fn epoch(loader: &DataLoader) -> Vec<i64> {
        loader.into_iter().flat_map(|(_, y)| y.to_vec::<i64>()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn an_epoch_shows_every_item_once(n in 1_usize..200, batch_size in 1_usize..50, seed: u64) {
            let loader = DataLoader::new(numbers(n), batch_size).unwrap().shuffle(true).seed(seed);
            let batches: Vec<_> = loader.iter().collect();
            prop_assert_eq!(batches.len(), loader.len());
            for (x, y) in &batches {
                let inputs: Vec<i64> = x.to_vec::<f32>().iter().map(|&v| v as i64).collect();
                prop_assert_eq!(inputs, y.to_vec::<i64>());
            }
            let mut seen: Vec<i64> = batches.iter().flat_map(|(_, y)| y.to_vec::<i64>()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..n as i64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn order_depends_on_seed_and_epoch_alone() {
        let make = |seed| DataLoader::new(numbers(100), 7).unwrap().shuffle(true).seed(seed);
        let (a, b, other) = (make(3), make(3), make(4));
        let (a0, a1) = (epoch(&a), epoch(&a));
        assert_ne!(a0, a1, "epochs must differ");
        assert_eq!([a0.clone(), a1.clone()], [epoch(&b), epoch(&b)]);
        assert_ne!(a0, epoch(&other));
        a.set_epoch(1);
        assert_eq!(epoch(&a), a1);
        assert_eq!(a.epoch(), 2);
    }

    #[test]
    fn without_shuffle_the_order_is_the_datas() {
        let loader = DataLoader::new(numbers(5), 2).unwrap();
        assert_eq!(loader.len(), 3);
        for _ in 0..2 {
            let sizes: Vec<usize> = loader.iter().map(|(x, _)| x.shape()[0]).collect();
            assert_eq!(sizes, [2, 2, 1]);
            assert_eq!(epoch(&loader), [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn drop_last_leaves_out_the_remainder() {
        let loader = DataLoader::new(numbers(5), 2).unwrap().drop_last(true);
        assert_eq!((loader.len(), loader.iter().len()), (2, 2));
        assert_eq!(epoch(&loader), [0, 1, 2, 3]);
        assert!(DataLoader::new(numbers(5), 6).unwrap().drop_last(true).is_empty());
    }

    #[test]
    fn a_loader_without_batches_is_an_error() {
        let message = DataLoader::new(numbers(5), 0).unwrap_err().to_string();
        assert!(message.contains("batch_size"), "{message}");
        assert!(DataLoader::new(numbers(0), 2).is_err());
    }

    #[test]
    fn batches_outlive_their_loader() {
        let batches = DataLoader::new(numbers(4), 2).unwrap().iter();
        let handle = std::thread::spawn(move || batches.count());
        assert_eq!(handle.join().unwrap(), 2);
    }
}
