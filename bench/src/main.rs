//! Prints one JSON line for each workload; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    flambeau_bench::run(std::env::args().skip(1))
}
