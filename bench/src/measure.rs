//! Measures in processes of their own, so that no workload meets the caches, the memory and the threads of another.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use flambeau::{Error, Result};
use serde::Deserialize;

use crate::Timing;

/// What the cold start prints after its first training step.
pub(crate) const FIRST_STEP: &str = "FIRST_STEP_DONE";
/// Whose median counts. One more before fills the file cache.
const STARTS: usize = 7;
/// Below this use of the one core that it asked for, a process shared it with others.
const UNDISTURBED: f64 = 0.95;

/// A program that does what [`run`](crate::run) does.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    first: Vec<OsString>,
}

/// What a process said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) metric: String,
    pub(crate) value: f64,
    pub(crate) lo: f64,
    pub(crate) hi: f64,
    pub(crate) calls: usize,
    pub(crate) disturbed: bool,
    pub(crate) peak_rss_mb: Option<f64>,
}

/// A line of a process.
#[derive(Deserialize)]
struct Line {
    workload: String,
    metric: String,
    value: Option<f64>,
    #[serde(default)]
    lo: f64,
    #[serde(default)]
    hi: f64,
    #[serde(default)]
    util: Option<f64>,
    #[serde(default)]
    calls: usize,
    #[serde(default)]
    error: Option<String>,
}

impl Program {
    /// A program, and its arguments before those of [`run`](crate::run).
    pub fn new(path: impl Into<PathBuf>, first: impl IntoIterator<Item = OsString>) -> Self {
        Program { path: path.into(), first: first.into_iter().collect() }
    }

    fn command(&self, workload: &str, threads: usize, timing: &Timing) -> Command {
        let mut command = Command::new(&self.path);
        let numbers = [
            ("--threads", threads.to_string()),
            ("--min-time", timing.min_time.to_string()),
            ("--warm", timing.warm.to_string()),
            ("--reps", timing.reps.to_string()),
        ];
        command.args(&self.first).args(["--memory", "--exact", workload]);
        for (name, value) in numbers {
            command.args([name, &value]);
        }
        command
    }

    fn failed(&self, what: impl std::fmt::Display) -> Error {
        Error::file(&self.path, format!("could not be run to measure in a process of its own ({what})"))
    }

    /// Runs one workload.
    pub(crate) fn figures(&self, workload: &str, threads: usize, timing: &Timing) -> Result<Figures> {
        let mut command = self.command(workload, threads, timing);
        let output = command.stdin(Stdio::null()).output().map_err(|e| self.failed(e))?;
        let mut figures = None;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some(line) = parsed(line, workload) else { continue };
            match (line.metric.as_str(), line.value) {
                ("error", _) => {
                    return Err(Error::config(workload, line.error.unwrap_or_else(|| "failed".into())));
                }
                ("peak_rss_mb", megabytes) => {
                    figures = figures.map(|figures| Figures { peak_rss_mb: megabytes, ..figures });
                }
                (_, Some(value)) => {
                    figures = Some(Figures {
                        value,
                        lo: line.lo,
                        hi: line.hi,
                        calls: line.calls,
                        disturbed: threads == 1 && line.util.is_some_and(|used| used < UNDISTURBED),
                        metric: line.metric,
                        peak_rss_mb: None,
                    });
                }
                _ => {}
            }
        }
        figures.ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("it printed nothing");
            Error::config(workload, format!("gave no figure: {}, {said}", output.status))
        })
    }

    /// Seconds from the start of a process to the end of its first training step.
    pub(crate) fn cold_start(&self, workload: &str, starts: usize) -> Result<Figures> {
        self.start(workload)?;
        let mut starts = (0..starts).map(|_| self.start(workload)).collect::<Result<Vec<_>>>()?;
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (value, peak_rss_mb) = starts[starts.len() / 2];
        let [lo, hi] = [starts[0].0, starts[starts.len() - 1].0];
        let metric = "seconds".into();
        Ok(Figures { metric, value, lo, hi, calls: starts.len(), disturbed: false, peak_rss_mb })
    }

    fn start(&self, workload: &str) -> Result<(f64, Option<f64>)> {
        let mut command = self.command(workload, 1, &Timing::QUICK);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let before = Instant::now();
        // The standard library starts a process without a copy of this one's memory, so that its size is no part of it;
        // and the child tells of its own address space, which is new with its program.
        let mut child = command.spawn().map_err(|e| self.failed(e))?;
        let (mut seconds, mut peak) = (None, None);
        for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
            let line = line.map_err(|e| self.failed(e))?;
            if line.starts_with(FIRST_STEP) {
                seconds = Some(before.elapsed().as_secs_f64());
            } else if let Some(line) = parsed(&line, workload)
                && line.metric == "peak_rss_mb"
            {
                peak = line.value;
            }
        }
        let status = child.wait().map_err(|e| self.failed(e))?;
        let seconds = seconds.filter(|_| status.success());
        let seconds = seconds.ok_or_else(|| Error::config(workload, format!("made no step ({status})")))?;
        Ok((seconds, peak))
    }
}

fn parsed(line: &str, workload: &str) -> Option<Line> {
    serde_json::from_str::<Line>(line).ok().filter(|line| line.workload == workload)
}

/// Starts of a cold workload for figures that count.
pub(crate) fn starts(timing: &Timing) -> usize {
    STARTS.min(timing.reps + 2)
}
