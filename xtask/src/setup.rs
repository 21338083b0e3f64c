//! `setup`: what the tests need beside Rust, from the system's packages.

use std::process::Command;

use crate::process::{self, Result};

/// Debian packages and what needs them.
const PACKAGES: &[(&str, &str)] = &[
    ("dataset-fashion-mnist", "Fashion-MNIST in /usr/share/datasets, for the tests on real data"),
    ("valgrind", "the check of the kernels' memory accesses"),
];

pub(crate) fn run(_: &[String]) -> Result {
    let missing: Vec<_> = PACKAGES.iter().filter(|(package, _)| !installed(package)).collect();
    if missing.is_empty() {
        println!("all there: {}", names(&PACKAGES.iter().collect::<Vec<_>>()));
        return Ok(());
    }
    if !process::installed("apt-get") || !is_root() {
        let list: Vec<_> = missing.iter().map(|(package, why)| format!("  {package}: {why}")).collect();
        return Err(format!(
            "this needs apt-get and root; please install these yourself (on Debian: apt-get install {}):\n{}",
            names(&missing),
            list.join("\n")
        ));
    }
    let apt = |args: &[&str]| {
        process::run(Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update"])?;
    let install = ["install", "--yes", "--no-install-recommends"];
    apt(&install.into_iter().chain(missing.iter().map(|(package, _)| *package)).collect::<Vec<_>>())
}

fn names(packages: &[&(&str, &str)]) -> String {
    packages.iter().map(|(package, _)| *package).collect::<Vec<_>>().join(" ")
}

fn installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["--show", "--showformat=${Status}", package]).output();
    query.is_ok_and(|output| output.stdout.ends_with(b" installed"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
