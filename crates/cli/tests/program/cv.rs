//! Cross-validation, against the same done by hand with the library.

use crate::{fail, flambeau, json, read, succeed};
use flambeau::data::{Dataset, KFold, StratifiedKFold, Subset, cross_validate};
use flambeau::prelude::*;
use flambeau::train::config::Config;
use std::path::Path;

/// A template with fewer epochs, and nothing that ends it early.
fn config(dir: &Path) -> Config {
    let text = succeed(dir, "config new mlp").replace("epochs = 60", "epochs = 2");
    let text = text.replace("[early_stopping]\npatience = 15", "[ema]\ndecay = 0.9");
    std::fs::write(dir.join("mlp.toml"), &text).unwrap();
    Config::parse(&text).unwrap()
}

fn weights(model: &Sequential) -> Vec<Vec<f32>> {
    model.parameters().iter().map(|w| w.to_vec::<f32>()).collect()
}

/// The folds' accuracies, their mean and deviation, and the test accuracy, each training by a trainer of its own.
fn by_hand(config: &Config, k: usize, stratified: bool) -> (Vec<f64>, f64, f64, f64, Vec<Vec<f32>>) {
    let splits = config.load().unwrap();
    let mut config = config.clone();
    config.measure(&splits).unwrap();
    let data = splits.development();
    let labels = data.batch(&(0..data.len()).collect::<Vec<_>>()).1.to_vec::<i64>();
    let folds = if stratified {
        StratifiedKFold::new(k).unwrap().shuffle(config.seed).split(&labels).unwrap()
    } else {
        KFold::new(k).unwrap().shuffle(config.seed).split(data.len()).unwrap()
    };
    let fit = |train: Subset| {
        // The learning rate stays what it is in two epochs, whatever it follows.
        let mut config = Config { scheduler: None, ..config.clone() };
        config.measure_again(&train)?;
        let model = config.build(&splits.input)?;
        let train = config.train_loader(train)?;
        manual_seed(config.seed);
        config.trainer(&model, &train)?.fit(&train, None)?;
        Ok((config, model))
    };
    let score = |(config, model): &(Config, Sequential), data: Subset| {
        let loader = config.eval_loader(data)?;
        Ok(config.trainer(model, &loader)?.evaluate(&loader)?[1].1)
    };
    let validation = cross_validate(data, &folds, fit, score).unwrap();
    let (scores, mean, std) = (validation.scores().to_vec(), validation.mean(), validation.std());
    let kept = validation.retrain().unwrap();
    (scores, mean, std, score(&kept, splits.test.open()).unwrap(), weights(&kept.1))
}

#[test]
fn agrees_with_the_same_done_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    for (k, flag) in [(5, ""), (3, "--stratified --threads 1")] {
        let out = succeed(dir.path(), &format!("cv --folds {k} mlp.toml --out run{k} {flag}"));
        let (scores, mean, std, test, weights_by_hand) = by_hand(&config, k, flag.contains("stratified"));

        let run = dir.path().join(format!("run{k}"));
        let cv = json(run.join("cv.json"));
        let folds = cv["folds"].as_array().unwrap();
        let own: Vec<f64> = folds.iter().map(|fold| fold["score"].as_f64().unwrap()).collect();
        assert_eq!(own, scores);
        assert_eq!((cv["mean"].as_f64(), cv["std"].as_f64()), (Some(mean), Some(std)));
        let result = json(run.join("result.json"));
        assert_eq!(result["test"]["accuracy"].as_f64(), Some(test));
        assert_eq!((&result["status"], &result["epochs"]), (&"finished".into(), &2.into()));

        // And it is what is printed.
        for (i, score) in scores.iter().enumerate() {
            assert!(out.contains(&format!("fold {}: val/accuracy {score:.4}", i + 1)), "{out}");
        }
        assert!(out.contains(&format!("val/accuracy: {mean:.4} ± {std:.4} over {k} folds")), "{out}");
        assert!(out.contains(&format!("accuracy {test:.4}")), "{out}");

        // The weights are those of the training on all items.
        let model = config.build(&[1, 8, 8]).unwrap();
        model.load(run.join("best.safetensors")).unwrap();
        assert!(weights(&model) == weights_by_hand);
        let written = Config::read(run.join("config.toml")).unwrap();
        let mut facts = written.data.facts.clone().unwrap();
        assert_eq!((&facts.input[..], facts.classes.len()), (&[1, 8, 8][..], 10));
        let all = config.load().unwrap().development();
        let mean = all.batch(&(0..all.len()).collect::<Vec<_>>()).0.mean().item::<f32>();
        let measured = facts.inputs.take().unwrap().mean[0];
        assert!((measured - f64::from(mean)).abs() < 1e-5, "{measured}, {mean}");
        let mut expected = config.clone();
        expected.data.facts = written.data.facts.clone();
        assert_eq!(written, expected);
        assert_eq!(read(run.join("test_openings.jsonl")).lines().count(), 1);
        // And so the network can be used.
        let shown = succeed(dir.path(), &format!("eval run{k} --split test --again"));
        assert!(shown.contains("accuracy"), "{shown}");
        fail(dir.path(), &format!("eval run{k} --split val"), &["cross-validation", "learnt from"]);
        fail(dir.path(), &format!("train --resume run{k}"), &["cross-validation", "flambeau cv"]);
        assert_eq!(read(run.join("metrics.jsonl")).lines().count(), 2, "of the training on all items");
    }
}

