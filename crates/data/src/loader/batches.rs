//! One epoch of a loader.

use flambeau_tensor::{Result, Tensor};
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::Collate;
use super::engine::{Engine, Outcome, guard};
use super::state::Walk;
use crate::{Dataset, item};

/// What it takes to fetch any batch of an epoch.
pub(super) struct Fetch {
    pub(super) dataset: Arc<dyn Dataset>,
    pub(super) collate: Option<Collate>,
    pub(super) seed: u64,
    pub(super) epoch: u64,
    pub(super) stop: Arc<AtomicBool>,
}

impl Fetch {
    pub(super) fn run(&self, number: usize, indices: &[usize]) -> Outcome {
        let batch = || match &self.collate {
            Some(collate) => collate(item::each(indices, |i| self.dataset.get(i))),
            None => self.dataset.batch(indices),
        };
        guard(|| item::within(self.seed, self.epoch, number, &self.stop, batch)).map_err(|failure| {
            let place = match item::failed_position().and_then(|p| indices.get(p)) {
                Some(index) => {
                    format!("item {index} of the data set, in batch {number} of epoch {}", self.epoch)
                }
                None => format!("batch {number} of epoch {}, items {indices:?}", self.epoch),
            };
            failure.at(&place)
        })
    }
}

/// One epoch of a [`DataLoader`](super::DataLoader): gives (inputs, targets) batch by batch.
///
/// It holds the data on its own, so it outlives the loader and may move to another thread. Dropping it early ends its
/// threads; each finishes at most the item that it is at.
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
    engine: Engine,
    next: usize,
    total: usize,
    id: u64,
    walk: Arc<Mutex<Walk>>,
}

impl Batches {
    /// The batches with these numbers, which `engine` fetches.
    pub(super) fn new(engine: Engine, numbers: Range<usize>, id: u64, walk: Arc<Mutex<Walk>>) -> Self {
        Self { engine, next: numbers.start, total: numbers.end, id, walk }
    }

    /// The next batch, with an error instead of a panic if the data set raises one. The call after that gives the
    /// batch after the failed one.
    ///
    /// # Errors
    /// What the data set handed to [`raise`](crate::raise), with the item's index added.
    ///
    /// # Panics
    /// If the data set panics in another way; the message names the item.
    ///
    /// ```
    /// use flambeau_data::{DataLoader, digits};
    ///
    /// let mut batches = DataLoader::new(digits(), 64)?.iter();
    /// while let Some((x, y)) = batches.try_next()? {
    ///     assert_eq!(x.shape()[0], y.shape()[0]);
    /// }
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    #[track_caller]
    pub fn try_next(&mut self) -> Result<Option<(Tensor, Tensor)>> {
        match self.advance() {
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(failure)) => Err(failure.into_error()),
            None => Ok(None),
        }
    }

    fn advance(&mut self) -> Option<Outcome> {
        let outcome = self.engine.next()?;
        self.next += 1;
        let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        walk.advance(self.id, self.next as u64, self.next == self.total);
        Some(outcome)
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batches({} of {} walked)", self.next, self.total)
    }
}

impl Iterator for Batches {
    type Item = (Tensor, Tensor);

    #[track_caller]
    fn next(&mut self) -> Option<Self::Item> {
        match self.advance()? {
            Ok(batch) => Some(batch),
            Err(failure) => failure.raise(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.total - self.next, Some(self.total - self.next))
    }
}

impl ExactSizeIterator for Batches {}
