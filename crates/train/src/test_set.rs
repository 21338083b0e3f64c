//! The test set, opened once by all processes together.

use crate::{RunFolder, read_json_lines};
use flambeau_data::{Dataset, SealedTestSet};
use flambeau_tensor::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// An opening of the test set, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// When, in seconds since 1970, UTC.
    pub time: u64,
    /// The number of items.
    pub items: usize,
}

/// Test data, and what is to be said of them.
#[derive(Debug)]
pub struct OpenedTestSet<D> {
    /// The data.
    pub data: D,
    /// The openings before this one: a result that follows on them is to be reported as such.
    pub earlier: Vec<Opening>,
}

impl<D> OpenedTestSet<D> {
    /// What a report must say if this is not the first opening.
    pub fn caveat(&self) -> Option<String> {
        let (times, last) = (self.earlier.len() + 1, self.earlier.last()?);
        let ago = now().saturating_sub(last.time);
        Some(format!(
            "the test set was opened for the {} time, {ago} s after the last: what was chosen in between makes the result optimistic",
            ordinal(times)
        ))
    }
}

fn ordinal(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl RunFolder {
    fn openings(&self) -> PathBuf {
        self.path().join("test_openings.jsonl")
    }

    /// The openings of the test set that are recorded in this folder.
    ///
    /// # Errors
    /// [`Error::File`] if the record cannot be read.
    pub fn test_openings(&self) -> Result<Vec<Opening>> {
        let path = self.openings();
        if !path.exists() {
            return Ok(vec![]);
        }
        let read = |line| {
            let wrong = |error: serde_json::Error| Error::file(&path, format!("records no opening: {error}"));
            serde_json::from_value(line).map_err(wrong)
        };
        read_json_lines(&path)?.into_iter().map(read).collect()
    }

    /// Opens the test set, and records it in `test_openings.jsonl` first. The type of [`SealedTestSet`] sees to it that
    /// one process opens it once; the record, that several do not without saying so. A second opening is refused unless
    /// `again`, and gives a [caveat](OpenedTestSet::caveat) to be reported with the result.
    ///
    /// # Errors
    /// [`Error::Config`] if it was opened before and not `again`; [`Error::File`] if the record cannot be read or
    /// written. The data are dropped then, unseen.
    ///
    /// ```
    /// use flambeau_data::{SealedTestSet, digits, random_split};
    /// use flambeau_train::RunFolder;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let run = RunFolder::open(folder.path().join("run"))?;
    /// let sealed = || -> flambeau_tensor::Result<_> {
    ///     let [_, test] = random_split(digits(), [0.8, 0.2], 0)?;
    ///     Ok(SealedTestSet::new(test))
    /// };
    /// assert!(run.open_test_set(sealed()?, false)?.caveat().is_none());
    /// // In another process, say:
    /// assert!(run.open_test_set(sealed()?, false).is_err());
    /// let caveat = run.open_test_set(sealed()?, true)?.caveat().unwrap();
    /// assert!(caveat.contains("opened for the 2nd time"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_test_set<D: Dataset>(
        &self,
        sealed: SealedTestSet<D>,
        again: bool,
    ) -> Result<OpenedTestSet<D>> {
        let earlier = self.test_openings()?;
        if let (Some(last), false) = (earlier.last(), again) {
            let message = format!(
                "is needed: the test set of {} was opened {} s ago already, and a second look makes its result optimistic",
                self.path().display(),
                now().saturating_sub(last.time)
            );
            return Err(Error::config("again", message));
        }
        let path = self.openings();
        let fault = |error: std::io::Error| Error::file(&path, format!("cannot be written: {error}"));
        let opening = serde_json::to_string(&Opening { time: now(), items: sealed.len() });
        let line = opening.map_err(|error| fault(error.into()))? + "\n";
        // On the disk before anyone sees the data.
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(fault)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
        Ok(OpenedTestSet { data: sealed.open(), earlier })
    }
}
