//! Run folders: listed, shown, compared, drawn and deleted, whatever state they are in.

use crate::{fail, flambeau, read, succeed};
use std::path::Path;
use std::time::{Duration, Instant};

/// Two runs in `runs`: `small` of 2 epochs and `wide`, with twice the units, of 3.
fn two_runs(dir: &Path) {
    let text = succeed(dir, "config new mlp").replace("epochs = 60", "epochs = 2").replace("200", "20");
    std::fs::write(dir.join("small.toml"), &text).unwrap();
    let wide = text.replace("epochs = 2", "epochs = 3").replacen("out_features = 20", "out_features = 40", 1);
    std::fs::write(dir.join("wide.toml"), wide).unwrap();
    for name in ["small", "wide"] {
        succeed(dir, &format!("train --config {name}.toml --out runs/{name}"));
    }
}

/// The line of a table that begins with a word.
#[track_caller]
fn row<'t>(table: &'t str, first: &str) -> Vec<&'t str> {
    let row = table.lines().find(|line| line.split_whitespace().next() == Some(first));
    row.unwrap_or_else(|| panic!("no {first} in\n{table}")).split_whitespace().collect()
}

#[test]
fn what_trainings_left_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    two_runs(dir);
    let value = |run: &str, part: &str, key: &str| {
        let result = crate::json(dir.join("runs").join(run).join("result.json"));
        let value = if key.is_empty() { &result[part] } else { &result[part][key] };
        format!("{:.4}", value.as_f64().unwrap())
    };

    let list = succeed(dir, "runs list");
    assert_eq!(list.lines().count(), 3, "{list}");
    let (best, test) = (value("wide", "best", ""), value("wide", "test", "accuracy"));
    let wide = row(&list, "wide");
    assert_eq!(wide[..8], ["wide", "digits", "finished", "3/3", "val/accuracy", &*best, "accuracy", &*test]);
    assert_eq!(succeed(dir, "runs list runs"), list);

    let show = succeed(dir, "runs show wide");
    assert_eq!(succeed(dir, "runs show runs/wide"), show);
    for part in [
        "status  finished",
        &format!("best    val/accuracy {best}"),
        "model.1.out_features = 40",
        "optimizer.momentum = 0.9",
        "evaluations",
    ] {
        assert!(show.contains(part), "no {part:?} in\n{show}");
    }
    assert_eq!(row(&show, "3").len(), row(&show, "epoch").len(), "{show}");

    let compare = succeed(dir, "runs compare small wide");
    assert_eq!(row(&compare, "setting"), ["setting", "small", "wide"]);
    assert_eq!(row(&compare, "epochs"), ["epochs", "2", "3"]);
    assert_eq!(row(&compare, "model.1.out_features"), ["model.1.out_features", "20", "40"]);
    assert!(!compare.contains("momentum"), "what is the same is left out: {compare}");
    let line = format!("test accuracy {} {test}", value("small", "test", "accuracy"));
    assert!(
        compare.lines().any(|own| own.split_whitespace().collect::<Vec<_>>().join(" ") == line),
        "{compare}"
    );
    assert!(succeed(dir, "runs compare wide wide").contains("the settings are the same"));
}

#[test]
fn curves_of_several_runs_are_one_picture() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    two_runs(dir);
    succeed(dir, "runs plot small wide --out curves.svg");
    let svg = read(dir.join("curves.svg"));
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for text in ["small", "wide", "loss (pale: training)", "accuracy", "epoch"] {
        assert!(svg.contains(text), "no {text} in the picture");
    }
    succeed(dir, "runs plot small --out one.png");
    let png = image::open(dir.join("one.png")).unwrap().into_rgb8();
    assert_eq!(png.dimensions(), (1120, 420));
    // Lines of the first colour, and black letters.
    assert!(png.pixels().any(|p| p.0 == [0x1f, 0x77, 0xb4]));
    assert!(png.pixels().filter(|p| p.0.iter().all(|&v| v < 100)).count() > 200, "no letters");

    fail(dir, "runs plot small --out curves.jpg", &["--out", ".svg or .png"]);
    fail(dir, "runs plot small", &["--out", "required"]);
    fail(dir, "runs plot missing --out x.svg", &["missing", "no such run"]);
    std::fs::write(dir.join("runs/small/metrics.jsonl"), "").unwrap();
    fail(dir, "runs plot small --out x.svg", &["no evaluations to draw"]);
    assert!(!dir.join("x.svg").exists());
}

