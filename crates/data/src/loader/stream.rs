//! Data that come one after another and have no index.

use flambeau_tensor::{Error, Result, Tensor, raise};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::{Engine, Job, Jobs, Outcome, guard};
use super::{LoaderState, Walk};
use crate::{default_collate, item};

/// Data that can only be read in order: files larger than memory, a database, a generator.
///
/// Source: [`torch.utils.data.IterableDataset`](https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset).
///
/// # Examples
/// ```
/// use flambeau_data::{IterableDataset, StreamLoader};
/// use flambeau_tensor::{Result, Tensor};
///
/// struct Count(usize);
///
/// impl IterableDataset for Count {
///     fn iter(&self, _epoch: u64) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + Send> {
///         Box::new((0..self.0).map(|i| Ok((Tensor::full([1], i as f64), Tensor::full([], i as f64)))))
///     }
/// }
///
/// let loader = StreamLoader::new(Count(5), 2)?;
/// let sizes: Vec<usize> = loader.iter().map(|(x, _)| x.shape()[0]).collect();
/// assert_eq!(sizes, [2, 2, 1]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub trait IterableDataset: Send + Sync {
    /// The items of an epoch, in order. The same epoch always gives the same.
    fn iter(&self, epoch: u64) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + Send>;
}

impl<D: IterableDataset + ?Sized> IterableDataset for Arc<D> {
    fn iter(&self, epoch: u64) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + Send> {
        (**self).iter(epoch)
    }
}

type Apply = Arc<dyn Fn(Tensor, Tensor) -> (Tensor, Tensor) + Send + Sync>;

/// Batches of an [`IterableDataset`], a new pass with every `for` loop.
///
/// The stream is read by one thread at a time, in order; [`map`](Self::map)'s function and the making of batches run on
/// all [`num_workers`](Self::num_workers) threads. The batches are the same for any number of threads.
///
/// # Examples
/// See [`IterableDataset`].
pub struct StreamLoader {
    dataset: Arc<dyn IterableDataset>,
    batch_size: usize,
    drop_last: bool,
    apply: Option<Apply>,
    num_workers: usize,
    prefetch_factor: usize,
    seed: u64,
    walk: Arc<Mutex<Walk>>,
}

