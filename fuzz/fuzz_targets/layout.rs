//! Indexing and layout against a naive reference, guided by the code that the bytes reach. The programs are those of the
//! tensor crate's `tests/layout.rs`.

#![no_main]

#[path = "../../crates/tensor/tests/program/mod.rs"]
mod program;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| program::run(bytes));
