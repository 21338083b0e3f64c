//! Readers of data sets and tables, from files written in their formats.
#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "damaged files are what is tested")]

#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "download")]
mod download;
#[cfg(feature = "image")]
mod image_folder;
#[cfg(all(feature = "image", feature = "parquet"))]
mod parquet;
mod toy;
mod vision;
#[cfg(feature = "tar")]
mod web_dataset;

/// Tells that a test cannot run here.
fn skip(what: &str) {
    use std::io::Write;
    eprintln!("SKIPPED: {what}");
    if let Some(path) = std::env::var_os("FLAMBEAU_SKIPS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "SKIPPED: {what}").unwrap();
    }
}
