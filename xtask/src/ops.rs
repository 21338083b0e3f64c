//! `ops`: the table of ops, printed by the tensor crate, which owns it.

use crate::process::{self, Result, cargo};

pub(crate) fn run(_: &[String]) -> Result {
    process::run(&mut cargo(["run", "--quiet", "-p", "flambeau-tensor", "--example", "ops"]))
}
