//! Streams of tar shards.

mod read;
mod sample;

use flambeau_tensor::{Error, Result, Tensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::IterableDataset;
use crate::item::mix;
use read::Samples;

pub use sample::Sample;

type Decode = Arc<dyn Fn(&Sample) -> Result<(Tensor, Tensor)> + Send + Sync>;

/// Data larger than memory: a stream over tar archives ("shards"), in the form of WebDataset.
///
/// The entries of a shard are grouped to samples by their name up to the first dot: `0001.jpg`, `0001.cls` and
/// `0001.mask.png` are the fields `jpg`, `cls` and `mask.png` of the [`Sample`] `0001`. A sample's entries stand
/// together. `decode` makes a sample an input and a target. Shards may be compressed with gzip (told apart by content).
///
/// A thread reads ahead by a few samples; besides these and the [shuffle buffer](Self::shuffle) nothing is held in memory,
/// however large the shards are. Nothing is ever unpacked to the disk, and an entry whose name is absolute or has `..` in
/// it is an error.
///
/// A [`StreamLoader`](crate::StreamLoader) makes batches of it. It calls `decode` on one thread at a time; where that is too
/// slow, for JPEG say, give the field's [bytes](Sample::bytes) as the input and decode in
/// [`StreamLoader::map`](crate::StreamLoader::map), which all workers run. The stream of an epoch is a function of the seed and
/// the epoch, so a loader's state goes on in the middle of one, by reading again what came before.
///
/// Source: A. Aizman, G. Maltby and T. Breuel, "High Performance I/O For Large Scale Deep Learning", 2019,
/// <https://arxiv.org/abs/2001.01858>; <https://github.com/webdataset/webdataset>.
///
/// # Examples
/// ```
/// use flambeau_data::{StreamLoader, WebDataset};
/// use flambeau_tensor::{DType, Tensor};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // Two shards of three samples.
/// for shard in 0..2 {
///     let mut tar = tar::Builder::new(std::fs::File::create(folder.join(format!("train-{shard}.tar")))?);
///     for i in 0..3 {
///         for (field, bytes) in [("raw", [i, i]), ("cls", [b'0' + i, b'\n'])] {
///             let mut header = tar::Header::new_gnu();
///             header.set_size(2);
///             header.set_mode(0o644);
///             tar.append_data(&mut header, format!("{shard}{i}.{field}"), &bytes[..])?;
///         }
///     }
///     tar.finish()?;
/// }
///
/// let shards = WebDataset::expand(folder.join("train-{0..1}.tar"))?;
/// let data = WebDataset::new(shards, |sample| {
///     Ok((sample.bytes("raw")?.to_dtype(DType::F32) / 255.0, sample.class("cls", 3)?))
/// })?;
/// let loader = StreamLoader::new(data.shuffle(4), 2)?;
/// assert_eq!(loader.iter().map(|(x, _)| x.shape()[0]).sum::<usize>(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WebDataset {
    shards: Arc<[PathBuf]>,
    decode: Decode,
    shuffle: usize,
    seed: u64,
    rank: usize,
    num_replicas: usize,
    epoch_size: Option<usize>,
}

impl WebDataset {
    /// A stream over `shards` in their order; `decode` gives each sample's input and target.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no shard, [`Error::File`] if one does not exist.
    pub fn new(
        shards: impl IntoIterator<Item = impl Into<PathBuf>>,
        decode: impl Fn(&Sample) -> Result<(Tensor, Tensor)> + Send + Sync + 'static,
    ) -> Result<Self> {
        let shards: Vec<PathBuf> = shards.into_iter().map(Into::into).collect();
        if shards.is_empty() {
            return Err(Error::config("shards", "are none; name at least one tar archive"));
        }
        if let Some(missing) = shards.iter().find(|shard| !shard.exists()) {
            return Err(Error::file(missing, "no such file; check the names of the shards"));
        }
        Ok(Self {
            shards: shards.into(),
            decode: Arc::new(decode),
            shuffle: 0,
            seed: 0,
            rank: 0,
            num_replicas: 1,
            epoch_size: None,
        })
    }

