//! Reading tar archives, on a thread of its own.

use flambeau_tensor::{Error, Result};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tar::{Archive, Entry};

use super::Sample;
use crate::idx::{open, unreadable};

const TRUNCATED: &str = "is truncated; get or make the shard again";
/// Samples read ahead.
const AHEAD: usize = 8;
/// The largest entry that is read, since it must fit into memory.
const MAX_ENTRY: u64 = 1 << 30;

/// The samples of shards one after another. Dropped, it lets its thread end.
pub(super) struct Samples(Receiver<Result<Sample>>);

impl Samples {
    /// Begins to read lists of shards, until an error.
    pub(super) fn start(passes: impl Iterator<Item = Vec<PathBuf>> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(AHEAD);
        let failed = sender.clone();
        let thread = std::thread::Builder::new().name("flambeau-shards".into());
        if let Err(error) = thread.spawn(move || run(passes, &sender)) {
            let error = Error::config("shards", format!("cannot be read: no thread to be had ({error})"));
            // The channel is empty and its receiver is here.
            let _ = failed.send(Err(error));
        }
        Self(receiver)
    }
}

impl Iterator for Samples {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv().ok()
    }
}

/// What ends the thread.
enum End {
    /// Nobody listens any more.
    Dropped,
    Failed(String),
}

fn run(passes: impl Iterator<Item = Vec<PathBuf>>, sender: &SyncSender<Result<Sample>>) {
    for shards in passes {
        let mut samples = 0_u64;
        for shard in &shards {
            match read(Arc::new(shard.clone()), sender, &mut samples) {
                Ok(()) => {}
                Err(End::Dropped) => return,
                Err(End::Failed(message)) => {
                    // If nobody listens, it does not matter.
                    let _ = sender.send(Err(Error::file(shard, message)));
                    return;
                }
            }
        }
        if samples == 0 {
            let message = "holds no samples, nor do the other shards; entries are named like 0001.jpg";
            let _ = sender.send(Err(Error::file(shards.first().map_or(Path::new(""), |s| s), message)));
            return;
        }
    }
}

/// Notes whether the source was read to its end, which a whole archive is not: its end is marked.
struct Watched<'a> {
    source: Box<dyn Read>,
    ended: &'a std::cell::Cell<bool>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.ended.set(self.ended.get() || (n == 0 && !buffer.is_empty()));
        Ok(n)
    }
}

fn read(shard: Arc<PathBuf>, sender: &SyncSender<Result<Sample>>, samples: &mut u64) -> Result<(), End> {
    let send = |sample: Sample| sender.send(Ok(sample)).map_err(|_| End::Dropped);
    let source = open(&shard).map_err(|error| End::Failed(unreadable(&error)))?;
    let ended = std::cell::Cell::new(false);
    let mut archive = Archive::new(Watched { source, ended: &ended });
    let mut current: Option<Sample> = None;
    for (number, entry) in archive.entries().map_err(|e| End::Failed(unreadable(&e)))?.enumerate() {
        let at = |message: String| End::Failed(format!("entry {number} (counted from 0): {message}"));
        let mut entry = entry.map_err(|error| match ended.get() {
            true => at(TRUNCATED.into()),
            false => at(damaged(&error)),
        })?;
        let Some((key, field)) = name(&entry).map_err(at)? else { continue };
        let bytes = contents(&mut entry).map_err(|message| at(format!("{key}.{field} {message}")))?;
        if current.as_ref().is_some_and(|sample| sample.key != key)
            && let Some(sample) = current.take()
        {
            *samples += 1;
            send(sample)?;
        }
        let sample =
            current.get_or_insert_with(|| Sample { shard: Arc::clone(&shard), key, fields: BTreeMap::new() });
        if let Some(twice) = sample.fields.keys().find(|known| **known == field) {
            return Err(at(format!("sample {:?} has the field {twice:?} twice; rename one", sample.key)));
        }
        sample.fields.insert(field, bytes);
    }
    if ended.get() {
        return Err(End::Failed("is truncated: its end is not marked; get or make it again".into()));
    }
    if let Some(sample) = current {
        *samples += 1;
        send(sample)?;
    }
    Ok(())
}

/// An entry's key and field, if it is one of a sample.
fn name<R: Read>(entry: &Entry<'_, R>) -> Result<Option<(String, String)>, String> {
    let path = entry.path().map_err(|error| damaged(&error))?;
    let inside = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
    if !path.components().all(inside) {
        let path = path.display().to_string();
        return Err(format!("{path:?} leads out of the archive; do not use what somebody made to harm you"));
    }
    if !entry.header().entry_type().is_file() {
        return Ok(None);
    }
    let path = path.components().filter(|c| *c != Component::CurDir).collect::<PathBuf>();
    let path = path.to_string_lossy();
    let (folder, file) = path.rsplit_once('/').map_or(("", &*path), |(folder, file)| (folder, file));
    // WebDataset's own notes are called __…__.
    if file.starts_with("__") && file.ends_with("__") {
        return Ok(None);
    }
    let Some((stem, field)) = file.split_once('.').filter(|(stem, _)| !stem.is_empty()) else {
        return Ok(None);
    };
    let key = if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") };
    Ok(Some((key, field.to_lowercase())))
}

/// Memory grows with what is there, not with what the header promises.
fn contents<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, String> {
    let size = entry.size();
    if size > MAX_ENTRY {
        return Err(format!("promises {size} bytes, and {MAX_ENTRY} is the most for one entry; split it up"));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    if bytes.len() as u64 != size {
        return Err(format!("is truncated: {} of {size} bytes; get or make the shard again", bytes.len()));
    }
    Ok(bytes)
}

fn damaged(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => TRUNCATED.into(),
        _ => format!("is damaged ({error}); get or make the shard again"),
    }
}
