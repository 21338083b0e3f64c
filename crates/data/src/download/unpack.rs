//! Archives of data sets.

use flambeau_io::atomic_write;
use flambeau_tensor::{Error, Result};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Writes the entries called `names` into `folder`, wherever in the archive they are. No other name is ever used, so an
/// entry cannot leave the folder.
pub(super) fn unpack(archive: &Path, folder: &Path, names: &[String]) -> Result<()> {
    let file =
        File::open(archive).map_err(|error| Error::file(archive, format!("cannot be read: {error}")))?;
    let mut missing: Vec<&String> = names.iter().collect();
    let mut write = |path: &str, size: u64, source: &mut dyn Read| -> Result<()> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let Some(place) = missing.iter().position(|wanted| *wanted == name) else { return Ok(()) };
        atomic_write(folder.join(name), |target| match io::copy(source, target)? {
            copied if copied == size => Ok(()),
            copied => Err(io::Error::other(format!("the archive holds only {copied} of its {size} bytes"))),
        })?;
        missing.swap_remove(place);
        Ok(())
    };
    let damaged = |error: &dyn std::fmt::Display| {
        Error::file(archive, format!("is a damaged archive ({error}); remove it and fetch it again"))
    };
    if archive.extension().is_some_and(|extension| extension == "zip") {
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|e| damaged(&e))?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|e| damaged(&e))?;
            if entry.is_file() {
                let name = entry.name().map_err(|e| damaged(&e))?.into_owned();
                write(&name, entry.size(), &mut entry)?;
            }
        }
    } else {
        let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
        for entry in archive.entries().map_err(|e| damaged(&e))? {
            let mut entry = entry.map_err(|e| damaged(&e))?;
            if entry.header().entry_type().is_file() {
                let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                write(&name, entry.size(), &mut entry)?;
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::file(archive, format!("is an archive without {missing:?}; remove it and fetch it again")))
}
