//! The folder that a training leaves behind.

use crate::{CheckpointStore, JsonLines};
use flambeau_tensor::{Error, Result};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The folder of one training, held for as long as this value lives: another process that opens it is refused, and one
/// that is killed holds it no longer.
///
/// | in it | is |
/// |---|---|
/// | `checkpoints/` | what the training goes on from: [`CheckpointStore`] |
/// | `metrics.jsonl` | what was measured: [`JsonLines`] |
/// | `best.safetensors` | the model as it was when its metric was best, written by a [`Trainer`](crate::Trainer) |
/// | `test_openings.jsonl` | when the test set was opened: [`open_test_set`](Self::open_test_set) |
/// | `lock` | the number of the process that holds it |
///
/// ```
/// use flambeau_train::RunFolder;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("runs/first");
/// let run = RunFolder::open(&path)?;
/// let error = RunFolder::open(&path).unwrap_err();
/// assert!(error.to_string().contains("is in use by process"));
/// drop(run);
/// RunFolder::open(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked; the system unlocks it when it is closed.
    _lock: File,
}

impl RunFolder {
    /// Takes a folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be made, or another process has it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(|error| Error::file(path, format!("cannot be made: {error}")))?;
        let name = path.join("lock");
        let fault = |error: std::io::Error| Error::file(&name, format!("cannot be locked: {error}"));
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&name)
            .map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(fault(error)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Not even readable on some systems.
                let _ = lock.read_to_string(&mut holder);
                let holder =
                    Some(holder.trim()).filter(|holder| !holder.is_empty()).unwrap_or("of unknown number");
                let message = format!("is in use by process {holder}; wait for it, or choose another folder");
                return Err(Error::file(path, message));
            }
        }
        lock.set_len(0).and_then(|()| lock.seek(SeekFrom::Start(0))).map_err(fault)?;
        lock.write_all(std::process::id().to_string().as_bytes()).map_err(fault)?;
        Ok(RunFolder { path: path.to_owned(), _lock: lock })
    }

    /// Whether a process has a folder; nothing in it is changed.
    ///
    /// ```
    /// use flambeau_train::RunFolder;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("run");
    /// assert!(!RunFolder::is_in_use(&path));
    /// let run = RunFolder::open(&path)?;
    /// assert!(RunFolder::is_in_use(&path));
    /// drop(run);
    /// assert!(!RunFolder::is_in_use(&path));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_in_use(path: impl AsRef<Path>) -> bool {
        let Ok(lock) = File::open(path.as_ref().join("lock")) else { return false };
        matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its checkpoints.
    ///
    /// # Errors
    /// As [`CheckpointStore::open`].
    pub fn checkpoints(&self) -> Result<CheckpointStore> {
        CheckpointStore::open(self.path.join("checkpoints"))
    }

    /// Its log, `metrics.jsonl`.
    ///
    /// # Errors
    /// As [`JsonLines::open`].
    pub fn metrics(&self) -> Result<JsonLines> {
        JsonLines::open(self.path.join("metrics.jsonl"))
    }

    /// The file of the best weights.
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }
}
