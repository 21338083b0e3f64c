//! A run folder as it is found: under way, interrupted or damaged, too.

use flambeau::train::config::Config;
use flambeau::train::read_json_lines;
use flambeau::{Error, Result};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::cv::FOLDS;
use crate::run_folder::{CONFIG, METRICS, RESULT, WEIGHTS, utc};
use flambeau::prelude::RunFolder;

/// Where runs are without a folder given.
const RUNS: &str = "runs";

/// The files that a run is known by. Two of them must be there: one may be a file of something else.
const MARKS: [&str; 7] = [CONFIG, METRICS, RESULT, WEIGHTS, FOLDS, "lock", "test_openings.jsonl"];

/// Whether this is a run folder, and no link to one.
pub(super) fn is_run(path: &Path) -> bool {
    let folder = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
    let is_mark = |name: &&&str| fs::symlink_metadata(path.join(name)).is_ok_and(|it| it.is_file());
    folder && MARKS.iter().filter(is_mark).count() >= 2
}

/// The folder of a run that the user names: a path, or a name in `runs`.
pub(super) fn find(given: &Path) -> Result<PathBuf> {
    let here = Path::new(RUNS).join(given);
    let path = if !given.exists() && here.is_dir() { here } else { given.to_owned() };
    let wrong = |message: &str| Err(Error::file(given, message));
    match fs::symlink_metadata(&path) {
        Err(_) => wrong("no such run; `flambeau runs list` shows those that are there"),
        Ok(it) if it.is_symlink() => wrong("is a link; name the run folder that it leads to"),
        Ok(it) if !it.is_dir() => wrong("is not a folder; name a run folder"),
        Ok(_) if !is_run(&path) => {
            wrong("is not a run folder: it lacks config.toml, metrics.jsonl and the like")
        }
        Ok(_) => Ok(path),
    }
}

/// What is there of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) path: PathBuf,
    /// The folder's, for tables.
    pub(super) name: String,
    /// What config.toml says, understood or not.
    pub(super) settings: toml::Table,
    config: Option<Config>,
    pub(super) result: Map<String, Value>,
    /// An evaluation a line.
    pub(super) metrics: Vec<Value>,
    pub(super) in_use: bool,
    /// What cannot be read, with the file's name.
    pub(super) damage: Vec<String>,
}

