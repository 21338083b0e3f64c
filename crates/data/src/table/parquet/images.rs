//! Image sets in Parquet files, as hubs ship them.

use ::parquet::file::metadata::KeyValue;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, RecordBatch};
use arrow_schema::{DataType, Field};
use flambeau_tensor::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::table::append_ints;
use super::{batches, open};

/// Where Hugging Face's `datasets` keeps what the columns mean.
const NOTES: &str = "huggingface";

/// Labelled images in Parquet files: encoded images in one column, classes in another, as Hugging Face's hub ships image
/// sets.
///
/// The image column holds PNG, JPEG, WebP or BMP bytes, or a record of `bytes` and `path`, of which the bytes are taken;
/// the label column holds whole numbers. Where the file's notes name the classes, [`classes`](Self::classes) gives the
/// names and a label outside of them is an error. The encoded images are held in memory.
///
/// With the feature `image`, this is a [`Dataset`](crate::Dataset): an image is decoded when its item is asked for, to
/// `f32` of shape `[channels, height, width]` from 0 to 1 (the pixels divided by 255, moved to channels first); its class
/// is `i64` without dimensions.
///
/// # Examples
/// ```no_run
/// use flambeau_data::ParquetImages;
///
/// let train = ParquetImages::new(["cifar10/train-00000-of-00001.parquet"], "img", "label")?;
/// println!("{} images of {:?}", train.targets().len(), train.classes());
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone)]
pub struct ParquetImages {
    parts: Arc<[Part]>,
    targets: Arc<[i64]>,
    classes: Arc<[String]>,
    #[cfg(feature = "image")]
    mode: crate::ImageReadMode,
}

/// Some rows of a file.
#[cfg_attr(
    not(feature = "image"),
    allow(dead_code, reason = "where they are matters when one cannot be decoded")
)]
struct Part {
    path: Arc<PathBuf>,
    /// Of the first, in the file and in the whole set.
    row: usize,
    item: usize,
    images: BinaryArray,
}

impl ParquetImages {
    /// The images of one or more files, with the names of their columns of images and of labels.
    ///
    /// # Errors
    /// [`Error::File`], naming the file and the column, what was expected and what was found, if a file cannot be read or is
    /// damaged, a column is missing or of another type, or, naming the row, an image or a label is missing, or a label
    /// is negative or outside of the classes; [`Error::Config`] if there is no file.
    pub fn new(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        image_column: &str,
        label_column: &str,
    ) -> Result<Self> {
        let mut parts = Vec::new();
        let mut targets = Vec::new();
        let mut classes: Vec<String> = Vec::new();
        let mut files = 0;
        for path in paths {
            files += 1;
            let path = Arc::new(path.as_ref().to_path_buf());
            let builder = open(&path)?;
            let fields = builder.schema().fields().clone();
            let find = |name: &str, expected: &str, fits: fn(&DataType) -> bool| {
                let found = fields.iter().position(|field| field.name() == name).ok_or_else(|| {
                    let names: Vec<_> = fields.iter().map(|field| field.name()).collect();
                    Error::file(&*path, format!("has no column {name:?}; its columns are {names:?}"))
                })?;
                let data_type = fields[found].data_type();
                if fits(data_type) {
                    return Ok(found);
                }
                Err(Error::file(&*path, format!("column {name:?}: expected {expected}, found {data_type}")))
            };
            let image =
                find(image_column, "encoded images (binary, or a record with binary \"bytes\")", is_images)?;
            let label = find(label_column, "whole numbers", |t| t.is_integer() && *t != DataType::UInt64)?;
            let notes = builder.metadata().file_metadata().key_value_metadata();
            let names = notes.and_then(|notes| class_names(notes, label_column)).unwrap_or_default();
            if files > 1 && names != classes {
                return Err(Error::file(
                    &*path,
                    format!("has the classes {names:?}, but the file before {classes:?}"),
                ));
            }
            classes = names;
            batches(&path, builder, &[image, label], |row, batch| {
                let images = images_of(batch, image_column);
                let labels = labels_of(batch, label_column);
                let at = |index, column: &str, message: &str| {
                    Error::file(&*path, format!("row {}, column {column:?}: {message}", row + index))
                };
                if let Some(index) = (0..images.len()).find(|&index| images.is_null(index)) {
                    return Err(at(
                        index,
                        image_column,
                        "the image's bytes are missing; only sets that embed them can be read",
                    ));
                }
                let known =
                    |label: i64| label >= 0 && (classes.is_empty() || (label as u64) < classes.len() as u64);
                for (index, label) in labels.iter().enumerate() {
                    match label {
                        None => return Err(at(index, label_column, "the label is missing")),
                        Some(label) if !known(*label) => {
                            let message =
                                format!("{label} is none of the {} classes, counted from 0", classes.len());
                            return Err(at(index, label_column, &message));
                        }
                        Some(_) => {}
                    }
                }
                parts.push(Part { path: Arc::clone(&path), row, item: targets.len(), images });
                targets.extend(labels.into_iter().flatten());
                Ok(())
            })?;
        }
        if files == 0 {
            return Err(Error::config("paths", "are none; name at least one Parquet file"));
        }
        Ok(Self {
            parts: parts.into(),
            targets: targets.into(),
            classes: classes.into(),
            #[cfg(feature = "image")]
            mode: crate::ImageReadMode::default(),
        })
    }

