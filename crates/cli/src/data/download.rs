//! `flambeau data download`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use flambeau::data::{Checksum, Downloader, KnownDataset, RemoteFile, data_dir};
use flambeau::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

use super::DownloadArgs;
use crate::console::say;
use crate::progress::Transfer;

/// Of the sets that can be fetched.
pub(super) fn names() -> impl TypedValueParser<Value = KnownDataset> {
    let names = PossibleValuesParser::new(KnownDataset::ALL.map(KnownDataset::name));
    names.try_map(|name| {
        let set = KnownDataset::ALL.into_iter().find(|set| set.name() == name);
        set.ok_or("is no data set")
    })
}

/// An address without the slash at its end.
pub(super) fn mirror(text: &str) -> Result<String, String> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        None | Some("") => Err("needs an address that begins with https:// or http://".into()),
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
    }
}

/// Fetches what is not there and says where it is.
pub(super) fn run(args: &DownloadArgs) -> Result<()> {
    let set = args.dataset;
    let parent = match &args.data_dir {
        Some(dir) => dir.clone(),
        None => data_dir()?,
    };
    let mut files = set.files();
    if !args.mirrors.is_empty() {
        for file in &mut files {
            file.urls = args.mirrors.iter().map(|mirror| format!("{mirror}/{}", file.name)).collect();
        }
    }
    if let Some(path) = &args.checksums {
        use_checksums(path, &mut files)?;
    }
    let mut transfer = Transfer::default();
    let folder = set.fetch_from(&files, &Downloader::new(), parent, &mut |progress| {
        transfer.show(progress.name, progress.done, progress.total);
    })?;
    drop(transfer);
    say(format_args!("{} is in {}", set.name(), folder.display()));
    Ok(())
}

/// Takes the files' checksums from lines of `sha256sum`.
fn use_checksums(path: &Path, files: &mut [RemoteFile]) -> Result<()> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Error::file(path, format!("cannot be read ({e})")))?;
    let mut sums = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // Text files have two spaces, binary ones a space and a star.
        let parts =
            line.split_once(' ').map(|(sum, name)| (sum, name.trim_start_matches([' ', '*']).trim_end()));
        let Some((sum, name)) = parts.filter(|(sum, _)| sum.len() == 64 && is_hexadecimal(sum)) else {
            let message = format!(
                "line {}: is not of the form that `sha256sum` prints: 64 digits and a name",
                number + 1
            );
            return Err(Error::file(path, message));
        };
        sums.insert(name.rsplit('/').next().unwrap_or(name), sum);
    }
    for file in files {
        let Some(sum) = sums.get(file.name.as_str()) else {
            return Err(Error::file(path, format!("has no checksum of {}", file.name)));
        };
        file.checksum = Checksum::Sha256((*sum).to_owned());
    }
    Ok(())
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
