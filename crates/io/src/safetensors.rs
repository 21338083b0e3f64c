//! Named tensors in one file: the safetensors format.
//!
//! A file is an 8-byte little-endian length, a JSON header of that length that gives each tensor's dtype, shape
//! and place, and the numbers themselves. Nothing in it can run, unlike in Python's pickles. PyTorch reads and
//! writes it with `safetensors.torch`.
//!
//! Source: <https://huggingface.co/docs/safetensors>

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use flambeau_tensor::{DType, Error, Result, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, json};

use crate::atomic_write;

/// The notes in a file's header.
pub type Metadata = BTreeMap<String, String>;

/// The key under which the format keeps the notes; no tensor may bear it.
const METADATA: &str = "__metadata__";
/// No reader of the format takes a longer header.
const MAX_HEADER: usize = 100_000_000;

/// Writes named tensors and notes to a file, as a whole or not at all (see [`atomic_write`]).
///
/// Within the file the widest dtype comes first, so that every tensor is aligned for readers that map the file
/// into memory; otherwise the given order is kept. The same tensors give the same bytes. Readers of the
/// `transformers` library want the note `format = pt`.
///
/// # Errors
/// [`Error::File`] when the file cannot be written, when two tensors have one name, or when a name is
/// `__metadata__`.
///
/// ```
/// use flambeau_io::safetensors::{Metadata, load_tensors, save_tensors};
/// use flambeau_tensor::Tensor;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("weights.safetensors");
/// let weight = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], [2, 2]);
/// save_tensors(&path, [("weight", &weight)], &Metadata::new())?;
///
/// let tensors = load_tensors(&path)?;
/// assert_eq!(tensors[0].0, "weight");
/// assert_eq!(tensors[0].1.to_vec::<f32>(), [1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_tensors<N: AsRef<str>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
    metadata: &Metadata,
) -> Result<()> {
    let path = path.as_ref();
    let mut tensors: Vec<(N, T)> = tensors.into_iter().collect();
    tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.borrow().dtype().size()));
    let header = header(&tensors, metadata).map_err(|message| Error::file(path, message))?;
    atomic_write(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for (_, tensor) in &tensors {
            file.write_all(&tensor.borrow().to_le_bytes())?;
        }
        Ok(())
    })
}

/// The JSON header, padded with spaces so that the numbers start at a multiple of 8.
fn header<N: AsRef<str>, T: Borrow<Tensor>>(
    tensors: &[(N, T)],
    metadata: &Metadata,
) -> Result<Vec<u8>, String> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.into(), json!(metadata));
    }
    let mut names = HashSet::new();
    let mut start = 0;
    for (name, tensor) in tensors {
        let (name, tensor) = (name.as_ref(), tensor.borrow());
        if name == METADATA || !names.insert(name) {
            return Err(format!("cannot hold a tensor {name:?}: the name is already taken; rename it"));
        }
        let end = start + tensor.numel() * tensor.dtype().size();
        let dtype = dtype_name(tensor.dtype())
            .ok_or_else(|| format!("cannot hold {name:?} of dtype {}; convert it to F32", tensor.dtype()))?;
        let entry = json!({"dtype": dtype, "shape": tensor.shape(), "data_offsets": [start, end]});
        header.insert(name.into(), entry);
        start = end;
    }
    let mut bytes = serde_json::Value::from(header).to_string().into_bytes();
    bytes.resize(bytes.len().next_multiple_of(8), b' ');
    if bytes.len() > MAX_HEADER {
        return Err(format!("has a header of {} bytes; the format allows {MAX_HEADER}", bytes.len()));
    }
    Ok(bytes)
}

/// Reads all tensors of a file, in the order of their places in it.
///
/// # Errors
/// [`Error::File`] when the file is missing, unreadable, not in this format, truncated or otherwise corrupt, or
/// when a tensor's dtype is none of F32, F64, I64, U8 and BOOL.
///
/// ```
/// let error = flambeau_io::safetensors::load_tensors("missing.safetensors").unwrap_err();
/// assert!(error.to_string().starts_with("missing.safetensors: cannot be read"));
/// ```
pub fn load_tensors(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    parse(&bytes).map_err(|message| Error::file(path, message))
}

fn parse(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, String> {
    let corrupt = |error| format!("is not a whole safetensors file: {error}; fetch or save it again");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(corrupt)?;
    let file = SafeTensors::deserialize(bytes).map_err(corrupt)?;
    let mut tensors = Vec::with_capacity(file.len());
    for name in header.offset_keys() {
        let view = file.tensor(&name).map_err(corrupt)?;
        let dtype = known_dtype(view.dtype()).ok_or_else(|| {
            let dtype = view.dtype();
            format!("tensor {name:?} has dtype {dtype}; convert it to one of F32, F64, I64, U8, BOOL")
        })?;
        let tensor = Tensor::from_le_bytes(view.data(), view.shape(), dtype);
        tensors.push((name.clone(), tensor.map_err(|error| format!("tensor {name:?}: {error}"))?));
    }
    Ok(tensors)
}

/// Reads the notes of a file, and nothing else of it.
///
/// # Errors
/// [`Error::File`] when the file is missing, unreadable, not in this format or truncated within its header.
///
/// ```
/// use flambeau_io::safetensors::{Metadata, load_metadata, save_tensors};
/// use flambeau_tensor::Tensor;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("weights.safetensors");
/// let notes = Metadata::from([("epoch".into(), "7".into())]);
/// save_tensors(&path, [("weight", Tensor::zeros([2]))], &notes)?;
/// assert_eq!(load_metadata(&path)?["epoch"], "7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_metadata(path: impl AsRef<Path>) -> Result<Metadata> {
    let path = path.as_ref();
    let header = read_header(path).map_err(|error| unreadable(path, &error))?;
    let corrupt = |message: &str| Error::file(path, format!("is not a safetensors file: {message}"));
    let header: Map<_, _> = serde_json::from_slice(&header).map_err(|error| corrupt(&error.to_string()))?;
    let Some(notes) = header.get(METADATA) else { return Ok(Metadata::new()) };
    let notes = notes.as_object().ok_or_else(|| corrupt("its notes are not a map"))?;
    let note = |(key, value): (&String, &serde_json::Value)| Some((key.clone(), value.as_str()?.to_owned()));
    notes.iter().map(note).collect::<Option<_>>().ok_or_else(|| corrupt("a note is not text"))
}

fn read_header(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a safetensors file"));
    }
    let mut header = Vec::new();
    // Not sized by `length`, which a corrupt file may overstate.
    file.take(length).read_to_end(&mut header)?;
    if (header.len() as u64) < length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is truncated"));
    }
    Ok(header)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::file(path, format!("cannot be read: {error}"))
}

fn dtype_name(dtype: DType) -> Option<&'static str> {
    match dtype {
        DType::F32 => Some("F32"),
        DType::F64 => Some("F64"),
        DType::I64 => Some("I64"),
        DType::U8 => Some("U8"),
        DType::Bool => Some("BOOL"),
        _ => None,
    }
}

fn known_dtype(dtype: Dtype) -> Option<DType> {
    match dtype {
        Dtype::F32 => Some(DType::F32),
        Dtype::F64 => Some(DType::F64),
        Dtype::I64 => Some(DType::I64),
        Dtype::U8 => Some(DType::U8),
        Dtype::BOOL => Some(DType::Bool),
        _ => None,
    }
}
