//! Fetching data sets.

mod checksum;
mod known;
mod unpack;

use flambeau_tensor::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

pub use checksum::Checksum;
pub use known::{KnownDataset, data_dir};

/// No set is larger; a server that sends without end is cut off here.
const MOST: u64 = 1 << 40;

/// A file on the network: its name, where it can be had, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name in the folder that it is put into.
    pub name: String,
    /// Its addresses, the best first. All must give the same bytes.
    pub urls: Vec<String>,
    /// What its bytes must amount to.
    pub checksum: Checksum,
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file's name.
    pub name: &'a str,
    /// Bytes that are here, those of an earlier attempt included.
    pub done: u64,
    /// Bytes in all, if the server tells.
    pub total: Option<u64>,
}

/// Fetches files over HTTP and HTTPS.
///
/// A file is written beside its place as `NAME.part`, checked, and then renamed, so what stands under its name is whole. What
/// an interrupted download left is gone on with, by a `Range` request; a server that ignores it sends all again. Where an
/// address fails, is silent for too long or gives other bytes than the checksum tells, the next one is tried. Two
/// processes that want the same file do not fetch it twice: the second waits.
///
/// Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY`, …).
///
/// # Examples
/// ```no_run
/// use flambeau_data::{Checksum, Downloader, RemoteFile};
///
/// let file = RemoteFile {
///     name: "housing.csv".into(),
///     urls: vec!["https://example.org/housing.csv".into()],
///     checksum: Checksum::Sha256("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into()),
/// };
/// let path = Downloader::new().fetch(&file, "data", &mut |progress| {
///     println!("{} of {:?} bytes", progress.done, progress.total);
/// })?;
/// # let _ = path;
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Downloader {
    timeout: Duration,
    rounds: u32,
}

impl Default for Downloader {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), rounds: 3 }
    }
}

impl Downloader {
    /// One with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long a server may be silent (default: 30 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often each address is tried (default: 3; 0 counts as 1). An attempt that got further than the one before does not
    /// count.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.rounds = attempts;
        self
    }

    /// Makes sure that `folder` holds the file, whole and right, and gives its path. One that is there already is checked
    /// and not fetched. `progress` is called as bytes arrive.
    ///
    /// # Errors
    /// [`Error::File`] with the path, and for each address why it failed, if none gave the file or it cannot be written.
    pub fn fetch(
        &self,
        file: &RemoteFile,
        folder: impl AsRef<Path>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let path = folder.join(&file.name);
        if Path::new(&file.name).file_name().is_none_or(|name| name != file.name.as_str()) {
            return Err(Error::config("name", format!("{:?} is no file name", file.name)));
        }
        let broken = |error: io::Error| Error::file(&path, format!("cannot be written: {error}"));
        fs::create_dir_all(folder).map_err(broken)?;
        if file.checksum.fits(&path) {
            return Ok(path);
        }
        let part_path = folder.join(format!("{}.part", file.name));
        let part = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&part_path);
        let mut part = part.map_err(broken)?;
        part.lock().map_err(broken)?;
        // Another process may have fetched it while this one waited, and renamed what it had open.
        if file.checksum.fits(&path) {
            return Ok(path);
        }
        self.fill(file, &mut part, progress).map_err(|message| Error::file(&path, message))?;
        part.sync_all().map_err(broken)?;
        fs::rename(&part_path, &path).map_err(broken)?;
        Ok(path)
    }

    /// Tries address after address until the part is whole.
    fn fill(
        &self,
        file: &RemoteFile,
        part: &mut File,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), String> {
        let written = |error: io::Error| format!("cannot be written: {error}");
        let agent = self.agent();
        let mut failures = Vec::new();
        let mut round = 0;
        while round < self.rounds.max(1) {
            failures.clear();
            let mut advanced = false;
            for url in &file.urls {
                let before = part.seek(SeekFrom::End(0)).map_err(written)?;
                let outcome = get(&agent, url, part, before, &mut |done, total| {
                    progress(Progress { name: &file.name, done, total });
                });
                match outcome {
                    Ok(()) if file.checksum.fits_file(part) => return Ok(()),
                    Ok(()) => {
                        part.set_len(0).map_err(written)?;
                        failures.push(format!("{url}: sent other bytes than the {} tells", file.checksum));
                    }
                    Err(Failure::Local(error)) => return Err(written(error)),
                    Err(Failure::Remote(message)) => {
                        let after = part.seek(SeekFrom::End(0)).map_err(written)?;
                        advanced |= after > before;
                        failures.push(format!("{url}: {message}"));
                    }
                }
                tracing::warn!(file = %file.name, failure = failures.last(), "a download failed");
            }
            if !advanced {
                round += 1;
                if round < self.rounds {
                    std::thread::sleep(Duration::from_millis(250 << round.min(6)).min(self.timeout));
                }
            }
        }
        let failures = if failures.is_empty() { "no address is known".into() } else { failures.join("; ") };
        Err(format!(
            "cannot be fetched: {failures}; put a copy there, or try again later to go on with what is here"
        ))
    }

    fn agent(&self) -> Agent {
        let limit = Some(self.timeout);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(limit)
            .timeout_connect(limit)
            .timeout_recv_response(limit)
            .timeout_per_read(limit)
            .timeout_per_write(limit)
            .user_agent(concat!("flambeau/", env!("CARGO_PKG_VERSION")));
        Agent::new_with_config(config.build())
    }
}

enum Failure {
    /// Of the disk: no other address helps.
    Local(io::Error),
    Remote(String),
}

/// Fetches what the part, which holds `have` bytes, lacks.
fn get(
    agent: &Agent,
    url: &str,
    part: &mut File,
    have: u64,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<(), Failure> {
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(|error| Failure::Remote(error.to_string()))?;
    let mut done = match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response) == Some(have) => have,
        StatusCode::OK => 0,
        // The part is whole already, or of another file.
        StatusCode::RANGE_NOT_SATISFIABLE => return Ok(()),
        StatusCode::PARTIAL_CONTENT => {
            part.set_len(0).map_err(Failure::Local)?;
            return Err(Failure::Remote("sent another part than it was asked for".into()));
        }
        status => return Err(Failure::Remote(format!("answered {status}"))),
    };
    part.set_len(done).map_err(Failure::Local)?;
    part.seek(SeekFrom::Start(done)).map_err(Failure::Local)?;
    let body = response.into_body();
    let total = body.content_length().map(|rest| done.saturating_add(rest));
    let mut body = body.into_reader();
    let mut buffer = vec![0; 1 << 16];
    progress(done, total);
    loop {
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Remote(format!("stopped after {done} bytes ({error})"))),
        };
        part.write_all(&buffer[..n]).map_err(Failure::Local)?;
        done += n as u64;
        progress(done, total);
        if done > MOST {
            return Err(Failure::Remote(format!("sent more than {MOST} bytes")));
        }
    }
    match total {
        Some(total) if done < total => Err(Failure::Remote(format!("stopped after {done} of {total} bytes"))),
        _ => Ok(()),
    }
}

/// The first byte's place in `Content-Range: bytes 5-9/10`.
fn starts_at<B>(response: &Response<B>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
