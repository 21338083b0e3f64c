//! Tables and image sets in Parquet files.

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    UInt8Array,
};
use arrow_schema::{DataType, Field};
use flambeau_data::*;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::path::Path;
use std::sync::Arc;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, notes: Option<&str>, compression: Compression) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let notes = notes.map(|text| vec![KeyValue::new("huggingface".into(), text.to_owned())]);
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(3))
        .set_key_value_metadata(notes)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn numbers() -> Vec<(&'static str, ArrayRef)> {
    vec![
        (
            "area",
            Arc::new(Float64Array::from(vec![Some(70.5), None, Some(30.0), Some(f64::NAN), Some(10.0)])),
        ),
        ("rooms", Arc::new(Int32Array::from(vec![3, 4, 1, 2, 1]))),
        ("kind", Arc::new(StringArray::from(vec!["villa", "flat", "flat", "villa", "flat"]))),
        ("new", Arc::new(BooleanArray::from(vec![true, false, false, true, true]))),
        ("code", Arc::new(UInt8Array::from(vec![Some(1), Some(2), None, Some(4), Some(255)]))),
        ("when", Arc::new(arrow_array::Date32Array::from(vec![1, 2, 3, 4, 5]))),
    ]
}

#[test]
fn tables_of_numbers_and_text() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("houses.parquet");
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
    ] {
        write(&path, numbers(), None, compression);
        let table = read_parquet(&path).unwrap();
        assert_eq!(table.columns(), ["area", "rooms", "kind", "new", "code", "when"]);
        assert_eq!(table.len(), 5);
        assert_eq!(table.numbers(&["rooms", "new"]).unwrap().to_vec::<f32>()[..4], [3.0, 1.0, 4.0, 0.0]);
        assert_eq!(table.integers("rooms").unwrap().to_vec::<i64>(), [3, 4, 1, 2, 1]);
        let (classes, names) = table.categories("kind").unwrap();
        assert_eq!(
            (classes.to_vec::<i64>(), names),
            (vec![1, 0, 0, 1, 0], vec!["flat".into(), "villa".into()])
        );
        let whole = table.drop_missing(&["area", "code"]).unwrap();
        assert_eq!(whole.numbers(&["area"]).unwrap().to_vec::<f32>(), [70.5, 10.0]);
        assert_eq!(whole.integers("code").unwrap().to_vec::<i64>(), [1, 255]);

        let message = table.numbers(&["area"]).unwrap_err().to_string();
        assert!(message.contains("houses.parquet: row 1, column \"area\": the cell is missing"), "{message}");
        let message = table.numbers(&["kind"]).unwrap_err().to_string();
        assert!(message.contains("row 0, column \"kind\": \"villa\" is not a number"), "{message}");
        let message = table.numbers(&["when"]).unwrap_err().to_string();
        assert!(message.contains("column \"when\": expected numbers or text, found Date32"), "{message}");
        assert!(table.texts("size").unwrap_err().to_string().contains("has no column \"size\""));
    }
}

/// Bytes and a path, as `datasets` writes images.
fn images(bytes: &[Option<&[u8]>]) -> ArrayRef {
    let (mut b, mut p) = (BinaryBuilder::new(), StringBuilder::new());
    for (index, bytes) in bytes.iter().enumerate() {
        b.append_option(*bytes);
        p.append_value(format!("{index}.png"));
    }
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    let fields = fields.map(|(name, t)| Arc::new(Field::new(name, t, true)));
    let columns: [ArrayRef; 2] = [Arc::new(b.finish()), Arc::new(p.finish())];
    Arc::new(StructArray::from(fields.into_iter().zip(columns).collect::<Vec<_>>()))
}

