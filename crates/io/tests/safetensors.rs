//! Tensor files: what is written is read back, and what is broken is refused.

use std::fs;
use std::io::Write;
use std::path::Path;

use flambeau_io::safetensors::{Metadata, load_metadata, load_tensors, save_tensors};
use flambeau_tensor::{DType, Error, Tensor};

/// A file of the format from its header and its numbers.
fn write_raw(path: &Path, header: &str, numbers: &[u8]) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.write_all(numbers).unwrap();
}

fn message(path: &Path) -> String {
    match load_tensors(path).unwrap_err() {
        Error::File { path: at, message } => {
            assert_eq!(at, path);
            message
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_dtype_and_shape_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.safetensors");
    let f32s = [1.5_f32, -0.0, f32::INFINITY, f32::MIN_POSITIVE, 1e-45, f32::MAX];
    let tensors = [
        ("bool", Tensor::from_vec(vec![true, false, true], [3])),
        ("f32", Tensor::from_vec(f32s.to_vec(), [2, 1, 3])),
        ("u8", Tensor::from_vec(vec![0_u8, 255], [2])),
        ("i64", Tensor::from_vec(vec![i64::MIN, -1, i64::MAX], [1, 3])),
        ("empty", Tensor::zeros([0, 4])),
        ("f64", Tensor::from_vec(vec![std::f64::consts::PI, f64::MAX], [2])),
        ("scalar", Tensor::from_vec(vec![7.0_f32], [0; 0])),
        ("naïve \"name\"\n", Tensor::ones([1])),
    ];
    let notes = Metadata::from([("format".into(), "pt".into()), ("é\"\n".into(), "\u{1F525}".into())]);
    save_tensors(&path, tensors.iter().map(|(name, tensor)| (*name, tensor)), &notes).unwrap();

    let loaded = load_tensors(&path).unwrap();
    // Wide dtypes first, for alignment; the given order within a width.
    let names: Vec<_> = loaded.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["i64", "f64", "f32", "empty", "scalar", "naïve \"name\"\n", "bool", "u8"]);
    for (name, tensor) in &tensors {
        let (_, other) = loaded.iter().find(|(other, _)| other == name).unwrap();
        assert_eq!((tensor.shape(), tensor.dtype()), (other.shape(), other.dtype()), "{name}");
        assert_eq!(tensor.to_le_bytes(), other.to_le_bytes(), "{name}");
    }
    assert_eq!(load_metadata(&path).unwrap(), notes);

    // The same tensors give the same bytes.
    let bytes = fs::read(&path).unwrap();
    save_tensors(&path, tensors.iter().map(|(name, tensor)| (*name, tensor)), &notes).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn files_of_the_reference_library_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reference.safetensors");
    let numbers: Vec<u8> = [1.0_f32, 2.0, 3.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let view = |range| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], range).unwrap();
    let views = [("b", view(&numbers[0..4])), ("a", view(&numbers[4..8])), ("c", view(&numbers[8..12]))];
    safetensors::serialize_to_file(views, None, &path).unwrap();
    let loaded: Vec<_> = load_tensors(&path)
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.to_vec::<f32>()[0]))
        .collect();
    assert_eq!(loaded, [("a".to_owned(), 2.0), ("b".to_owned(), 1.0), ("c".to_owned(), 3.0)]);
    assert_eq!(load_metadata(&path).unwrap(), Metadata::new());
}

#[test]
fn our_files_are_read_by_the_reference_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.safetensors");
    let weight = Tensor::from_vec(vec![1.0_f32, 2.0], [2]);
    save_tensors(&path, [("w", &weight)], &Metadata::from([("k".into(), "v".into())])).unwrap();
    let bytes = fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let view = file.tensor("w").unwrap();
    assert_eq!((view.dtype(), view.shape()), (safetensors::Dtype::F32, &[2][..]));
    assert_eq!(view.data(), weight.to_le_bytes());
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(header % 8, 0, "the numbers are aligned");
}

