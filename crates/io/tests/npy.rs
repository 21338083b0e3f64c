//! NumPy's files: those that NumPy wrote are read, ours are the same bytes, and what is broken is refused.
#![allow(clippy::disallowed_methods, reason = "damaged files are what is tested")]

use flambeau_io::npy::{load_npy, save_npy};
use flambeau_tensor::{DType, Tensor};
use std::fs;
use std::path::{Path, PathBuf};

fn recorded(name: &str) -> PathBuf {
    Path::new("tests/recorded").join(name)
}

fn arange() -> Tensor {
    Tensor::from_vec((0..6).map(|i| i as f32 / 4.0).collect(), [2, 3])
}

#[test]
fn reads_and_writes_numpys_bytes() {
    for name in ["arange.npy", "version3.npy"] {
        let tensor = load_npy(recorded(name)).unwrap();
        assert_eq!((tensor.shape(), tensor.to_vec::<f32>()), (&[2, 3][..], arange().to_vec::<f32>()));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    save_npy(&path, &arange()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(recorded("arange.npy")).unwrap());
}

#[test]
fn every_dtype_and_shape_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for dtype in [DType::Bool, DType::U8, DType::I64, DType::F32, DType::F64] {
        for shape in [&[][..], &[3], &[0, 2], &[2, 3, 4]] {
            let tensor = Tensor::full(shape, 1.0).to_dtype(dtype);
            save_npy(&path, &tensor).unwrap();
            let read = load_npy(&path).unwrap();
            assert_eq!((read.shape(), read.dtype()), (shape, dtype));
            assert_eq!(read.to_le_bytes(), tensor.to_le_bytes());
            assert_eq!(fs::read(&path).unwrap().len() % 64, tensor.to_le_bytes().len() % 64, "aligned");
        }
    }
    save_npy(&path, &arange().transpose(0, 1)).unwrap();
    assert_eq!(load_npy(&path).unwrap().to_vec::<f32>(), [0.0, 0.75, 0.25, 1.0, 0.5, 1.25]);
}

fn complaint(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let message = load_npy(file.path()).unwrap_err().to_string();
    message.strip_prefix(&format!("{}: ", file.path().display())).expect("names the file").to_owned()
}

fn with_header(header: &str) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat()
}

#[test]
fn damaged_files_are_refused() {
    let good = fs::read(recorded("arange.npy")).unwrap();
    assert!(complaint(b"").contains("truncated: it ends in the header"));
    assert!(complaint(&good[..9]).contains("truncated: it ends in the header"));
    assert!(complaint(&good[..100]).contains("truncated: it ends in the header"));
    assert!(complaint(&good[..good.len() - 1]).contains("needs 24 bytes of values, but it holds only 23"));
    assert!(complaint(&[&good[..], &[0]].concat()).contains("but it holds more"));
    assert!(complaint(b"PK\x03\x04 and so on").contains("not a .npy file"));
    let mut version = good.clone();
    version[6] = 9;
    assert!(complaint(&version).contains("version 9"));
    // A header that claims 4 GiB.
    assert!(complaint(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("claims 4294967295 bytes"));
    for (header, part) in [
        ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "values of type \"<c8\""),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "several fields"),
        (
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, ), }",
            "needs 4398046511104 bytes",
        ),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "no memory holds"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "whole numbers"),
        ("{'descr': '<f4', 'fortran_order': False}", "lacks the key \"shape\" (byte 40"),
        ("{'descr': '<f4', 'fortran_order': 1, 'shape': ()}", "True or False"),
        ("{'descr': 'é4', 'fortran_order': False, 'shape': ()}", "values of type"),
        ("{'descr': '', 'fortran_order': False, 'shape': ()}", "values of type"),
        ("{'descr: 1", "never closed"),
        ("", "needs '{'"),
    ] {
        let message = complaint(&with_header(header));
        assert!(message.contains(part), "{header}: {message}");
    }
    let beyond =
        [with_header("{'descr': '<u8', 'fortran_order': False, 'shape': ()}"), vec![255; 8]].concat();
    assert!(complaint(&beyond).contains("beyond the largest int64"));
}

#[test]
fn no_change_of_a_header_makes_it_panic() {
    let good = fs::read(recorded("arange.npy")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    for position in 0..128 {
        for value in [0, 1, b'(', b'}', b'\'', b'9', 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[position] = value;
            fs::write(file.path(), &bytes).unwrap();
            if let Ok(tensor) = load_npy(file.path()) {
                assert_eq!(tensor.to_le_bytes().len() % 6, 0);
            }
        }
    }
}

#[cfg(feature = "npz")]
mod npz {
    use super::{arange, recorded};
    use flambeau_io::npy::{load_npz, save_npz};
    use flambeau_tensor::DType;
    use std::collections::BTreeMap;
    use std::fs;

    #[test]
    fn reads_every_type_that_numpy_wrote() {
        let arrays: BTreeMap<_, _> = load_npz(recorded("arrays.npz")).unwrap().into_iter().collect();
        let ints = |name: &str| arrays[name].to_vec::<i64>();
        assert_eq!(arrays["fortran"].dtype(), DType::F64);
        assert_eq!(arrays["fortran"].to_vec::<f64>(), [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]);
        assert_eq!(ints("big_endian"), [-70000, 5]);
        let half = arrays["half"].to_vec::<f32>();
        assert_eq!(half[..4], [0.0, 0.0, 1.5, -65504.0]);
        assert!(half[1].is_sign_negative() && half[6].is_nan());
        // The smallest half, 2^-24.
        assert_eq!(half[4..6], [5.960_464_5e-8, f32::INFINITY]);
        assert_eq!(arrays["flag"].to_vec::<bool>(), [true, false]);
        assert_eq!((arrays["scalar"].shape(), ints("scalar")), (&[][..], vec![7]));
        assert_eq!((arrays["empty"].shape(), arrays["empty"].dtype()), (&[0, 3][..], DType::U8));
        assert_eq!((arrays["short"].shape(), ints("short")), (&[2, 1][..], vec![-300, 300]));
        assert_eq!((ints("unsigned"), ints("byte"), ints("word")), (vec![1 << 40], vec![-1], vec![65535]));
    }

    #[test]
    fn what_is_written_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        for compressed in [false, true] {
            save_npz(&path, [("b", &arange()), ("a/b", &arange().transpose(0, 1))], compressed).unwrap();
            let arrays = load_npz(&path).unwrap();
            assert_eq!((arrays[0].0.as_str(), arrays[1].0.as_str()), ("b", "a/b"));
            assert_eq!(arrays[0].1.to_vec::<f32>(), arange().to_vec::<f32>());
            assert_eq!(arrays[1].1.shape(), [3, 2]);
        }
        let message = save_npz(&path, [("a", arange()), ("a", arange())], true).unwrap_err().to_string();
        assert!(message.contains("two tensors \"a\""), "{message}");
    }

    #[test]
    fn damaged_archives_are_refused() {
        let good = fs::read(recorded("arrays.npz")).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            fs::write(file.path(), bytes).unwrap();
            load_npz(file.path())
        };
        assert!(read(&good[..good.len() / 2]).unwrap_err().to_string().contains("not a whole .npz archive"));
        assert!(read(b"").is_err());
        for position in (0..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[position] ^= 0x55;
            // The checksum finds changed values.
            let _ = read(&bytes);
        }
    }
}
