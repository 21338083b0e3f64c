//! The folder that a training leaves behind.

use flambeau::io::atomic_write;
use flambeau::{Error, Result};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::config::Config;
use crate::curves;
use crate::history::{Epoch, History, Score};

/// Names in a run folder.
pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const WEIGHTS: &str = "best.safetensors";
pub(crate) const METRICS: &str = "metrics.jsonl";
const CURVES: &str = "curves.svg";
pub(crate) const RESULT: &str = "result.json";

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Finished,
    Interrupted,
    Diverged,
}

/// What `result.json` says.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    /// Absent where the test set was not opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) test: Option<Score>,
    /// The epoch whose weights were kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) best: Option<Epoch>,
    pub(crate) epochs: usize,
    pub(crate) seconds: f64,
}

/// An open run folder.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    metrics: File,
}

impl RunFolder {
    /// Makes the folder and writes the configuration. A folder with something in it is refused, and on any error
    /// nothing is left of what this call made.
    pub(crate) fn create(out: Option<PathBuf>, config: &Config) -> Result<Self> {
        let (path, made) = match out {
            Some(path) => {
                let made = claim(&path)?;
                (path, made)
            }
            None => (fresh(&format!("runs/{}-{}", config.dataset.stem(), utc(SystemTime::now())))?, true),
        };
        Self::fill(&path, config).inspect_err(|_| {
            let _ = fs::remove_file(path.join(CONFIG));
            let _ = fs::remove_file(path.join(METRICS));
            if made {
                let _ = fs::remove_dir(&path);
            }
        })
    }

    fn fill(path: &Path, config: &Config) -> Result<Self> {
        write(&path.join(CONFIG), &config.to_toml()?)?;
        let metrics_path = path.join(METRICS);
        let metrics = File::create(&metrics_path).map_err(|e| cannot_write(&metrics_path, &e))?;
        Ok(Self { path: path.to_owned(), metrics })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn weights(&self) -> PathBuf {
        self.path.join(WEIGHTS)
    }

    /// Appends a line to the metrics; it is in the file when this returns.
    pub(crate) fn log(&mut self, epoch: &Epoch) -> Result<()> {
        let path = self.path.join(METRICS);
        let mut line = json(epoch, &path)?;
        line.push('\n');
        self.metrics
            .write_all(line.as_bytes())
            .and_then(|()| self.metrics.flush())
            .map_err(|e| cannot_write(&path, &e))
    }

    /// Draws the curves and writes the outcome.
    pub(crate) fn close(&self, history: &History, outcome: &Outcome) -> Result<()> {
        let path = self.path.join(CURVES);
        let svg = curves::svg(history.epochs(), history.best().map(|e| e.epoch))
            .map_err(|e| Error::file(&path, format!("cannot be drawn ({e})")))?;
        write(&path, &svg)?;
        let path = self.path.join(RESULT);
        write(&path, &(json(outcome, &path)? + "\n"))
    }
}

fn json(value: &impl Serialize, path: &Path) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::file(path, e))
}

fn write(path: &Path, text: &str) -> Result<()> {
    atomic_write(path, |file| file.write_all(text.as_bytes()))
}

/// A new or empty folder: the one given, or one named after a training and the time.
pub(crate) fn take(out: Option<PathBuf>, name: &str) -> Result<PathBuf> {
    match out {
        Some(path) => claim(&path).map(|_| path),
        None => fresh(&format!("runs/{name}-{}", utc(SystemTime::now()))),
    }
}

/// Makes `path` ours: a new folder (true) or an empty one (false).
fn claim(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(Error::file(path, "already holds files; give --out a new or empty folder")),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path).map(|()| true).map_err(|e| cannot_write(path, &e))
        }
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            Err(Error::file(path, "is a file, or lies below one; give --out a new or empty folder"))
        }
        Err(e) => Err(cannot_write(path, &e)),
    }
}

/// A folder that did not exist: `name`, or `name-2` and so on if a run began in the same second.
fn fresh(name: &str) -> Result<PathBuf> {
    let parent = Path::new(name).parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|e| cannot_write(parent, &e))?;
    let mut path = PathBuf::from(name);
    for n in 2.. {
        match fs::create_dir(&path) {
            Ok(()) => break,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => path = format!("{name}-{n}").into(),
            Err(e) => return Err(cannot_write(&path, &e)),
        }
    }
    Ok(path)
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    Error::file(path, format!("cannot be written ({error}); choose another place with --out"))
}

/// A moment as `20250131T120000Z`.
pub(crate) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to year, month and day in the proleptic Gregorian calendar, after Howard Hinnant, "chrono-Compatible
    // Low-Level Date Algorithms", civil_from_days: years begin in March, so that the leap day comes last.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn only_new_or_empty_folders_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        assert!(claim(&dir.path().join("a/b")).unwrap());
        assert!(!claim(&dir.path().join("a/b")).unwrap());
        assert!(claim(&dir.path().join("a")).unwrap_err().to_string().contains("already holds files"));
        File::create(dir.path().join("file")).unwrap();
        assert!(claim(&dir.path().join("file")).unwrap_err().to_string().contains("is a file"));
    }

    #[test]
    fn runs_of_the_same_second_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join("runs/digits").display().to_string();
        let paths = [0; 3].map(|_| fresh(&name).unwrap());
        assert!(paths[1].ends_with("digits-2") && paths[2].ends_with("digits-3"), "{paths:?}");
    }
}
