//! Prints the op table: each op, the number of its samples, and the PyTorch calls that they are compared with.

#![allow(clippy::print_stdout, reason = "a table on the terminal is what this is for")]

use flambeau_tensor::ops::table;
use flambeau_tensor::testing::gradcheck;

fn main() {
    println!("{:<15} {:>7}  {:<8} {:<8} PyTorch", "op", "samples", "gradient", "second");
    let mut total = 0;
    for entry in table() {
        let samples = (entry.samples)();
        let smooth = || samples.iter().filter(|s| s.smooth && s.inputs.iter().any(|x| x.dtype().is_float()));
        let checked = |second| match smooth().count() {
            0 => "-",
            _ if smooth().all(|s| gradcheck(&*s.call, &s.inputs, second).is_ok()) => "right",
            _ => "WRONG",
        };
        let calls: Vec<&str> = samples.iter().map(|s| s.torch).collect();
        println!(
            "{:<15} {:>7}  {:<8} {:<8} {}",
            entry.name,
            samples.len(),
            checked(false),
            checked(true),
            calls.join("; ")
        );
        total += samples.len();
    }
    println!("{} ops, {total} samples", table().len());
}
