//! The program as its users meet it: real processes, real files, real signals.
#![allow(clippy::disallowed_methods, reason = "damaged files are what is tested")]

mod bad_input;
mod bench;
mod completions;
mod config;
mod cv;
mod data;
mod download;
mod interrupt;
mod predict;
mod runs;
mod train;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

/// The program, to be run in `dir`, with its data in the folder `sets` there.
fn flambeau(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flambeau"));
    command.current_dir(dir).env("FLAMBEAU_DATA", "sets").env("NO_PROXY", "127.0.0.1");
    command
}

/// Runs the program with the words of `line`.
fn run(dir: &Path, line: &str) -> Output {
    flambeau(dir).args(line.split_whitespace()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs the program and demands success.
#[track_caller]
fn succeed(dir: &Path, line: &str) -> String {
    let output = run(dir, line);
    assert!(output.status.success(), "{line}: {}\n{}{}", output.status, stdout(&output), stderr(&output));
    assert_eq!(stderr(&output), "", "{line}: without a terminal there is no bar");
    stdout(&output)
}

/// Runs the program and demands exit code 2 and one line that holds all `parts`.
#[track_caller]
fn fail(dir: &Path, line: &str, parts: &[&str]) {
    let output = run(dir, line);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{line}: {message}");
    assert_eq!(message.lines().count(), 1, "{line}: not one line: {message}");
    assert!(message.starts_with("error: "), "{line}: {message}");
    for part in parts {
        assert!(message.contains(part), "{line}: no {part:?} in {message}");
    }
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json(path: impl AsRef<Path>) -> serde_json::Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// An IDX file of unsigned bytes.
fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// A folder in MNIST's form with 24 training and 6 test images of 2×2 pixels: class 1 is light at the top, class 0 at the
/// bottom.
fn tiny_mnist(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    for (part, count) in [("train", 24_u32), ("t10k", 6)] {
        let labels: Vec<u8> = (0..count).map(|i| (i % 2) as u8).collect();
        let pixels: Vec<u8> =
            labels.iter().flat_map(|&l| if l == 1 { [250, 200, 10, 0] } else { [0, 20, 220, 255] }).collect();
        std::fs::write(dir.join(format!("{part}-images-idx3-ubyte")), idx(&[count, 2, 2], &pixels)).unwrap();
        std::fs::write(dir.join(format!("{part}-labels-idx1-ubyte")), idx(&[count], &labels)).unwrap();
    }
}

/// A folder of pictures of 5×4 pixels, `n` red ones in cat and `n` blue ones in dog, no two the same.
fn pictures(dir: &Path, n: u8) {
    for (class, channel) in [("cat", 0), ("dog", 2)] {
        std::fs::create_dir_all(dir.join(class)).unwrap();
        for i in 0..n {
            let mut colour = [i, 10, i];
            colour[channel] = 200 + i;
            let picture = image::RgbImage::from_pixel(5, 4, image::Rgb(colour));
            picture.save(dir.join(class).join(format!("{i}.png"))).unwrap();
        }
    }
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
/// Says on stderr, and in the file that FLAMBEAU_SKIPS names, that a test could not run here.
fn skip(what: &str) {
    eprintln!("SKIPPED: {what}");
    if let Some(path) = std::env::var_os("FLAMBEAU_SKIPS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "SKIPPED: {what}").unwrap();
    }
}
