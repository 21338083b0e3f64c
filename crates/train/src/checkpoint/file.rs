//! One file.

use super::{Checkpoint, Part};
use flambeau_io::safetensors::{Metadata, load_metadata, load_tensors, save_tensors};
use flambeau_tensor::{Error, Result, Tensor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The notes of a file.
const VERSION: &str = "flambeau_checkpoint";
const CHECKSUM: &str = "crc32";
const STEP: &str = "step";
const METRIC: &str = "metric";
const PARTS: &str = "parts";

/// What this program writes, and the newest that it reads.
const CURRENT: u32 = 1;

/// What can be told of a file by its notes alone.
pub(super) struct Head {
    pub(super) step: u64,
    pub(super) metric: Option<f64>,
}

/// Why a file is not read.
pub(super) enum Fault {
    /// It is not what was written.
    Damaged(Error),
    Other(Error),
}

impl Checkpoint {
    /// Writes a file, as a whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written; what was there before stays.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let notes: Map<String, Value> =
            self.parts.iter().map(|(name, part)| (name.clone(), part.notes.clone())).collect();
        let tensors: BTreeMap<String, &Tensor> = self
            .parts
            .iter()
            .flat_map(|(name, part)| {
                part.tensors.iter().map(move |(own, tensor)| (format!("{name}/{own}"), tensor))
            })
            .collect();
        let mut metadata = Metadata::from([
            (VERSION.to_owned(), CURRENT.to_string()),
            (STEP.to_owned(), self.step.to_string()),
            (PARTS.to_owned(), Value::Object(notes).to_string()),
        ]);
        // Rust's text of a float gives the same float again.
        metadata.extend(self.metric.map(|metric| (METRIC.to_owned(), metric.to_string())));
        metadata.insert(CHECKSUM.to_owned(), checksum(&metadata, &tensors));
        save_tensors(path, tensors, &metadata)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::File`] if it is missing, truncated, corrupt in any bit, no checkpoint, or written by a newer version.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        read(path.as_ref()).map_err(|(Fault::Damaged(error) | Fault::Other(error))| error)
    }
}

pub(super) fn read(path: &Path) -> Result<Checkpoint, Fault> {
    let metadata = notes(path)?;
    let damaged = |message: &str| Fault::Damaged(Error::file(path, message));
    let tensors: BTreeMap<String, Tensor> = load_tensors(path).map_err(Fault::Damaged)?.into_iter().collect();
    let borrowed = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    if metadata.get(CHECKSUM) != Some(&checksum(&metadata, &borrowed)) {
        return Err(damaged("is corrupt: its checksum is that of something else"));
    }
    let Head { step, metric } = head(path, &metadata)?;
    let notes: Option<Map<String, Value>> =
        metadata.get(PARTS).and_then(|notes| serde_json::from_str(notes).ok());
    let Some(notes) = notes else { return Err(damaged("is corrupt: its parts are not listed")) };
    let mut parts: BTreeMap<String, Part> =
        notes.into_iter().map(|(name, notes)| (name, Part { notes, tensors: vec![] })).collect();
    for (name, tensor) in tensors {
        let part = name.split_once('/').and_then(|(part, own)| Some((parts.get_mut(part)?, own)));
        let Some((part, own)) = part else { return Err(damaged("is corrupt: a tensor is of no part")) };
        part.tensors.push((own.to_owned(), tensor));
    }
    Ok(Checkpoint { step, metric, parts })
}

/// Step and metric, without a look at the tensors.
pub(super) fn peek(path: &Path) -> Result<Head, Fault> {
    head(path, &notes(path)?)
}

fn notes(path: &Path) -> Result<Metadata, Fault> {
    // A file that may not be read is not a damaged one.
    let readable = std::fs::File::open(path).map(drop);
    readable.map_err(|error| Fault::Other(Error::file(path, format!("cannot be read: {error}"))))?;
    let metadata = load_metadata(path).map_err(Fault::Damaged)?;
    let version = metadata.get(VERSION).and_then(|version| version.parse::<u32>().ok());
    match version {
        None => Err(Fault::Damaged(Error::file(path, "is no checkpoint of flambeau"))),
        Some(version) if version > CURRENT => {
            let message = format!(
                "is a checkpoint of version {version}, and this program knows those up to {CURRENT}; update flambeau"
            );
            Err(Fault::Other(Error::file(path, message)))
        }
        Some(_) => Ok(metadata),
    }
}

fn head(path: &Path, metadata: &Metadata) -> Result<Head, Fault> {
    let step = metadata.get(STEP).and_then(|step| step.parse().ok());
    let Some(step) = step else {
        return Err(Fault::Damaged(Error::file(path, "is corrupt: it names no step")));
    };
    let metric = metadata.get(METRIC).and_then(|metric| metric.parse().ok());
    Ok(Head { step, metric })
}

/// Of everything that is in the file, the tensors in the order of their names.
fn checksum(metadata: &Metadata, tensors: &BTreeMap<String, &Tensor>) -> String {
    let mut crc = crc32fast::Hasher::new();
    for (name, note) in metadata.iter().filter(|(name, _)| *name != CHECKSUM) {
        text(&mut crc, name);
        text(&mut crc, note);
    }
    for (name, tensor) in tensors {
        text(&mut crc, name);
        text(&mut crc, &format!("{} {:?}", tensor.dtype(), tensor.shape()));
        crc.update(&tensor.to_le_bytes());
    }
    format!("{:08x}", crc.finalize())
}

/// With its length, so that nothing can move between neighbours.
fn text(crc: &mut crc32fast::Hasher, text: &str) {
    crc.update(&(text.len() as u64).to_le_bytes());
    crc.update(text.as_bytes());
}
