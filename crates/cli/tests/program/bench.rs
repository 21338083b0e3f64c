//! The machine and flambeau on it, measured for a moment.

use crate::{fail, read, succeed};
use serde_json::Value;
use std::path::Path;

/// What the program prints as JSON, kept in a file too.
fn json(dir: &Path, line: &str, file: &str) -> Value {
    let text = succeed(dir, line);
    std::fs::write(dir.join(file), &text).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{line}: {e}\n{text}"))
}

#[track_caller]
fn positive(value: &Value) -> f64 {
    value.as_f64().filter(|v| *v > 0.0 && v.is_finite()).unwrap_or_else(|| panic!("{value} is not above 0"))
}

#[test]
fn workloads_are_measured_beside_the_machines_limits() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let all =
        json(dir, "bench W6_matmul512 W6_sum_dim1 W6_tiny_grad W8 --quick --threads 1 --json", "b.json");
    assert_ne!(all["machine"]["processor"], "");
    assert!(["avx512", "avx2", "scalar"].contains(&all["machine"]["instruction_set"].as_str().unwrap()));
    positive(&all["machine"]["cores"]);
    let limits = &all["limits"][0];
    let peak = positive(&limits["gflops"]);
    for place in limits["places"].as_array().unwrap() {
        for kind in ["read", "copy", "triad"] {
            positive(&place[kind]);
        }
    }
    let rows = all["workloads"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["workload"].as_str().unwrap()).collect();
    assert_eq!(names, ["W6_matmul512", "W6_sum_dim1", "W6_tiny_grad", "W8_cold"]);
    for row in rows {
        assert!(
            positive(&row["lo"]) <= positive(&row["value"])
                && positive(&row["value"]) <= positive(&row["hi"])
        );
        if cfg!(target_os = "linux") {
            assert!((1.0..1000.0).contains(&positive(&row["peak_rss_mb"])), "{row}");
        }
    }
    let [product, sum, tiny, cold] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(product["work"]["flop"], 2.0 * 512f64.powi(3));
    let gflops = positive(&product["reached"]["gflops"]);
    assert!((gflops / (positive(&product["value"]) * 0.268_435_456) - 1.0).abs() < 1e-6, "{product}");
    assert_eq!(product["reached"]["bound"], "arithmetic");
    let share = positive(&product["reached"]["share"]);
    assert!((share - gflops / peak).abs() < 1e-6, "{product}");
    assert_ne!(sum["reached"]["bound"], "arithmetic");
    assert_eq!([&tiny["metric"], &cold["metric"]], ["ns_per_op", "seconds"]);
    assert_eq!([&tiny["reached"], &cold["reached"]], [&Value::Null; 2]);

    let table = succeed(dir, "bench --from b.json --plot b.svg");
    for part in ["GFLOP/s", "memory", "of limit", "W6_matmul512", "W6_sum_dim1", "W8_cold"] {
        assert!(table.contains(part), "no {part} in\n{table}");
    }
    let picture = read(dir.join("b.svg"));
    assert!(picture.starts_with("<svg") && picture.contains("W6_matmul512"), "{picture}");
    assert!(picture.len() < 100_000, "{} bytes", picture.len());
    let markdown = succeed(dir, "bench --from b.json b.json --markdown");
    assert!(markdown.lines().any(|line| line.starts_with("| W6_matmul512")), "{markdown}");
}

#[test]
fn the_machine_alone_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let table = succeed(dir.path(), "bench --peak --quick --threads 1,2");
    assert!(table.contains("memory") && !table.contains("W1"), "{table}");
    let begins = |word: &str| table.lines().any(|line| line.split_whitespace().next() == Some(word));
    assert!(begins("1") && begins("2"), "{table}");
}

#[test]
fn growth_of_cost_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let line = "bench scaling mlp-batch cnn-channels --up-to 8 --quick --threads 1 --json";
    let all = json(dir, line, "s.json");
    let points = all["points"].as_array().unwrap();
    let keys: Vec<_> =
        points.iter().map(|p| (p["family"].as_str().unwrap(), p["size"].as_u64().unwrap())).collect();
    let [batch, channels] = ["mlp-batch", "cnn-channels"];
    assert_eq!(keys, [(batch, 1), (batch, 2), (batch, 4), (batch, 8), (channels, 4), (channels, 8)]);
    for point in &points[..4] {
        let (seconds, size) = (positive(&point["seconds"]), positive(&point["size"]));
        assert!((positive(&point["seconds_per_unit"]) * size / seconds - 1.0).abs() < 1e-6, "{point}");
    }
    let table = succeed(dir, "bench scaling --from s.json --plot s.svg");
    assert!(table.contains("batch 8") && table.contains("channels 4"), "{table}");
    assert!(read(dir.join("s.svg")).contains("ns for each sample"));

    // A size that is wholly out of step is told.
    let (name, text) = ("bad.json", read(dir.join("s.json")));
    let mut bad: Value = serde_json::from_str(&text).unwrap();
    bad["points"][3]["seconds_per_unit"] = 1.0.into();
    std::fs::write(dir.join(name), bad.to_string()).unwrap();
    let table = succeed(dir, "bench scaling --from bad.json");
    assert!(table.contains("cliff: mlp-batch from 4 to 8, 1 thread: "), "{table}");
}

#[test]
fn names_are_listed_and_wrong_ones_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let list = succeed(dir, "bench --list");
    assert!(list.contains("W1_b64") && list.contains("SGD with momentum"), "{list}");
    let w6 = succeed(dir, "bench --list W6_ew");
    assert_eq!(w6.lines().count(), 3, "{w6}");
    fail(dir, "bench W77", &["WORKLOAD", "W77", "W1_b32, W1_b64"]);
    fail(dir, "bench scaling width", &["width", "mlp-width"]);
    fail(dir, "bench --threads none", &["--threads", "from 1 to 1024"]);
    fail(dir, "bench W1 --plot a.gif", &["--plot", ".svg or .png"]);
    fail(dir, "bench --peak --plot a.svg --quick --threads 1", &["--plot", "--peak"]);
    fail(dir, "bench --from none.json", &["none.json", "cannot be read"]);
    std::fs::write(dir.join("a.json"), "{\"machine\": 3}").unwrap();
    fail(dir, "bench --from a.json", &["a.json", "bench --json"]);
    fail(dir, "bench scaling --from a.json", &["a.json", "bench scaling --json"]);
}