#[test]
fn a_run_under_way_is_seen_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = succeed(dir, "config new mlp").replace("epochs = 60", "epochs = 100000");
    std::fs::write(dir.join("long.toml"), text.replace("patience = 15", "patience = 100000")).unwrap();
    let mut child = flambeau(dir)
        .args(["train", "--config", "long.toml", "--out", "runs/long"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !std::fs::read_to_string(dir.join("runs/long/metrics.jsonl")).is_ok_and(|text| text.contains('\n'))
    {
        assert!(start.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    let list = succeed(dir, "runs list");
    assert_eq!(row(&list, "long")[..3], ["long", "digits", "running"], "{list}");
    succeed(dir, "runs show long");
    succeed(dir, "runs plot long --out long.svg");
    fail(dir, "runs delete long --yes", &["runs/long", "is in use by process", &child.id().to_string()]);
    child.kill().unwrap();
    child.wait().unwrap();
    let list = succeed(dir, "runs list");
    assert_eq!(row(&list, "long")[2], "ended", "{list}");
    succeed(dir, "runs delete long --yes");
    assert!(!dir.join("runs/long").exists());
}

#[test]
fn damage_is_told_and_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let make = |name: &str, files: &[(&str, &str)]| {
        std::fs::create_dir_all(dir.join("runs").join(name)).unwrap();
        for (file, text) in files {
            std::fs::write(dir.join("runs").join(name).join(file), text).unwrap();
        }
    };
    let config = succeed(dir, "config new mlp");
    make("cut", &[("config.toml", &config), ("result.json", "{\"status\": \"fin")]);
    make("log", &[("config.toml", &config), ("metrics.jsonl", "{\"step\":1}\nnonsense\n")]);
    make("none", &[("lock", "1"), ("metrics.jsonl", "{\"step\":1,\"epoch\":1,\"val/loss\":0.5}\n")]);
    make("odd", &[("config.toml", "epochs = \"many\"\n[[model]]\n"), ("result.json", "[1, {}]")]);
    make(
        "types",
        &[
            ("config.toml", &config),
            (
                "result.json",
                "{\"status\": 3, \"best\": \"x\", \"test\": [], \"seconds\": -1e300, \"epochs\": {}}",
            ),
            ("metrics.jsonl", "{\"epoch\":\"x\",\"val/accuracy\":null}\n{}\n"),
        ],
    );
    std::fs::write(dir.join("runs/odd/metrics.jsonl"), [0xff, 0xfe, b'\n']).unwrap();
    std::fs::create_dir_all(dir.join("runs/photos")).unwrap();
    std::fs::write(dir.join("runs/notes.txt"), "not a run").unwrap();

    let list = succeed(dir, "runs list");
    for name in ["cut", "log", "odd"] {
        assert_eq!(row(&list, name)[1..3].last(), Some(&row(&list, name)[2]));
        assert!(row(&list, name).contains(&"damaged"), "{list}");
    }
    assert!(row(&list, "none").contains(&"damaged"), "{list}");
    for part in [
        "cut: result.json: ",
        "log: metrics.jsonl: line 2 is no JSON",
        "none: config.toml is missing",
        "config.toml: ",
        "result.json: is no object",
    ] {
        assert!(list.contains(part), "no {part:?} in\n{list}");
    }
    assert!(!list.contains("photos") && !list.contains("notes.txt"), "{list}");
    for name in ["cut", "log", "none", "odd", "types"] {
        succeed(dir, &format!("runs show {name}"));
        succeed(dir, &format!("runs compare {name} cut"));
    }
    fail(dir, "runs show photos", &["photos", "is not a run folder"]);
    fail(dir, "runs show notes.txt", &["notes.txt", "no such run"]);
    fail(dir, "runs show runs/notes.txt", &["notes.txt", "is not a folder"]);
    fail(dir, "runs list nowhere", &["nowhere", "no such folder"]);
    fail(dir, "runs list runs/notes.txt", &["notes.txt", "is not a folder"]);
    assert!(succeed(dir, "runs list runs/photos").contains("no runs in runs/photos"));
    fail(dir, "runs compare cut", &["2"]);
    fail(dir, "runs", &["no command", "runs list"]);
}

#[test]
fn only_runs_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let config = succeed(dir, "config new mlp");
    let make = |name: &str| {
        std::fs::create_dir_all(dir.join(name).join("checkpoints")).unwrap();
        for (file, text) in
            [("config.toml", &*config), ("metrics.jsonl", ""), ("checkpoints/step-1.safetensors", "x")]
        {
            std::fs::write(dir.join(name).join(file), text).unwrap();
        }
    };
    ["runs/a", "runs/b", "runs/c", "runs/own"].into_iter().for_each(make);

    // Nobody can be asked here.
    fail(dir, "runs delete a", &["--yes"]);
    std::fs::write(dir.join("runs/own/thesis.tex"), "years of work").unwrap();
    fail(dir, "runs delete --yes a own", &["runs/own", "thesis.tex"]);
    fail(dir, "runs delete --yes a missing", &["missing", "no such run"]);
    std::fs::create_dir_all(dir.join("site")).unwrap();
    std::fs::write(dir.join("site/config.toml"), "title = \"a site\"").unwrap();
    fail(dir, "runs delete --yes site", &["site", "is not a run folder"]);
    fail(dir, "runs delete --yes runs", &["runs", "is not a run folder"]);
    fail(dir, "runs delete --yes .", &["is not a run folder"]);
    assert!(dir.join("runs/a/config.toml").exists(), "all or none");

    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        std::fs::create_dir_all(dir.join("elsewhere")).unwrap();
        std::fs::write(dir.join("elsewhere/precious"), "data").unwrap();
        // A link in the place of a folder that a run has.
        std::fs::remove_dir_all(dir.join("runs/c/checkpoints")).unwrap();
        symlink(dir.join("elsewhere"), dir.join("runs/c/checkpoints")).unwrap();
        symlink(dir.join("runs/b"), dir.join("runs/link")).unwrap();
        fail(dir, "runs delete --yes link", &["link", "is a link"]);
        succeed(dir, "runs delete --yes c");
        assert!(!dir.join("runs/c").exists());
        assert_eq!(read(dir.join("elsewhere/precious")), "data");
    }

    let out = succeed(dir, "runs delete --yes a runs/a b");
    assert_eq!(out, "deleted runs/a\ndeleted runs/b\n");
    assert!(!dir.join("runs/a").exists() && !dir.join("runs/b").exists());
    assert!(dir.join("runs/own/thesis.tex").exists());
}

#[test]
fn a_cross_validation_is_a_run_too() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    succeed(dir, "cv --folds 2 --epochs 1 --out runs/cv");
    let list = succeed(dir, "runs list");
    assert_eq!(row(&list, "cv")[..3], ["cv", "digits", "finished"], "{list}");
    let show = succeed(dir, "runs show cv");
    assert!(show.contains("folds: mean 0.") && show.contains("score"), "{show}");
    succeed(dir, "runs plot cv --out cv.svg");
    succeed(dir, "runs delete cv --yes");
}