impl StreamLoader {
    /// A loader of `dataset`, `batch_size` items at a time.
    ///
    /// # Errors
    /// [`Error::Config`] if `batch_size` is 0.
    pub fn new(dataset: impl IterableDataset + 'static, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::config("batch_size", "is 0; a batch needs at least 1 item"));
        }
        Ok(Self {
            dataset: Arc::new(dataset),
            batch_size,
            drop_last: false,
            apply: None,
            num_workers: 0,
            prefetch_factor: 2,
            seed: 0,
            walk: Arc::default(),
        })
    }

    /// Applies `f` to each item, on the workers. What it draws at random depends on the seed, the epoch and the item's
    /// number alone.
    pub fn map(mut self, f: impl Fn(Tensor, Tensor) -> (Tensor, Tensor) + Send + Sync + 'static) -> Self {
        self.apply = Some(Arc::new(f));
        self
    }

    /// Whether to leave out a last batch smaller than the others (default: no).
    pub fn drop_last(mut self, drop_last: bool) -> Self {
        self.drop_last = drop_last;
        self
    }

    /// The seed of what [`map`](Self::map)'s function draws (default: 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
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

    /// The epoch that the next iteration walks, counted from 0.
    pub fn epoch(&self) -> u64 {
        self.walk().epoch
    }

    /// Makes the next iteration walk `epoch`.
    pub fn set_epoch(&self, epoch: u64) {
        self.walk().set_epoch(epoch);
    }

    /// Where the latest iteration stands; see [`DataLoader::state_dict`](crate::DataLoader::state_dict).
    pub fn state_dict(&self) -> LoaderState {
        let [epoch, batch] = self.walk().position();
        LoaderState { seed: self.seed, epoch, batch, batches: 0 }
    }

    /// Makes the next iteration go on where another loader of the same data and settings stood. The items before that
    /// are read again and thrown away.
    ///
    /// # Errors
    /// [`Error::Config`] if the state is of a loader with another seed or of a data set with an index.
    pub fn load_state_dict(&self, state: LoaderState) -> Result<()> {
        state.check(self.seed, 0)?;
        self.walk().resume(state.epoch, state.batch);
        Ok(())
    }

    /// Begins the next epoch. The same as `for … in &loader`.
    pub fn iter(&self) -> StreamBatches {
        let (id, epoch, first) = self.walk().begin();
        let stop = Arc::new(AtomicBool::new(false));
        let jobs = self.jobs(epoch, first, &stop);
        let engine = Engine::start(jobs, self.num_workers, self.prefetch_factor, stop);
        StreamBatches { engine, next: first, id, walk: Arc::clone(&self.walk) }
    }

    /// The batches of an epoch from number `first` on.
    fn jobs(&self, epoch: u64, first: u64, stop: &Arc<AtomicBool>) -> Jobs {
        let (dataset, apply, stop) = (Arc::clone(&self.dataset), self.apply.clone(), Arc::clone(stop));
        let (seed, batch_size, drop_last) = (self.seed, self.batch_size, self.drop_last);
        let mut items = None;
        let (mut number, mut ended) = (0_usize, false);
        let pull = move || -> Option<Job> {
            if ended {
                return None;
            }
            let mut read = 0;
            let pulled = guard(|| {
                // Opened here, so that what goes wrong is told like the rest.
                let items = items.get_or_insert_with(|| dataset.iter(epoch));
                let mut batch = Vec::new();
                while batch.len() < batch_size && !stop.load(Ordering::Relaxed) {
                    let Some(item) = items.next() else { break };
                    batch.push(item.unwrap_or_else(|error| raise(error)));
                    read += 1;
                }
                batch
            });
            let this = number;
            number += 1;
            let place = move |p: usize| format!("item {p} of the stream, in batch {this} of epoch {epoch}");
            let start = this.saturating_mul(batch_size);
            let batch = match pulled {
                Ok(batch) => batch,
                // A stream cannot be trusted to go on after an error.
                Err(failure) => {
                    ended = true;
                    let failure = failure.at(&place(start + read));
                    return Some(Box::new(move || Err(failure)));
                }
            };
            ended = batch.len() < batch_size;
            if batch.is_empty() || (ended && drop_last) {
                return None;
            }
            let (apply, stop) = (apply.clone(), Arc::clone(&stop));
            Some(Box::new(move || -> Outcome {
                let collate = || {
                    let Some(apply) = &apply else { return default_collate(batch) };
                    let mut batch: Vec<_> = batch.into_iter().map(Some).collect();
                    let numbers: Vec<usize> = (start..).take(batch.len()).collect();
                    default_collate(item::each(&numbers, |i| {
                        // Each number comes once.
                        let (x, y) =
                            batch[i - start].take().unwrap_or_else(|| unreachable!("item {i} twice"));
                        apply(x, y)
                    }))
                };
                guard(|| item::within(seed, epoch, this, &stop, collate)).map_err(|failure| {
                    let failed = item::failed_position().map(|p| place(start + p));
                    failure.at(&failed.unwrap_or_else(|| format!("batch {this} of epoch {epoch}")))
                })
            }))
        };
        let jobs = std::iter::from_fn(pull);
        Box::new(jobs.skip(usize::try_from(first).unwrap_or(usize::MAX)))
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for StreamLoader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamLoader")
            .field("batch_size", &self.batch_size)
            .field("drop_last", &self.drop_last)
            .field("num_workers", &self.num_workers)
            .field("seed", &self.seed)
            .field("epoch", &self.epoch())
            .finish()
    }
}

impl IntoIterator for &StreamLoader {
    type Item = (Tensor, Tensor);
    type IntoIter = StreamBatches;

    fn into_iter(self) -> StreamBatches {
        self.iter()
    }
}

/// One epoch of a [`StreamLoader`]: gives (inputs, targets) batch by batch.
pub struct StreamBatches {
    engine: Engine,
    next: u64,
    id: u64,
    walk: Arc<Mutex<Walk>>,
}

impl StreamBatches {
    /// The next batch, with an error instead of a panic if the stream gives one, which ends the epoch.
    ///
    /// # Errors
    /// The stream's error, with the item's number added.
    ///
    /// # Panics
    /// If the stream panics; the message names the item.
    #[track_caller]
    pub fn try_next(&mut self) -> Result<Option<(Tensor, Tensor)>> {
        match self.advance() {
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(failure)) => Err(failure.into_error()),
            None => Ok(None),
        }
    }

    fn advance(&mut self) -> Option<Outcome> {
        let outcome = self.engine.next();
        let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        self.next += u64::from(outcome.is_some());
        walk.advance(self.id, self.next, outcome.is_none());
        outcome
    }
}

impl std::fmt::Debug for StreamBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamBatches({} walked)", self.next)
    }
}

impl Iterator for StreamBatches {
    type Item = (Tensor, Tensor);

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        match self.advance()? {
            Ok(batch) => Some(batch),
            Err(failure) => failure.raise(),
        }
    }
}
