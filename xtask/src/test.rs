//! `test`: every test of the workspace, and at the end what was run and what was not.

use std::collections::BTreeMap;
use std::path::Path;

use crate::process::{self, Result, Stream, TempDir, cargo};
use crate::valgrind;

/// The file to which a test that cannot run here appends `SKIPPED: reason`.
const SKIPS: &str = "FLAMBEAU_SKIPS";

pub(crate) fn run(_: &[String]) -> Result {
    let dir = TempDir::new("test")?;
    let skips = dir.0.join("skips.txt");
    let mut report = Vec::new();
    let outcome = steps(&skips, &mut report);

    let mut skipped = counted(&std::fs::read_to_string(&skips).unwrap_or_default());
    if let Ok(Some(reason)) = &outcome {
        *skipped.entry(reason.clone()).or_default() += 1;
    }
    println!("\nrun:");
    for (step, line) in &report {
        println!("  {step:<24} {line}");
    }
    for isa in isas().into_iter().filter(|(_, present)| !present) {
        println!("  {:<24} not run: this processor has none", kernels(isa.0));
    }
    if skipped.is_empty() {
        println!("skipped: nothing");
    } else {
        println!("skipped:");
        for (reason, times) in &skipped {
            println!("  {reason}{}", if *times > 1 { format!(" ({times} times)") } else { String::new() });
        }
    }
    outcome?;
    if process::in_ci() && !skipped.is_empty() {
        return Err(
            "tests were skipped, and CI must run them all (cargo xtask setup installs what they need)".into(),
        );
    }
    Ok(())
}

/// Runs the steps, each adding a line to the report, and gives the reason if valgrind was skipped.
fn steps(skips: &Path, report: &mut Vec<(String, String)>) -> Result<Option<String>> {
    report.push(("tests".into(), tests(skips, None)?));
    report.push(("documentation tests".into(), doc_tests(skips)?));
    for (isa, _) in isas().into_iter().filter(|(_, present)| *present) {
        report.push((kernels(isa), tests(skips, Some(isa))?));
    }
    if std::env::var_os("FLAMBEAU_NO_VALGRIND").is_some() {
        report.push(("kernels, valgrind".into(), "not run: FLAMBEAU_NO_VALGRIND is set".into()));
        return Ok(None);
    }
    let skipped = valgrind::check()?;
    if skipped.is_none() {
        report.push(("kernels, valgrind".into(), "no errors".into()));
    }
    Ok(skipped)
}

fn kernels(isa: &str) -> String {
    format!("kernels, {isa}")
}

/// Runs the workspace's tests, or under one instruction set those of kernels, and gives the closing line.
fn tests(skips: &Path, isa: Option<&str>) -> Result<String> {
    let nextest = process::has_nextest();
    let mut command = match (nextest, isa) {
        (true, None) => cargo(["nextest", "run", "--workspace", "--all-features"]),
        // Not `-p`: that would build its dependencies anew, with fewer features.
        (true, Some(_)) => {
            cargo(["nextest", "run", "--workspace", "--all-features", "-E", "package(flambeau-kernels)"])
        }
        (false, None) => cargo(["test", "--workspace", "--all-features", "--all-targets"]),
        (false, Some(_)) => cargo(["test", "-p", "flambeau-kernels", "--all-targets"]),
    };
    if let Some(isa) = isa {
        command.env("FLAMBEAU_ISA", isa);
    }
    command.env(SKIPS, skips);
    if nextest {
        process::keep_colour(&mut command);
        let lines = process::run_keeping(&mut command, Stream::Stderr, "Summary")?;
        let closing = lines.last().map(String::as_str).unwrap_or_default();
        return Ok(closing.split_once("] ").map_or(closing, |(_, counts)| counts).to_string());
    }
    Ok(summed(&process::run_keeping(&mut command, Stream::Stdout, "test result:")?))
}

fn doc_tests(skips: &Path) -> Result<String> {
    let mut command = cargo(["test", "--workspace", "--all-features", "--doc"]);
    command.env(SKIPS, skips);
    Ok(summed(&process::run_keeping(&mut command, Stream::Stdout, "test result:")?))
}

/// The instruction sets that kernels can be told to use, and whether this processor has them (as kernels decides it).
fn isas() -> Vec<(&'static str, bool)> {
    let mut isas = vec![("scalar", true)];
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        isas.extend([("avx2", avx2), ("avx512", avx2 && avx512)]);
    }
    isas
}

/// Adds up the `test result:` lines of `cargo test`, one for each binary.
fn summed(lines: &[String]) -> String {
    let total = |what: &str| -> usize {
        let parts = lines.iter().flat_map(|line| line.split([';', '.']));
        parts.filter_map(|part| part.trim().strip_suffix(what)?.trim().parse::<usize>().ok()).sum()
    };
    format!("{} passed, {} ignored", total("passed"), total("ignored"))
}

/// Each reason and how often it was given.
fn counted(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let reason = line.trim().trim_start_matches("SKIPPED:").trim();
        *counts.entry(reason.to_string()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::{counted, summed};

    #[test]
    fn adds_up_results() {
        let line = |passed| {
            format!(
                "test result: ok. {passed} passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s"
            )
        };
        assert_eq!(summed(&[line(3), line(40)]), "43 passed, 2 ignored");
    }

    #[test]
    fn counts_reasons() {
        let counts = counted("SKIPPED: no data\n\nSKIPPED: no data\nSKIPPED: no gpu\n");
        assert_eq!(
            counts.into_iter().collect::<Vec<_>>(),
            [("no data".to_string(), 2), ("no gpu".to_string(), 1)]
        );
    }
}
