//! Tables with named columns, and their columns as tensors.

mod column;
#[cfg(feature = "csv")]
mod csv;
#[cfg(feature = "parquet")]
mod parquet;

use flambeau_tensor::{Error, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::TensorDataset;
use column::{Column, Values};

#[cfg(feature = "csv")]
pub use csv::{CsvOptions, read_csv};
#[cfg(feature = "parquet")]
pub use parquet::{ParquetImages, read_parquet};

/// What a cell of a column of numbers may hold in place of a number.
const MISSING: [&str; 8] = ["", "?", "na", "n/a", "nan", "null", "none", "-"];

/// A table of named columns, read by [`read_csv`](crate::read_csv) or [`read_parquet`](crate::read_parquet).
///
/// A column gets its type when it is asked for: [`numbers`](Self::numbers), [`integers`](Self::integers),
/// [`categories`](Self::categories), [`texts`](Self::texts). A cell that does not fit is an error that names the file, the
/// line (in Parquet the row) and the column. Values stay as they are in the file: nothing is scaled or filled in.
///
/// # Examples
/// ```
/// # #[cfg(feature = "csv")] {
/// use flambeau_data::{CsvOptions, TensorDataset, random_split, read_csv};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("iris.csv");
/// std::fs::write(&path, "length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n")?;
/// let table = read_csv(&path, CsvOptions::default())?;
/// let x = table.numbers(&["length", "width"])?;
/// let (y, classes) = table.categories("species")?;
/// assert_eq!(x.shape(), [3, 2]);
/// assert_eq!(y.to_vec::<i64>(), [0, 1, 0]);
/// assert_eq!(classes, ["setosa", "versicolor"]);
/// let [train, val] = random_split(TensorDataset::new(x, y)?, [2, 1], 0)?;
/// # let _ = (train, val);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    columns: Vec<Column>,
    /// Each row's place in the file.
    places: Vec<u64>,
    unit: Unit,
}

/// What a row's place is.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// An offset, from which the line is counted when an error needs it.
    #[cfg(feature = "csv")]
    Byte,
    #[cfg(feature = "parquet")]
    Row,
}

impl Table {
    /// The columns' names, in the file's order.
    pub fn columns(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Columns of numbers as `f32` of shape `[rows, columns]`.
    ///
    /// # Errors
    /// [`Error::File`], naming line and column, if there is no such column, or a cell is missing (empty, `NA`, `NaN`,
    /// `null`, `?`, `-`, …), is not a number, or is none that `f32` can hold.
    ///
    /// ```
    /// # #[cfg(feature = "csv")] {
    /// # use flambeau_data::{CsvOptions, read_csv};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("houses.csv");
    /// std::fs::write(&path, "area,price\n70,210\nlarge,400\n")?;
    /// let table = read_csv(&path, CsvOptions::default())?;
    /// assert_eq!(table.numbers(&["price"])?.to_vec::<f32>(), [210.0, 400.0]);
    /// let error = table.numbers(&["area"]).unwrap_err().to_string();
    /// assert!(error.contains(r#"houses.csv: line 3, column "area": "large" is not a number"#));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn numbers(&self, columns: &[&str]) -> Result<Tensor> {
        let columns = columns.iter().map(|name| self.find(name)).collect::<Result<Vec<_>>>()?;
        let mut values = Vec::with_capacity(self.len() * columns.len());
        for row in 0..self.len() {
            for column in &columns {
                let value = self.number(column, row)?;
                if !(value as f32).is_finite() {
                    return Err(self.error(
                        column,
                        row,
                        format!("{value} does not fit into f32; scale the column"),
                    ));
                }
                values.push(value as f32);
            }
        }
        Ok(Tensor::from_vec(values, [self.len(), columns.len()]))
    }

    /// A column of whole numbers, such as class indices, as `i64` of shape `[rows]`.
    ///
    /// # Errors
    /// As for [`numbers`](Self::numbers), and if a number has a fraction or is beyond 64 bits.
    pub fn integers(&self, column: &str) -> Result<Tensor> {
        let column = self.find(column)?;
        let values = (0..self.len()).map(|row| self.integer(column, row)).collect::<Result<Vec<_>>>()?;
        let n = values.len();
        Ok(Tensor::from_vec(values, [n]))
    }

    /// A column of names as class indices, `i64` of shape `[rows]`, and the classes: all names that occur, sorted.
    ///
    /// # Errors
    /// [`Error::File`], naming line and column, if there is no such column or a cell is empty.
    pub fn categories(&self, column: &str) -> Result<(Tensor, Vec<String>)> {
        let texts = self.texts(column)?;
        let classes: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
        let classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
        Ok((self.categories_of(column, &classes)?, classes))
    }

