//! What stands before the values of a `.npy` file.

use flambeau_tensor::{DType, Tensor};
use std::io::{self, Read};

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses to parse more than 10,000 bytes.
const MAX_HEADER: u32 = 1 << 16;
const MAX_DIMS: usize = 64;

/// The type of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    F32,
    F64,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "b1" => Kind::Bool,
            "u1" => Kind::U8,
            "u2" => Kind::U16,
            "u4" => Kind::U32,
            "u8" => Kind::U64,
            "i1" => Kind::I8,
            "i2" => Kind::I16,
            "i4" => Kind::I32,
            "i8" => Kind::I64,
            "f2" => Kind::F16,
            "f4" => Kind::F32,
            "f8" => Kind::F64,
            _ => return None,
        })
    }

    pub(super) fn size(self) -> usize {
        match self {
            Kind::Bool | Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }
}

pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// Magic, version 1.0, and the dictionary, filled up such that the values start at a multiple of 64.
pub(super) fn write(tensor: &Tensor) -> Result<Vec<u8>, String> {
    let descr = match tensor.dtype() {
        DType::Bool => "|b1",
        DType::U8 => "|u1",
        DType::I64 => "<i8",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        other => return Err(format!("cannot hold a tensor of dtype {other}; convert it to F32")),
    };
    let shape: String = match tensor.shape() {
        [n] => format!("{n},"),
        shape => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let before = MAGIC.len() + 4;
    let length = (before + dictionary.len() + 1).next_multiple_of(64) - before;
    let stated = u16::try_from(length).map_err(|_| format!("has a header of {length} bytes, too long"))?;
    dictionary.push_str(&" ".repeat(length - 1 - dictionary.len()));
    Ok([MAGIC, &[1, 0], &stated.to_le_bytes(), dictionary.as_bytes(), b"\n"].concat())
}

pub(super) fn read(source: &mut impl Read) -> Result<Header, String> {
    let mut start = [0; 8];
    source.read_exact(&mut start).map_err(|error| cut(&error))?;
    let [magic @ .., major, _] = &start;
    if magic != MAGIC {
        return Err("is not a .npy file: it does not begin with \\x93NUMPY".into());
    }
    let length = match major {
        1 => u32::from(u16::from_le_bytes(exact(source)?)),
        2 | 3 => u32::from_le_bytes(exact(source)?),
        other => return Err(format!("is of version {other} of the format; 1 to 3 can be read")),
    };
    if length > MAX_HEADER {
        return Err(format!(
            "its header claims {length} bytes, more than any array needs; get or save it again"
        ));
    }
    let mut text = vec![0; length as usize];
    source.read_exact(&mut text).map_err(|error| cut(&error))?;
    let text = String::from_utf8_lossy(&text);
    let mut parser = Parser { rest: text.trim_end() };
    parser.header().map_err(|message| {
        let at = text.trim_end().len() - parser.rest.len();
        format!("{message} (byte {at} of its header {:?})", shortened(text.trim_end()))
    })
}

fn exact<const N: usize>(source: &mut impl Read) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes).map_err(|error| cut(&error))?;
    Ok(bytes)
}

fn cut(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "is truncated: it ends in the header; get or save it again".into(),
        _ => format!("cannot be read: {error}"),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 200 {
        text.to_owned()
    } else {
        text.chars().take(200).chain(['…']).collect()
    }
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn header(&mut self) -> Result<Header, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.skip('}') {
            let key = self.quoted()?;
            self.expect(':')?;
            match key {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.truth()?),
                "shape" => shape = Some(self.shape()?),
                other => return Err(format!("holds an unknown key {other:?}")),
            }
            if !self.skip(',') {
                self.expect('}')?;
                break;
            }
        }
        if !self.rest.trim_start().is_empty() {
            return Err("holds something past the dictionary".into());
        }
        let missing = |key| move || format!("lacks the key {key:?}");
        let (kind, big_endian) = descr.ok_or_else(missing("descr"))?;
        let fortran_order = fortran_order.ok_or_else(missing("fortran_order"))?;
        Ok(Header { kind, big_endian, fortran_order, shape: shape.ok_or_else(missing("shape"))? })
    }

    fn descr(&mut self) -> Result<(Kind, bool), String> {
        if self.rest.trim_start().starts_with('[') {
            return Err("holds records of several fields; save each field as an array of its own".into());
        }
        let text = self.quoted()?;
        let kind = text.get(1..).and_then(Kind::parse).ok_or_else(|| {
            format!("holds values of type {text:?}; booleans, whole numbers and floats of 16 to 64 bits can be read")
        })?;
        match &text[..1] {
            "<" | "|" | "=" => Ok((kind, false)),
            ">" => Ok((kind, true)),
            _ => Err(format!("holds values of an unknown byte order {text:?}")),
        }
    }

    fn truth(&mut self) -> Result<bool, String> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("needs True or False for fortran_order".into())
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.skip(')') {
            self.rest = self.rest.trim_start();
            let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            let n = digits.parse().map_err(|_| format!("needs whole numbers for shape, not {digits:?}"))?;
            // Python 2 wrote long numbers as 3L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            shape.push(n);
            if shape.len() > MAX_DIMS {
                return Err(format!("promises more than {MAX_DIMS} dimensions"));
            }
            if !self.skip(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn quoted(&mut self) -> Result<&'a str, String> {
        self.rest = self.rest.trim_start();
        let quote =
            self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or("needs a quoted name")?;
        let (text, rest) = self.rest[1..].split_once(quote).ok_or("has a quote that is never closed")?;
        self.rest = rest;
        Ok(text)
    }

    fn skip(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(c) else { return false };
        self.rest = rest;
        true
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.skip(c) { Ok(()) } else { Err(format!("needs {c:?}")) }
    }
}
