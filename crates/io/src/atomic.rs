//! Writing a file so that a reader, or a crash, meets the old file or the new one and nothing between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use flambeau_tensor::{Error, Result};

/// Writes a file as a whole or not at all.
///
/// The bytes go to a temporary file in the same folder, which is flushed to the disk and then renamed over
/// `path`; at last the folder is flushed too. When anything fails, `write` included, the temporary file is
/// removed and what was at `path` stays. A symbolic link is followed, and a file that is replaced keeps its
/// permissions. A pipe or a device is not replaced but written to.
///
/// # Errors
/// [`Error::File`] with `path` when the folder is missing or not writable, `path` is a folder or read-only, the
/// disk is full, or `write` returns an error.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("metrics.json");
/// flambeau_io::atomic_write(&path, |file| writeln!(file, "{{\"loss\": 0.25}}"))?;
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"loss\": 0.25}\n");
///
/// let failed = flambeau_io::atomic_write(&path, |file| {
///     file.write_all(b"half of it")?;
///     Err(std::io::Error::other("the rest is missing"))
/// });
/// assert!(failed.is_err());
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"loss\": 0.25}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn atomic_write(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    replace(path, write).map_err(|error| Error::file(path, format!("cannot be written: {error}")))
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let permissions = match fs::metadata(path) {
        Ok(old) if old.is_dir() => {
            return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder; give the name of a file"));
        }
        // A pipe or a device: a rename would put a file in its place.
        Ok(old) if !old.is_file() => return write_through(OpenOptions::new().write(true).open(path)?, write),
        // A rename asks only the folder, so the file's own protection needs asking for.
        Ok(old) if old.permissions().readonly() => {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the file there is read-only"));
        }
        Ok(old) => Some(old.permissions()),
        Err(_) => None,
    };
    // Renaming over a link would replace the link and leave its target as it was.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = folder_of(&target)?;

    let mut builder = tempfile::Builder::new();
    builder.prefix(".flambeau-").suffix(".tmp");
    // By default a temporary file is its owner's alone; this leaves the choice to the umask, as for any file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(&folder)?;
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions)?;
    }

    write_through(temporary.as_file(), write)?;
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    sync_folder(&folder)
}

fn write_through(file: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(1 << 16, file);
    write(&mut writer)?;
    writer.flush()
}

/// The folder that a file lies in, if it exists.
fn folder_of(file: &Path) -> io::Result<PathBuf> {
    let folder = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Err(io::Error::new(ErrorKind::InvalidInput, "it names no file")),
    };
    if !folder.is_dir() {
        let message = format!("there is no folder {}; create it first", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, message));
    }
    Ok(folder.to_path_buf())
}

/// Makes the rename last through a loss of power. The file is whole either way, so a system that cannot open
/// or flush folders is no reason to fail.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let Ok(folder) = File::open(folder) else { return Ok(()) };
    match folder.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        outcome => outcome,
    }
}
