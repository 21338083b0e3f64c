//! `fuzz`: the fuzz target of `fuzz/` for some seconds, built for the stable toolchain with coverage and without a
//! sanitizer (safe code needs none; `cargo +nightly fuzz run layout` adds one).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Result, Stream, cargo};

/// What cargo-fuzz passes to the compiler, but for the sanitizer.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions";

pub(crate) fn run(args: &[String]) -> Result {
    let seconds: u64 = args[0].parse().map_err(|_| format!("{:?} is no number of seconds", args[0]))?;
    let folder = process::root().join("fuzz");
    let host = process::host()?;
    // With a target named, the flags do not reach build scripts and macros.
    let mut build = cargo(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host]);
    process::run(build.env("RUSTFLAGS", COVERAGE))?;

    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| folder.join("target"), PathBuf::from);
    let corpus = folder.join("corpus/layout");
    let artifacts = folder.join("artifacts/layout");
    for folder in [&corpus, &artifacts] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut fuzz = Command::new(target.join(host).join("release/layout"));
    fuzz.arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-max_len=400", "-len_control=20", "-rss_limit_mb=4096", "-print_final_stats=1"])
        .current_dir(&folder);
    // A crash ends it with an error, after what led to it has been written below artifacts/.
    let lines = process::run_keeping(&mut fuzz, Stream::Stderr, "stat::number_of_executed_units")?;
    let programs = lines.last().and_then(|line| line.split_whitespace().last()).unwrap_or("?");
    println!("{programs} programs in {seconds} s, corpus of {} in {}", count(&corpus), corpus.display());
    Ok(())
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}