fn png(value: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_pixel(2, 3, image::Rgb([value, 0, 255]));
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

const NOTES: &str = r#"{"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}"#;

#[test]
fn image_sets_as_hubs_ship_them() {
    let dir = tempfile::tempdir().unwrap();
    let encoded: Vec<Vec<u8>> = (0..8).map(png).collect();
    let encoded: Vec<Option<&[u8]>> = encoded.iter().map(|bytes| Some(&bytes[..])).collect();
    let paths = [dir.path().join("train-0.parquet"), dir.path().join("train-1.parquet")];
    for (path, part) in paths.iter().zip(encoded.chunks(4)) {
        let labels: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 1, 0]));
        write(path, vec![("image", images(part)), ("label", labels)], Some(NOTES), Compression::SNAPPY);
    }
    let data = ParquetImages::new(&paths, "image", "label").unwrap();
    assert_eq!(data.classes(), ["cat", "dog"]);
    assert_eq!((data.len(), data.targets()), (8, &[0, 1, 1, 0, 0, 1, 1, 0][..]));
    for (index, encoded) in encoded.iter().enumerate() {
        let (x, y) = data.get(index);
        assert_eq!(x.shape(), [3, 3, 2]);
        assert_eq!(x.to_vec::<f32>()[0], index as f32 / 255.0);
        assert_eq!(y.item::<i64>(), data.targets()[index]);
        assert_eq!(data.encoded(index), encoded.unwrap());
    }
    let batch = data.mode(ImageReadMode::Gray).batch(&[6, 1]);
    assert_eq!(batch.0.shape(), [2, 1, 3, 2]);

    // Bytes without a record.
    let plain: ArrayRef = Arc::new(arrow_array::BinaryArray::from(vec![encoded[3].unwrap()]));
    write(
        &paths[0],
        vec![("img", plain), ("y", Arc::new(UInt8Array::from(vec![9])))],
        None,
        Compression::UNCOMPRESSED,
    );
    let data = ParquetImages::new(&paths[..1], "img", "y").unwrap();
    assert_eq!((data.classes().len(), data.get(0).1.item::<i64>()), (0, 9));
}

#[test]
fn files_of_another_schema_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let good = png(1);
    let complaint = |columns: Vec<(&str, ArrayRef)>| {
        write(&path, columns, Some(NOTES), Compression::SNAPPY);
        let message = ParquetImages::new([&path], "image", "label").map(|_| ()).unwrap_err().to_string();
        message.strip_prefix(&format!("{}: ", path.display())).expect("names the file").to_owned()
    };
    let labels = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let two = || images(&[Some(&good), Some(&good)]);
    let message = complaint(vec![("img", two()), ("label", labels(vec![Some(0), Some(1)]))]);
    assert_eq!(message, "has no column \"image\"; its columns are [\"img\", \"label\"]");
    let message = complaint(vec![("image", labels(vec![Some(0)])), ("label", labels(vec![Some(0)]))]);
    assert!(
        message.starts_with("column \"image\": expected encoded images") && message.ends_with("found Int64")
    );
    let message = complaint(vec![("image", two()), ("label", two())]);
    assert!(message.starts_with("column \"label\": expected whole numbers, found Struct"), "{message}");
    let message = complaint(vec![("image", two()), ("label", labels(vec![Some(0), Some(2)]))]);
    assert_eq!(message, "row 1, column \"label\": 2 is none of the 2 classes, counted from 0");
    let message = complaint(vec![("image", two()), ("label", labels(vec![None, Some(0)]))]);
    assert_eq!(message, "row 0, column \"label\": the label is missing");
    let message =
        complaint(vec![("image", images(&[Some(&good), None])), ("label", labels(vec![Some(0), Some(0)]))]);
    assert!(message.starts_with("row 1, column \"image\": the image's bytes are missing"), "{message}");

    let images = images(&[Some(&good), Some(b"no image")]);
    write(
        &path,
        vec![("image", images), ("label", labels(vec![Some(0), Some(0)]))],
        None,
        Compression::SNAPPY,
    );
    let data = ParquetImages::new([&path], "image", "label").unwrap();
    let message = flambeau_tensor::try_call(|| data.get(1)).unwrap_err().to_string();
    assert!(message.contains("x.parquet: row 1: is no PNG"), "{message}");
}

#[test]
fn damaged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    write(&path, numbers(), None, Compression::SNAPPY);
    let good = std::fs::read(&path).unwrap();
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read_parquet(&path).map_err(|error| error.to_string())
    };
    assert!(read(&good[..good.len() / 2]).unwrap_err().contains("is no Parquet file, or damaged"));
    assert!(read(b"").unwrap_err().contains("is no Parquet file, or damaged"));
    assert!(read(b"PAR1 but no more than that PAR1").is_err());
    assert!(read_parquet(dir.path()).unwrap_err().to_string().contains(&dir.path().display().to_string()));
}
