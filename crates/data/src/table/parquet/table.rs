//! Tables from Parquet files.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use flambeau_tensor::Result;
use std::path::Path;

use super::super::column::{Column, Texts, Values};
use super::super::{Table, Unit};
use super::{batches, open};

/// Reads a table from a Parquet file.
///
/// Columns of whole numbers, floats, truth values (0 and 1) and text are read; one of another type is an error only when
/// it is asked for. Pages may be plain or compressed with Snappy, gzip or LZ4 (not Zstandard or Brotli, which need C or
/// many crates).
///
/// Source: <https://parquet.apache.org/docs/file-format/>; the reader is the crate
/// [`parquet`](https://docs.rs/parquet).
///
/// # Errors
/// [`Error::File`](flambeau_tensor::Error::File) if the file cannot be read, is not in this format, damaged or compressed
/// otherwise. Cells are checked when a column is asked for; the error names row (counted from 0) and column.
///
/// ```
/// let error = flambeau_data::read_parquet("missing.parquet").unwrap_err();
/// assert!(error.to_string().starts_with("missing.parquet: no such file"));
/// ```
pub fn read_parquet(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let builder = open(path)?;
    let fields = builder.schema().fields().clone();
    let start = |(field, root): (&arrow_schema::FieldRef, usize)| {
        let values = empty(field.data_type());
        let read = !matches!(values, Values::Unread(_));
        (Column { name: field.name().clone(), values, nulls: Vec::new() }, read.then_some(root))
    };
    let (mut columns, roots): (Vec<Column>, Vec<Option<usize>>) = fields.iter().zip(0..).map(start).unzip();
    let roots: Vec<usize> = roots.into_iter().flatten().collect();
    let rows = batches(path, builder, &roots, |_, batch| {
        for (&root, array) in roots.iter().zip(batch.columns()) {
            append(&mut columns[root], array);
        }
        Ok(())
    })?;
    for column in columns.iter_mut().filter(|column| !column.nulls.contains(&true)) {
        column.nulls = Vec::new();
    }
    Ok(Table { path: path.to_path_buf(), columns, places: (0..rows as u64).collect(), unit: Unit::Row })
}

/// What a column of a type is read into.
fn empty(data_type: &DataType) -> Values {
    match data_type {
        DataType::Float32 | DataType::Float64 => Values::Float(Vec::new()),
        DataType::Utf8 => Values::Text(Texts::default()),
        DataType::Boolean => Values::Int(Vec::new()),
        // Beyond 63 bits, an approximation is what a float is for.
        DataType::UInt64 => Values::Float(Vec::new()),
        other if other.is_integer() => Values::Int(Vec::new()),
        other => Values::Unread(other.to_string()),
    }
}

fn append(column: &mut Column, array: &ArrayRef) {
    column.nulls.extend((0..array.len()).map(|row| array.is_null(row)));
    match &mut column.values {
        Values::Int(values) => append_ints(values, array),
        Values::Float(values) => match array.data_type() {
            DataType::Float32 => {
                values.extend(array.as_primitive::<Float32Type>().values().iter().map(|&v| f64::from(v)));
            }
            DataType::UInt64 => {
                values.extend(array.as_primitive::<UInt64Type>().values().iter().map(|&v| v as f64));
            }
            _ => values.extend(array.as_primitive::<Float64Type>().values()),
        },
        Values::Text(texts) => {
            array.as_string::<i32>().iter().for_each(|t| texts.push(t.unwrap_or_default()))
        }
        Values::Unread(_) => {}
    }
}

/// Whole numbers and truth values, those in place of nulls included.
pub(super) fn append_ints(values: &mut Vec<i64>, array: &ArrayRef) {
    match array.data_type() {
        DataType::Boolean => values.extend(array.as_boolean().iter().map(|v| i64::from(v.unwrap_or(false)))),
        DataType::Int8 => {
            values.extend(array.as_primitive::<Int8Type>().values().iter().map(|&v| i64::from(v)))
        }
        DataType::Int16 => {
            values.extend(array.as_primitive::<Int16Type>().values().iter().map(|&v| i64::from(v)))
        }
        DataType::Int32 => {
            values.extend(array.as_primitive::<Int32Type>().values().iter().map(|&v| i64::from(v)))
        }
        DataType::UInt8 => {
            values.extend(array.as_primitive::<UInt8Type>().values().iter().map(|&v| i64::from(v)))
        }
        DataType::UInt16 => {
            values.extend(array.as_primitive::<UInt16Type>().values().iter().map(|&v| i64::from(v)));
        }
        DataType::UInt32 => {
            values.extend(array.as_primitive::<UInt32Type>().values().iter().map(|&v| i64::from(v)));
        }
        _ => values.extend(array.as_primitive::<Int64Type>().values()),
    }
}
