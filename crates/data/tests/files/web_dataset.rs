//! Streams of tar shards.

use flambeau_data::*;
use flambeau_tensor::{DType, Error, Result, Tensor};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn entry(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, bytes).unwrap();
}

/// Samples `{shard}{i}` whose input is one byte, their number, and whose class is that modulo 5.
fn shard(numbers: std::ops::Range<u8>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for i in numbers {
        entry(&mut tar, &format!("set/{i:04}.raw"), &[i]);
        entry(&mut tar, &format!("set/{i:04}.CLS"), format!("{}\n", i % 5).as_bytes());
    }
    tar.into_inner().unwrap()
}

fn shards(parts: &[Vec<u8>]) -> (TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let write = |(index, bytes): (usize, &Vec<u8>)| {
        let path = dir.path().join(format!("part-{index:02}.tar"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let paths = parts.iter().enumerate().map(write).collect();
    (dir, paths)
}

fn four() -> (TempDir, Vec<PathBuf>) {
    shards(&[shard(0..10), shard(10..20), shard(20..30), shard(30..37)])
}

fn data(paths: &[PathBuf]) -> WebDataset {
    WebDataset::new(paths, |s| Ok((s.bytes("raw")?.to_dtype(DType::F32), s.class("cls", 5)?))).unwrap()
}

/// The inputs of an epoch.
fn epoch(data: &WebDataset, epoch: u64) -> Vec<i64> {
    data.iter(epoch).map(|item| item.unwrap().0.item::<f32>() as i64).collect()
}

#[test]
fn entries_are_grouped_to_samples() {
    let mut tar = tar::Builder::new(Vec::new());
    entry(&mut tar, "__index__", b"notes");
    entry(&mut tar, "./a/x.jpg", b"1");
    entry(&mut tar, "./a/x.mask.PNG", b"22");
    entry(&mut tar, "no_extension", b"?");
    entry(&mut tar, "b/x.jpg", b"333");
    let long = format!("{}/y.jpg", "deep".repeat(40));
    entry(&mut tar, &long, b"4444");
    let (_dir, paths) = shards(&[tar.into_inner().unwrap()]);
    let data = WebDataset::new(&paths, |sample| {
        let fields: Vec<_> = sample.fields().iter().map(|(k, v)| format!("{k}={}", v.len())).collect();
        Err(Error::config("seen", format!("{} {}", sample.key(), fields.join(" "))))
    });
    let seen: Vec<_> = data.unwrap().iter(0).map(|item| item.unwrap_err().to_string()).collect();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].contains(r#"part-00.tar: sample "a/x": seen: a/x jpg=1 mask.png=2"#), "{seen:?}");
    assert!(seen[1].ends_with("b/x jpg=3"), "{seen:?}");
    assert!(seen[2].ends_with("y jpg=4"), "{seen:?}");
}

#[test]
fn every_epoch_has_every_sample_in_its_own_order() {
    let (_dir, paths) = four();
    let plain = data(&paths);
    assert_eq!(epoch(&plain, 0), (0..37).collect::<Vec<_>>());
    assert_eq!(epoch(&plain, 1), epoch(&plain, 0));
    let shuffled = plain.shuffle(8).seed(3);
    let (first, second) = (epoch(&shuffled, 0), epoch(&shuffled, 1));
    assert_ne!(first, second);
    assert_eq!(epoch(&shuffled, 0), first, "the same again");
    for mut order in [first, second] {
        order.sort_unstable();
        assert_eq!(order, (0..37).collect::<Vec<_>>());
    }
    assert_ne!(epoch(&shuffled.clone().seed(4), 0), epoch(&shuffled, 0));
}

#[test]
fn processes_share_the_shards() {
    let (_dir, paths) = four();
    let share = |rank| data(&paths).shuffle(4).distributed(3, rank).unwrap();
    let mut all: Vec<i64> = (0..3).flat_map(|rank| epoch(&share(rank), 5)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..37).collect::<Vec<_>>());
    for rank in 0..3 {
        assert_eq!(epoch(&share(rank).epoch_size(25), 0).len(), 25, "begun again");
        assert_eq!(epoch(&share(rank).epoch_size(3), 0).len(), 3);
    }
    let message = data(&paths).distributed(5, 0).unwrap_err().to_string();
    assert!(message.contains("fewer than the 5 processes"), "{message}");
    assert!(data(&paths).distributed(2, 2).is_err());
}

#[test]
fn batches_are_the_same_for_any_number_of_workers_and_go_on_in_mid_epoch() {
    let (_dir, mut paths) = four();
    // One of them compressed.
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(&std::fs::read(&paths[1]).unwrap()).unwrap();
    paths[1].set_extension("tar.gz");
    std::fs::write(&paths[1], gz.finish().unwrap()).unwrap();
    let loader = |workers| {
        let loader = StreamLoader::new(data(&paths).shuffle(10), 4).unwrap().num_workers(workers);
        loader.map(|x, y| (x / 255.0, y))
    };
    let read = |loader: &StreamLoader| loader.iter().map(|(x, _)| x.to_vec::<f32>()).collect::<Vec<_>>();
    let expected = read(&loader(0));
    assert_eq!((expected.len(), expected.concat().len()), (10, 37));
    assert_eq!(read(&loader(2)), expected);

    let first = loader(2);
    let mut batches = first.iter();
    batches.nth(3);
    let state = first.state_dict();
    drop(batches);
    let second = loader(1);
    second.load_state_dict(state).unwrap();
    assert_eq!(read(&second), expected[4..]);
}

fn complaint(bytes: Vec<u8>) -> String {
    let (_dir, paths) = shards(&[shard(0..2), bytes]);
    let items: Vec<Result<(Tensor, Tensor)>> = data(&paths).iter(0).collect();
    let message = items.into_iter().find_map(Result::err).expect("an error").to_string();
    assert!(message.contains("part-01.tar: "), "{message}");
    message
}

/// An archive of one entry under any name, since the builder refuses bad ones.
fn raw(name: &[u8], kind: tar::EntryType, size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_old();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    let mut archive = header.as_bytes().to_vec();
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

#[test]
fn paths_out_of_the_archive_are_refused() {
    for name in ["../x.raw", "/etc/x.raw", "a/../../x.raw"] {
        for kind in [tar::EntryType::Regular, tar::EntryType::Symlink] {
            let message = complaint(raw(name.as_bytes(), kind, 0, b""));
            assert!(message.contains("entry 0") && message.contains("leads out of the archive"), "{message}");
        }
    }
}

#[test]
fn damaged_shards_are_named() {
    let good = shard(0..3);
    assert!(complaint(good[..good.len() - 1024].to_vec()).contains("its end is not marked"));
    assert!(complaint(good[..700].to_vec()).contains("truncated"));
    assert!(complaint(good[..514].to_vec()).contains("truncated"));
    let mut checksum = good.clone();
    checksum[1024] ^= 1;
    assert!(complaint(checksum).contains("entry 1 (counted from 0): is damaged"));
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(&good).unwrap();
    let gz = gz.finish().unwrap();
    assert!(complaint(gz[..gz.len() / 2].to_vec()).contains("truncated"));
    let promise = raw(b"x.raw", tar::EntryType::Regular, 1 << 32, b"short");
    assert!(complaint(promise).contains("promises 4294967296 bytes"));
    let mut twice = tar::Builder::new(Vec::new());
    entry(&mut twice, "a.raw", b"1");
    entry(&mut twice, "a.RAW", b"1");
    assert!(complaint(twice.into_inner().unwrap()).contains("has the field \"raw\" twice"));
    let mut class = tar::Builder::new(Vec::new());
    entry(&mut class, "a.raw", b"1");
    entry(&mut class, "a.cls", b"5");
    let message = complaint(class.into_inner().unwrap());
    assert!(message.contains("sample \"a\": cls: holds \"5\", not a class from 0 to below 5"), "{message}");
    let mut lacking = tar::Builder::new(Vec::new());
    entry(&mut lacking, "a.cls", b"1");
    let message = complaint(lacking.into_inner().unwrap());
    assert!(message.contains("raw: is not there; the sample has [\"cls\"]"), "{message}");
}

#[test]
fn shards_without_samples_or_that_are_missing_are_named() {
    let empty = || tar::Builder::new(Vec::new()).into_inner().unwrap();
    let (_dir, paths) = shards(&[empty(), empty()]);
    for data in [data(&paths), data(&paths).epoch_size(10)] {
        let items: Vec<_> = data.iter(0).collect();
        assert!(items.len() == 1 && items[0].as_ref().unwrap_err().to_string().contains("holds no samples"));
    }
    let decode = |_: &Sample| -> Result<(Tensor, Tensor)> { unreachable!() };
    assert!(WebDataset::new(Vec::<PathBuf>::new(), decode).is_err());
    let message = WebDataset::new(["no/such.tar"], decode).unwrap_err().to_string();
    assert!(message.starts_with("no/such.tar: no such file"), "{message}");
}

#[test]
fn ranges_in_braces() {
    let names = |pattern: &str| WebDataset::expand(pattern).map_err(|e| e.to_string());
    assert_eq!(names("a.tar").unwrap(), [Path::new("a.tar")]);
    let many = names("d/a-{098..101}.tar.gz").unwrap();
    assert_eq!(many[0], Path::new("d/a-098.tar.gz"));
    assert_eq!(many[3], Path::new("d/a-101.tar.gz"));
    for wrong in ["{3..1}", "{0..", "{a..b}", "{0..1}{0..1}", "{0..99999999999}", "{5}"] {
        assert!(names(wrong).unwrap_err().contains("needs a range of numbers"), "{wrong}");
    }
}
