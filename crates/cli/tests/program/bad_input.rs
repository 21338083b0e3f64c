//! Each kind of wrong input: one line, exit code 2, and nothing left behind.

use crate::{fail, flambeau, idx, stderr, tiny_mnist};
use std::path::Path;

/// `train … --out run` must fail and make no folder.
#[track_caller]
fn fail_cleanly(dir: &Path, line: &str, parts: &[&str]) {
    fail(dir, &format!("train {line} --out run"), parts);
    assert!(!dir.join("run").exists(), "{line}: left a run folder");
}

#[test]
fn arguments() {
    let dir = tempfile::tempdir().unwrap();
    for (line, parts) in [
        ("--dataset cifar", ["cifar", "digits, mnist, fashion-mnist"]),
        ("--batch-size 0", ["--batch-size", "0"]),
        ("--epochs 0", ["--epochs", "0"]),
        ("--lr NaN", ["--lr", "above 0"]),
        ("--lr 0", ["--lr", "above 0"]),
        ("--lr -1", ["--lr", "above 0"]),
        ("--momentum 1", ["--momentum", "below 1"]),
        ("--momentum=-0.1", ["--momentum", "below 1"]),
        ("--weight-decay inf", ["--weight-decay", "from 0 up"]),
        ("--threads 0", ["--threads", "0"]),
        ("--dataset mnist", ["--data-dir", "four IDX files"]),
        ("--data-dir .", ["--data-dir", "leave it out"]),
        ("--epochs", ["--epochs", "value is required"]),
    ] {
        fail_cleanly(dir.path(), line, &parts);
    }
    fail(dir.path(), "tarin", &["tarin", "train"]);
    fail(dir.path(), "--epochs 0", &["--epochs", "from 1 up"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn data_files() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let train = "--dataset mnist --data-dir data";
    fail_cleanly(dir, train, &["data", "no such folder"]);

    let damage = |file: &str, change: &dyn Fn(&mut Vec<u8>)| {
        tiny_mnist(&dir.join("data"));
        let path = dir.join("data").join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    };
    let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");

    damage(images, &|b| b.truncate(50));
    fail_cleanly(dir, train, &["data/train-images-idx3-ubyte", "truncated", "needs 96 bytes", "only 34"]);
    damage(images, &|b| b.push(0));
    fail_cleanly(dir, train, &[images, "bytes past the 96"]);
    damage(images, &|b| b[0] = 9);
    fail_cleanly(dir, train, &[images, "0x09000803", "not an IDX file"]);
    damage(images, &|b| *b = idx(&[24, 4], &[0; 96]));
    fail_cleanly(dir, train, &[images, "2 dimensions"]);
    damage(images, &|b| *b = idx(&[u32::MAX, u32::MAX, 2], &[]));
    fail_cleanly(dir, train, &[images, "no memory holds"]);
    damage(images, &|b| *b = idx(&[1 << 20, 1 << 20, 1], &[]));
    fail_cleanly(dir, train, &[images, "holds only 0"]);
    damage(images, &|b| b.splice(0..4, [0x1f, 0x8b, 8, 0]).for_each(drop));
    fail_cleanly(dir, train, &[images, "gzip"]);
    damage(labels, &|b| b[8 + 5] = 10);
    fail_cleanly(dir, train, &["data/train-labels-idx1-ubyte", "label 5", "is 10", "0 to 9"]);
    damage(labels, &|b| *b = idx(&[3], &[0, 1, 0]));
    fail_cleanly(dir, train, &[images, "24 images", "3 labels"]);
    // The test files are checked before the training too.
    damage("t10k-labels-idx1-ubyte", &|b| b.truncate(9));
    fail_cleanly(dir, train, &["t10k-labels-idx1-ubyte", "truncated"]);
    damage("t10k-images-idx3-ubyte", &|b| *b = idx(&[6, 4, 1], &[0; 24]));
    fail_cleanly(dir, train, &["data", "[1, 2, 2]", "[1, 4, 1]"]);
    tiny_mnist(&dir.join("data"));
    std::fs::remove_file(dir.join("data/t10k-images-idx3-ubyte")).unwrap();
    fail_cleanly(dir, train, &["data", "t10k-images-idx3-ubyte.gz"]);
}

#[test]
fn output_folders() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::create_dir(dir.join("full")).unwrap();
    std::fs::write(dir.join("full/precious"), "data").unwrap();
    fail(dir, "train --out full", &["full", "already holds files", "--out"]);
    assert_eq!(std::fs::read_dir(dir.join("full")).unwrap().count(), 1);

    std::fs::write(dir.join("file"), "data").unwrap();
    fail(dir, "train --out file", &["file", "--out"]);
    fail(dir, "train --out file/below", &["file/below", "--out"]);
    // The kernel lets nobody make a folder here, not even root.
    if Path::new("/proc/self").exists() {
        fail(dir, "train --out /proc/flambeau", &["/proc/flambeau", "--out"]);
    }
    let mut default = flambeau(dir);
    std::fs::write(dir.join("runs"), "a file where the runs would go").unwrap();
    let output = default.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("runs") && stderr(&output).contains("--out"), "{}", stderr(&output));
}

#[test]
fn divergence_stops_the_training() {
    let dir = tempfile::tempdir().unwrap();
    fail(dir.path(), "train --lr 1e30 --out run", &["diverged", "epoch 1", "--lr", "1e30"]);
    let result = crate::json(dir.path().join("run/result.json"));
    assert_eq!(result["status"], "diverged");
    assert!(result.get("test").is_none(), "the test set was opened: {result}");
    fail(dir.path(), "predict run x.png", &["run/best.safetensors", "no such file"]);

    let line = "train --lr 1e30 --epochs 1 --batch-size 100000 --out one-step";
    fail(dir.path(), line, &["diverged", "in epoch 1", "val/loss", "1e30"]);
    assert!(!dir.path().join("one-step/best.safetensors").exists(), "weights of NaN were kept");
}
