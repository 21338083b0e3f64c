//! Classifying pictures with a trained network.

use crate::{fail, json, run, stdout, succeed};
use flambeau::data::{Dataset, digits};
use image::{GrayImage, Luma, imageops};
use std::path::Path;

/// Item `index` of the digits as a picture of 80×80 pixels; its label.
fn draw(index: usize, path: &Path) -> i64 {
    let (x, y) = digits().get(index);
    let pixels: Vec<u8> = x.to_vec::<f32>().iter().map(|v| (v * 255.0).round() as u8).collect();
    let small = GrayImage::from_raw(8, 8, pixels).unwrap();
    imageops::resize(&small, 80, 80, imageops::FilterType::Nearest).save(path).unwrap();
    y.item::<i64>()
}

#[test]
fn digits_are_recognised_and_damage_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    succeed(dir, "train --epochs 10 --out run");
    assert_eq!(json(dir.join("run/result.json"))["status"], "finished");

    let mut right = 0;
    for index in 0..10 {
        let label = draw(index, &dir.join("digit.png"));
        let out = succeed(dir, "predict run digit.png");
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 4, "a head and three classes: {out}");
        assert!(lines[1..].iter().all(|l| l.ends_with(" %")), "{out}");
        right += usize::from(lines[0] == format!("digit.png: {label}"));
    }
    assert!(right >= 9, "only {right} of 10 digits recognised");

    // Ink on paper is the same picture inverted; colour and transparency change nothing.
    let label = draw(0, &dir.join("digit.png"));
    let light = image::open(dir.join("digit.png")).unwrap();
    let mut dark = light.clone();
    dark.invert();
    dark.save(dir.join("dark.png")).unwrap();
    assert!(succeed(dir, "predict run dark.png --invert").starts_with(&format!("dark.png: {label}\n")));
    light.to_rgba8().save(dir.join("rgba.png")).unwrap();
    assert!(succeed(dir, "predict run rgba.png").starts_with(&format!("rgba.png: {label}\n")));
    GrayImage::from_pixel(1, 1, Luma([255])).save(dir.join("dot.png")).unwrap();
    succeed(dir, "predict run dot.png");

    // The run folder must not have changed: predicting twice gives the same.
    assert_eq!(stdout(&run(dir, "predict run digit.png")), stdout(&run(dir, "predict run digit.png")));

    bad_images(dir);
    bad_runs(dir);
}

fn bad_images(dir: &Path) {
    fail(dir, "predict run none.png", &["none.png", "no such file"]);
    fail(dir, "predict run run", &["run", "is a folder"]);
    std::fs::write(dir.join("text.png"), "hello").unwrap();
    fail(dir, "predict run text.png", &["text.png", "not a PNG"]);
    std::fs::write(dir.join("empty.png"), "").unwrap();
    fail(dir, "predict run empty.png", &["empty.png", "not a PNG"]);
    let png = std::fs::read(dir.join("digit.png")).unwrap();
    std::fs::write(dir.join("cut.png"), &png[..png.len() / 2]).unwrap();
    fail(dir, "predict run cut.png", &["cut.png", "not a readable PNG"]);
}

fn bad_runs(dir: &Path) {
    fail(dir, "predict nowhere digit.png", &["nowhere", "no such folder"]);
    fail(dir, "predict digit.png digit.png", &["digit.png", "is not a folder"]);
    std::fs::create_dir(dir.join("empty")).unwrap();
    fail(dir, "predict empty digit.png", &["empty/config.toml", "no such file"]);

    let copy = |name: &str| {
        std::fs::create_dir(dir.join(name)).unwrap();
        for file in ["config.toml", "best.safetensors"] {
            std::fs::copy(dir.join("run").join(file), dir.join(name).join(file)).unwrap();
        }
    };
    copy("no-weights");
    std::fs::remove_file(dir.join("no-weights/best.safetensors")).unwrap();
    fail(dir, "predict no-weights digit.png", &["no-weights/best.safetensors", "no such file"]);

    copy("cut");
    let weights = std::fs::read(dir.join("run/best.safetensors")).unwrap();
    std::fs::write(dir.join("cut/best.safetensors"), &weights[..weights.len() / 2]).unwrap();
    fail(dir, "predict cut digit.png", &["cut/best.safetensors"]);

    copy("other");
    let config = std::fs::read_to_string(dir.join("run/config.toml")).unwrap();
    std::fs::write(dir.join("other/config.toml"), config.replace("200", "100")).unwrap();
    fail(dir, "predict other digit.png", &["fc1.weight"]);
    std::fs::write(dir.join("other/config.toml"), config.replace("epochs", "epohcs")).unwrap();
    fail(dir, "predict other digit.png", &["other/config.toml", "epohcs"]);
}
