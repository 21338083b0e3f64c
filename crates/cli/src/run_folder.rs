//! The folder that a training leaves behind.

use flambeau::io::atomic_write;
use flambeau::train::config::Config;
use flambeau::{Error, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Names in a run folder.
pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const WEIGHTS: &str = "best.safetensors";
pub(crate) const METRICS: &str = "metrics.jsonl";
pub(crate) const CURVES: &str = "curves.svg";
pub(crate) const RESULT: &str = "result.json";

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Finished,
    Interrupted,
    Diverged,
}

/// Writes what is trained into a run's folder.
pub(crate) fn write_config(folder: &Path, config: &Config) -> Result<()> {
    let text = format!("# Written by flambeau {}.\n{}", env!("CARGO_PKG_VERSION"), config.to_toml()?);
    atomic_write(folder.join(CONFIG), |file| file.write_all(text.as_bytes()))
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
        fs::File::create(dir.path().join("file")).unwrap();
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
