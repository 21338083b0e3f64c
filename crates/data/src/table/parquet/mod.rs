//! Parquet files.
//!
//! Read by `parquet` with `arrow` arrays: 40 crates, of which the library without it lacks 27. `polars` is 136, for an
//! engine of queries that a training does not need; `parquet` without arrow is 32 but reads row by row.

mod images;
mod table;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use arrow_array::RecordBatch;
use flambeau_tensor::{Error, Result};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::idx::unreadable;

pub use images::ParquetImages;
pub use table::read_parquet;

/// Rows decoded at a time.
const ROWS: usize = 1024;
/// What deflate, the strongest of the compressions, can shrink at most.
const MOST_SHRUNK: u64 = 1032;

type Builder = ParquetRecordBatchReaderBuilder<File>;

/// Opens a file and checks that its parts lie inside it.
fn open(path: &Path) -> Result<Builder> {
    let file = File::open(path).map_err(|error| Error::file(path, unreadable(&error)))?;
    let length = file.metadata().map_err(|error| Error::file(path, unreadable(&error)))?.len();
    // The types follow from the file's own schema alone, not from notes that its writer added.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = guard(path, || Builder::try_new_with_options(file, options).map_err(|e| damaged(&e)))?;
    for (number, group) in builder.metadata().row_groups().iter().enumerate() {
        for chunk in group.columns() {
            let (size, grown) = (chunk.compressed_size(), chunk.uncompressed_size());
            let (size, grown) =
                (u64::try_from(size).unwrap_or(u64::MAX), u64::try_from(grown).unwrap_or(u64::MAX));
            let start = chunk.dictionary_page_offset().unwrap_or(0).min(chunk.data_page_offset());
            if start < 0 || size > length || grown > size.saturating_mul(MOST_SHRUNK).saturating_add(1 << 16)
            {
                let column = chunk.column_path().string();
                let message = format!(
                    "is damaged: column {column:?} of row group {number} claims {size} bytes from {start} on, unpacked {grown}, in a file of {length}; get it again"
                );
                return Err(Error::file(path, message));
            }
        }
    }
    Ok(builder)
}

/// Calls `each` with the rows of some top-level columns, some at a time, and the number of the first.
fn batches(
    path: &Path,
    builder: Builder,
    roots: &[usize],
    mut each: impl FnMut(usize, &RecordBatch) -> Result<()>,
) -> Result<usize> {
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
    let builder = builder.with_projection(mask).with_batch_size(ROWS);
    let mut reader = guard(path, || builder.build().map_err(|e| damaged(&e)))?;
    let mut rows = 0;
    let next = &mut || {
        let batch = reader.next()?;
        Some(batch.map_err(|e| format!("is damaged ({e}); get it again")))
    };
    while let Some(batch) = guard(path, || next().transpose())? {
        each(rows, &batch)?;
        rows += batch.num_rows();
    }
    Ok(rows)
}

/// Runs the reader, which panics on some damaged files.
fn guard<T>(path: &Path, f: impl FnOnce() -> Result<T, String>) -> Result<T> {
    let outcome = catch_unwind(AssertUnwindSafe(f));
    let outcome =
        outcome.unwrap_or_else(|_| Err("is damaged: its parts contradict each other; get it again".into()));
    outcome.map_err(|message| Error::file(path, message))
}

fn damaged(error: &::parquet::errors::ParquetError) -> String {
    format!("is no Parquet file, or damaged ({error}); get it again")
}
