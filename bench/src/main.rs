//! Measures flambeau on fixed workloads and prints one JSON line for each. `README.md` beside this crate says what
//! they are; `torch_peer.py` is the same program for PyTorch, and `cargo xtask bench` sets the two side by side.
//!
//! It uses what a user of the facade has and nothing else.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is the measurements")]

mod arguments;
mod generator;
mod proc;
mod report;
mod timing;
mod workloads;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use arguments::Arguments;
use report::Report;
use workloads::{Kind, WORKLOADS, Workload};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("flambeau-bench: {message}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        for workload in WORKLOADS {
            match workload.missing() {
                Some(what) => eprintln!("left out: {} {what}", workload.name),
                None => println!("{}", workload.name),
            }
        }
        return ExitCode::SUCCESS;
    }
    flambeau::set_num_threads(arguments.threads);
    let mut failed = false;
    for workload in WORKLOADS.iter().filter(|workload| arguments.wants(workload)) {
        let report = Report { peer: &arguments.peer, threads: arguments.threads, workload: workload.name };
        // One broken workload must not hide the figures of the others.
        let outcome = catch_unwind(AssertUnwindSafe(|| run(workload, &arguments, &report)));
        if let Err(message) = outcome.unwrap_or_else(|panic| Err(reason(&*panic))) {
            report.error(&message);
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(workload: &Workload, arguments: &Arguments, report: &Report<'_>) -> Result<(), String> {
    match workload.kind {
        Kind::Repeated(measure) => {
            let measured = measure(&arguments.timing);
            workload.verify(&measured.check)?;
            report.measured(&measured);
        }
        Kind::FirstStep(step) => {
            let loss = step();
            println!("FIRST_STEP_DONE {loss}");
            workload.verify(&[loss])?;
            if let Some(megabytes) = proc::peak_rss_mb() {
                report.peak_rss(megabytes);
            }
        }
    }
    Ok(())
}

fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_string()
}
