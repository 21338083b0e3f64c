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

    // Several at once, in other formats.
    light.to_rgb8().save(dir.join("digit.bmp")).unwrap();
    let out = succeed(dir, "predict run digit.png digit.bmp --top-k 1");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        (lines[0], lines[2]),
        (&*format!("digit.png: {label}"), &*format!("digit.bmp: {label}")),
        "{out}"
    );
    assert_eq!(lines.len(), 4, "{out}");
    fail(dir, "predict run digit.png none.png", &["none.png", "no such file"]);
    std::fs::write(dir.join("table.csv"), "a,b\n1,2\n").unwrap();
    fail(dir, "predict run table.csv", &["table.csv", "learnt from images"]);

    // The run folder must not have changed: predicting twice gives the same.
    assert_eq!(stdout(&run(dir, "predict run digit.png")), stdout(&run(dir, "predict run digit.png")));

    bad_images(dir);
    bad_runs(dir);
}

fn bad_images(dir: &Path) {
    fail(dir, "predict run none.png", &["none.png", "no such file"]);
    fail(dir, "predict run run", &["run", "is a folder"]);
    std::fs::write(dir.join("text.png"), "hello").unwrap();
    fail(dir, "predict run text.png", &["text.png", "no PNG, JPEG, WebP or BMP"]);
    std::fs::write(dir.join("empty.png"), "").unwrap();
    fail(dir, "predict run empty.png", &["empty.png", "empty file"]);
    let png = std::fs::read(dir.join("digit.png")).unwrap();
    std::fs::write(dir.join("cut.png"), &png[..png.len() / 2]).unwrap();
    fail(dir, "predict run cut.png", &["cut.png", "damaged image"]);
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
    std::fs::write(dir.join("other/config.toml"), config.replace("out_features = 200", "out_features = 100"))
        .unwrap();
    fail(dir, "predict other digit.png", &["1.weight"]);
    std::fs::write(dir.join("other/config.toml"), config.replace("epochs", "epohcs")).unwrap();
    fail(dir, "predict other digit.png", &["other/config.toml", "epohcs"]);
}

#[test]
fn tables_are_learnt_and_used() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let houses = flambeau::data::house_prices(600, 1);
    let rows = houses.inputs().to_vec::<f32>();
    let prices = houses.targets().to_vec::<f32>();
    let table = |n: usize| {
        let mut text = String::from("price,area,rooms,age,distance\n");
        for (row, price) in rows.as_chunks::<4>().0.iter().zip(&prices).take(n) {
            text += &format!("{price},{},{},{},{}\n", row[0], row[1], row[2], row[3]);
        }
        text
    };
    std::fs::write(dir.join("houses.csv"), table(600)).unwrap();
    std::fs::write(dir.join("some.csv"), table(3)).unwrap();
    let template = succeed(dir, "config new tabular-regression");
    std::fs::write(dir.join("houses.toml"), &template).unwrap();
    let out = succeed(
        dir,
        "train --config houses.toml --dataset csv:houses.csv --set data.target=price --epochs 30 --out run",
    );
    assert!(out.contains("360 training, 120 validation and 120 test rows of 4 columns"), "{out}");
    let result = json(dir.join("run/result.json"));
    assert!(result["test"]["r2"].as_f64().unwrap() > 0.95, "{result}");
    // In thousands, as the table has them: the noise alone is 12.
    let mae = result["test"]["mae"].as_f64().unwrap();
    assert!((10.0..40.0).contains(&mae), "{result}");
    std::fs::remove_file(dir.join("houses.csv")).unwrap();
    let said = succeed(dir, "predict run some.csv");
    let numbers: Vec<f32> =
        said.lines().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(said.starts_with("some.csv, row 1: ") && numbers.len() == 3, "{said}");
    for (number, price) in numbers.iter().zip(&prices) {
        assert!((number - price).abs() < 120.0, "{number} for {price}");
    }
    std::fs::write(dir.join("other.csv"), "area,rooms\n1,2\n").unwrap();
    fail(dir, "predict run other.csv", &["other.csv", "no column \"age\""]);
    image::GrayImage::new(8, 8).save(dir.join("x.png")).unwrap();
    fail(dir, "predict run x.png", &["x.png", "tables", "area, rooms, age, distance"]);

    // Words are classes.
    let flowers: String =
        (0..60).map(|i| format!("{}.5,{}\n", i % 2 * 5 + i % 3, ["rose", "tulip"][i % 2])).collect();
    std::fs::write(dir.join("flowers.csv"), format!("length,kind\n{flowers}")).unwrap();
    let line = "train --dataset csv:flowers.csv --epochs 20 --batch-size 4 --out flowers";
    fail(dir, line, &["data.target", "missing", "\"kind\""]);
    succeed(dir, &format!("{line} --set data.target=kind"));
    let said = succeed(dir, "predict flowers flowers.csv --top-k 2");
    assert!(said.starts_with("flowers.csv, row 1: rose\n  rose "), "{said}");
    assert_eq!(said.lines().count(), 60 * 3, "{said}");
}
