//! The project's own commands, one file each: `cargo xtask` lists them.

mod asan;
mod bench;
mod budget;
mod check;
mod fuzz;
mod licences;
mod lints;
mod ops;
mod order;
mod package;
mod parity;
mod pictures;
mod process;
mod record;
mod setup;
mod soak;
mod test;
mod valgrind;

use std::process::ExitCode;

struct Task {
    name: &'static str,
    args: &'static [&'static str],
    about: &'static str,
    run: fn(&[String]) -> process::Result,
}

const TASKS: &[Task] = &[
    Task {
        name: "check",
        args: &[],
        about: "format, crate order, licences, lints, documentation",
        run: check::run,
    },
    Task {
        name: "test",
        args: &[],
        about: "every test, also by instruction set and under valgrind",
        run: test::run,
    },
    Task {
        name: "package",
        args: &[],
        about: "package the crates, and run the README's program against them",
        run: package::run,
    },
    Task { name: "setup", args: &[], about: "install what the tests need", run: setup::run },
    Task { name: "soak", args: &[], about: "the soak tests at full length", run: soak::run },
    Task {
        name: "fuzz",
        args: &["SECONDS"],
        about: "look for programs of views and writes that go wrong",
        run: fuzz::run,
    },
    Task { name: "asan", args: &[], about: "the kernels' tests under AddressSanitizer", run: asan::run },
    Task { name: "valgrind", args: &[], about: "the kernels' tests under valgrind", run: valgrind::run },
    Task {
        name: "record",
        args: &["PYTHON"],
        about: "record PyTorch's values for the op samples",
        run: record::run,
    },
    Task {
        name: "bench",
        args: &["[OPTION…]"],
        about: "the benchmarks, beside PyTorch with --python PATH",
        run: bench::run,
    },
    Task {
        name: "pictures",
        args: &[],
        about: "measure and draw the pictures and tables of docs/performance.md",
        run: pictures::run,
    },
    Task {
        name: "parity",
        args: &["DIR", "[--failures]", "[OP…]"],
        about: "replay recorded PyTorch samples, and count those that agree",
        run: parity::run,
    },
    Task { name: "ops", args: &[], about: "print the table of ops", run: ops::run },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        print!("{}", table());
        return ExitCode::SUCCESS;
    };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        print!("{}", table());
        return ExitCode::SUCCESS;
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprint!("xtask: no command {name:?}\n\n{}", table());
        return ExitCode::from(2);
    };
    // A task with optional arguments looks at them itself.
    let optional = task.args.iter().any(|arg| arg.starts_with('['));
    if rest.len() != task.args.len() && !optional {
        eprintln!("usage: cargo xtask {} {}", task.name, task.args.join(" "));
        return ExitCode::from(2);
    }
    match (task.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND\n\n");
    for task in TASKS {
        let call = [&[task.name], task.args].concat().join(" ");
        text += &format!("  {call:<16}{}\n", task.about);
    }
    text
}
