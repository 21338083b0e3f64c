//! Ctrl-C, as a terminal sends it.
#![cfg(unix)]

use crate::{flambeau, json, read, stderr, stdout, succeed};
use image::GrayImage;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a training that would take hours, and waits until it has finished an epoch.
fn start(dir: &Path) -> Child {
    let child = flambeau(dir)
        .args(["train", "--epochs", "1000000", "--out", "run"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !std::fs::read_to_string(dir.join("run/metrics.jsonl")).is_ok_and(|m| m.contains('\n')) {
        assert!(start.elapsed() < PATIENCE, "no epoch within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Sends a signal and waits for the end.
fn signal(mut child: Child, name: &str) -> Output {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("still running a minute after {name}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn ends_cleanly_with_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let output = signal(start(dir.path()), "-INT");
    let out = stdout(&output);
    assert_eq!(output.status.code(), Some(130), "{out}{}", stderr(&output));
    assert!(out.contains("the test set was not opened"), "{out}");
    assert!(!out.contains("test accuracy"), "{out}");

    let run = dir.path().join("run");
    let result = json(run.join("result.json"));
    assert_eq!(result["status"], "interrupted");
    assert!(result.get("test").is_none(), "{result}");
    assert!(read(run.join("curves.svg")).starts_with("<svg"));
    let metrics = read(run.join("metrics.jsonl"));
    let rows: Vec<serde_json::Value> = metrics.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(result["epochs"], rows.len());

    // It can go on, and does.
    let train = succeed(dir.path(), &format!("train --resume run --epochs {}", rows.len() + 1));
    assert!(train.contains("goes on after step") && train.contains("test accuracy"), "{train}");

    // What is there is of use.
    GrayImage::new(8, 8).save(dir.path().join("x.png")).unwrap();
    succeed(dir.path(), "predict run x.png");
}

#[test]
fn sigterm_ends_as_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let output = signal(start(dir.path()), "-TERM");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert_eq!(json(dir.path().join("run/result.json"))["status"], "interrupted");
}
