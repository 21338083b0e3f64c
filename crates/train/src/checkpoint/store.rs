//! A folder of checkpoints.

use super::Checkpoint;
use super::file::{self, Fault, Head};
use flambeau_optim::PlateauMode;
use flambeau_tensor::{Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of checkpoints: the newest ones, the best ones by their [metric](Checkpoint::metric), and no others.
///
/// A file is complete or not there at all, also when the process is killed while it writes; a file that is damaged
/// nevertheless is passed over in favour of the one before. Only one process may write into a folder: see
/// [`RunFolder`](crate::RunFolder).
///
/// ```
/// use flambeau_nn::Linear;
/// use flambeau_optim::PlateauMode;
/// use flambeau_train::{Checkpoint, CheckpointStore};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("checkpoints");
/// let model = Linear::new(2, 2);
/// let mut store = CheckpointStore::open(&folder)?.keep_last(2).keep_best(1, PlateauMode::Max);
/// for (step, accuracy) in [(100, 0.7), (200, 0.9), (300, 0.8), (400, 0.6), (500, 0.8)] {
///     store.save(&Checkpoint::new(step).with_metric(accuracy).model("model", &model))?;
/// }
/// assert_eq!(store.steps(), [200, 400, 500]);
/// assert_eq!(store.best()?.map(|found| found.checkpoint.step()), Some(200));
/// assert_eq!(store.latest()?.map(|found| found.checkpoint.step()), Some(500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CheckpointStore {
    folder: PathBuf,
    keep_last: usize,
    keep_best: usize,
    mode: PlateauMode,
    /// The metric of each step's file.
    files: BTreeMap<u64, Option<f64>>,
}

/// A checkpoint that was read.
#[derive(Debug)]
pub struct Recovered {
    /// What was read.
    pub checkpoint: Checkpoint,
    /// From where.
    pub path: PathBuf,
    /// What is wrong with newer (or better) files, which were passed over and are called `*.damaged` now.
    pub damaged: Vec<Error>,
}

impl CheckpointStore {
    /// Opens a folder, or makes it. Removes what a killed process left half-written.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be made or read, or a file in it was written by a newer version.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder)
            .map_err(|error| Error::file(&folder, format!("cannot be made: {error}")))?;
        let mut store = CheckpointStore {
            keep_last: 2,
            keep_best: 0,
            mode: PlateauMode::Min,
            files: BTreeMap::new(),
            folder,
        };
        let fault = |error: io::Error| Error::file(&store.folder, format!("cannot be read: {error}"));
        for entry in fs::read_dir(&store.folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".flambeau-") && name.ends_with(".tmp") {
                remove(&entry.path())?;
            } else if let Some(step) = step_of(&name) {
                let metric = match file::peek(&entry.path()) {
                    Ok(Head { metric, .. }) => metric,
                    // It is dealt with when it is to be read.
                    Err(Fault::Damaged(_)) => None,
                    Err(Fault::Other(error)) => return Err(error),
                };
                store.files.insert(step, metric);
            }
        }
        Ok(store)
    }

    /// How many of the newest are kept (default: 2, so that there is one to fall back to).
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn keep_last(mut self, keep_last: usize) -> Self {
        assert!(keep_last > 0, "CheckpointStore: keep_last is 0; the newest has to be kept");
        self.keep_last = keep_last;
        self
    }

    /// How many of the best by their metric are kept besides (default: 0), and which way it gets better. Of equals the
    /// older one is better.
    pub fn keep_best(mut self, keep_best: usize, mode: PlateauMode) -> Self {
        (self.keep_best, self.mode) = (keep_best, mode);
        self
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The steps of which there are checkpoints, in order.
    pub fn steps(&self) -> Vec<u64> {
        self.files.keys().copied().collect()
    }

    /// The file of a step's checkpoint.
    pub fn path(&self, step: u64) -> PathBuf {
        // As many digits as it takes for names to be in the order of steps.
        self.folder.join(format!("step-{step:012}.safetensors"))
    }

    /// Writes a checkpoint, and then removes those that are not to be kept. Gives its path.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written, on a full disk for instance. The others are still there then.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let path = self.path(checkpoint.step);
        checkpoint.save(&path)?;
        self.files.insert(checkpoint.step, checkpoint.metric);
        let best: Vec<u64> = self.ranked().into_iter().take(self.keep_best).collect();
        let newest: Vec<u64> = self.files.keys().rev().take(self.keep_last).copied().collect();
        for step in self.steps() {
            if !best.contains(&step) && !newest.contains(&step) {
                remove(&self.path(step))?;
                self.files.remove(&step);
            }
        }
        Ok(path)
    }

    /// Steps with a metric, the best first.
    fn ranked(&self) -> Vec<u64> {
        let mut ranked: Vec<(u64, f64)> =
            self.files.iter().filter_map(|(&step, &metric)| Some((step, metric?))).collect();
        ranked.sort_by(|(_, a), (_, b)| match self.mode {
            PlateauMode::Min => a.total_cmp(b),
            PlateauMode::Max => b.total_cmp(a),
        });
        ranked.into_iter().map(|(step, _)| step).collect()
    }

    /// The newest checkpoint that can be read; none of an empty folder. Damaged files on the way are set aside, with a
    /// warning.
    ///
    /// # Errors
    /// [`Error::File`] if there are files and all of them are damaged, or if one may not be read.
    pub fn latest(&mut self) -> Result<Option<Recovered>> {
        let steps = self.files.keys().rev().copied().collect();
        self.first_of(steps)
    }

    /// The best checkpoint that can be read; none if no file has a metric. As [`latest`](Self::latest) otherwise.
    ///
    /// # Errors
    /// As for [`latest`](Self::latest).
    pub fn best(&mut self) -> Result<Option<Recovered>> {
        self.first_of(self.ranked())
    }

    fn first_of(&mut self, steps: Vec<u64>) -> Result<Option<Recovered>> {
        let mut damaged = vec![];
        for step in steps {
            let path = self.path(step);
            match file::read(&path) {
                Ok(checkpoint) => return Ok(Some(Recovered { checkpoint, path, damaged })),
                Err(Fault::Other(error)) => return Err(error),
                Err(Fault::Damaged(error)) => {
                    tracing::warn!("{error}; it is set aside, and the checkpoint before it is taken");
                    damaged.push(error);
                    self.set_aside(step, &path)?;
                }
            }
        }
        match damaged.first() {
            None => Ok(None),
            Some(first) => {
                let message =
                    format!("none of its {} checkpoints can be read; the first one: {first}", damaged.len());
                Err(Error::file(&self.folder, message))
            }
        }
    }

    /// So that it is not met again, and not lost for those who want to look at it.
    fn set_aside(&mut self, step: u64, path: &Path) -> Result<()> {
        let aside = path.with_extension("safetensors.damaged");
        fs::rename(path, &aside).map_err(|error| Error::file(path, format!("cannot be renamed: {error}")))?;
        self.files.remove(&step);
        Ok(())
    }
}

fn step_of(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file(path, format!("cannot be removed: {error}")))
        }
        _ => Ok(()),
    }
}
