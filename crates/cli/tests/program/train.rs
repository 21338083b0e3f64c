//! Trainings that end well, and what they leave behind.

use crate::{fail, json, pictures, read, skip, stdout, succeed, tiny_mnist};
use std::path::Path;

#[test]
fn digits_leave_a_complete_run_folder() {
    let dir = tempfile::tempdir().unwrap();
    let out = succeed(dir.path(), "train --epochs 3 --out run");
    for part in [
        "1079 training, 359 validation and 359 test images of 8×8",
        "Linear(in_features=64, out_features=200",
        "epoch  train loss",
        "test accuracy:",
        "everything is in run",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }

    let run = dir.path().join("run");
    let mut names: Vec<String> =
        std::fs::read_dir(&run).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let expected = "best.safetensors checkpoints config.toml curves.svg lock metrics.jsonl result.json test_openings.jsonl";
    assert_eq!(names.join(" "), expected);

    let config = read(run.join("config.toml"));
    for part in ["name = \"digits\"", "epochs = 3", "seed = 0", "lr = 0.02", "classes = [", "mean = [0.3"] {
        assert!(config.contains(part), "no {part:?} in\n{config}");
    }

    let metrics = read(run.join("metrics.jsonl"));
    let rows: Vec<serde_json::Value> = metrics.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    let loss = |row: &serde_json::Value| row["train/loss"].as_f64().unwrap();
    assert!(loss(&rows[2]) < loss(&rows[0]), "the loss does not fall: {metrics}");
    assert_eq!(rows[2]["epoch"], 3.0);
    assert!(rows[2]["train/accuracy"].is_number() && rows[2]["val/accuracy"].is_number(), "{metrics}");

    let result = json(run.join("result.json"));
    assert_eq!(result["status"], "finished");
    assert_eq!(result["epochs"], 3);
    assert!(result["test"]["accuracy"].as_f64().unwrap() > 0.8, "{result}");
    assert!(read(run.join("curves.svg")).starts_with("<svg"));
}

#[test]
fn no_argument_trains_the_digits_well() {
    let dir = tempfile::tempdir().unwrap();
    let out = succeed(dir.path(), "");
    assert!(out.contains("test accuracy:"), "{out}");
    let runs: Vec<_> =
        std::fs::read_dir(dir.path().join("runs")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    let name = runs[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("digits-20") && name.ends_with('Z'), "{name}");
    assert!(json(runs[0].join("result.json"))["test"]["accuracy"].as_f64().unwrap() >= 0.945);
}

#[test]
fn a_seed_decides_the_weights_and_threads_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let weights = |line: &str, out: &str| {
        succeed(dir.path(), &format!("train --epochs 2 {line} --out {out}"));
        std::fs::read(dir.path().join(out).join("best.safetensors")).unwrap()
    };
    let one = weights("--seed 5 --threads 1", "a");
    assert!(one == weights("--seed 5 --threads 2", "b"), "1 and 2 threads give other weights");
    assert!(one != weights("--seed 6 --threads 1", "c"), "seeds 5 and 6 give the same weights");
}

#[test]
fn folders_in_mnists_form_are_read() {
    let dir = tempfile::tempdir().unwrap();
    tiny_mnist(&dir.path().join("data"));
    let out =
        succeed(dir.path(), "train --dataset mnist --data-dir data --epochs 20 --batch-size 4 --out run");
    assert!(out.contains("20 training, 4 validation and 6 test images of 2×2"), "{out}");
    assert_eq!(json(dir.path().join("run/result.json"))["test"]["accuracy"], 1.0);
}

#[test]
fn colours_in_folders_are_learnt_and_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    pictures(&dir.join("pets"), 10);
    let out = succeed(dir, "train --dataset folder:pets --epochs 20 --batch-size 4");
    assert!(out.contains("folder:pets: 12 training, 4 validation and 4 test images of 4×5"), "{out}");
    let run = std::fs::read_dir(dir.join("runs")).unwrap().next().unwrap().unwrap().path();
    assert!(run.file_name().unwrap().to_str().unwrap().starts_with("pets-"), "{run:?}");
    assert_eq!(json(run.join("result.json"))["test"]["accuracy"], 1.0);
    for (class, colour) in [("cat", [230, 0, 0, 255]), ("dog", [0, 0, 230, 255])] {
        image::RgbaImage::from_pixel(10, 8, image::Rgba(colour)).save(dir.join("x.png")).unwrap();
        let said = succeed(dir, &format!("predict {} x.png", run.display()));
        assert!(said.starts_with(&format!("x.png: {class}\n")), "{said}");
    }

    // Images that were set apart for the test.
    pictures(&dir.join("apart/train"), 6);
    pictures(&dir.join("apart/test"), 2);
    let out = succeed(dir, "train --dataset folder:apart --epochs 1 --out apart-run");
    assert!(out.contains("10 training, 2 validation and 4 test images"), "{out}");
    std::fs::rename(dir.join("apart/test/dog"), dir.join("apart/test/cow")).unwrap();
    fail(dir, "train --dataset folder:apart --out x", &["apart", "[\"cat\", \"dog\"]", "[\"cat\", \"cow\"]"]);

    image::RgbImage::new(9, 3).save(dir.join("pets/dog/wide.png")).unwrap();
    let parts = ["pets/dog/wide.png", "3×9", "4×5", "Resize with size = [4, 5]"];
    fail(dir, "train --dataset folder:pets --out x", &parts);
    let resized = "train --dataset folder:pets --epochs 2 --out resized --set data.transforms=[{name='Resize',size=[4,5]}]";
    succeed(dir, resized);
    succeed(dir, "predict resized pets/dog/wide.png");
    std::fs::write(dir.join("pets/cat/0.png"), "no image").unwrap();
    fail(dir, "train --dataset folder:pets --out x", &["pets/cat/0.png"]);
    pictures(&dir.join("few"), 1);
    fail(dir, "train --dataset folder:few --out x", &["few", "2 training items", "at least 5"]);
    assert!(!dir.join("x").exists());
}

#[test]
fn an_empty_folder_may_be_given() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    succeed(dir.path(), "train --epochs 1 --out empty");
}

#[test]
fn real_fashion_mnist_is_learnt() {
    if !Path::new("/usr/share/datasets/fashion-mnist").is_dir() {
        skip("training on Fashion-MNIST: apt-get install dataset-fashion-mnist");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = succeed(dir.path(), "train --dataset fashion-mnist --epochs 1 --batch-size 128 --out run");
    assert!(out.contains("50000 training, 10000 validation and 10000 test images of 28×28"), "{out}");
    assert!(json(dir.path().join("run/result.json"))["test"]["accuracy"].as_f64().unwrap() > 0.8, "{out}");
}

#[test]
fn help_and_version_go_to_stdout() {
    let dir = tempfile::tempdir().unwrap();
    for (line, part) in [
        ("--help", "Examples:"),
        ("help train", "--weight-decay"),
        ("train --help", "--set <KEY=VALUE>"),
        ("eval --help", "--split <SPLIT>"),
        ("predict --help", "--invert"),
        ("--version", env!("CARGO_PKG_VERSION")),
    ] {
        let out = succeed(dir.path(), line);
        assert!(out.contains(part), "{line}: no {part:?} in\n{out}");
    }
}

#[test]
fn a_reader_that_leaves_does_not_end_the_training() {
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    let mut child = crate::flambeau(dir.path())
        .args(["train", "--epochs", "2", "--out", "run"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}{}", output.status, stdout(&output));
    assert!(dir.path().join("run/result.json").exists());
}