impl Run {
    /// Reads all that can be read.
    pub(super) fn read(path: &Path) -> Self {
        let mut damage = vec![];
        let mut text = |name: &str, needed: bool| {
            let text = fs::read_to_string(path.join(name));
            match &text {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && needed => {
                    damage.push(format!("{name} is missing"))
                }
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    damage.push(format!("{name} cannot be read ({e})"))
                }
                _ => {}
            }
            text.ok()
        };
        let (config, result) = (text(CONFIG, true), text(RESULT, false));
        let mut note = |name: &str, message: String| {
            damage.push(format!("{name}: {}", message.lines().next().unwrap_or_default()));
        };
        let settings: Option<toml::Table> = config
            .as_deref()
            .and_then(|text| toml::from_str(text).map_err(|e| note(CONFIG, e.message().to_owned())).ok());
        let config = settings.as_ref().and(config).and_then(|text| {
            let parsed = Config::parse(&text).map_err(|error| match error {
                Error::Config { message, .. } => message,
                other => other.to_string(),
            });
            parsed.map_err(|message| note(CONFIG, message)).ok()
        });
        let result = result.and_then(|text| match serde_json::from_str(&text) {
            Ok(Value::Object(result)) => Some(result),
            Ok(_) => {
                note(RESULT, "is no object of JSON".into());
                None
            }
            Err(e) => {
                note(RESULT, e.to_string());
                None
            }
        });
        let log = path.join(METRICS);
        let metrics = if log.exists() { read_json_lines(&log) } else { Ok(vec![]) };
        let metrics = metrics.unwrap_or_else(|error| {
            let message = match error {
                Error::File { message, .. } => message,
                other => other.to_string(),
            };
            note(METRICS, message);
            vec![]
        });
        // A path such as `.` has no name of its own.
        let named = path.file_name().map(ToOwned::to_owned);
        let named = named.or_else(|| Some(path.canonicalize().ok()?.file_name()?.to_owned()));
        let name =
            named.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Run {
            path: path.to_owned(),
            name: name.replace(char::is_control, "?"),
            settings: settings.unwrap_or_default(),
            config,
            result: result.unwrap_or_default(),
            metrics,
            in_use: RunFolder::is_in_use(path),
            damage,
        }
    }

    /// One word, or two.
    pub(super) fn status(&self) -> String {
        let result = self.result.get("status").and_then(Value::as_str);
        if self.in_use {
            return "running".into();
        }
        if !self.damage.is_empty() {
            return "damaged".into();
        }
        result.map_or_else(|| "ended".into(), |status| status.replace('_', " "))
    }

    pub(super) fn data(&self) -> String {
        let name = self.settings.get("data").and_then(|data| data.get("name"));
        name.and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    }

    /// Those done and those asked for.
    pub(super) fn epochs(&self) -> String {
        let logged = self.metrics.iter().rev().find_map(|line| line["epoch"].as_f64());
        let done = self.result.get("epochs").and_then(Value::as_f64).filter(|_| !self.in_use).or(logged);
        let asked = self.settings.get("epochs").and_then(toml::Value::as_integer);
        let done = done.map_or_else(|| "0".into(), |done| format!("{done:.0}"));
        asked.map_or(done.clone(), |asked| format!("{done}/{asked}"))
    }

    /// By what the run judges itself, such as `val/accuracy`.
    pub(super) fn monitored(&self) -> String {
        let written = self.result.get("monitor").and_then(Value::as_str).map(ToOwned::to_owned);
        let configured = || self.config.as_ref().map(|config| config.monitored().0);
        written.or_else(configured).unwrap_or_else(|| "val/loss".into())
    }

    /// The best monitored value so far; the mean of the folds, of a cross-validation.
    pub(super) fn best(&self) -> Option<f64> {
        if let Some(best) = self.result.get("best").and_then(Value::as_f64).filter(|_| !self.in_use) {
            return Some(best);
        }
        let name = self.monitored();
        let values = self.metrics.iter().filter_map(|line| line[&name].as_f64());
        let down = ["loss", "mse", "mae"].iter().any(|ending| name.ends_with(ending));
        values.reduce(if down { f64::min } else { f64::max })
    }

    /// The value on the test set of what is monitored, or its loss.
    pub(super) fn test(&self) -> Option<(String, f64)> {
        let test = self.result.get("test")?.as_object()?;
        let monitored = self.monitored();
        let name = monitored.rsplit_once('/').map_or(&*monitored, |(_, name)| name);
        let (name, value) = test.get_key_value(name).or_else(|| test.get_key_value("loss"))?;
        Some((name.clone(), value.as_f64()?))
    }

    /// When it began.
    pub(super) fn started(&self) -> String {
        let Some(time) = self.modified(CONFIG) else { return String::new() };
        let utc = utc(time);
        // 20250131T120000Z
        let part = |range| utc.get(range).unwrap_or_default();
        format!("{}-{}-{} {}:{}", part(0..4), part(4..6), part(6..8), part(9..11), part(11..13))
    }

    /// How long it took, or has taken so far.
    pub(super) fn took(&self) -> String {
        let written =
            self.result.get("seconds").and_then(Value::as_f64).filter(|s| *s >= 0.0 && !self.in_use);
        let until = if self.in_use { Some(SystemTime::now()) } else { self.modified(METRICS) };
        let passed = || until?.duration_since(self.modified(CONFIG)?).ok().map(|passed| passed.as_secs_f64());
        written.or_else(passed).map_or_else(String::new, took)
    }

    fn modified(&self, name: &str) -> Option<SystemTime> {
        fs::metadata(self.path.join(name)).and_then(|it| it.modified()).ok()
    }
}

fn took(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

/// As few digits as tell a value.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e5).contains(&size) { format!("{value:.4}") } else { format!("{value:.3e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_are_short() {
        assert_eq!([0.25, 61.0, 7380.0, f64::NAN].map(took), ["0.2 s", "1 min 01 s", "2 h 03 min", "NaN s"]);
        assert_eq!([0.0, 0.96123, 1e-7, -3e9].map(number), ["0.0000", "0.9612", "1.000e-7", "-3.000e9"]);
    }
}
