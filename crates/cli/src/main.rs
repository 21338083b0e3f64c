//! The `flambeau` program.
fn main() {}