    /// The paths of shards numbered in a range: `train-{000..146}.tar` are 147 paths, with as many digits.
    ///
    /// # Errors
    /// [`Error::Config`] if the pattern is not UTF-8, or the braces do not hold a range from a number to one not below it.
    ///
    /// ```
    /// use flambeau_data::WebDataset;
    /// let shards = WebDataset::expand("data/train-{008..010}.tar")?;
    /// assert_eq!(shards[0].to_str(), Some("data/train-008.tar"));
    /// assert_eq!(shards.len(), 3);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    pub fn expand(pattern: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        /// More than any set has.
        const MOST: usize = 1_000_000;
        let path = pattern.as_ref();
        let wrong = || {
            let message =
                format!("{} needs a range of numbers in braces, such as {{000..146}}", path.display());
            Error::config("shards", message)
        };
        let pattern = path.to_str().ok_or_else(wrong)?;
        let Some((before, rest)) = pattern.split_once('{') else { return Ok(vec![path.to_path_buf()]) };
        let (range, after) = rest.split_once('}').ok_or_else(wrong)?;
        let (first, last) = range.split_once("..").ok_or_else(wrong)?;
        let width = first.len();
        let number = |text: &str| text.parse::<usize>().map_err(|_| wrong());
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last - first > MOST || after.contains('{') {
            return Err(wrong());
        }
        Ok((first..=last).map(|n| format!("{before}{n:0width$}{after}").into()).collect())
    }

    /// Walks the shards in a new random order in each epoch, and the samples in the order in which they are drawn at random
    /// from a buffer of `buffer` of them (default: 0, no shuffling). The buffer holds samples as they are in the file.
    pub fn shuffle(mut self, buffer: usize) -> Self {
        self.shuffle = buffer;
        self
    }

    /// The seed of the orders (default: 0). All processes of a training must have the same.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The share of process `rank` of `num_replicas`: every `num_replicas`-th shard of an epoch's order. Shares differ in
    /// length if shards do; [`epoch_size`](Self::epoch_size) makes them equal, as data parallelism needs it.
    ///
    /// # Errors
    /// [`Error::Config`] if `rank` is not less than `num_replicas`, or there are fewer shards than processes.
    pub fn distributed(mut self, num_replicas: usize, rank: usize) -> Result<Self> {
        if rank >= num_replicas {
            let message =
                format!("is {rank} of {num_replicas} processes; ranks go from 0 to below their number");
            return Err(Error::config("rank", message));
        }
        if self.shards.len() < num_replicas {
            let message =
                format!("are {}, fewer than the {num_replicas} processes; make more", self.shards.len());
            return Err(Error::config("shards", message));
        }
        (self.rank, self.num_replicas) = (rank, num_replicas);
        Ok(self)
    }

    /// Ends an epoch after this many samples, and begins the shards again where they hold fewer (default: each shard
    /// once).
    pub fn epoch_size(mut self, samples: usize) -> Self {
        self.epoch_size = Some(samples);
        self
    }

    /// The shards, in their own order.
    pub fn shards(&self) -> &[PathBuf] {
        &self.shards
    }

    /// One process's shards in one pass over them.
    fn pass(&self, epoch: u64, pass: u64) -> Vec<PathBuf> {
        let mut order: Vec<usize> = (0..self.shards.len()).collect();
        if self.shuffle > 0 {
            for last in (1..order.len()).rev() {
                order.swap(last, below(last + 1, &[self.seed, epoch, pass, last as u64]));
            }
        }
        let share = order.into_iter().skip(self.rank).step_by(self.num_replicas);
        share.map(|index| self.shards[index].clone()).collect()
    }
}

/// A number below `n`, drawn by these numbers.
fn below(n: usize, numbers: &[u64]) -> usize {
    ((u128::from(mix(numbers)) * n as u128) >> 64) as usize
}

impl IterableDataset for WebDataset {
    fn iter(&self, epoch: u64) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + Send> {
        let data = self.clone();
        // An epoch of a given size begins the shards again and again.
        let passes = if self.epoch_size.is_some() { u64::MAX } else { 1 };
        let samples = Samples::start((0..passes).map(move |pass| data.pass(epoch, pass)));
        let samples = Shuffled {
            samples,
            buffer: Vec::new(),
            size: self.shuffle.max(1),
            numbers: [self.seed, epoch, 1 + self.rank as u64, 0],
        };
        let decode = Arc::clone(&self.decode);
        let decoded = samples.map(move |sample| {
            let sample = sample?;
            decode(&sample).map_err(|error| sample.error(error))
        });
        Box::new(decoded.take(self.epoch_size.unwrap_or(usize::MAX)))
    }
}

impl std::fmt::Debug for WebDataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebDataset")
            .field("shards", &self.shards.len())
            .field("shuffle", &self.shuffle)
            .field("seed", &self.seed)
            .field("rank", &self.rank)
            .field("num_replicas", &self.num_replicas)
            .field("epoch_size", &self.epoch_size)
            .finish()
    }
}

/// Samples drawn from a buffer that is kept full.
struct Shuffled {
    samples: Samples,
    buffer: Vec<Sample>,
    size: usize,
    /// What a draw depends on; the last counts the draws.
    numbers: [u64; 4],
}

impl Iterator for Shuffled {
    type Item = Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.buffer.len() < self.size {
            match self.samples.next() {
                Some(Ok(sample)) => self.buffer.push(sample),
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        if self.buffer.is_empty() {
            return None;
        }
        self.numbers[3] += 1;
        Some(Ok(self.buffer.swap_remove(below(self.buffer.len(), &self.numbers))))
    }
}
