//! The thread pool: a few workers that spin briefly for the next job, then park.
//!
//! A job is a number of independent tasks. The caller works too, and waits only for workers that have
//! entered the job, so a worker that wakes late delays nobody. Each thread begins with its own share of the tasks, the
//! same from job to job, so that it finds in its cache what it wrote before; then it helps the others. Which thread does
//! which task never changes what is computed. `FLAMBEAU_NUM_THREADS` or [`set_num_threads`] sets the number of threads.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;

/// How often a worker looks for a job before it parks: some 20 µs.
const SPINS: u32 = 4000;

/// Into how many shares tasks are cut at most.
const SHARES: usize = 64;

/// The next task of a share, on a cache line of its own.
#[repr(align(64))]
struct Next(AtomicUsize);

struct Worker {
    thread: Thread,
    parked: &'static AtomicBool,
}

#[derive(Clone, Copy)]
struct Job {
    run: *const (dyn Fn(usize) + Sync),
    tasks: usize,
    shares: usize,
}

impl Job {
    /// Where a share begins; the one before ends there.
    fn start(&self, share: usize) -> usize {
        self.tasks / self.shares * share + (self.tasks % self.shares).min(share)
    }
}

struct Pool {
    /// Upper half: number of the job, odd while workers may enter. Lower half: workers inside.
    state: AtomicU64,
    job: std::cell::UnsafeCell<Job>,
    next: [Next; SHARES],
    panicked: AtomicBool,
    threads: AtomicUsize,
    /// Held by the thread whose job runs. The workers are only touched under it.
    submit: Mutex<Vec<Worker>>,
}

// SAFETY: `job` is written by the holder of `submit` while no worker is inside, and read by workers inside.
unsafe impl Sync for Pool {}
// SAFETY: the pointer in `job` is only used while the closure that it points to lives (see `run`).
unsafe impl Send for Pool {}

const EPOCH: u64 = 1 << 32;
const INSIDE: u64 = EPOCH - 1;

thread_local! {
    /// Whether this thread is inside a task: jobs within jobs run on the spot.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let threads = std::env::var("FLAMBEAU_NUM_THREADS")
            .ok()
            .and_then(|v| v.parse().ok())
            .filter(|&n| n > 0)
            .or_else(|| std::thread::available_parallelism().ok().map(usize::from));
        fn nothing(_: usize) {}
        Pool {
            state: AtomicU64::new(0),
            job: std::cell::UnsafeCell::new(Job { run: &nothing, tasks: 0, shares: 1 }),
            next: [const { Next(AtomicUsize::new(0)) }; SHARES],
            panicked: AtomicBool::new(false),
            threads: AtomicUsize::new(threads.unwrap_or(1)),
            submit: Mutex::new(Vec::new()),
        }
    })
}

/// The number of threads that work on one job, the caller included. Default: as many as the machine has cores.
pub fn num_threads() -> usize {
    pool().threads.load(Ordering::Relaxed)
}

/// The threads that [`run`] would give tasks to from here: one inside a task.
pub(crate) fn threads_at_hand() -> usize {
    if is_alone() { 1 } else { num_threads() }
}

/// Whether [`run`] would run all tasks on the calling thread, one after another.
pub(crate) fn is_alone() -> bool {
    num_threads() == 1 || BUSY.get()
}

/// Sets the number of threads for jobs to come; 0 counts as 1, and 1024 is the most.
pub fn set_num_threads(n: usize) {
    pool().threads.store(n.clamp(1, 1024), Ordering::Relaxed);
}

