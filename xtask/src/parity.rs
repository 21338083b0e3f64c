//! `parity`: replays recorded PyTorch samples through the door by name, and counts those that agree.

use crate::process::{self, Result, cargo};

pub(crate) fn run(args: &[String]) -> Result {
    let Some((folder, rest)) = args.split_first() else {
        return Err("name the folder that holds ops.json and ops.safetensors".into());
    };
    let mut command = cargo(["run", "--quiet", "-p", "flambeau-tensor", "--example", "parity", "--"]);
    // The example runs in the workspace's root, the folder is the caller's.
    let folder = std::path::absolute(folder).map_err(|error| format!("{folder}: {error}"))?;
    process::run(command.arg(folder).args(rest))
}
