//! Where a loader stands.

use flambeau_tensor::{Error, Result};
use serde::{Deserialize, Serialize};

/// Where a [`DataLoader`](crate::DataLoader) stands, to be saved with a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoaderState {
    /// The loader's seed.
    pub seed: u64,
    /// The epoch of the next batch, counted from 0.
    pub epoch: u64,
    /// The next batch's number in its epoch, counted from 0.
    pub batch: u64,
    /// The number of batches in an epoch; 0 where the data are a stream.
    pub batches: u64,
}

impl LoaderState {
    /// Refuses a state that would not give the same batches.
    pub(super) fn check(&self, seed: u64, batches: u64) -> Result<()> {
        if self.seed != seed {
            let message = format!("is {seed}, but the saved state is of a loader with seed {}", self.seed);
            return Err(Error::config("seed", message));
        }
        if self.batches != batches || (batches > 0 && self.batch >= batches) {
            let message = format!(
                "epochs of {batches} batches do not go on from batch {} of {}; the data, the batch size and the sampler must be the same",
                self.batch, self.batches
            );
            return Err(Error::config("batches", message));
        }
        Ok(())
    }
}

/// A loader's place, shared with its iterators.
#[derive(Default)]
pub(super) struct Walk {
    /// The epoch that the next iteration walks, and the batch that it begins with.
    pub(super) epoch: u64,
    first: u64,
    /// The latest iteration's number, and the epoch and the number of the batch that it gives next.
    id: u64,
    place: [u64; 2],
}

impl Walk {
    pub(super) fn set_epoch(&mut self, epoch: u64) {
        self.resume(epoch, 0);
    }

    /// Makes the next iteration begin there.
    pub(super) fn resume(&mut self, epoch: u64, batch: u64) {
        // An iteration under way tells its place no more.
        let id = self.id + 1;
        *self = Walk { epoch, first: batch, id, place: [epoch, batch] };
    }

    /// Begins an iteration: its number, its epoch and its first batch.
    pub(super) fn begin(&mut self) -> (u64, u64, u64) {
        let (id, epoch, first) = (self.id + 1, self.epoch, self.first);
        *self = Walk { epoch: epoch.wrapping_add(1), first: 0, id, place: [epoch, first] };
        (id, epoch, first)
    }

    /// Notes that iteration `id` gives batch `next` next, or has given its last.
    pub(super) fn advance(&mut self, id: u64, next: u64, last: bool) {
        if id == self.id {
            let [epoch, _] = self.place;
            self.place = if last { [epoch.wrapping_add(1), 0] } else { [epoch, next] };
        }
    }

    pub(super) fn position(&self) -> [u64; 2] {
        self.place
    }
}