/// Calls `f(0)`, …, `f(tasks − 1)`, each once, on the pool's threads; returns when all are done.
///
/// Runs on the calling thread alone if there is one task or one thread, inside another job, or while
/// another thread's job has the pool. A panic in a task is raised again here.
pub fn run(tasks: usize, f: &(dyn Fn(usize) + Sync)) {
    let pool = pool();
    let threads = pool.threads.load(Ordering::Relaxed).min(tasks);
    let submit = if threads <= 1 || BUSY.get() { None } else { pool.submit.try_lock().ok() };
    let Some(mut workers) = submit else {
        (0..tasks).for_each(f);
        return;
    };
    while workers.len() < threads - 1 {
        match spawn(workers.len()) {
            Some(worker) => workers.push(worker),
            None => break,
        }
    }
    // SAFETY: the last job is closed and its workers have left, so nobody reads `job`. The lifetime of `f` is
    // erased here; workers use it only while inside, and we return only after all have left.
    let job = unsafe {
        let run = std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(f);
        let job = Job { run, tasks, shares: threads.min(SHARES) };
        *pool.job.get() = job;
        job
    };
    for (share, next) in pool.next[..job.shares].iter().enumerate() {
        next.0.store(job.start(share), Ordering::Relaxed);
    }
    pool.state.fetch_add(EPOCH, Ordering::SeqCst);
    for worker in &workers[..(threads - 1).min(workers.len())] {
        if worker.parked.load(Ordering::SeqCst) {
            worker.thread.unpark();
        }
    }
    let mine = catch_unwind(AssertUnwindSafe(|| work(pool, f, &job, 0)));
    pool.state.fetch_add(EPOCH, Ordering::SeqCst);
    let mut spins = 0u32;
    while pool.state.load(Ordering::Acquire) & INSIDE != 0 {
        spins += 1;
        if spins.is_multiple_of(SPINS) { std::thread::yield_now() } else { std::hint::spin_loop() }
    }
    let others = pool.panicked.swap(false, Ordering::Relaxed);
    drop(workers);
    if let Err(panic) = mine {
        resume_unwind(panic);
    }
    assert!(!others, "a task panicked on a worker thread");
}

/// Does the tasks of share `first`, then what is left of the others.
fn work(pool: &Pool, f: &(dyn Fn(usize) + Sync), job: &Job, first: usize) {
    let outer = BUSY.replace(true);
    let result = catch_unwind(AssertUnwindSafe(|| {
        for share in (first..job.shares).chain(0..first) {
            let end = job.start(share + 1);
            loop {
                let task = pool.next[share].0.fetch_add(1, Ordering::Relaxed);
                if task >= end {
                    break;
                }
                f(task);
            }
        }
    }));
    BUSY.set(outer);
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

fn spawn(id: usize) -> Option<Worker> {
    // Workers live as long as the process, so their flag may too.
    let parked: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let handle =
        std::thread::Builder::new().name(format!("flambeau-{id}")).spawn(move || worker(id, parked)).ok()?;
    Some(Worker { thread: handle.thread().clone(), parked })
}

fn worker(id: usize, parked: &AtomicBool) {
    let pool = pool();
    let mut seen = 0;
    let mut spins = 0;
    loop {
        let state = pool.state.load(Ordering::SeqCst);
        let epoch = state / EPOCH;
        let mine = id + 1 < pool.threads.load(Ordering::Relaxed);
        if epoch % 2 == 1 && epoch != seen && mine {
            if pool.state.compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue;
            }
            (seen, spins) = (epoch, 0);
            // SAFETY: we are inside: the caller of `run` wrote `job` before it opened it, and waits for us.
            let (f, job) = unsafe { (&*(*pool.job.get()).run, *pool.job.get()) };
            if catch_unwind(AssertUnwindSafe(|| work(pool, f, &job, (id + 1) % job.shares))).is_err() {
                pool.panicked.store(true, Ordering::Relaxed);
            }
            pool.state.fetch_sub(1, Ordering::Release);
        } else if spins < SPINS {
            spins += 1;
            std::hint::spin_loop();
        } else {
            // A job opened between the look above and the flag below sees the flag or is seen here.
            parked.store(true, Ordering::SeqCst);
            if pool.state.load(Ordering::SeqCst) == state {
                std::thread::park();
            }
            parked.store(false, Ordering::SeqCst);
            spins = 0;
        }
    }
}

