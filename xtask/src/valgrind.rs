//! `valgrind`: the kernels' tests under valgrind, since kernels holds all the `unsafe`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::process::{self, Result, cargo};

pub(crate) fn run(_: &[String]) -> Result {
    match check()? {
        None => Ok(()),
        Some(reason) if process::in_ci() => Err(reason),
        Some(reason) => {
            println!("SKIPPED: {reason}");
            Ok(())
        }
    }
}

/// Gives the reason where there is no valgrind to run.
pub(crate) fn check() -> Result<Option<String>> {
    if !process::installed("valgrind") {
        return Ok(Some("valgrind is not installed (cargo xtask setup installs it)".into()));
    }
    // valgrind does not know AVX-512.
    let isa = if cfg!(target_arch = "x86_64") { "avx2" } else { "scalar" };
    let mut command = Command::new("valgrind");
    // The tests of `math` would take half the time, and it has neither memory nor `unsafe`.
    let tests = ["--test-threads=1", "--skip=math::"];
    command.args(["--error-exitcode=1", "-q"]).arg(test_binary()?).args(tests);
    process::run(command.env("FLAMBEAU_ISA", isa).current_dir(process::root().join("crates/kernels")))?;
    Ok(None)
}

fn test_binary() -> Result<PathBuf> {
    // As `test` builds it: with `-p` its dependencies would be built anew, with fewer features, and with `--lib` all libraries.
    let build =
        ["test", "--workspace", "--all-features", "--no-run", "--message-format=json-render-diagnostics"];
    let messages = process::output(&mut cargo(build))?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut binaries = messages.filter(|message| message["target"]["name"] == "flambeau_kernels");
    let binary = binaries.find_map(|message| Some(message["executable"].as_str()?.into()));
    binary.ok_or("cargo built no test binary of flambeau-kernels".into())
}
