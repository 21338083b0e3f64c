//! A file is replaced as a whole or not at all.

use std::fs;
use std::io;
use std::path::Path;

use flambeau_io::{Error, atomic_write};

fn put(path: &Path, text: &str) -> Result<(), Error> {
    atomic_write(path, |file| file.write_all(text.as_bytes()))
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn new_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    put(&path, "old").unwrap();
    put(&path, "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(files(folder.path()), ["file"]);
}

#[test]
fn a_failure_or_panic_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    put(&path, "old").unwrap();
    let error = atomic_write(&path, |file| {
        file.write_all(&[b'x'; 1 << 20])?;
        Err(io::Error::other("no more"))
    });
    assert_eq!(error.unwrap_err().to_string(), format!("{}: cannot be written: no more", path.display()));
    let panicked = std::panic::catch_unwind(|| {
        atomic_write(&path, |file| {
            file.write_all(b"half")?;
            panic!("in the middle")
        })
    });
    assert!(panicked.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(files(folder.path()), ["file"]);
}

#[test]
fn paths_that_cannot_be_files() {
    let folder = tempfile::tempdir().unwrap();
    for (path, part) in [
        (folder.path().to_path_buf(), "it is a folder"),
        (folder.path().join("missing/file"), "there is no folder"),
        (Path::new("/").to_path_buf(), ""),
        (Path::new("").to_path_buf(), ""),
        (folder.path().join(".."), "it is a folder"),
    ] {
        let error = put(&path, "text").unwrap_err();
        assert!(matches!(&error, Error::File { path: at, .. } if *at == path), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(files(folder.path()).is_empty());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn permissions_are_those_of_any_file_and_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (path, plain) = (folder.path().join("file"), folder.path().join("plain"));
        fs::File::create(&plain).unwrap();
        put(&path, "text").unwrap();
        assert_eq!(mode(&path), mode(&plain), "the umask decides");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        put(&path, "other").unwrap();
        assert_eq!(mode(&path), 0o640);
    }

    #[test]
    fn a_read_only_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        put(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let error = put(&path, "new").unwrap_err().to_string();
        assert!(error.contains("read-only"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        put(&target, "old").unwrap();
        symlink(&target, &link).unwrap();
        put(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(files(folder.path()), ["link", "target"]);
    }

    #[test]
    fn a_pipe_is_written_to_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read_to_string(path)
        });
        put(&path, "text").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), "text");
        assert!(!fs::metadata(&path).unwrap().is_file());
        assert_eq!(files(folder.path()), ["pipe"]);
    }

    #[test]
    fn a_socket_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(put(&path, "text"), Err(Error::File { .. })));
        assert!(!fs::metadata(&path).unwrap().is_file());
    }
}
