//! The program: measures the workloads that its command line names, in this process, and prints JSON lines.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is the measurements")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::arguments::{self, Arguments};
use crate::report::Report;
use crate::timing::{Measured, Timing};
use crate::workloads::{Kind, WORKLOADS, Workload};
use crate::{measure, proc};

/// Runs the program with these arguments, which do not hold its name. `flambeau bench` starts itself again to get here.
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("flambeau-bench: {message}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        for workload in WORKLOADS.iter().filter(|workload| arguments.lists(workload)) {
            match workload.missing() {
                Some(what) => eprintln!("left out: {} {what}", workload.name),
                None => println!("{}", workload.name),
            }
        }
        arguments.listed_shapes().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    flambeau::set_num_threads(arguments.threads);
    let mut failed = false;
    for workload in WORKLOADS.iter().filter(|workload| arguments.wants(workload)) {
        failed |= !measured(&arguments, workload.name, |report| whole(workload, &arguments, report));
    }
    let unknown = |measure: &dyn Fn(&Timing) -> Measured, report: &Report<'_>| {
        let measured = measure(&arguments.timing);
        if !measured.check.iter().all(|value| value.is_finite()) {
            return Err(format!("the check value is {:?}", measured.check));
        }
        print(&arguments, report, &measured);
        Ok(())
    };
    for (name, point) in arguments.points() {
        failed |= !measured(&arguments, name, |report| unknown(&|timing| point.measure(timing), report));
    }
    for (name, shape) in arguments.shapes() {
        failed |= !measured(&arguments, name, |report| unknown(&|timing| shape.measure(timing), report));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether it went well. One broken workload must not hide the figures of the others.
fn measured(arguments: &Arguments, name: &str, run: impl FnOnce(&Report<'_>) -> Result<(), String>) -> bool {
    let report = Report { peer: &arguments.peer, threads: arguments.threads, workload: name };
    let outcome = catch_unwind(AssertUnwindSafe(|| run(&report)));
    let outcome = outcome.unwrap_or_else(|panic| Err(reason(&*panic)));
    if let Err(message) = &outcome {
        report.error(message);
    }
    outcome.is_ok()
}

fn whole(workload: &Workload, arguments: &Arguments, report: &Report<'_>) -> Result<(), String> {
    match workload.kind {
        Kind::Repeated(measure) => {
            let measured = measure(&arguments.timing);
            workload.verify(&measured.check)?;
            print(arguments, report, &measured);
        }
        Kind::FirstStep(step) => {
            let loss = step();
            println!("{} {loss}", measure::FIRST_STEP);
            workload.verify(&[loss])?;
            if let Some(megabytes) = proc::peak_rss_mb() {
                report.peak_rss(megabytes);
            }
        }
    }
    Ok(())
}

fn print(arguments: &Arguments, report: &Report<'_>, measured: &Measured) {
    report.measured(measured);
    if let Some(megabytes) = proc::peak_rss_mb().filter(|_| arguments.memory) {
        report.peak_rss(megabytes);
    }
}

fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_string()
}
