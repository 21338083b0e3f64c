//! Trainings that are killed at random times and go on give the weights of one that never was, bit for bit.
//!
//! `cargo xtask soak` sets FLAMBEAU_SOAK=full for a hundred kills; the default is ten.

mod training;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The names of what the child is told.
const FOLDER: &str = "FLAMBEAU_TEST_FOLDER";
const THREADS: &str = "FLAMBEAU_TEST_THREADS";

/// The test that, where it is told a folder, is the training that all of them start.
const CHILD: [&str; 3] = ["soak_killed_trainings_end_with_the_same_weights", "--exact", "--nocapture"];

/// Whether this process is such a training, which is done then.
fn is_child() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else { return false };
    let threads = std::env::var(THREADS).unwrap().parse().unwrap();
    if let Err(error) = training::train(Path::new(&folder), threads) {
        panic!("{error}");
    }
    true
}

fn start(folder: &Path, threads: usize) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(CHILD).env(FOLDER, folder).env(THREADS, threads.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn succeed(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The final and the best weights, and the log.
fn results(folder: &Path) -> [Vec<u8>; 3] {
    ["final.safetensors", "best.safetensors", "metrics.jsonl"]
        .map(|name| fs::read(folder.join(name)).unwrap())
}

/// The training that is never interrupted, and how long it takes.
fn whole(folder: &Path) -> ([Vec<u8>; 3], Duration) {
    fs::create_dir_all(folder).unwrap();
    let start_time = Instant::now();
    succeed(start(folder, 1));
    (results(folder), start_time.elapsed())
}

/// Numbers that look random, the same in every run (Knuth's MMIX generator).
struct Draw(u64);

impl Draw {
    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn soak_killed_trainings_end_with_the_same_weights() {
    if is_child() {
        return;
    }
    let kills = if std::env::var("FLAMBEAU_SOAK").is_ok_and(|full| full == "full") { 100 } else { 10 };
    let folder = tempfile::tempdir().unwrap();
    let (expected, time) = whole(&folder.path().join("whole"));
    let mut draw = Draw(1);
    let (mut killed, mut trainings, mut half_written) = (0, 0, 0);
    while killed < kills {
        trainings += 1;
        let run = folder.path().join(format!("run-{trainings}"));
        fs::create_dir_all(&run).unwrap();
        loop {
            let mut child = start(&run, 1 + killed % 3);
            // Some a little after the start, some at the end; several kills a training.
            let wait = time.mul_f64(draw.next() * 0.7);
            let end = Instant::now() + wait;
            while Instant::now() < end && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(500));
            }
            if child.try_wait().unwrap().is_some() || killed == kills {
                succeed(child);
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            let checkpoints = fs::read_dir(run.join("checkpoints")).into_iter().flatten();
            let names = checkpoints.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            half_written += names.filter(|name| name.ends_with(".tmp")).count();
        }
        assert!(results(&run) == expected, "training {trainings} differs");
        // What was half-written is gone.
        let left = fs::read_dir(run.join("checkpoints")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
    println!(
        "{killed} kills in {trainings} trainings of {time:?}, {half_written} of them within a checkpoint"
    );
}

#[test]
fn a_training_that_is_told_to_stop_loses_no_step() {
    let folder = tempfile::tempdir().unwrap();
    let (expected, time) = whole(&folder.path().join("whole"));
    let run = folder.path().join("run");
    fs::create_dir_all(&run).unwrap();
    let told = || fs::read_to_string(run.join("step")).unwrap_or_default();
    for part in 1.. {
        let mut child = start(&run, 1 + part % 2);
        std::thread::sleep(time.mul_f64(0.5));
        fs::File::create(run.join("stop")).unwrap();
        let ended = child.wait().unwrap();
        assert!(ended.success());
        fs::remove_file(run.join("stop")).unwrap();
        if run.join("final.safetensors").exists() {
            break;
        }
        // The newest checkpoint is that of the last step.
        let newest =
            fs::read_dir(run.join("checkpoints")).unwrap().map(|entry| entry.unwrap().file_name()).max();
        assert_eq!(newest.unwrap().into_string().unwrap(), format!("step-{:0>12}.safetensors", told()));
        assert!(part < 100);
    }
    assert!(results(&run) == expected);
}

/// A file can have only so many blocks of 512 bytes there, as if the disk were full.
#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_the_checkpoints_before_it_stay() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir_all(&run).unwrap();
    let limited = |blocks: u32| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).arg(std::env::current_exe().unwrap()).args(CHILD);
        command.env(FOLDER, &run).env(THREADS, "1").output().unwrap()
    };
    let output = limited(16);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        message.contains("step-000000000002.safetensors") && message.contains("cannot be written"),
        "{message}"
    );
    assert_eq!(fs::read_dir(run.join("checkpoints")).unwrap().count(), 0);
    let (expected, _) = whole(&folder.path().join("whole"));
    succeed(start(&run, 2));
    assert!(results(&run) == expected);
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = start(folder.path(), 1);
    while !folder.path().join("step").exists() && first.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = start(folder.path(), 1).wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(
        !second.status.success() && message.contains(&format!("in use by process {}", first.id())),
        "{message}"
    );
    succeed(first);
}