    /// A column of names as indices into known classes: those of the training table, for the test table.
    ///
    /// # Errors
    /// As for [`categories`](Self::categories), and if a name is not among the classes.
    pub fn categories_of(&self, column: &str, classes: &[String]) -> Result<Tensor> {
        let index: BTreeMap<&str, i64> = classes.iter().map(String::as_str).zip(0..).collect();
        let found = self.find(column)?;
        let known = |(row, text): (usize, String)| {
            index.get(text.as_str()).copied().ok_or_else(|| {
                self.error(
                    found,
                    row,
                    format!("{text:?} is none of the {} classes {classes:?}", classes.len()),
                )
            })
        };
        let values = self.texts(column)?.into_iter().enumerate().map(known).collect::<Result<Vec<_>>>()?;
        let n = values.len();
        Ok(Tensor::from_vec(values, [n]))
    }

    /// A column's cells as text.
    ///
    /// # Errors
    /// [`Error::File`], naming line and column, if there is no such column or a cell is empty.
    pub fn texts(&self, column: &str) -> Result<Vec<String>> {
        let column = self.find(column)?;
        let text = |row| match column.text(row).filter(|text| !text.is_empty()) {
            Some(text) => Ok(text),
            None => Err(self.missing(column, row)),
        };
        (0..self.len()).map(text).collect()
    }

    /// The rows in which none of the columns has a missing cell.
    ///
    /// # Errors
    /// [`Error::File`] if there is no such column.
    pub fn drop_missing(&self, columns: &[&str]) -> Result<Self> {
        let columns = columns.iter().map(|name| self.find(name)).collect::<Result<Vec<_>>>()?;
        let whole = |row: &usize| columns.iter().all(|column| !is_missing(column, *row));
        let rows: Vec<usize> = (0..self.len()).filter(whole).collect();
        Ok(Self {
            path: self.path.clone(),
            columns: self.columns.iter().map(|column| column.take(&rows)).collect(),
            places: rows.iter().map(|&row| self.places[row]).collect(),
            unit: self.unit,
        })
    }

    /// Features and a target as a data set for regression: both `f32`, of shapes `[rows, features]` and `[rows, 1]`.
    ///
    /// # Errors
    /// As for [`numbers`](Self::numbers).
    pub fn regression(&self, features: &[&str], target: &str) -> Result<TensorDataset> {
        TensorDataset::new(self.numbers(features)?, self.numbers(&[target])?)
    }

    /// Features and a column of names as a data set for classification, and the classes.
    ///
    /// # Errors
    /// As for [`numbers`](Self::numbers) and [`categories`](Self::categories).
    pub fn classification(&self, features: &[&str], target: &str) -> Result<(TensorDataset, Vec<String>)> {
        let (targets, classes) = self.categories(target)?;
        Ok((TensorDataset::new(self.numbers(features)?, targets)?, classes))
    }

    fn find(&self, name: &str) -> Result<&Column> {
        let column = self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            Error::file(&self.path, format!("has no column {name:?}; its columns are {:?}", self.columns()))
        })?;
        match &column.values {
            Values::Unread(found) => {
                let message = format!("column {name:?}: expected numbers or text, found {found}");
                Err(Error::file(&self.path, message))
            }
            _ => Ok(column),
        }
    }

    fn number(&self, column: &Column, row: usize) -> Result<f64> {
        if is_missing(column, row) {
            return Err(self.missing(column, row));
        }
        match &column.values {
            Values::Float(values) => Ok(values[row]),
            Values::Int(values) => Ok(values[row] as f64),
            // Such a column is never found.
            Values::Unread(found) => Err(self.error(column, row, format!("expected numbers, found {found}"))),
            Values::Text(text) => {
                let cell = text.get(row);
                let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
                number.ok_or_else(|| {
                    self.error(column, row, format!("{cell:?} is not a number; correct the cell"))
                })
            }
        }
    }

    fn integer(&self, column: &Column, row: usize) -> Result<i64> {
        let number = self.number(column, row)?;
        let whole = match &column.values {
            Values::Int(values) => Some(values[row]),
            Values::Text(text) => text.get(row).parse().ok(),
            Values::Float(_) | Values::Unread(_) => None,
        };
        // Up to 2^53, every whole number is an f64.
        let exact =
            (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64);
        whole
            .or(exact)
            .ok_or_else(|| self.error(column, row, format!("{number} is not a whole number of 64 bits")))
    }

    fn missing(&self, column: &Column, row: usize) -> Error {
        let found = column.text(row).filter(|text| !text.is_empty()).map(|text| format!(" ({text:?})"));
        let message =
            format!("the cell is missing{}; fill it in or use drop_missing", found.unwrap_or_default());
        self.error(column, row, message)
    }

    fn error(&self, column: &Column, row: usize, message: String) -> Error {
        let place = match self.unit {
            #[cfg(feature = "csv")]
            Unit::Byte => csv::line(&self.path, self.places[row]),
            #[cfg(feature = "parquet")]
            Unit::Row => format!("row {}", self.places[row]),
        };
        let place = format!("{place}, column {:?}: ", column.name);
        Error::file(&self.path, place + &message)
    }
}

fn is_missing(column: &Column, row: usize) -> bool {
    match &column.values {
        Values::Text(text) => MISSING.iter().any(|missing| text.get(row).eq_ignore_ascii_case(missing)),
        Values::Float(values) => column.null(row) || values[row].is_nan(),
        Values::Int(_) | Values::Unread(_) => column.null(row),
    }
}
