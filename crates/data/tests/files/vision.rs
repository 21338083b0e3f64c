//! MNIST's kin and CIFAR, from files written in their form.

use flambeau_data::*;
use std::path::Path;
use tempfile::TempDir;

fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn folder(images: &[u8], labels: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("train-images.idx3-ubyte"), images).unwrap();
    std::fs::write(dir.path().join("train-labels-idx1-ubyte"), labels).unwrap();
    dir
}

fn complaint(images: &[u8], labels: &[u8]) -> String {
    let dir = folder(images, labels);
    mnist(dir.path(), Split::Train).unwrap_err().to_string()
}

#[test]
fn scales_pixels_and_finds_both_spellings() {
    let dir = folder(&idx(&[2, 1, 2], &[0, 255, 51, 102]), &idx(&[2], &[9, 0]));
    let data = mnist(dir.path(), Split::Train).unwrap();
    assert_eq!(data.images().shape(), [2, 1, 1, 2]);
    assert_eq!(data.batch(&[0, 1]).0.to_vec::<f32>(), [0.0, 1.0, 0.2, 0.4]);
    assert_eq!(data.targets().to_vec::<i64>(), [9, 0]);
}

#[test]
fn files_that_do_not_fit_are_errors() {
    let images = idx(&[2, 1, 1], &[0, 1]);
    let labels = idx(&[2], &[3, 4]);
    assert!(complaint(&images, &idx(&[2], &[3, 10])).contains("label 1 (counted from 0) is 10"));
    let message = complaint(&images, &idx(&[3], &[3, 4, 5]));
    assert!(message.contains("2 images") && message.contains("3 labels"), "{message}");
    assert!(complaint(&labels, &labels).contains("images are unsigned bytes in 3"));
    assert!(complaint(&images, &images).contains("labels are unsigned bytes in 1"));
    assert!(complaint(&idx(&[0, 1, 1], &[]), &idx(&[0], &[])).contains("no pixels"));
    assert!(complaint(&images[..images.len() - 1], &labels).contains("truncated"));
}

#[test]
fn missing_files_are_named() {
    let dir = folder(&idx(&[1, 1, 1], &[0]), &idx(&[1], &[0]));
    let message = mnist(dir.path(), Split::Test).unwrap_err().to_string();
    assert!(message.contains("t10k-images-idx3-ubyte.gz"), "{message}");
    let message = mnist(dir.path().join("none"), Split::Test).unwrap_err().to_string();
    assert!(message.contains("no such folder"), "{message}");
}

#[test]
fn reads_the_real_fashion_mnist_where_it_is_installed() {
    let dir = Path::new("/usr/share/datasets/fashion-mnist");
    if !dir.is_dir() {
        crate::skip("Fashion-MNIST: apt-get install dataset-fashion-mnist");
        return;
    }
    let data = fashion_mnist(dir, Split::Test).unwrap();
    assert_eq!(data.classes()[9], "Ankle boot");
    assert_eq!(data.len(), 10_000);
    assert_eq!(data.images().shape(), [10_000, 1, 28, 28]);
    let mut counts = [0; 10];
    data.targets().to_vec::<i64>().iter().for_each(|&l| counts[l as usize] += 1);
    assert_eq!(counts, [1000; 10]);
}

fn emnist_folder(stem: &str, labels: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let n = labels.len() as u32;
    let pixels: Vec<u8> = (0..6 * n as u8).collect();
    std::fs::write(dir.path().join(format!("{stem}-images-idx3-ubyte")), idx(&[n, 2, 3], &pixels)).unwrap();
    std::fs::write(dir.path().join(format!("{stem}-labels-idx1-ubyte")), idx(&[n], labels)).unwrap();
    dir
}

