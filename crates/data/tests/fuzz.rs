//! Readers meet damaged files: whatever is changed in a valid one, they give a value or an error, and memory follows what is in
//! the file, not what its header promises.
//!
//! `cargo xtask soak` sets FLAMBEAU_SOAK=full for a minute on each format; the default is a fraction of a second.
#![cfg(all(feature = "csv", feature = "image", feature = "parquet", feature = "tar"))]
#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "damaged files are what is tested")]

use flambeau_data::*;
use flambeau_io::npy::{load_npy, load_npz, save_npy, save_npz};
use flambeau_tensor::{DType, Tensor};
use flate2::{Compression, write::GzEncoder};
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long each format is changed.
fn duration() -> Duration {
    if std::env::var("FLAMBEAU_SOAK").as_deref() == Ok("full") {
        Duration::from_secs(60)
    } else {
        Duration::from_millis(250)
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Changes some of the bytes, as accidents and malice do.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    /// Numbers at which sizes overflow.
    const EDGES: [u64; 8] = [0, 1, 0x7f, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX];
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        // Headers stand at the beginning, and in zip and Parquet at the end.
        let place = match random.below(3) {
            0 => random.below(bytes.len().min(64)),
            1 => bytes.len() - 1 - random.below(bytes.len().min(256)),
            _ => random.below(bytes.len()),
        };
        match random.below(7) {
            0 => bytes.truncate(place),
            1 => bytes[place] ^= 1 << random.below(8),
            2 => bytes[place] = random.next() as u8,
            3 => {
                let width = 1 << random.below(4);
                let edge = EDGES[random.below(EDGES.len())];
                let edge = if random.below(2) == 0 {
                    edge.to_le_bytes()[..width].to_vec()
                } else {
                    edge.to_be_bytes()[8 - width..].to_vec()
                };
                bytes.iter_mut().skip(place).zip(edge).for_each(|(byte, new)| *byte = new);
            }
            4 => {
                let new = (0..random.below(16)).map(|_| random.next() as u8).collect::<Vec<_>>();
                bytes.splice(place..place, new);
            }
            5 => {
                let end = (place + random.below(64)).min(bytes.len());
                let copy = bytes[place..end].to_vec();
                bytes.splice(place..place, copy);
            }
            _ => {
                let end = (place + random.below(16)).min(bytes.len());
                bytes.drain(place..end);
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Changes `good` in many ways and gives each to `read`, which may refuse it but not panic. `zipped` formats are also changed
/// within their gzip.
fn fuzz(name: &str, good: &[u8], zipped: bool, mut read: impl FnMut(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let (start, mut runs) = (Instant::now(), 0_u64);
    while start.elapsed() < duration() {
        let mut random = Random(runs);
        let mut bytes = if zipped && runs % 3 == 1 { gzip(good) } else { good.to_vec() };
        if runs > 0 {
            change(&mut bytes, &mut random);
        }
        if zipped && runs % 3 == 2 {
            bytes = gzip(&bytes);
        }
        // Some file systems flush a file that takes the place of another's contents.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, &bytes).unwrap();
        if catch_unwind(AssertUnwindSafe(|| read(&path))).is_err() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&kept, &bytes).unwrap();
            panic!("{name}: run {runs} panicked; the file is {}", kept.display());
        }
        runs += 1;
    }
    eprintln!("{name}: {runs} files");
}

/// Peak of resident memory of this process, in KiB.
fn peak(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim_matches([':', ' ', '\t', 'k', 'B']).trim().parse().ok()).unwrap_or(0)
}

fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn picture(format: image::ImageFormat) -> Vec<u8> {
    let image = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 20) as u8, (y * 30) as u8, 99]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn parquet(path: &Path) {
    use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
    let png = picture(image::ImageFormat::Png);
    let columns: [(&str, ArrayRef); 4] = [
        ("image", Arc::new(BinaryArray::from(vec![&png[..]; 4]))),
        ("label", Arc::new(Int64Array::from(vec![0, 1, 2, 3]))),
        ("x", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(1.5), Some(2.5)]))),
        ("name", Arc::new(StringArray::from(vec!["a", "b", "a", "c"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn shard_items(path: &Path) -> usize {
    let data = WebDataset::new([path], |s| Ok((s.bytes("raw")?, s.class("cls", 10)?))).unwrap();
    data.iter(0).filter(Result::is_ok).count()
}

#[test]
fn soak_no_change_of_a_file_makes_a_reader_panic() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let recorded = |path: PathBuf| std::fs::read(path).unwrap();

    fuzz("images-idx3", &idx(&[3, 4, 5], &[7; 60]), true, |path| drop(read_idx(path)));
    let cifar: Vec<u8> = (0..2 * 3073).map(|i| (i % 9) as u8).collect();
    fuzz("test_batch.bin", &cifar, true, |path| drop(cifar10(path.parent().unwrap(), Split::Test)));
    for (name, format) in [
        ("x.png", image::ImageFormat::Png),
        ("x.jpg", image::ImageFormat::Jpeg),
        ("x.webp", image::ImageFormat::WebP),
        ("x.bmp", image::ImageFormat::Bmp),
    ] {
        fuzz(name, &picture(format), false, |path| drop(read_image(path, ImageReadMode::Gray)));
    }
    let csv = "area,kind,\"a, b\"\n70.5,flat,\"x\"\"y\"\r\n\n120,villa,\"two\nlines\"\n,NA,-\n";
    fuzz("x.csv", csv.as_bytes(), true, |path| {
        let Ok(table) = read_csv(path, CsvOptions::default()) else { return };
        for column in table.columns() {
            let _ = (table.numbers(&[column]), table.integers(column), table.categories(column));
            let _ = table.drop_missing(&[column]).map(|rest| rest.classification(&[column], column));
        }
    });
    let shard =
        tar(&[("a/1.raw", &[1, 2, 3]), ("a/1.cls", b"3"), (&"long".repeat(50), b"x"), ("2.raw", &[9; 700])]);
    fuzz("x.tar", &shard, true, |path| {
        shard_items(path);
    });
    parquet(&at("x.parquet"));
    fuzz("x.parquet", &recorded(at("x.parquet")), false, |path| {
        if let Ok(table) = read_parquet(path) {
            let _ = (table.numbers(&["x", "label"]), table.categories("name"));
        }
        if let Ok(data) = ParquetImages::new([path], "image", "label") {
            (0..data.len()).for_each(|i| drop(flambeau_tensor::try_call(|| data.get(i))));
        }
    });
    let array = Tensor::ones([3, 4]).to_dtype(DType::F64);
    save_npy(at("x.npy"), &array).unwrap();
    fuzz("x.npy", &recorded(at("x.npy")), false, |path| drop(load_npy(path)));
    save_npz(at("x.npz"), [("a", &array), ("b", &array)], true).unwrap();
    fuzz("x.npz", &recorded(at("x.npz")), false, |path| drop(load_npz(path)));

    let resident = peak("VmHWM") >> 10;
    eprintln!("peak of resident memory: {resident} MiB");
    assert!(resident < 2048, "{resident} MiB");
}

#[test]
fn a_header_that_promises_much_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    // 2^40 items each.
    let idx = write("idx", &idx(&[1 << 20, 1 << 20], &[1; 100]));
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776,), }";
    let npy = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &[1; 100]]
        .concat();
    let npy = write("x.npy", &npy);
    let mut header = tar::Header::new_gnu();
    header.set_path("1.raw").unwrap();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(1 << 40);
    header.set_cksum();
    let tar = write("x.tar", &[header.as_bytes(), &[1; 512][..]].concat());
    let mut png = picture(image::ImageFormat::Png);
    png[16..20].copy_from_slice(&(1_u32 << 20).to_be_bytes());
    png[20..24].copy_from_slice(&(1_u32 << 20).to_be_bytes());
    let png = write("x.png", &png);

    for (name, read) in [
        ("idx", &mut (|| read_idx(&idx).is_err()) as &mut dyn FnMut() -> bool),
        ("npy", &mut || load_npy(&npy).is_err()),
        ("tar", &mut || shard_items(&tar) == 0),
        ("png", &mut || read_image(&png, ImageReadMode::Rgb).is_err()),
    ] {
        let before = Instant::now();
        assert!(read(), "{name} is refused");
        assert!(before.elapsed() < Duration::from_secs(1), "{name}: {:?}", before.elapsed());
    }
}
