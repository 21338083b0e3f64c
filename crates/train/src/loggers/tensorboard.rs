//! TensorBoard's event files.

use super::Logger;
use flambeau_tensor::{DType, Error, Result, Tensor, no_grad};
use prost::{Message, Oneof};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Writes an event file for [TensorBoard](https://www.tensorflow.org/tensorboard): `tensorboard --logdir FOLDER`. Needs
/// the feature `tensorboard`.
///
/// Each call is in the file when it returns. A training that goes on writes a new file into the same folder, which
/// tells TensorBoard to forget what came after the step it goes on from.
///
/// ```
/// use flambeau_tensor::Tensor;
/// use flambeau_train::{Logger, TensorBoard};
///
/// # let folder = tempfile::tempdir()?;
/// let mut log = TensorBoard::new(folder.path())?;
/// log.text(0, "notes", "**Fashion-MNIST**, three layers")?;
/// log.scalars(1, &[("train/loss", 0.7), ("val/loss", 0.8)])?;
/// log.histogram(1, "fc1.weight", &Tensor::randn([784, 200]))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: TensorFlow's [`event.proto`](https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto),
/// [`summary.proto`](https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/summary.proto) and
/// [TFRecord](https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details).
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
}

/// As many as TensorFlow's own summaries have.
const BUCKETS: usize = 30;

impl TensorBoard {
    /// A new event file in this folder, which is made if it is missing.
    ///
    /// # Errors
    /// [`Error::File`] if the folder or the file cannot be made.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::file(folder, format!("cannot be made: {error}")))?;
        // Read in the order of their names.
        let now = now();
        let name = format!("events.out.tfevents.{:010}.{:09}.flambeau", now.as_secs(), now.subsec_nanos());
        let path = folder.join(name);
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(|error| Error::file(&path, format!("cannot be made: {error}")))?;
        let mut log = TensorBoard { path, file };
        log.write(0, What::FileVersion("brain.Event:2".into()))?;
        Ok(log)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, step: u64, what: What) -> Result<()> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let event = Event { wall_time: now().as_secs_f64(), step, what: Some(what) };
        let written = self.file.write_all(&record(&event.encode_to_vec()));
        written.map_err(|error| Error::file(&self.path, format!("cannot be written: {error}")))
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A TFRecord: length, its checksum, the bytes, their checksum.
fn record(bytes: &[u8]) -> Vec<u8> {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    // So that the checksum of data with checksums in it is none of theirs.
    let masked = |bytes: &[u8]| crc.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let length = (bytes.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), bytes, &masked(bytes)].concat()
}

impl Logger for TensorBoard {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let value = |(name, value): &(&str, f64)| SummaryValue {
            tag: (*name).to_owned(),
            value: Some(Content::Scalar(*value as f32)),
            metadata: None,
        };
        self.write(step, What::Summary(Summary { value: values.iter().map(value).collect() }))
    }

    /// In 30 buckets of equal width. Values that are not finite are left out.
    fn histogram(&mut self, step: u64, name: &str, values: &Tensor) -> Result<()> {
        let values: Vec<f64> = no_grad(|| values.detach().to_dtype(DType::F64)).to_vec();
        let value = SummaryValue {
            tag: name.to_owned(),
            value: Some(Content::Histogram(histogram(&values))),
            metadata: None,
        };
        self.write(step, What::Summary(Summary { value: vec![value] }))
    }

    /// TensorBoard shows it as Markdown.
    fn text(&mut self, step: u64, name: &str, text: &str) -> Result<()> {
        let tensor = TensorProto {
            dtype: DT_STRING,
            tensor_shape: Some(TensorShape { dim: vec![Dim { size: 1 }] }),
            string_val: vec![text.as_bytes().to_vec()],
        };
        let plugin = PluginData { plugin_name: "text".into(), content: vec![] };
        let value = SummaryValue {
            tag: format!("{name}/text_summary"),
            value: Some(Content::Tensor(tensor)),
            metadata: Some(SummaryMetadata { plugin_data: Some(plugin) }),
        };
        self.write(step, What::Summary(Summary { value: vec![value] }))
    }

    /// Tells TensorBoard to forget later steps, which are in earlier files.
    fn resume(&mut self, step: u64) -> Result<()> {
        self.write(step.saturating_add(1), What::SessionLog(SessionLog { status: SESSION_START }))
    }
}

fn histogram(values: &[f64]) -> Histogram {
    let mut out = Histogram { min: f64::INFINITY, max: f64::NEG_INFINITY, ..Histogram::default() };
    for &value in values.iter().filter(|value| value.is_finite()) {
        (out.min, out.max) = (out.min.min(value), out.max.max(value));
        out.num += 1.0;
        out.sum += value;
        out.sum_squares += value * value;
    }
    if out.num == 0.0 {
        return Histogram::default();
    }
    let buckets = if out.max > out.min { BUCKETS } else { 1 };
    let width = (out.max - out.min) / buckets as f64;
    out.bucket_limit = (1..buckets).map(|i| out.min + width * i as f64).chain([out.max]).collect();
    out.bucket = vec![0.0; buckets];
    for &value in values.iter().filter(|value| value.is_finite()) {
        let bucket = (value - out.min) / width;
        // NaN, of a single value, becomes 0.
        out.bucket[(bucket as usize).min(buckets - 1)] += 1.0;
    }
    out
}

const DT_STRING: i32 = 7;
const SESSION_START: i32 = 1;

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
struct SummaryValue {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Content", tags = "2, 5, 8")]
    value: Option<Content>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<SummaryMetadata>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Content {
    #[prost(float, tag = "2")]
    Scalar(f32),
    #[prost(message, tag = "5")]
    Histogram(Histogram),
    #[prost(message, tag = "8")]
    Tensor(TensorProto),
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(double, tag = "1")]
    min: f64,
    #[prost(double, tag = "2")]
    max: f64,
    #[prost(double, tag = "3")]
    num: f64,
    #[prost(double, tag = "4")]
    sum: f64,
    #[prost(double, tag = "5")]
    sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    bucket_limit: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    bucket: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct SummaryMetadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<PluginData>,
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(string, tag = "1")]
    plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorProto {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    tensor_shape: Option<TensorShape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    string_val: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
struct Dim {
    #[prost(int64, tag = "1")]
    size: i64,
}