#[test]
fn without_a_file_it_is_the_digits_and_flags_override() {
    let dir = tempfile::tempdir().unwrap();
    let out = succeed(dir.path(), "cv --folds 2 --epochs 1 --seed 3");
    assert!(out.contains("1438 items in 2 folds, 359 to test on"), "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("fold ")).count(), 2, "{out}");
    let runs: Vec<_> = std::fs::read_dir(dir.path().join("runs")).unwrap().collect();
    let run = runs[0].as_ref().unwrap().path();
    assert!(run.file_name().unwrap().to_string_lossy().starts_with("cv-digits-"), "{run:?}");
    let config = Config::read(run.join("config.toml")).unwrap();
    assert_eq!((config.seed, config.epochs), (3, 1));
}

#[test]
fn what_is_wrong_is_named_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path());
    for (line, parts) in [
        ("cv --folds 1 mlp.toml", ["--folds", "from 2 up"]),
        ("cv --folds 2000 mlp.toml", ["--folds", "1438 items"]),
        ("cv --folds 200 --stratified mlp.toml", ["--folds", "largest class"]),
        ("cv missing.toml", ["missing.toml", "cannot be read"]),
        ("cv --epochs 0 mlp.toml", ["--epochs", "from 1 up"]),
        ("cv mlp.toml --out mlp.toml", ["mlp.toml", "is a file"]),
    ] {
        fail(dir.path(), line, &parts);
    }
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn a_fold_that_diverges_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    config(dir.path());
    let text = read(dir.path().join("mlp.toml")).replace("lr = 0.05", "lr = 1e30");
    std::fs::write(dir.path().join("wild.toml"), text).unwrap();
    fail(dir.path(), "cv wild.toml --out run", &["diverged in fold 1"]);
    let result = json(dir.path().join("run/result.json"));
    assert_eq!(result["status"], "diverged");
    assert!(!dir.path().join("run/test_openings.jsonl").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_cleanly() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    config(dir.path());
    let mut child = flambeau(dir.path())
        .args(["cv", "--folds", "400", "--epochs", "1", "mlp.toml", "--out", "run"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(out.by_ref().any(|line| line.starts_with("fold 2:")));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let rest: Vec<String> = out.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest.iter().any(|line| line.contains("the test set was not opened")), "{rest:?}");
    let (cv, result) = (json(dir.path().join("run/cv.json")), json(dir.path().join("run/result.json")));
    assert!(cv["folds"].as_array().unwrap().len() >= 2 && cv["mean"].is_null(), "{cv}");
    assert_eq!(result["status"], "interrupted");
    assert!(!dir.path().join("run/test_openings.jsonl").exists());
}