#[test]
fn an_empty_file_of_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.safetensors");
    save_tensors(&path, Vec::<(String, Tensor)>::new(), &Metadata::new()).unwrap();
    assert!(load_tensors(&path).unwrap().is_empty());
    assert!(load_metadata(&path).unwrap().is_empty());
}

#[test]
fn names_must_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.safetensors");
    for names in [["w", "w"], ["w", "__metadata__"]] {
        let tensors = names.map(|name| (name, Tensor::zeros([1])));
        let error = save_tensors(&path, tensors, &Metadata::new()).unwrap_err();
        assert!(error.to_string().contains("already taken"), "{error}");
    }
    assert!(!path.exists());
}

#[test]
fn an_unknown_dtype_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    write_raw(&path, r#"{"encoder.weight":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4]);
    let message = message(&path);
    assert!(message.contains("\"encoder.weight\" has dtype BF16"), "{message}");
}

#[test]
fn broken_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.safetensors");
    let entry = |shape: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let cases = [
        ("no JSON", "not json".to_owned(), 0),
        ("another JSON", "[1, 2]".to_owned(), 0),
        ("too few numbers", entry("[3]", "[0,12]"), 11),
        ("too many numbers", entry("[3]", "[0,12]"), 13),
        ("a shape of another size", entry("[4]", "[0,12]"), 12),
        ("a gap", entry("[3]", "[4,16]"), 16),
        ("offsets turned round", entry("[3]", "[12,0]"), 12),
        ("a size beyond all memory", entry("[4294967296,4294967296,16]", "[0,12]"), 12),
        ("a negative size", entry("[-3]", "[0,12]"), 12),
        ("an unknown dtype", entry("[3]", "[0,12]").replace("F32", "F33"), 12),
    ];
    for (what, header, numbers) in cases {
        write_raw(&path, &header, &vec![0; numbers]);
        let message = message(&path);
        assert!(message.starts_with("is not a whole safetensors file"), "{what}: {message}");
    }
    write_raw(&path, r#"{"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}"#, &[7]);
    assert!(message(&path).contains("flag"), "a bool of 7: {}", message(&path));
}

#[test]
fn every_truncation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.safetensors");
    save_tensors(&path, [("w", Tensor::ones([3]))], &Metadata::new()).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::File::create(&path).unwrap().write_all(&whole[..length]).unwrap();
        assert!(load_tensors(&path).is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.safetensors");
    let tensors = [("w", Tensor::ones([3])), ("b", Tensor::from_vec(vec![true], [1]))];
    save_tensors(&path, tensors, &Metadata::from([("k".into(), "v".into())])).unwrap();
    let whole = fs::read(&path).unwrap();
    for index in 0..whole.len() {
        for flip in [1, 0x20, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[index] ^= flip;
            fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
            // Some flips only change a number or a name.
            let _ = load_tensors(&path);
            let _ = load_metadata(&path);
        }
    }
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("liar.safetensors");
    for length in [u64::MAX, 1 << 40, 99_999_999] {
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(&length.to_le_bytes()).unwrap();
        file.write_all(b"{}").unwrap();
        assert!(load_tensors(&path).is_err() && load_metadata(&path).is_err());
    }
}

#[test]
fn missing_files_and_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing.safetensors"), folder.path().to_path_buf()] {
        assert!(message(&path).starts_with("cannot be read"), "{}", message(&path));
        assert!(matches!(load_metadata(&path), Err(Error::File { .. })));
    }
    let inside = folder.path().join("missing/w.safetensors");
    let error = save_tensors(&inside, [("w", Tensor::ones([1]))], &Metadata::new()).unwrap_err().to_string();
    assert!(error.contains("there is no folder") && error.contains("create it first"), "{error}");
}

#[test]
fn a_view_is_written_as_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view.safetensors");
    let view = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], [2, 2]).t();
    save_tensors(&path, [("t", &view)], &Metadata::new()).unwrap();
    let (_, loaded) = &load_tensors(&path).unwrap()[0];
    assert_eq!((loaded.to_vec::<f32>(), loaded.dtype()), (vec![1.0, 3.0, 2.0, 4.0], DType::F32));
}