    /// Each item's class.
    pub fn targets(&self) -> &[i64] {
        &self.targets
    }

    /// The classes' names, in the order of their numbers; none if the files do not tell.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// An item's image as it is in the file.
    ///
    /// # Panics
    /// If `index` is not less than the number of items.
    pub fn encoded(&self, index: usize) -> &[u8] {
        let (part, inside) = self.find(index);
        part.images.value(inside)
    }

    fn find(&self, index: usize) -> (&Part, usize) {
        assert!(index < self.targets.len(), "item {index} of ParquetImages of {} items", self.targets.len());
        let part = &self.parts[self.parts.partition_point(|part| part.item <= index) - 1];
        (part, index - part.item)
    }

    /// Which channels the images have (default: [`ImageReadMode::Rgb`](crate::ImageReadMode::Rgb)).
    #[cfg(feature = "image")]
    pub fn mode(mut self, mode: crate::ImageReadMode) -> Self {
        self.mode = mode;
        self
    }
}

fn is_images(data_type: &DataType) -> bool {
    match data_type {
        DataType::Binary => true,
        DataType::Struct(fields) => fields
            .iter()
            .any(|field: &Arc<Field>| field.name() == "bytes" && *field.data_type() == DataType::Binary),
        _ => false,
    }
}

/// The encoded images; a record that is missing as a whole makes its bytes missing.
fn images_of(batch: &RecordBatch, column: &str) -> BinaryArray {
    let array = named(batch, column);
    let Some(record) = array.as_struct_opt() else { return array.as_binary::<i32>().clone() };
    // The schema was checked.
    let bytes = record.column_by_name("bytes").unwrap_or(array);
    let bytes = bytes.as_binary::<i32>();
    if record.null_count() == 0 {
        return bytes.clone();
    }
    (0..bytes.len())
        .map(|row| (record.is_valid(row) && bytes.is_valid(row)).then(|| bytes.value(row)))
        .collect()
}

fn labels_of(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    let array = named(batch, column);
    let mut values = Vec::new();
    append_ints(&mut values, array);
    values.into_iter().enumerate().map(|(row, value)| array.is_valid(row).then_some(value)).collect()
}

/// A column that was asked for.
fn named<'a>(batch: &'a RecordBatch, column: &str) -> &'a ArrayRef {
    batch
        .column_by_name(column)
        .unwrap_or_else(|| unreachable!("no column {column:?} in what was read of it"))
}

/// The names in `{"info": {"features": {"label": {"names": [...]}}}}`.
fn class_names(notes: &[KeyValue], column: &str) -> Option<Vec<String>> {
    let note = notes.iter().find(|note| note.key == NOTES)?.value.as_ref()?;
    let note: serde_json::Value = serde_json::from_str(note).ok()?;
    let names = note["info"]["features"][column]["names"].as_array()?;
    names.iter().map(|name| Some(name.as_str()?.to_owned())).collect()
}

#[cfg(feature = "image")]
impl crate::Dataset for ParquetImages {
    fn len(&self) -> usize {
        self.targets.len()
    }

    fn get(&self, index: usize) -> (flambeau_tensor::Tensor, flambeau_tensor::Tensor) {
        let (part, inside) = self.find(index);
        let image =
            crate::vision::decode(part.images.value(inside), self.mode, false).unwrap_or_else(|message| {
                flambeau_tensor::raise(Error::file(
                    &*part.path,
                    format!("row {}: {message}", part.row + inside),
                ))
            });
        (crate::vision::scaled(&image), flambeau_tensor::Tensor::from_vec(vec![self.targets[index]], []))
    }
}

impl std::fmt::Debug for ParquetImages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParquetImages({} images, {} classes)", self.targets.len(), self.classes.len())
    }
}
