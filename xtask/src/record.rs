//! `record`: PyTorch's values for the op samples, kept in the repository so that the tests need no Python.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::{Compression, GzBuilder};

use crate::process::{self, Result, TempDir, cargo};

const RECORDED: &str = "crates/tensor/tests/recorded/ops.safetensors.gz";

pub(crate) fn run(args: &[String]) -> Result {
    let dir = TempDir::new("record")?;
    let python = python(&args[0])?;
    // The samples come from the ops themselves: PyTorch gets the very tensors that the tests use.
    let mut dump = cargo(["test", "-p", "flambeau-tensor", "--test", "op_table", "dump_samples"]);
    process::run(dump.env("FLAMBEAU_SAMPLES", &dir.0))?;
    expect(
        &dir.0,
        &["samples.json", "samples.safetensors"],
        "dump_samples of crates/tensor/tests/op_table.rs",
    )?;
    process::run(Command::new(python).arg("xtask/torch/record.py").arg(&dir.0).current_dir(process::root()))?;
    expect(&dir.0, &["recorded.safetensors"], "xtask/torch/record.py")?;
    let target = process::root().join(RECORDED);
    gzip(&dir.0.join("recorded.safetensors"), &target)?;
    println!("wrote {RECORDED}");
    Ok(())
}

/// A path is the caller's, while the program starts in the workspace's root; a bare name is looked up.
fn python(given: &str) -> Result<PathBuf> {
    let path = Path::new(given);
    if path.components().count() == 1 {
        return Ok(path.to_path_buf());
    }
    // Not canonicalize: behind its links, a virtual environment's Python is the system's.
    std::path::absolute(path).map_err(|error| format!("{given}: {error}"))
}

/// `cargo test` is content when no test has the name: look at what it left.
fn expect(dir: &Path, files: &[&str], writer: &str) -> Result {
    match files.iter().find(|file| !dir.join(file).is_file()) {
        None => Ok(()),
        Some(file) => Err(format!("{writer} wrote no {file}")),
    }
}

/// Compresses without a time stamp, so that the same values give the same file.
fn gzip(from: &Path, to: &Path) -> Result {
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    let folder = to.parent().ok_or("the target has no folder")?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    let unfinished = to.with_extension("gz.part");
    let mut encoder =
        GzBuilder::new().mtime(0).write(File::create(&unfinished).map_err(failed)?, Compression::best());
    let mut source = File::open(from).map_err(|error| format!("{}: {error}", from.display()))?;
    std::io::copy(&mut source, &mut encoder).map_err(failed)?;
    encoder.finish().and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&unfinished, to).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use super::gzip;
    use crate::process::TempDir;

    #[test]
    fn the_same_values_give_the_same_file() {
        let dir = TempDir::new("gzip").unwrap();
        let (from, a, b) = (dir.0.join("values"), dir.0.join("a/x.gz"), dir.0.join("b/x.gz"));
        File::create(&from).unwrap().write_all(&[7; 1000]).unwrap();
        gzip(&from, &a).unwrap();
        gzip(&from, &b).unwrap();
        let bytes = std::fs::read(&a).unwrap();
        assert_eq!(bytes, std::fs::read(&b).unwrap());
        assert_eq!(bytes[4..8], [0; 4], "the time stamp");
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, [7; 1000]);
    }
}
