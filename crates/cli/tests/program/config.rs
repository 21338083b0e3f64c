//! Trainings from a file: made, interrupted, gone on with, and what is wrong with them.

use crate::{fail, flambeau, json, read, run, stderr, stdout, succeed};
use std::path::Path;
use std::time::{Duration, Instant};

/// A template with fewer epochs.
fn config(dir: &Path, epochs: u32) {
    let text = succeed(dir, "config new mlp").replace("epochs = 60", &format!("epochs = {epochs}"));
    std::fs::write(dir.join("mlp.toml"), text).unwrap();
}

#[test]
fn a_template_trains_and_the_test_set_opens_once() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), 3);
    let out = succeed(dir.path(), "train --config mlp.toml --out run");
    for part in [
        "digits: 1079 training, 359 validation and 359 test images of 8×8",
        "Linear(in_features=64, out_features=200",
        "epoch  train loss",
        "test accuracy: ",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }
    let result = json(dir.path().join("run/result.json"));
    assert_eq!((&result["status"], &result["epochs"]), (&"finished".into(), &3.into()));
    assert!(result["test"]["accuracy"].as_f64().unwrap() > 0.8, "{result}");
    assert!(read(dir.path().join("run/config.toml")).contains("epochs = 3"));

    // It is over; a second look must be asked for, and is told.
    fail(dir.path(), "train --resume run", &["again", "opened"]);
    let out = succeed(dir.path(), "train --resume run --again");
    assert!(out.contains("opened for the 2nd time"), "{out}");
    assert!(json(dir.path().join("run/result.json"))["caveat"].as_str().unwrap().contains("2nd"));
}

#[cfg(unix)]
#[test]
fn a_training_that_is_ended_goes_on_with_the_same_weights() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), 8);
    succeed(dir.path(), "train --config mlp.toml --out whole --threads 1");
    for (name, signal) in [("terminated", "-TERM"), ("killed", "-KILL")] {
        let args = ["train", "--config", "mlp.toml", "--threads", "2", "--out", name];
        let mut child = flambeau(dir.path()).args(args).stdout(std::process::Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        // After two epochs or so.
        while !std::fs::read_to_string(dir.path().join(name).join("metrics.jsonl"))
            .is_ok_and(|m| m.lines().count() > 1)
        {
            assert!(start.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(2));
        }
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let status = child.wait().unwrap();
        assert!(signal == "-KILL" || status.code() == Some(130), "{status}");
        let out = succeed(dir.path(), &format!("train --resume {name}"));
        assert!(out.contains("goes on after step"), "{out}");
        let weights = |run: &str| std::fs::read(dir.path().join(run).join("best.safetensors")).unwrap();
        assert!(weights(name) == weights("whole"), "{name}");
    }
}

#[test]
fn what_is_wrong_is_named_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    let text = succeed(dir.path(), "config new mlp");
    let wrong = |from: &str, to: &str, parts: &[&str]| {
        std::fs::write(dir.path().join("wrong.toml"), text.replacen(from, to, 1)).unwrap();
        fail(dir.path(), "train --config wrong.toml --out run", parts);
        assert!(!dir.path().join("run").exists());
    };
    wrong("epochs", "epoch", &["wrong.toml: line 4", "did you mean `epochs`?"]);
    wrong("layer = \"Flatten\"", "layer = \"ReLU\"", &["model, layer 1 (Linear)", "[1, 8, 8] came"]);
    fail(dir.path(), "train --config missing.toml", &["missing.toml: cannot be read"]);
    fail(dir.path(), "train --resume missing", &["missing: no such folder"]);
    wrong("epochs =", "device = \"cuda\"\nepochs =", &["device", "cuda", "only \"cpu\""]);
    wrong(
        "out_features = 10",
        "out_features = 9",
        &["gives [9]", "digits has 10 classes", "out_features = 10"],
    );
    wrong("\"digits\"", "\"digits\"\ntransform = 1", &["`transform`; did you mean `transforms`?"]);
    fail(dir.path(), "config new transformer", &["transformer", "lenet"]);
    succeed(dir.path(), "config new lenet --out lenet.toml");
    fail(dir.path(), "config new lenet --out lenet.toml", &["is there already"]);
}

#[test]
fn a_summary_shows_the_layers() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path(), 1);
    let output = run(dir.path(), "summary mlp.toml");
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("55,210") || stdout(&output).contains("55210"), "{}", stdout(&output));
}

#[test]
fn flags_and_set_are_taken_instead_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    config(dir, 50);
    let line = "train --config mlp.toml --out run --epochs 2 --seed 7 --batch-size 100 --lr 0.01 --momentum 0.5 --weight-decay 0";
    succeed(
        dir,
        &format!(
            "{line} --set early_stopping.patience=9 --set model.1.out_features=50 --set metrics=['accuracy','f1']"
        ),
    );
    let text = read(dir.join("run/config.toml"));
    for part in [
        "epochs = 2\n",
        "seed = 7\n",
        "batch_size = 100\n",
        "lr = 0.01\n",
        "momentum = 0.5\n",
        "weight_decay = 0.0\n",
        "patience = 9\n",
        "out_features = 50\n",
        "\"f1\"",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let result = json(dir.join("run/result.json"));
    assert!(result["test"]["f1"].is_number() && result["epochs"] == 2, "{result}");

    let wrong = |flags: &str, parts: &[&str]| {
        fail(dir, &format!("train --config mlp.toml --out none {flags}"), parts);
        assert!(!dir.join("none").exists());
    };
    wrong("--set optimizer.lrr=1", &["--set", "did you mean `lr`?"]);
    wrong("--set epoch=1", &["--set", "did you mean `epochs`?"]);
    wrong("--set model.99.p=1", &["--set", "99"]);
    wrong("--set optimizer.name=Adam", &["--set", "Adam takes no `momentum`"]);
    wrong("--dataset fashionmnist", &["--dataset", "did you mean `fashion-mnist`?"]);
    wrong("--dataset house-prices", &["loss", "targets are numbers", "MSELoss"]);
}

#[test]
fn eval_measures_and_keeps_count_of_the_test_set() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    config(dir, 3);
    succeed(dir, "train --config mlp.toml --out run");
    let result = json(dir.join("run/result.json"));
    let best = 100.0 * result["best"].as_f64().unwrap();
    let said = succeed(dir, "eval run");
    assert!(said.contains("359 validation items of digits"), "{said}");
    assert!(said.contains(&format!("accuracy: {best:.2} %")), "{best}: {said}");
    fail(dir, "eval run --split test", &["again", "was opened"]);
    let said = succeed(dir, "eval run --split test --again");
    let tested = 100.0 * result["test"]["accuracy"].as_f64().unwrap();
    assert!(said.contains(&format!("accuracy: {tested:.2} %")), "{tested}: {said}");
    assert!(said.contains("opened for the 2nd time"), "{said}");
    fail(dir, "eval none", &["none", "no such folder"]);
}
