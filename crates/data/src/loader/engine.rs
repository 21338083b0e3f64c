//! Fetches batches ahead on threads and hands them out in order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use flambeau_tensor::{Error, Tensor, raise, try_call};

use crate::item::Stopped;

/// A batch, or why there is none.
pub(super) type Outcome = Result<(Tensor, Tensor), Failure>;
/// Fetches one batch.
pub(super) type Job = Box<dyn FnOnce() -> Outcome + Send>;
/// The jobs of an epoch, in order.
pub(super) type Jobs = Box<dyn Iterator<Item = Job> + Send>;

/// What went wrong in fetching a batch.
pub(super) enum Failure {
    Error(Error),
    Panic(String),
}

impl Failure {
    /// The same, with the place added to the message.
    pub(super) fn at(self, place: &str) -> Self {
        match self {
            Failure::Error(error) => Failure::Error(locate(error, place)),
            Failure::Panic(message) => Failure::Panic(format!("{message} ({place})")),
        }
    }

    /// The error; a panic goes on.
    #[track_caller]
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Error(error) => error,
            Failure::Panic(message) => panic!("{message}"),
        }
    }

    #[track_caller]
    pub(super) fn raise(self) -> ! {
        raise(self.into_error())
    }
}

/// Runs `f` and catches what goes wrong in it.
pub(super) fn guard<R>(f: impl FnOnce() -> R) -> Result<R, Failure> {
    // What a failed fetch leaves behind is dropped with it, but for what the data set itself guards.
    match catch_unwind(AssertUnwindSafe(|| try_call(f))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::Error(error)),
        Err(payload) => Err(Failure::Panic(if let Some(message) = payload.downcast_ref::<&str>() {
            (*message).to_owned()
        } else if let Some(message) = payload.downcast_ref::<String>() {
            message.clone()
        } else if payload.is::<Stopped>() {
            "stopped".to_owned()
        } else {
            "a panic without a message".to_owned()
        })),
    }
}

/// The same error, with the place added to its message.
fn locate(error: Error, place: &str) -> Error {
    match error {
        Error::Op { op, message } => Error::Op { op, message: format!("{message} ({place})") },
        Error::File { path, message } => Error::File { path, message: format!("{message} ({place})") },
        Error::Config { field, message } => Error::Config { field, message: format!("{message} ({place})") },
        other => Error::config("dataset", format!("{other} ({place})")),
    }
}

#[derive(Default)]
struct State {
    /// Finished and not yet asked for, by number.
    done: BTreeMap<usize, Outcome>,
    /// Jobs begun.
    begun: usize,
    /// Batches handed out.
    taken: usize,
    /// Whether there are no more jobs.
    exhausted: bool,
}

pub(super) struct Shared {
    /// Locked before `state` where both are.
    jobs: Mutex<Jobs>,
    state: Mutex<State>,
    /// Signalled when a batch is finished or the jobs are exhausted.
    finished: Condvar,
    /// Signalled when a batch is handed out or the epoch is given up.
    room: Condvar,
    /// Most batches that are begun and not handed out.
    ahead: usize,
    stop: Arc<AtomicBool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The next job and its number, once there is room for its batch.
    fn begin(&self) -> Option<(usize, Job)> {
        // Held while waiting for room: whoever comes next must take the job after this one anyway.
        let mut jobs = lock(&self.jobs);
        let full = |state: &mut State| state.begun - state.taken >= self.ahead && !self.stopped();
        let state = self.room.wait_while(lock(&self.state), full).unwrap_or_else(PoisonError::into_inner);
        if self.stopped() || state.exhausted {
            return None;
        }
        drop(state);
        // Reads from the source, if it is a stream: without the state, so that finished batches are handed out.
        let job = jobs.next();
        let mut state = lock(&self.state);
        let Some(job) = job else {
            state.exhausted = true;
            self.finished.notify_all();
            return None;
        };
        state.begun += 1;
        Some((state.begun - 1, job))
    }

    fn work(&self) {
        while let Some((number, job)) = self.begin() {
            let outcome = job();
            lock(&self.state).done.insert(number, outcome);
            self.finished.notify_all();
        }
    }
}

/// The batches of an epoch.
pub(super) enum Engine {
    /// Fetched when asked for, on the caller's thread.
    Here(Jobs),
    /// Fetched ahead.
    Ahead { shared: Arc<Shared>, workers: Vec<JoinHandle<()>> },
}

impl Engine {
    /// Begins to fetch with so many threads, each `prefetch_factor` batches ahead. `stop` is what the jobs heed.
    pub(super) fn start(jobs: Jobs, workers: usize, prefetch_factor: usize, stop: Arc<AtomicBool>) -> Self {
        if workers == 0 {
            return Engine::Here(jobs);
        }
        let shared = Arc::new(Shared {
            jobs: Mutex::new(jobs),
            state: Mutex::default(),
            finished: Condvar::new(),
            room: Condvar::new(),
            ahead: workers.saturating_mul(prefetch_factor.max(1)),
            stop,
        });
        let spawn = |number| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("loader-{number}")).spawn(move || shared.work())
        };
        // Fewer threads give the same batches, so a system that refuses some is no error.
        let workers: Vec<_> = (0..workers).map_while(|number| spawn(number).ok()).collect();
        if workers.is_empty() {
            tracing::warn!("the system gives no thread to the loader: batches are fetched on the caller's");
        }
        Engine::Ahead { shared, workers }
    }
}

impl Iterator for Engine {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        let (shared, workers) = match self {
            Engine::Here(jobs) => return jobs.next().map(|job| job()),
            Engine::Ahead { shared, workers } => (&*shared, workers),
        };
        if workers.is_empty() {
            return lock(&shared.jobs).next().map(|job| job());
        }
        let mut state = lock(&shared.state);
        let number = state.taken;
        let outcome = loop {
            if let Some(outcome) = state.done.remove(&number) {
                break outcome;
            }
            if state.exhausted && state.begun == number {
                return None;
            }
            state = shared.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.taken += 1;
        shared.room.notify_all();
        Some(outcome)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Engine::Ahead { shared, workers } = self else { return };
        shared.stop.store(true, Ordering::Relaxed);
        // Under the lock: a worker that has just looked at `stop` is asleep before the signal is given.
        drop(lock(&shared.state));
        shared.room.notify_all();
        for worker in workers.drain(..) {
            // Jobs catch their panics.
            let _ = worker.join();
        }
    }
}
