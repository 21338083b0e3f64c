//! Training over a stream of tar shards that is larger than the memory it may take.
//!
//! `cargo xtask soak` sets FLAMBEAU_SOAK=full for a stream of 5 GB; the default is a short form.
#![allow(clippy::print_stderr, reason = "it tells how long it took")]

use flambeau::data::{Sample, StreamLoader, WebDataset};
use flambeau::prelude::*;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

const CLASSES: usize = 10;
/// Bytes an image, 3×96×96.
const PIXELS: usize = 3 * 96 * 96;
const SHARDS: usize = 10;

/// Writes `samples` images of noise whose brightness tells the class.
fn write_shard(path: &Path, shard: usize, samples: usize, noise: &[u8]) {
    let mut tar = tar::Builder::new(BufWriter::new(File::create(path).unwrap()));
    let mut image = vec![0; PIXELS];
    for i in 0..samples {
        let number = shard * samples + i;
        let class = (number * 7) % CLASSES;
        let start = (number * 31) % (noise.len() - PIXELS);
        let pixels = &noise[start..start + PIXELS];
        image.iter_mut().zip(pixels).for_each(|(to, from)| *to = from % 64 + 18 * class as u8);
        for (field, bytes) in [("raw", &image[..]), ("cls", class.to_string().as_bytes())] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{number:08}.{field}"), bytes).unwrap();
        }
    }
    tar.into_inner().unwrap().flush().unwrap();
}

/// Memory of this process, in MiB.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim_matches([':', ' ', '\t', 'k', 'B']).trim().parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}

fn decode(sample: &Sample) -> Result<(Tensor, Tensor)> {
    Ok((sample.bytes("raw")?, sample.class("cls", CLASSES)?))
}

#[test]
fn soak_a_stream_larger_than_memory() {
    let full = std::env::var("FLAMBEAU_SOAK").as_deref() == Ok("full");
    let bytes: usize = if full { 5_000_000_000 } else { 60_000_000 };
    // An image's entry and its class's, each with a header and filled up to 512 bytes.
    let samples = bytes.div_ceil(SHARDS * (PIXELS + 3 * 512));
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let noise: Vec<u8> = (0..1_u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let start = Instant::now();
    let path = |shard: usize| dir.path().join(format!("train-{shard:02}.tar"));
    (0..SHARDS).for_each(|shard| write_shard(&path(shard), shard, samples, &noise));
    let size: u64 = (0..SHARDS).map(|shard| path(shard).metadata().unwrap().len()).sum();
    assert!(size >= bytes as u64, "{size}");
    eprintln!("{size} bytes written in {:?}", start.elapsed());

    let shards: Vec<PathBuf> = WebDataset::expand(dir.path().join("train-{00..09}.tar")).unwrap();
    let data = WebDataset::new(shards, decode).unwrap().shuffle(256).seed(1);
    let loader = StreamLoader::new(data, 64).unwrap().num_workers(2);
    // From the mean and the deviation of the pixels.
    let loader = loader.map(|x, y| ((x.to_dtype(DType::F32) - 112.0) / 56.0, y));
    manual_seed(1);
    let model = Sequential::new((Linear::new(PIXELS, 32), ReLU::default(), Linear::new(32, CLASSES)));
    let mut optimizer = SGD::new(model.parameters(), 1e-4).momentum(0.9);
    let loss_fn = CrossEntropyLoss::default();
    let (mut seen, mut losses) = (0, Vec::new());
    let start = Instant::now();
    for (x, y) in &loader {
        let loss = loss_fn.call(&model.call(&x), &y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        seen += y.numel();
        losses.push(loss.item::<f32>());
    }
    let (took, peak) = (start.elapsed(), memory("VmHWM"));
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    let steps = losses.len();
    let last = mean(&losses[steps - (steps / 4).min(100)..]);
    eprintln!("{seen} samples in {took:?}; loss {} to {last}; peak of resident memory {peak} MiB", losses[0]);
    assert_eq!(seen, SHARDS * samples);
    // Without learning it is ln 10 = 2.3.
    assert!(last < 2.0, "loss {} to {last}", losses[0]);
    assert!(peak < 300, "peak of resident memory {peak} MiB");
}
