//! Looking at data.

use crate::{fail, idx, pictures, run, skip, stdout, succeed, tiny_mnist};
use std::path::Path;

#[test]
fn the_list_says_what_there_is_and_where() {
    let dir = tempfile::tempdir().unwrap();
    let list = succeed(dir.path(), "data list");
    for name in
        ["kmnist", "emnist-balanced", "cifar10", "cifar100", "house-prices", "folder:PATH", "csv:PATH"]
    {
        assert!(list.lines().any(|line| line == name), "no {name} in {list}");
    }
    assert!(list.contains("here:       no; `flambeau data download mnist` fetches it (12 MB)"), "{list}");
    for part in ["digits", "1,797", "CC BY 4.0", "part of the program", "fashion-mnist", "60,000", "MIT"] {
        assert!(list.contains(part), "no {part:?} in {list}");
    }

    tiny_mnist(&dir.path().join("sets/mnist"));
    let with = |line: &str| {
        let mut command = crate::flambeau(dir.path());
        let output = command.args(line.split_whitespace()).env("FLAMBEAU_DATA", "sets").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    };
    assert!(with("data list").contains("here:       sets/mnist"));
    assert!(with("data stats mnist").contains("24 training images"));
}

#[test]
fn stats_count_classes_and_pixels() {
    let dir = tempfile::tempdir().unwrap();
    tiny_mnist(&dir.path().join("tiny"));
    let stats = succeed(dir.path(), "data stats mnist --data-dir tiny");
    assert!(stats.contains("24 training images of 2×2 pixels, 1 channel\n"), "{stats}");
    assert!(stats.contains("12  50.00 %") && stats.contains("0   0.00 %"), "{stats}");
    // Of 250, 200, 10, 0 and 0, 20, 220, 255.
    assert!(stats.contains("mean 0.4681, deviation 0.4437"), "{stats}");

    // Without the test images: 80 % of 1,797.
    let stats = succeed(dir.path(), "data stats digits");
    assert!(stats.contains("1438 training images of 8×8 pixels"), "{stats}");

    let installed = Path::new("/usr/share/datasets/fashion-mnist");
    if !installed.is_dir() {
        return skip("Fashion-MNIST: apt-get install dataset-fashion-mnist");
    }
    let stats = succeed(dir.path(), "data stats fashion-mnist");
    assert!(stats.contains("Trouser        6000  10.00 %"), "{stats}");
    assert!(stats.contains("mean 0.2860, deviation 0.3530"), "{stats}");
}

#[test]
fn show_draws_the_same_sheet_for_the_same_seed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let said = succeed(dir, "data show digits");
    assert!(said.starts_with("sheet.png: a row each for "), "{said}");
    let sheet = image::open(dir.join("sheet.png")).unwrap().into_rgb8();
    // 8 columns and 10 rows of 8 × 8 pixels, each drawn as 8 × 8.
    assert_eq!(sheet.dimensions(), (8 * 68 + 4, 10 * 68 + 4));

    let transforms = "--transform RandomRotation:degrees=20 --transform RandomCrop:size=8,padding=2 --transform RandomHorizontalFlip --epochs 3";
    let draw = |name: &str, seed: u64| {
        succeed(dir, &format!("data show digits {transforms} --seed {seed} --out {name}"));
        image::open(dir.join(name)).unwrap().into_rgb8()
    };
    let first = draw("a.png", 1);
    assert_eq!(first, draw("b.png", 1));
    assert_ne!(first, draw("c.png", 2));
    assert_eq!(first.dimensions(), (4 * 68 + 4, 10 * 68 + 4));
    // The images as they are do not depend on the seed.
    let original = |sheet: &image::RgbImage| image::imageops::crop_imm(sheet, 0, 0, 68, 684).to_image();
    assert_eq!(original(&first), original(&sheet));

    succeed(
        dir,
        "data show digits --transform RandomResizedCrop:size=16 --first 1430 --epochs 1 --out larger.png",
    );
    let larger = image::open(dir.join("larger.png")).unwrap();
    assert_eq!(larger.height(), 8 * 68 + 4, "eight are left");

    fail(dir, "data show digits --transform RandomCrop:size=20", &["RandomCrop", "20", "item 0"]);
    fail(dir, "data show digits --transform RandomHorizontalFlip:p=3", &["p 3", "from 0 to 1"]);
    fail(dir, "data show digits --transform Spin", &["Spin", "RandomRotation"]);
    fail(dir, "data show digits --transform RandomCrop:sizes=3", &["RandomCrop", "did you mean `size`?"]);
    fail(dir, "data show two-moons", &["two-moons", "holds no images"]);
    fail(dir, "data show digits --first 1438", &["--first", "1438 training images"]);
    fail(dir, "data show digits --out none/sheet.png", &["none/sheet.png"]);
    fail(dir, "data show digits --transform Resize:size=2400 --epochs 1", &["--epochs", "picture"]);
    fail(dir, "data show mnist", &["--data-dir", "missing", "flambeau data download mnist"]);
}

