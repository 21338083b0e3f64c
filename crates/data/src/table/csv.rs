//! Tables from CSV files.

use ::csv::{Error as CsvError, ErrorKind, ReaderBuilder, StringRecord, Trim};
use flambeau_tensor::{Error, Result};
use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::path::Path;

use super::column::{Column, Texts, Values};
use super::{Table, Unit};
use crate::idx::{open, unreadable};

/// The byte-order mark that some editors begin a file with.
const MARK: char = '\u{feff}';

/// How [`read_csv`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two cells (default: `,`).
    pub delimiter: u8,
    /// Whether the first line names the columns (default: yes). If not, they are called `0`, `1`, ….
    pub has_header: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: b',', has_header: true }
    }
}

/// Reads a table from a CSV file, plain or compressed with gzip (told apart by content).
///
/// Cells may stand in quotes, as RFC 4180 has it; blanks around them are cut off. A byte-order mark is skipped.
///
/// Source: [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180); the reader is the crate
/// [`csv`](https://docs.rs/csv).
///
/// # Errors
/// [`Error::File`], naming the line where there is one, if the file cannot be read, is empty or not UTF-8, two columns have
/// one name, or a line has another number of cells than the first. What the cells hold is checked when a column is
/// asked for.
///
/// # Examples
/// ```
/// use flambeau_data::{CsvOptions, read_csv};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("houses.csv");
/// std::fs::write(&path, "70;210\n120;380\n")?;
/// let table = read_csv(&path, CsvOptions { delimiter: b';', has_header: false })?;
/// let data = table.regression(&["0"], "1")?;
/// assert_eq!(data.targets().to_vec::<f32>(), [210.0, 380.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_csv(path: impl AsRef<Path>, options: CsvOptions) -> Result<Table> {
    let path = path.as_ref();
    let file = open(path).map_err(|error| Error::file(path, unreadable(&error)))?;
    let wrong = |message: String| Error::file(path, message);
    let explain = |error: &CsvError| {
        let place = error.position().map(|position| line(path, position.byte()) + ": ");
        wrong(place.unwrap_or_default() + &explain(error))
    };
    let mut reader = ReaderBuilder::new()
        .delimiter(options.delimiter)
        .has_headers(options.has_header)
        .trim(Trim::All)
        .from_reader(file);
    let mut names: Vec<String> = Vec::new();
    if options.has_header {
        names = reader.headers().map_err(|e| explain(&e))?.iter().map(str::to_owned).collect();
        names.iter_mut().take(1).for_each(|name| *name = name.trim_start_matches(MARK).trim().to_owned());
    }
    let mut columns: Vec<Texts> = vec![Texts::default(); names.len()];
    let mut places = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| explain(&e))? {
        if names.is_empty() {
            names = (0..record.len()).map(|index| index.to_string()).collect();
            columns = vec![Texts::default(); names.len()];
        }
        for (column, cell) in columns.iter_mut().zip(&record) {
            column.push(if places.is_empty() { cell.trim_start_matches(MARK) } else { cell });
        }
        places.push(record.position().map_or(0, ::csv::Position::byte));
    }
    if names.is_empty() {
        return Err(wrong("is empty; a table needs a line that names its columns".into()));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(wrong(format!("line 1: two columns are called {twice:?}; rename one")));
    }
    let column = |(name, texts)| Column { name, values: Values::Text(texts), nulls: Vec::new() };
    let columns = names.into_iter().zip(columns).map(column).collect();
    Ok(Table { path: path.to_path_buf(), columns, places, unit: Unit::Byte })
}

/// The line of a record that begins at an offset, or past it if empty lines stand there. The reader's own count knows
/// nothing of these.
pub(super) fn line(path: &Path, offset: u64) -> String {
    // It may be gone since it was read.
    let Ok(file) = open(path) else { return format!("at byte {offset}") };
    let bytes = BufReader::new(file).bytes().map_while(Result::ok);
    let before = bytes.zip(0..).take_while(|&(byte, place)| place < offset || matches!(byte, b'\r' | b'\n'));
    format!("line {}", 1 + before.filter(|&(byte, _)| byte == b'\n').count())
}

fn explain(error: &CsvError) -> String {
    match error.kind() {
        ErrorKind::Io(error) => unreadable(error),
        ErrorKind::Utf8 { err, .. } => {
            format!("cell {} is not UTF-8 text; save the file in UTF-8", err.field() + 1)
        }
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells, but the first line has {expected_len}; check its delimiters and quotes")
        }
        _ => error.to_string(),
    }
}
