//! Several arrays in a zip archive.

use flambeau_tensor::{Error, Result, Tensor};
use std::borrow::Borrow;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

use super::{header, read, write};
use crate::atomic_write;

const SUFFIX: &str = ".npy";

/// Writes named tensors to a `.npz` archive, as a whole or not at all (see [`atomic_write`]), compressed if
/// `compressed`.
///
/// Source: [`numpy.savez`](https://numpy.org/doc/stable/reference/generated/numpy.savez.html),
/// [`numpy.savez_compressed`](https://numpy.org/doc/stable/reference/generated/numpy.savez_compressed.html).
///
/// # Errors
/// [`Error::File`] when the file cannot be written or two tensors have one name.
///
/// ```
/// use flambeau_io::npy::{load_npz, save_npz};
/// use flambeau_tensor::Tensor;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("data.npz");
/// save_npz(&path, [("x", Tensor::ones([2, 2])), ("y", Tensor::zeros([2]))], true)?;
/// let arrays = load_npz(&path)?;
/// assert_eq!((arrays[0].0.as_str(), arrays[0].1.shape()), ("x", &[2, 2][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_npz<N: AsRef<str>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
    compressed: bool,
) -> Result<()> {
    let path = path.as_ref();
    let wrong = |message: String| Error::file(path, message);
    let method = if compressed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method).large_file(true);
    let mut entries = Vec::new();
    let mut names = HashSet::new();
    for (name, tensor) in tensors {
        let name = name.as_ref().to_owned();
        if !names.insert(name.clone()) {
            return Err(wrong(format!("cannot hold two tensors {name:?}; rename one")));
        }
        entries.push((name, header::write(tensor.borrow()).map_err(wrong)?, tensor));
    }
    atomic_write(path, |file| {
        let mut archive = ZipWriter::new_stream(file);
        for (name, header, tensor) in &entries {
            archive.start_file(format!("{name}{SUFFIX}"), options).map_err(io::Error::other)?;
            write(&mut archive, header, tensor.borrow())?;
        }
        archive.finish().map_err(io::Error::other)?;
        Ok(())
    })
}

/// Reads all arrays of a `.npz` archive, in its order, by the rules of [`load_npy`](super::load_npy).
///
/// # Errors
/// [`Error::File`], naming the array, when the file is missing, unreadable, not in this format, truncated or otherwise
/// corrupt, holds something else than arrays, or where `load_npy` has one.
pub fn load_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
    load(file).map_err(|message| Error::file(path, message))
}

fn load(file: File) -> Result<Vec<(String, Tensor)>, String> {
    let corrupt = |error| format!("is not a whole .npz archive: {error}; get or save it again");
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(corrupt)?;
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(corrupt)?;
        let name = entry.name().map_err(corrupt)?.into_owned();
        let Some(stem) = name.strip_suffix(SUFFIX) else {
            return Err(format!("holds {name:?}, which is no array; remove it"));
        };
        let array = read(&mut entry).map_err(|message| format!("array {stem:?} {message}"))?;
        arrays.push((stem.to_owned(), array));
    }
    Ok(arrays)
}
