//! The IDX format, in which MNIST and its kin are shipped.

use flambeau_tensor::{Error, Result, Tensor};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// More dimensions than any such file has; a larger number means a damaged header.
const MAX_DIMS: usize = 8;
const AGAIN: &str = "get the file again";

/// Reads an IDX file, plain or compressed with gzip (told apart by content, not by name).
///
/// Unsigned bytes become a `u8` tensor; signed bytes, shorts and ints become `i64`; floats and doubles keep their
/// type. Values are as in the file: pixels stay 0..=255.
///
/// The whole file is checked: the magic, the type, that it holds exactly the values that its header promises, and
/// gzip's checksum. Memory grows with what is in the file, not with what its header promises.
///
/// Source: "The IDX file format" at the end of <http://yann.lecun.com/exdb/mnist/>.
///
/// # Errors
/// [`Error::File`], naming the path, what was found and the fix, if the file cannot be read, is not IDX, or is
/// truncated, too long or corrupt.
///
/// # Examples
/// ```
/// use flambeau_data::read_idx;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("labels-idx1-ubyte");
/// // Magic, type 0x08 (unsigned byte), 1 dimension, of length 3, then the values.
/// std::fs::write(&path, [0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1])?;
/// let labels = read_idx(&path)?;
/// assert_eq!(labels.to_vec::<u8>(), [7, 2, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_idx(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let mut reader = open(path).map_err(|e| Error::file(path, unreadable(&e)))?;
    parse(&mut reader).map_err(|message| Error::file(path, message))
}

/// Opens a file, plain or compressed with gzip (told apart by content).
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut start = Vec::with_capacity(GZIP_MAGIC.len());
    file.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut start)?;
    let is_gzip = start == GZIP_MAGIC;
    let whole = io::Cursor::new(start).chain(file);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// What an IDX file's type byte says about its values.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x08 => Kind::U8,
            0x09 => Kind::I8,
            0x0b => Kind::I16,
            0x0c => Kind::I32,
            0x0d => Kind::F32,
            0x0e => Kind::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Kind::U8 | Kind::I8 => 1,
            Kind::I16 => 2,
            Kind::I32 | Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    fn tensor(self, bytes: Vec<u8>, shape: Vec<usize>) -> Tensor {
        match self {
            Kind::U8 => Tensor::from_vec(bytes, shape),
            Kind::I8 => Tensor::from_vec(big_endian(&bytes, |[b]| i64::from(i8::from_be_bytes([b]))), shape),
            Kind::I16 => Tensor::from_vec(big_endian(&bytes, |b| i64::from(i16::from_be_bytes(b))), shape),
            Kind::I32 => Tensor::from_vec(big_endian(&bytes, |b| i64::from(i32::from_be_bytes(b))), shape),
            Kind::F32 => Tensor::from_vec(big_endian(&bytes, f32::from_be_bytes), shape),
            Kind::F64 => Tensor::from_vec(big_endian(&bytes, f64::from_be_bytes), shape),
        }
    }
}

fn big_endian<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&b| value(b)).collect()
}

fn parse(reader: &mut dyn Read) -> Result<Tensor, String> {
    let (kind, dims) = header(reader)?;
    let mut lengths = vec![0; 4 * dims];
    reader.read_exact(&mut lengths).map_err(|e| cut_off(&e, "in the header"))?;
    let shape: Vec<usize> = big_endian(&lengths, |b| u32::from_be_bytes(b) as usize);
    let expected = shape
        .iter()
        .try_fold(kind.size(), |product, &n| product.checked_mul(n))
        .filter(|&n| n < isize::MAX as usize)
        .ok_or_else(|| format!("its header promises the shape {shape:?}, which no memory holds; {AGAIN}"))?;

    // One byte more than promised, so that a file that is too long shows, and gzip's checksum is reached.
    let mut values = Vec::new();
    reader.take(expected as u64 + 1).read_to_end(&mut values).map_err(|e| {
        cut_off(&e, &format!("within the {expected} bytes of values that its shape {shape:?} needs"))
    })?;
    if values.len() < expected {
        return Err(format!(
            "truncated: its shape {shape:?} needs {expected} bytes of values, but it holds only {}; {AGAIN}",
            values.len()
        ));
    }
    if values.len() > expected {
        return Err(format!("holds bytes past the {expected} that its shape {shape:?} needs; {AGAIN}"));
    }
    Ok(kind.tensor(values, shape))
}

/// The values' type and the number of dimensions.
fn header(reader: &mut dyn Read) -> Result<(Kind, usize), String> {
    let mut magic = [0; 4];
    reader.read_exact(&mut magic).map_err(|e| cut_off(&e, "before the 4 bytes of magic"))?;
    let found = u32::from_be_bytes(magic);
    let [0, 0, kind, dims] = magic else {
        return Err(format!(
            "not an IDX file: it begins with 0x{found:08x}, and IDX with two zero bytes (0x00000803 for images, 0x00000801 for labels); {AGAIN}"
        ));
    };
    let dims = usize::from(dims);
    match Kind::from_byte(kind) {
        Some(kind) if (1..=MAX_DIMS).contains(&dims) => Ok((kind, dims)),
        Some(_) => {
            Err(format!("damaged header 0x{found:08x}: {dims} dimensions, expected 1 to {MAX_DIMS}; {AGAIN}"))
        }
        None => Err(format!("damaged header 0x{found:08x}: IDX has no value type 0x{kind:02x}; {AGAIN}")),
    }
}

fn cut_off(error: &io::Error, place: &str) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("truncated: it ends {place}; {AGAIN}"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            format!("corrupt gzip data {place} ({error}); {AGAIN}")
        }
        _ => unreadable(error),
    }
}

/// Why a file could not be opened or read, and what to do.
pub(crate) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file; check the path".into(),
        io::ErrorKind::IsADirectory => "is a folder; name a file in it".into(),
        io::ErrorKind::PermissionDenied => "may not be read; change its permissions".into(),
        _ => format!("cannot be read ({error})"),
    }
}

#[cfg(test)]
mod tests;
