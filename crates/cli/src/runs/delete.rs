//! `flambeau runs delete`.

use flambeau::prelude::RunFolder;
use flambeau::{Error, Result};
use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::DeleteArgs;
use super::read::find;
use crate::console::say;
use crate::cv::FOLDS;
use crate::run_folder::{CONFIG, METRICS, RESULT, WEIGHTS};

/// What runs write.
const WRITTEN: [&str; 9] =
    [CONFIG, METRICS, RESULT, WEIGHTS, FOLDS, "curves.svg", "lock", "test_openings.jsonl", "checkpoints"];
/// How names begin that are in a run folder, too: event files of TensorBoard, and what a crash left of a file being written.
const BEGINNINGS: [&str; 2] = ["events", ".flambeau-"];

/// Deletes all of them or, if one must not be deleted, none.
pub(super) fn run(args: &DeleteArgs) -> Result<()> {
    let mut taken = vec![];
    for given in &args.runs {
        let path = find(given)?;
        refuse_foreign(&path)?;
        // Held until it is gone, so that no training begins in it.
        let already =
            |(_, own): &(PathBuf, RunFolder)| own.path().canonicalize().ok() == path.canonicalize().ok();
        if !taken.iter().any(already) {
            taken.push((path.clone(), RunFolder::open(&path)?));
        }
    }
    if !args.yes {
        let names: Vec<String> = taken.iter().map(|(path, _)| path.display().to_string()).collect();
        if !agreed(&names.join(", "))? {
            say("nothing is deleted");
            return Ok(());
        }
    }
    for (path, lock) in taken {
        // Links in it are removed, and not what they lead to.
        fs::remove_dir_all(&path).map_err(|e| Error::file(&path, format!("cannot be deleted ({e})")))?;
        drop(lock);
        say(format_args!("deleted {}", path.display()));
    }
    Ok(())
}

/// What is not a run's may be precious.
fn refuse_foreign(path: &Path) -> Result<()> {
    let unreadable = |e: std::io::Error| Error::file(path, format!("cannot be read ({e})"));
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        if !WRITTEN.contains(&&*name) && !BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
            let message = format!("holds {name}, which no run writes; move it elsewhere first");
            return Err(Error::file(path, message));
        }
    }
    Ok(())
}

/// Asks the person at the terminal.
fn agreed(what: &str) -> Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Error::config("--yes", "is needed: there is no terminal to ask on"));
    }
    let mut stdout = std::io::stdout();
    let _ = write!(stdout, "delete {what}? [y/N] ");
    let _ = stdout.flush();
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    read.map_err(|e| Error::config("--yes", format!("is needed: the answer cannot be read ({e})")))?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