#[test]
fn emnist_stands_upright_and_its_letters_run_from_1() {
    let dir = emnist_folder("emnist-letters-train", &[1, 26]);
    let data = emnist(dir.path(), EMnistSplit::Letters, Split::Train).unwrap();
    assert_eq!(data.images().shape(), [2, 1, 3, 2]);
    assert_eq!(data.images().select(0, 0).to_vec::<u8>(), [0, 3, 1, 4, 2, 5]);
    assert_eq!(data.targets().to_vec::<i64>(), [1, 26]);
    assert_eq!((data.classes().len(), data.class_to_idx()["a"], data.class_to_idx()["z"]), (27, 1, 26));

    for (split, name, count) in [
        (EMnistSplit::ByClass, "byclass", 62),
        (EMnistSplit::ByMerge, "bymerge", 47),
        (EMnistSplit::Balanced, "balanced", 47),
        (EMnistSplit::Digits, "digits", 10),
        (EMnistSplit::Mnist, "mnist", 10),
    ] {
        let dir = emnist_folder(&format!("emnist-{name}-test"), &[0, count - 1]);
        let data = emnist(dir.path(), split, Split::Test).unwrap();
        assert_eq!(data.classes().len(), usize::from(count), "{name}");
        let dir = emnist_folder(&format!("emnist-{name}-test"), &[0, count]);
        let message = emnist(dir.path(), split, Split::Test).unwrap_err().to_string();
        assert!(message.contains(&format!("labels run from 0 to {}", count - 1)), "{message}");
    }
}

/// A CIFAR record: its labels, and pixels that tell channel, row and column.
fn record(labels: &[u8]) -> Vec<u8> {
    let mut bytes = labels.to_vec();
    bytes.extend((0..3072).map(|i| (i / 1024 * 64 + i % 64) as u8));
    bytes
}

fn cifar10_folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("cifar-10-batches-bin");
    std::fs::create_dir(&inner).unwrap();
    for i in 1..=5 {
        let bytes = [record(&[i]), record(&[0])].concat();
        std::fs::write(inner.join(format!("data_batch_{i}.bin")), bytes).unwrap();
    }
    std::fs::write(inner.join("test_batch.bin"), record(&[9])).unwrap();
    dir
}

#[test]
fn cifar10_in_its_folder_or_above_it() {
    let dir = cifar10_folder();
    for folder in [dir.path().to_owned(), dir.path().join("cifar-10-batches-bin")] {
        let data = cifar10(&folder, Split::Train).unwrap();
        assert_eq!(data.images().shape(), [10, 3, 32, 32]);
        assert_eq!(data.targets().to_vec::<i64>(), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
        let (x, _) = data.get(3);
        assert_eq!(x.shape(), [3, 32, 32]);
        // Channel 2, row 1, column 5.
        let pixel = x.select(0, 2).select(0, 1).select(0, 5).item::<f32>();
        assert_eq!(pixel, f32::from(2 * 64 + (32 + 5) as u8) / 255.0);
        let test = cifar10(&folder, Split::Test).unwrap();
        assert_eq!((test.len(), test.classes()[9].as_str()), (1, "truck"));
    }
}

#[test]
fn cifar100_has_labels_of_two_kinds() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("train.bin"), [record(&[19, 99]), record(&[0, 42])].concat()).unwrap();
    let fine = cifar100(dir.path(), Split::Train, Cifar100Labels::Fine).unwrap();
    assert_eq!(fine.targets().to_vec::<i64>(), [99, 42]);
    assert_eq!((fine.classes().len(), fine.classes()[99].as_str()), (100, "worm"));
    let coarse = cifar100(dir.path(), Split::Train, Cifar100Labels::Coarse).unwrap();
    assert_eq!(coarse.targets().to_vec::<i64>(), [19, 0]);
    assert_eq!((coarse.classes().len(), coarse.classes()[0].as_str()), (20, "aquatic_mammals"));
}

#[test]
fn damaged_cifar_is_named() {
    let dir = cifar10_folder();
    let file = dir.path().join("cifar-10-batches-bin/test_batch.bin");
    let complaint = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let message = cifar10(dir.path(), Split::Test).unwrap_err().to_string();
        assert!(message.contains("test_batch.bin"), "{message}");
        message
    };
    assert!(complaint(&[]).contains("is empty"));
    let message = complaint(&record(&[3])[..3000]);
    assert!(message.contains("3000 bytes, not a multiple of the 3073"), "{message}");
    assert!(complaint(&[record(&[3]), record(&[10])].concat()).contains("label 1 (counted from 0) is 10"));
    std::fs::remove_file(&file).unwrap();
    assert!(cifar10(dir.path(), Split::Test).unwrap_err().to_string().contains("no such file"));
    let message = cifar100(dir.path(), Split::Test, Cifar100Labels::Fine).unwrap_err().to_string();
    assert!(message.contains("test.bin"), "{message}");
}
