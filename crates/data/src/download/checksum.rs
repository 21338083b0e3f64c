//! What a file's bytes amount to.

use md5::Md5;
use sha2::Sha256;
use sha2::digest::{Digest, Output};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// A checksum in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Proof against accident and malice.
    Sha256(String),
    /// Proof against accident alone: for sets whose makers publish nothing better.
    Md5(String),
}

impl Checksum {
    /// Whether the file is there and has this checksum.
    pub fn fits(&self, path: impl AsRef<Path>) -> bool {
        File::open(path).is_ok_and(|mut file| self.fits_file(&mut file))
    }

    /// The same of an open file, from its beginning.
    pub(super) fn fits_file(&self, file: &mut File) -> bool {
        let (found, expected) = match self {
            Checksum::Sha256(expected) => (hash::<Sha256>(file), expected),
            Checksum::Md5(expected) => (hash::<Md5>(file), expected),
        };
        found.is_ok_and(|found| found.eq_ignore_ascii_case(expected))
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Checksum::Sha256(hex) => write!(f, "SHA-256 {hex}"),
            Checksum::Md5(hex) => write!(f, "MD5 {hex}"),
        }
    }
}

fn hash<D: Digest>(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    let bytes: Output<D> = digest.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
