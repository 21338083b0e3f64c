//! Logs that survive crashes and go on from a checkpoint.

use flambeau_train::{JsonLines, Logger, read_json_lines};
use std::fs;
use std::io::Write;

#[test]
fn a_line_that_a_crash_cut_short_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut log = JsonLines::open(&path).unwrap();
    for step in 1..=2000 {
        log.scalars(step, &[("loss", step as f64), ("lr", 0.1)]).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    for cut in [1, 5, 30, 9000] {
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len((whole.len() - cut) as u64).unwrap();
        let kept = read_json_lines(&path).unwrap();
        drop(JsonLines::open(&path).unwrap());
        let text = fs::read(&path).unwrap();
        assert!(whole.starts_with(&text) && text.ends_with(b"\n"));
        assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), kept.len());
        fs::File::create(&path).unwrap().write_all(&whole).unwrap();
    }
    // Nothing but the beginning of a line longer than a block.
    fs::File::create(&path).unwrap().write_all(&[b'{'; 10_000]).unwrap();
    drop(JsonLines::open(&path).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[test]
fn later_steps_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut log = JsonLines::open(&path).unwrap();
    log.text(0, "config", "lr = 0.1\n\"quoted\"").unwrap();
    for step in 1..=9 {
        log.scalars(step, &[("loss", if step == 3 { f64::NAN } else { 0.25 })]).unwrap();
    }
    log.resume(4).unwrap();
    log.scalars(5, &[("loss", f64::INFINITY)]).unwrap();
    let lines = read_json_lines(&path).unwrap();
    assert_eq!(
        lines.iter().map(|line| line["step"].as_u64().unwrap()).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
    assert_eq!(lines[0]["config"], "lr = 0.1\n\"quoted\"");
    assert!(lines[3]["loss"].is_null() && lines[5]["loss"].is_null());
}

#[test]
fn errors_name_the_file_and_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    fs::File::create(&path).unwrap().write_all(b"{\"step\":1}\n{\"step\":\n").unwrap();
    let message = read_json_lines(&path).unwrap_err().to_string();
    assert!(message.contains("metrics.jsonl: line 2"), "{message}");
    let message = JsonLines::open(folder.path().join("missing/log.jsonl")).unwrap_err().to_string();
    assert!(message.contains("missing/log.jsonl: cannot be opened"), "{message}");
}

/// The records of an event file, whose checksums are right.
#[cfg(feature = "tensorboard")]
fn records(path: &std::path::Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut records) = (&bytes[..], vec![]);
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        let length = u64::from_le_bytes(*head) as usize;
        records.push(tail[4..4 + length].to_vec());
        rest = &tail[8 + length..];
    }
    assert!(rest.is_empty());
    records
}

/// The bytes of PyPI's tensorboard 2.21.0 for the same events, but for their times.
#[cfg(feature = "tensorboard")]
#[test]
fn events_are_tensorboards() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = flambeau_train::TensorBoard::new(folder.path()).unwrap();
    log.scalars(7, &[("a/b", 0.5)]).unwrap();
    log.resume(2).unwrap();
    let bytes = fs::read(log.path()).unwrap();
    let records = records(log.path());
    // Of the time: a tag and eight bytes.
    assert!(records.iter().all(|record| record[0] == 9));
    assert_eq!(records[0][9..], *b"\x1a\x0dbrain.Event:2");
    assert_eq!(records[1][9..], *b"\x10\x07\x2a\x0c\x0a\x0a\x0a\x03a/b\x15\x00\x00\x00\x3f");
    assert_eq!(records[2][9..], *b"\x10\x03\x3a\x02\x08\x01");
    // The masked checksum of the first length, 24.
    assert_eq!(bytes[..12], [24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
}
