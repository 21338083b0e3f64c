//! Arrays in NumPy's files: `.npy`, one array, and with the feature `npz` `.npz`, a zip archive of named ones.
//!
//! A file is 6 bytes of magic, 2 of version, the header's length, the header (a Python dictionary of `descr`,
//! `fortran_order` and `shape`) and the values. The header is read by 100 lines here: the crates for it (`npyz`,
//! `ndarray-npy`) bring a general parser of Python literals, 28 to 42 crates, and trust the header's lengths.
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

mod header;
#[cfg(feature = "npz")]
mod npz;

use flambeau_tensor::{DType, Error, Result, Tensor};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use crate::atomic_write;
use header::{Header, Kind};

#[cfg(feature = "npz")]
pub use npz::{load_npz, save_npz};

/// Writes a tensor to a `.npy` file, as a whole or not at all (see [`atomic_write`]).
///
/// Source: [`numpy.save`](https://numpy.org/doc/stable/reference/generated/numpy.save.html).
///
/// # Errors
/// [`Error::File`] when the file cannot be written.
///
/// ```
/// use flambeau_io::npy::{load_npy, save_npy};
/// use flambeau_tensor::Tensor;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x.npy");
/// let x = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], [2, 2]);
/// save_npy(&path, &x)?;
/// assert_eq!(load_npy(&path)?.to_vec::<f32>(), x.to_vec::<f32>());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_npy(path: impl AsRef<Path>, tensor: &Tensor) -> Result<()> {
    let path = path.as_ref();
    let header = header::write(tensor).map_err(|message| Error::file(path, message))?;
    atomic_write(path, |file| write(file, &header, tensor))
}

fn write(file: &mut (impl Write + ?Sized), header: &[u8], tensor: &Tensor) -> io::Result<()> {
    file.write_all(header)?;
    file.write_all(&tensor.to_le_bytes())
}

/// Reads a tensor from a `.npy` file.
///
/// `bool`, `uint8`, `int64`, `float32` and `float64` keep their type, `float16` becomes `f32`, and the other whole numbers
/// become `i64`. Either byte order and either order of the dimensions is read.
///
/// Source: [`numpy.load`](https://numpy.org/doc/stable/reference/generated/numpy.load.html).
///
/// # Errors
/// [`Error::File`] when the file is missing, unreadable, not in this format, truncated or too long, or when its values
/// are of another type (complex numbers, text, objects), or a `uint64` is beyond `i64`.
///
/// ```
/// let error = flambeau_io::npy::load_npy("missing.npy").unwrap_err();
/// assert!(error.to_string().starts_with("missing.npy: cannot be read"));
/// ```
pub fn load_npy(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
    read(&mut BufReader::new(file)).map_err(|message| Error::file(path, message))
}

/// Reads an array to the end of `source`. Memory grows with what is there, not with what the header promises.
fn read(source: &mut impl Read) -> Result<Tensor, String> {
    let Header { kind, big_endian, fortran_order, shape } = header::read(source)?;
    let expected = shape
        .iter()
        .try_fold(kind.size(), |product, &n| product.checked_mul(n))
        .filter(|&n| n < isize::MAX as usize)
        .ok_or_else(|| format!("its header promises the shape {shape:?}, which no memory holds"))?;
    let mut bytes = Vec::new();
    // One byte more, so that a file that is too long shows.
    let ended = source.take(expected as u64 + 1).read_to_end(&mut bytes);
    ended.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() != expected {
        let found = if bytes.len() > expected { "more".to_owned() } else { format!("only {}", bytes.len()) };
        return Err(format!(
            "its shape {shape:?} needs {expected} bytes of values, but it holds {found}; get or save it again"
        ));
    }
    if big_endian {
        bytes.chunks_exact_mut(kind.size()).for_each(<[u8]>::reverse);
    }
    // In Fortran's order, the first dimension moves fastest.
    let dims: Vec<usize> = if fortran_order { shape.iter().rev().copied().collect() } else { shape };
    let tensor = values(kind, bytes, dims)?;
    if !fortran_order {
        return Ok(tensor);
    }
    let reversed: Vec<_> = (0..tensor.shape().len() as isize).rev().collect();
    Ok(tensor.permute(&*reversed).contiguous())
}

fn values(kind: Kind, bytes: Vec<u8>, shape: Vec<usize>) -> Result<Tensor, String> {
    let dtype = match kind {
        Kind::Bool => DType::Bool,
        Kind::U8 => return Ok(Tensor::from_vec(bytes, shape)),
        Kind::I64 => DType::I64,
        Kind::F32 => DType::F32,
        Kind::F64 => DType::F64,
        Kind::I8 => return Ok(Tensor::from_vec(each(&bytes, |[b]| i64::from(b.cast_signed())), shape)),
        Kind::I16 => return Ok(Tensor::from_vec(each(&bytes, |b| i64::from(i16::from_le_bytes(b))), shape)),
        Kind::I32 => return Ok(Tensor::from_vec(each(&bytes, |b| i64::from(i32::from_le_bytes(b))), shape)),
        Kind::U16 => return Ok(Tensor::from_vec(each(&bytes, |b| i64::from(u16::from_le_bytes(b))), shape)),
        Kind::U32 => return Ok(Tensor::from_vec(each(&bytes, |b| i64::from(u32::from_le_bytes(b))), shape)),
        Kind::U64 => {
            let values = each(&bytes, |b| i64::try_from(u64::from_le_bytes(b)));
            let values = values.into_iter().collect::<Result<Vec<_>, _>>();
            let beyond = |_| "holds a uint64 beyond the largest int64; save it as float64".to_owned();
            return Ok(Tensor::from_vec(values.map_err(beyond)?, shape));
        }
        Kind::F16 => return Ok(Tensor::from_vec(each(&bytes, |b| half(u16::from_le_bytes(b))), shape)),
    };
    Tensor::from_le_bytes(&bytes, shape, dtype).map_err(|error| error.to_string())
}

fn each<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&b| value(b)).collect()
}

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    };
    size.copysign(if bits >> 15 == 0 { 1.0 } else { -1.0 })
}
