//! A file with an object of JSON in each line.

use super::Logger;
use flambeau_io::atomic_write;
use flambeau_tensor::{Error, Result};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Appends a line such as `{"step":29,"train/loss":0.5}` for each call, in the file when the call returns. Numbers that
/// JSON does not have (NaN, infinities) are null. Histograms are left out; texts are lines of their own.
///
/// A line that a crash cut short is removed when the file is opened again.
///
/// ```
/// use flambeau_train::{JsonLines, Logger, read_json_lines};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("metrics.jsonl");
/// let mut log = JsonLines::open(&path)?;
/// for step in 1..=3 {
///     log.scalars(step, &[("train/loss", 1.0 / step as f64)])?;
/// }
/// // The training goes on from a checkpoint of step 1.
/// let mut log = JsonLines::open(&path)?;
/// log.resume(1)?;
/// log.scalars(2, &[("train/loss", 0.5)])?;
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"step\":1,\"train/loss\":1.0}\n{\"step\":2,\"train/loss\":0.5}\n");
/// assert_eq!(read_json_lines(&path)?[1]["train/loss"], 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
}

impl JsonLines {
    /// Opens a file to append to, or makes it.
    ///
    /// # Errors
    /// [`Error::File`] if the folder is missing or the file cannot be read and written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let fault = |error: std::io::Error| Error::file(&path, format!("cannot be opened: {error}"));
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(fault)?;
        let whole = whole_lines(&mut file).map_err(fault)?;
        if file.metadata().map_err(fault)?.len() > whole {
            file.set_len(whole).map_err(fault)?;
        }
        Ok(JsonLines { path, file })
    }

    fn write<'a>(&mut self, step: u64, values: impl Iterator<Item = (&'a str, Value)>) -> Result<()> {
        let mut line = format!("{{\"step\":{step}");
        for (name, value) in values {
            line += &format!(",{}:{value}", Value::from(name));
        }
        line += "}\n";
        // In one call, so that two lines never mix.
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| Error::file(&self.path, format!("cannot be written: {error}")))
    }
}

/// The length of a file up to its last line break.
fn whole_lines(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let block = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(block)?;
        if let Some(i) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + i as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

impl Logger for JsonLines {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        self.write(step, values.iter().map(|(name, value)| (*name, Value::from(*value))))
    }

    fn text(&mut self, step: u64, name: &str, text: &str) -> Result<()> {
        self.write(step, [(name, Value::from(text))].into_iter())
    }

    /// Removes the lines of later steps.
    fn resume(&mut self, step: u64) -> Result<()> {
        let text = whole_text(&self.path)?;
        let lines = objects(&self.path, &text).collect::<Result<Vec<_>>>()?;
        let later = |line: &Value| line["step"].as_u64().is_some_and(|of| of > step);
        if !lines.iter().any(|(_, line)| later(line)) {
            return Ok(());
        }
        atomic_write(&self.path, |file| {
            let kept = lines.iter().filter(|(_, line)| !later(line));
            kept.map(|(text, _)| text).try_for_each(|line| file.write_all(&[line, &b"\n"[..]].concat()))
        })?;
        *self = JsonLines::open(&self.path)?;
        Ok(())
    }
}

/// Reads the objects of a file that [`JsonLines`] wrote, or any other with one in each line. A last line that a crash
/// cut short is left out.
///
/// # Errors
/// [`Error::File`] with the number of the line that is none.
pub fn read_json_lines(path: impl AsRef<Path>) -> Result<Vec<Value>> {
    let path = path.as_ref();
    objects(path, &whole_text(path)?).map(|object| object.map(|(_, value)| value)).collect()
}

/// A file up to its last line break.
fn whole_text(path: &Path) -> Result<Vec<u8>> {
    let mut text =
        std::fs::read(path).map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
    text.truncate(text.iter().rposition(|&byte| byte == b'\n').map_or(0, |i| i + 1));
    Ok(text)
}

/// Each line as it stands and as what it says.
fn objects<'a>(path: &'a Path, text: &'a [u8]) -> impl Iterator<Item = Result<(&'a [u8], Value)>> {
    let lines = text.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(move |(i, line)| match serde_json::from_slice(line) {
        Ok(value @ Value::Object(_)) => Ok((line, value)),
        Ok(_) => Err(Error::file(path, format!("line {} is no object of JSON", i + 1))),
        Err(error) => Err(Error::file(path, format!("line {} is no JSON: {error}", i + 1))),
    })
}
