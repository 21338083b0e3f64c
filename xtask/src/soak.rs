//! `soak`: the tests named `soak…` at full length; `test` runs their short form.

use crate::process::{self, Result, cargo};

pub(crate) fn run(_: &[String]) -> Result {
    // Uncaptured, hence one at a time: they measure the process's memory and report as they go.
    let mut command = if process::has_nextest() {
        cargo([
            "nextest",
            "run",
            "--release",
            "--workspace",
            "--all-features",
            "-E",
            "test(soak)",
            "--no-capture",
        ])
    } else {
        cargo([
            "test",
            "--release",
            "--workspace",
            "--all-features",
            "soak",
            "--",
            "--nocapture",
            "--test-threads=1",
        ])
    };
    process::run(command.env("FLAMBEAU_SOAK", "full"))
}
