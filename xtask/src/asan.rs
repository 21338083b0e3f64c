//! `asan`: the kernels' tests under AddressSanitizer, which unlike valgrind knows every instruction set.

use crate::process::{self, Result, cargo};

pub(crate) fn run(_: &[String]) -> Result {
    let host = process::host()?;
    // With a target named, the flags do not reach build scripts and macros.
    let mut tests = cargo(["test", "-p", "flambeau-kernels", "--lib", "--tests", "--target", &host]);
    // The sanitizer comes with the stable compiler too, behind this variable. Some tests ask for more memory than there is.
    tests.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    process::run(tests.env("ASAN_OPTIONS", "allocator_may_return_null=1"))
}
