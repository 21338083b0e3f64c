#![allow(clippy::disallowed_methods, reason = "damaged files are what is tested")]

use super::*;
use flambeau_tensor::DType;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

/// 2 images of 2×3 pixels.
fn images() -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3];
    bytes.extend(1..=12);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Tensor> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let result = read_idx(file.path());
    if let Err(e) = &result {
        let (message, path) = (e.to_string(), file.path().display().to_string());
        assert!(message.starts_with(&path), "the path is missing: {message}");
        assert!(!message.contains('\n'), "more than a line: {message}");
    }
    result
}

fn complaint(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn reads_plain_and_gzip() {
    for bytes in [images(), gzip(&images())] {
        let t = read(&bytes).unwrap();
        assert_eq!(t.shape(), [2, 2, 3]);
        assert_eq!(t.to_vec::<u8>(), (1..=12).collect::<Vec<u8>>());
    }
}

#[test]
fn reads_every_type() {
    let file = |kind, values: &[&[u8]]| {
        let mut bytes = vec![0, 0, kind, 1, 0, 0, 0, values.len() as u8];
        bytes.extend(values.concat());
        read(&bytes).unwrap()
    };
    assert_eq!(file(0x09, &[&[0xff], &[5]]).to_vec::<i64>(), [-1, 5]);
    assert_eq!(file(0x0b, &[&(-300_i16).to_be_bytes()]).to_vec::<i64>(), [-300]);
    assert_eq!(file(0x0c, &[&(-70_000_i32).to_be_bytes()]).to_vec::<i64>(), [-70_000]);
    assert_eq!(file(0x0d, &[&1.5_f32.to_be_bytes(), &(-2.0_f32).to_be_bytes()]).to_vec::<f32>(), [1.5, -2.0]);
    let doubles = file(0x0e, &[&0.1_f64.to_be_bytes()]);
    assert_eq!(doubles.dtype(), DType::F64);
    assert_eq!(doubles.to_vec::<f64>(), [0.1]);
}

#[test]
fn names_every_kind_of_damage() {
    let good = images();
    let mut wrong_magic = good.clone();
    wrong_magic[0] = 0x50;
    assert!(complaint(&wrong_magic).contains("not an IDX file: it begins with 0x50000803"));

    let mut wrong_type = good.clone();
    wrong_type[2] = 0x0a;
    assert!(complaint(&wrong_type).contains("no value type 0x0a"));

    let mut wrong_dims = good.clone();
    wrong_dims[3] = 0;
    assert!(complaint(&wrong_dims).contains("0 dimensions"));
    wrong_dims[3] = 200;
    assert!(complaint(&wrong_dims).contains("200 dimensions"));

    assert!(complaint(&[]).contains("truncated: it ends before the 4 bytes of magic"));
    assert!(complaint(&good[..2]).contains("truncated"));
    assert!(complaint(&good[..9]).contains("truncated: it ends in the header"));
    assert!(complaint(&good[..20]).contains("needs 12 bytes of values, but it holds only 4"));
    assert!(complaint(&[good.as_slice(), &[0]].concat()).contains("holds bytes past the 12"));
}

#[test]
fn names_damage_to_gzip() {
    let good = gzip(&images());
    assert!(complaint(&good[..good.len() / 2]).contains("truncated"));
    assert!(complaint(&good[..good.len() - 3]).contains("truncated"), "a cut checksum");

    let mut checksum = good.clone();
    checksum[good.len() - 6] ^= 1;
    assert!(complaint(&checksum).contains("corrupt gzip data"));

    assert!(complaint(&[good.as_slice(), b"something else"].concat()).contains("corrupt gzip data"));
    assert!(complaint(&[good.as_slice(), b"tail"].concat()).contains("get the file again"));
    assert!(complaint(&gzip(&[images(), vec![9]].concat())).contains("holds bytes past"));
    assert!(complaint(&gzip(b"not idx")).contains("not an IDX file"));
}

#[test]
fn believes_no_promise_of_the_header() {
    let huge = |dims: &[u32]| {
        let mut bytes = vec![0, 0, 0x0e, dims.len() as u8];
        bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
        complaint(&bytes)
    };
    // 2^40 doubles: must fail from the file's length, without asking for 8 TiB.
    assert!(huge(&[1 << 20, 1 << 20]).contains("holds only 0"));
    assert!(huge(&[u32::MAX; 8]).contains("which no memory holds"));
}

#[test]
fn says_why_a_path_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read_idx(folder.path()).unwrap_err().to_string().contains("is a folder"));
    assert!(read_idx(folder.path().join("nothing")).unwrap_err().to_string().contains("no such file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), zip: bool) {
        let _ = read(&if zip { gzip(&bytes) } else { bytes });
    }

    #[test]
    fn a_changed_byte_is_an_error_or_a_tensor(position in 0_usize..28, value: u8, zip: bool) {
        let mut bytes = if zip { gzip(&images()) } else { images() };
        bytes[position] = value;
        if let Ok(t) = read(&bytes) {
            prop_assert_eq!(t.shape().iter().product::<usize>(), 12);
        }
    }
}
