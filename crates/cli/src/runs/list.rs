//! `flambeau runs list`.

use flambeau::{Error, Result};
use std::fs;

use super::ListArgs;
use super::read::{Run, is_run, number};
use crate::columns;
use crate::console::say;

/// A row a run, in order of their names.
pub(super) fn run(args: &ListArgs) -> Result<()> {
    let wrong = |e: std::io::Error| {
        let message = match e.kind() {
            std::io::ErrorKind::NotFound => "no such folder; `flambeau train` makes runs in `runs`".into(),
            std::io::ErrorKind::NotADirectory => "is not a folder; name one that holds run folders".into(),
            _ => format!("cannot be read ({e})"),
        };
        Error::file(&args.dir, message)
    };
    let entries = fs::read_dir(&args.dir).map_err(wrong)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    paths.retain(|path| is_run(path));
    paths.sort();
    if paths.is_empty() {
        say(format_args!("no runs in {}", args.dir.display()));
        return Ok(());
    }
    let runs: Vec<Run> = paths.iter().map(|path| Run::read(path)).collect();
    let named = |name: &str, value: f64| format!("{name} {}", number(value));
    let row = |run: &Run| {
        vec![
            run.name.clone(),
            run.data(),
            run.status(),
            run.epochs(),
            run.best().map_or_else(String::new, |best| named(&run.monitored(), best)),
            run.test().map_or_else(String::new, |(name, value)| named(&name, value)),
            run.took(),
            run.started(),
        ]
    };
    let head = ["name", "data", "status", "epochs", "best", "test", "took", "begun (UTC)"];
    columns::print(head, runs.iter().map(row).collect(), &[3, 6]);
    for run in runs.iter().filter(|run| !run.damage.is_empty()) {
        say(format_args!("\n{}: {}", run.name, run.damage.join("; ")));
    }
    Ok(())
}
