//! `check`: everything short of running the tests, the quick checks first; stops at the first failure.

use std::process::Command;

use crate::process::{self, Result, cargo};
use crate::{budget, licences, lints, order};

type Step = fn() -> Result;

const STEPS: &[(&str, Step)] = &[
    ("formatting", formatting),
    ("order of the crates", order::check),
    ("licences", licences::check),
    ("number of dependencies", budget::check),
    ("ban on unsafe", lints::check),
    ("clippy", clippy),
    ("documentation", documentation),
];

pub(crate) fn run(_: &[String]) -> Result {
    for (name, step) in STEPS {
        step().map_err(|message| format!("{name}: {message}"))?;
        eprintln!("ok: {name}");
    }
    Ok(())
}

fn formatting() -> Result {
    process::run(&mut cargo(["fmt", "--all", "--check"]))?;
    // A macro declares the operations' files, where `cargo fmt` does not find them.
    let folder = process::root().join("crates/tensor/src/ops");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // An operation is a file or a folder, whose other files rustfmt finds.
    let files = entries.flatten().map(|entry| entry.path());
    let files = files.map(|path| if path.is_dir() { path.join("mod.rs") } else { path });
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2024"]).args(files).current_dir(process::root());
    process::run(&mut rustfmt)
}

fn clippy() -> Result {
    process::run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-features",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn documentation() -> Result {
    process::run(
        cargo(["doc", "--workspace", "--all-features", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )
}
