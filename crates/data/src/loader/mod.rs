//! Walking over a data set in batches.

mod batches;
mod engine;
mod state;
mod stream;

use flambeau_tensor::{Error, Result, Tensor, raise};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::samplers::{chunk, count};
use crate::{Dataset, RandomSampler, Sampler, SequentialSampler};
use batches::Fetch;
use engine::{Engine, Job};
use state::Walk;

pub use batches::Batches;
pub use state::LoaderState;
pub use stream::{IterableDataset, StreamBatches, StreamLoader};

type Collate = Arc<dyn Fn(Vec<(Tensor, Tensor)>) -> (Tensor, Tensor) + Send + Sync>;

/// The order of a loader's items.
enum Order {
    Sequential,
    Shuffled,
    Sampler(Arc<dyn Sampler>),
    Batches(Arc<dyn Sampler<Vec<usize>>>),
}

/// Batches of a data set, a new pass with every `for` loop.
///
/// Each iteration over `&loader` is one epoch. With [`shuffle`](Self::shuffle), the order of epoch `e` is a function
/// of the seed and `e` alone: two loaders of the same seed give the same batches, and any epoch can be had again with
/// [`set_epoch`](Self::set_epoch). So do random augmentations: see [`Dataset`]. The last batch holds what is left over,
/// unless [`drop_last`](Self::drop_last).
///
/// With [`num_workers`](Self::num_workers), threads fetch the batches to come while the caller works on one. The
/// batches and their order are the same for any number of threads. A batch's memory is used again for a later one when
/// nobody holds it any more.
///
/// Errors and panics of the data set are raised at the caller, with the index of the item;
/// [`Batches::try_next`] gives errors as a `Result`.
///
/// Source: [`torch.utils.data.DataLoader`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader).
///
/// # Examples
/// ```
/// use flambeau_data::{DataLoader, digits};
///
/// let loader = DataLoader::new(digits(), 64)?.shuffle(true).seed(0).num_workers(2);
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
    order: Order,
    drop_last: bool,
    collate: Option<Collate>,
    num_workers: usize,
    prefetch_factor: usize,
    seed: u64,
    walk: Arc<Mutex<Walk>>,
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
            order: Order::Sequential,
            drop_last: false,
            collate: None,
            num_workers: 0,
            prefetch_factor: 2,
            seed: 0,
            walk: Arc::default(),
        })
    }

    /// Whether every epoch walks in a new random order (default: no). Takes the place of a sampler set before.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.order = if shuffle { Order::Shuffled } else { Order::Sequential };
        self
    }

    /// Walks in `sampler`'s order. Takes the place of [`shuffle`](Self::shuffle).
    ///
    /// ```
    /// use flambeau_data::{DataLoader, Dataset, WeightedRandomSampler, digits};
    ///
    /// // Zeros as often as all other digits together.
    /// let (_, y) = digits().batch(&(0..1797).collect::<Vec<_>>());
    /// let weights: Vec<f64> = y.to_vec::<i64>().iter().map(|&y| if y == 0 { 9.0 } else { 1.0 }).collect();
    /// let loader = DataLoader::new(digits(), 64)?.sampler(WeightedRandomSampler::new(&weights, 640)?);
    /// assert_eq!(loader.len(), 10);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.order = Order::Sampler(Arc::new(sampler));
        self
    }

    /// Walks in `batch_sampler`'s batches. Takes the place of the batch size, [`shuffle`](Self::shuffle),
    /// [`sampler`](Self::sampler) and [`drop_last`](Self::drop_last).
    pub fn batch_sampler(mut self, batch_sampler: impl Sampler<Vec<usize>> + 'static) -> Self {
        self.order = Order::Batches(Arc::new(batch_sampler));
        self
    }

    /// The seed of the shuffles and of what the data set draws (default: 0). Samplers have their own.
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

    /// Makes batches of items with `collate` (default: the data set's own [`batch`](Dataset::batch), which is
    /// [`default_collate`](crate::default_collate) unless it knows a faster way).
    ///
    /// Sequences of different lengths, filled up with zeros:
    /// ```
    /// use flambeau_data::{DataLoader, Dataset};
    /// use flambeau_tensor::{PadMode, Tensor};
    ///
    /// struct Sequences;
    /// impl Dataset for Sequences {
    ///     fn len(&self) -> usize {
    ///         3
    ///     }
    ///     fn get(&self, index: usize) -> (Tensor, Tensor) {
    ///         (Tensor::ones([index + 1]), Tensor::full([], index as f64))
    ///     }
    /// }
    ///
    /// let loader = DataLoader::new(Sequences, 3)?.collate_fn(|items| {
    ///     let longest = items.iter().map(|(x, _)| x.numel()).max().unwrap_or(0);
    ///     let fill = |x: &Tensor| Tensor::cat(&[x.clone(), Tensor::zeros([longest - x.numel()])], 0);
    ///     let (x, y): (Vec<_>, Vec<_>) = items.iter().map(|(x, y)| (fill(x), y.clone())).unzip();
    ///     (Tensor::stack(&x, 0), Tensor::stack(&y, 0))
    /// });
    /// let (x, _) = loader.iter().next().unwrap();
    /// assert_eq!(x.to_vec::<f32>(), [1., 0., 0., 1., 1., 0., 1., 1., 1.]);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn collate_fn(
        mut self,
        collate: impl Fn(Vec<(Tensor, Tensor)>) -> (Tensor, Tensor) + Send + Sync + 'static,
    ) -> Self {
        self.collate = Some(Arc::new(collate));
        self
    }

    /// How many threads fetch batches ahead (default: 0, the caller's thread fetches each when asked).
    pub fn num_workers(mut self, num_workers: usize) -> Self {
        self.num_workers = num_workers;
        self
    }

    /// How many batches for each thread are begun before they are asked for (default: 2; 0 counts as 1).
    pub fn prefetch_factor(mut self, prefetch_factor: usize) -> Self {
        self.prefetch_factor = prefetch_factor;
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
        let items = match &self.order {
            Order::Batches(sampler) => return sampler.len(),
            Order::Sampler(sampler) => sampler.len(),
            _ => self.dataset.len(),
        };
        count(items, self.batch_size, self.drop_last)
    }

    /// Whether an epoch has no batches, which only [`drop_last`](Self::drop_last) or a sampler can bring about.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The epoch that the next iteration walks, counted from 0.
    pub fn epoch(&self) -> u64 {
        self.walk().epoch
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
        self.walk().set_epoch(epoch);
    }

    /// Where the latest iteration stands: what [`load_state_dict`](Self::load_state_dict) goes on from.
    ///
    /// # Examples
    /// A training that is killed in the middle of an epoch and goes on:
    /// ```
    /// use flambeau_data::{DataLoader, digits};
    ///
    /// let make = || DataLoader::new(digits(), 64).unwrap().shuffle(true).seed(3);
    /// let loader = make();
    /// let mut batches = loader.iter();
    /// batches.nth(10);
    /// let state = loader.state_dict();
    /// let expected: Vec<i64> = batches.next().unwrap().1.to_vec();
    ///
    /// let loader = make();
    /// loader.load_state_dict(state)?;
    /// assert_eq!(loader.iter().next().unwrap().1.to_vec::<i64>(), expected);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn state_dict(&self) -> LoaderState {
        let [epoch, batch] = self.walk().position();
        LoaderState { seed: self.seed, epoch, batch, batches: self.len() as u64 }
    }

    /// Makes the next iteration go on where another loader of the same data and settings stood.
    ///
    /// # Errors
    /// [`Error::Config`] if the state is of a loader with another seed or another number of batches.
    pub fn load_state_dict(&self, state: LoaderState) -> Result<()> {
        state.check(self.seed, self.len() as u64)?;
        self.walk().resume(state.epoch, state.batch);
        Ok(())
    }

    /// Begins the next epoch. The same as `for … in &loader`.
    ///
    /// # Panics
    /// If a sampler gives an index outside of the data set.
    #[track_caller]
    pub fn iter(&self) -> Batches {
        let (id, epoch, first) = self.walk().begin();
        let plan = self.plan(epoch);
        let items = self.dataset.len();
        if let Some(index) = plan.iter().flatten().find(|&&i| i >= items) {
            raise(Error::config(
                "sampler",
                format!("gives index {index}, but the data set has {items} items"),
            ));
        }
        let total = plan.len();
        let first = usize::try_from(first).map_or(total, |first| first.min(total));
        let stop = Arc::new(AtomicBool::new(false));
        let fetch = Fetch {
            dataset: Arc::clone(&self.dataset),
            collate: self.collate.clone(),
            seed: self.seed,
            epoch,
            stop: Arc::clone(&stop),
        };
        let fetch = Arc::new(fetch);
        let jobs = plan.into_iter().enumerate().skip(first).map(move |(number, indices)| {
            let fetch = Arc::clone(&fetch);
            Box::new(move || fetch.run(number, &indices)) as Job
        });
        let engine = Engine::start(Box::new(jobs), self.num_workers, self.prefetch_factor, stop);
        Batches::new(engine, first..total, id, Arc::clone(&self.walk))
    }

    /// The indices of each batch of an epoch.
    fn plan(&self, epoch: u64) -> Vec<Vec<usize>> {
        let items = self.dataset.len();
        let order = match &self.order {
            Order::Batches(sampler) => return sampler.sample(epoch),
            Order::Sampler(sampler) => sampler.sample(epoch),
            Order::Shuffled => RandomSampler::new(items).seed(self.seed).sample(epoch),
            Order::Sequential => SequentialSampler::new(items).sample(epoch),
        };
        chunk(&order, self.batch_size, self.drop_last)
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for DataLoader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataLoader")
            .field("items", &self.dataset.len())
            .field("batch_size", &self.batch_size)
            .field("batches", &self.len())
            .field("shuffle", &matches!(self.order, Order::Shuffled))
            .field("drop_last", &self.drop_last)
            .field("num_workers", &self.num_workers)
            .field("seed", &self.seed)
            .field("epoch", &self.epoch())
            .finish()
    }
}

impl IntoIterator for &DataLoader {
    type Item = (Tensor, Tensor);
    type IntoIter = Batches;

    #[track_caller]
    fn into_iter(self) -> Batches {
        self.iter()
    }
}