#[test]
fn check_tells_of_images_that_come_twice() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let said = succeed(dir, "data check digits");
    assert!(said.contains("across parts: no two parts share an item"), "{said}");

    // Twelve different training images; the test images are another, that one again, and a training image.
    std::fs::create_dir(dir.join("leaky")).unwrap();
    let write = |part: &str, pixels: &[u8]| {
        let n = pixels.len() as u32;
        let file = |kind: &str| dir.join(format!("leaky/{part}-{kind}"));
        std::fs::write(file("images-idx3-ubyte"), idx(&[n, 1, 1], pixels)).unwrap();
        std::fs::write(file("labels-idx1-ubyte"), idx(&[n], &vec![1; pixels.len()])).unwrap();
    };
    write("train", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    write("t10k", &[100, 100, 5]);
    let output = run(dir, "data check mnist --data-dir leaky");
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("within test: 1 image again\n  test[1] is test[0] again\n"), "{said}");
    assert!(said.contains("within training: no image twice"), "{said}");
    assert!(said.contains("and test share 1 item (1 of them by content alone)"), "{said}");
}

#[test]
fn every_known_set_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    tiny_mnist(&dir.join("sets/kmnist"));
    assert!(succeed(dir, "data stats kmnist").contains("  ki "), "the classes' names");

    // EMNIST's images lie on their side: a row of two pixels stands up.
    std::fs::create_dir(dir.join("sets/emnist")).unwrap();
    for part in ["train", "test"] {
        let file = |kind: &str| dir.join(format!("sets/emnist/emnist-letters-{part}-{kind}-ubyte"));
        std::fs::write(file("images-idx3"), idx(&[3, 1, 2], &[0, 255, 10, 20, 30, 40])).unwrap();
        std::fs::write(file("labels-idx1"), idx(&[3], &[1, 26, 26])).unwrap();
    }
    let stats = succeed(dir, "data stats emnist-letters");
    assert!(stats.contains("3 training images of 2×1 pixels") && stats.contains("  z         2"), "{stats}");
    fail(dir, "data stats emnist-digits", &["sets/emnist", "emnist-digits-train-images-idx3-ubyte"]);

    std::fs::create_dir(dir.join("sets/cifar100")).unwrap();
    for part in ["train", "test"] {
        let record = |fine: u8| [vec![0, fine], vec![fine; 3072]].concat();
        let records: Vec<u8> = (0..6).flat_map(record).collect();
        std::fs::write(dir.join(format!("sets/cifar100/{part}.bin")), records).unwrap();
    }
    let stats = succeed(dir, "data stats cifar100");
    assert!(stats.contains("6 training images of 32×32 pixels, 3 channels"), "{stats}");
    assert!(stats.contains("channel 2: mean 0.0098"), "{stats}");
    succeed(dir, "data show cifar100 --epochs 1");
    let output = run(dir, "data check cifar100");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stdout(&output).contains("and test share"), "{output:?}");
}

#[test]
fn folders_of_images_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    pictures(&dir.join("pets"), 6);
    let stats = succeed(dir, "data stats folder:pets");
    // Of 12 images, a fifth is for the test.
    assert!(stats.contains("10 training images of 4×5 pixels, 3 channels"), "{stats}");
    assert!(stats.contains("cat") && stats.contains("dog"), "{stats}");
    assert!(succeed(dir, "data show folder:pets --epochs 1").contains("cat"));
    let check = succeed(dir, "data check folder:pets");
    assert!(check.contains("no two parts share an item"), "{check}");

    image::RgbImage::new(9, 3).save(dir.join("pets/cat/wide.png")).unwrap();
    assert!(succeed(dir, "data check folder:pets").contains("folder:pets: "));
    std::fs::write(dir.join("pets/dog/bad.png"), "no image").unwrap();
    let output = run(dir, "data check folder:pets");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stdout(&output).contains("pets/dog/bad.png"), "{output:?}");

    fail(dir, "data stats folder:none", &["none", "no such folder"]);
    fail(dir, "data stats folder:", &["folder:pets"]);
    fail(dir, "data stats folder:pets --data-dir x", &["--data-dir", "leave it out"]);
    std::fs::create_dir(dir.join("empty")).unwrap();
    fail(dir, "data stats folder:empty", &["empty", "holds no folders"]);
}