/// Splits `out` into pieces of `grain` elements and calls `f(start, piece)` for each, on the pool's threads.
///
/// The split depends on `grain` alone, so results that are computed piece by piece are the same for any
/// number of threads.
pub fn chunks_mut<T: Send>(out: &mut [T], grain: usize, f: impl Fn(usize, &mut [T]) + Sync) {
    let (len, grain) = (out.len(), grain.max(1));
    if len <= grain {
        if len > 0 {
            f(0, out);
        }
        return;
    }
    let base = SendPtr(out.as_mut_ptr());
    run(len.div_ceil(grain), &|task| {
        let start = task * grain;
        let n = grain.min(len - start);
        // SAFETY: the pieces of different tasks do not overlap, each task runs once, and `out` outlives `run`.
        f(start, unsafe { std::slice::from_raw_parts_mut(base.get().add(start), n) });
    });
}

/// As [`chunks_mut`] for two slices of one length, cut at the same places.
///
/// # Panics
/// If their lengths differ.
pub fn chunks_mut_2<A: Send, B: Send>(
    a: &mut [A],
    b: &mut [B],
    grain: usize,
    f: impl Fn(usize, &mut [A], &mut [B]) + Sync,
) {
    assert_eq!(a.len(), b.len());
    let base = SendPtr(b.as_mut_ptr());
    chunks_mut(a, grain, |start, a| {
        // SAFETY: `chunks_mut` hands out each piece of `a` once and none overlap, so neither do these of `b`,
        // which is as long and outlives the call.
        f(start, a, unsafe { std::slice::from_raw_parts_mut(base.get().add(start), a.len()) });
    });
}

/// A pointer that may go to other threads; its users say why that is sound.
pub(crate) struct SendPtr<T>(pub(crate) *mut T);
// SAFETY: see the type's users.
unsafe impl<T: Send> Sync for SendPtr<T> {}
impl<T> SendPtr<T> {
    /// By method, so that closures capture the wrapper and not its field.
    pub(crate) fn get(&self) -> *mut T {
        self.0
    }
}

/// Locks out other jobs while tests compare thread counts.
#[doc(hidden)]
pub fn with_num_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            set_num_threads(self.0);
        }
    }
    let _restore = Restore(num_threads());
    set_num_threads(n);
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once() {
        with_num_threads(4, || {
            for tasks in [0, 1, 2, 3, 17, 1000] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                for _ in 0..200 {
                    run(tasks, &|i| {
                        counts[i].fetch_add(1, Ordering::Relaxed);
                    });
                }
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 200));
            }
        });
    }

    #[test]
    fn jobs_nest_and_come_from_many_threads() {
        with_num_threads(3, || {
            std::thread::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| {
                        for _ in 0..200 {
                            let sum = AtomicUsize::new(0);
                            run(5, &|i| {
                                run(3, &|j| {
                                    sum.fetch_add(i * 3 + j, Ordering::Relaxed);
                                });
                            });
                            assert_eq!(sum.into_inner(), 105);
                        }
                    });
                }
            });
        });
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_the_pool_survives() {
        with_num_threads(2, || {
            for _ in 0..20 {
                let r = catch_unwind(|| run(64, &|i| assert!(i != 40, "task 40")));
                assert!(r.is_err());
                run(64, &|_| {});
            }
        });
    }

    #[test]
    fn panics_on_two_threads_at_once_leave_no_trace() {
        with_num_threads(2, || {
            let both = || {
                run(2, &|_| {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    panic!("in every task");
                })
            };
            assert!(catch_unwind(both).is_err());
            run(64, &|_| {});
        });
    }

    #[test]
    fn parked_workers_wake() {
        with_num_threads(2, || {
            for _ in 0..5 {
                std::thread::sleep(std::time::Duration::from_millis(2));
                let sum = AtomicUsize::new(0);
                run(100, &|i| {
                    sum.fetch_add(i, Ordering::Relaxed);
                });
                assert_eq!(sum.into_inner(), 4950);
            }
        });
    }
}
