//! MNIST and the sets in its form, read from a folder.

use flambeau_tensor::{DType, Error, Result, Tensor};
use std::path::{Path, PathBuf};

use crate::{TensorDataset, read_idx};

const CLASSES: u8 = 10;

/// Which of the two official parts of an MNIST-like set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MnistSplit {
    /// The training images (60,000 in MNIST and Fashion-MNIST), to be split again for validation.
    Train,
    /// The test images (10,000), to be looked at once, at the end.
    Test,
}

impl MnistSplit {
    fn stem(self) -> &'static str {
        match self {
            MnistSplit::Train => "train",
            MnistSplit::Test => "t10k",
        }
    }
}

/// Reads one part of MNIST, Fashion-MNIST or another set in their form from `folder`.
///
/// The folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or `t10k-…` for the test part, each plain
/// or with `.gz`, and `train-images.idx3-ubyte` is found too. The inputs are `f32` of shape `[n, 1, height, width]`
/// from 0 to 1: the file's 0..=255 divided by 255. The targets are `i64` of shape `[n]`, from 0 to 9.
///
/// # Errors
/// [`Error::File`], naming the file, what was found and the fix, if a file is missing, is not a valid
/// [IDX file](read_idx) of the right shape, if images and labels differ in number, or a label is not below 10.
///
/// # Examples
/// ```
/// use flambeau_data::{Dataset, MnistSplit, load_mnist};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// // One image of 1×2 pixels, and its label.
/// std::fs::write(
///     folder.join("t10k-images-idx3-ubyte"),
///     [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255],
/// )?;
/// std::fs::write(folder.join("t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 7])?;
///
/// let test = load_mnist(folder, MnistSplit::Test)?;
/// assert_eq!(test.len(), 1);
/// assert_eq!(test.inputs().shape(), [1, 1, 1, 2]);
/// assert_eq!(test.inputs().to_vec::<f32>(), [0.0, 1.0]);
/// assert_eq!(test.targets().to_vec::<i64>(), [7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_mnist(folder: impl AsRef<Path>, split: MnistSplit) -> Result<TensorDataset> {
    let folder = folder.as_ref();
    let images_path = find(folder, split, "images", "idx3")?;
    let labels_path = find(folder, split, "labels", "idx1")?;

    let labels = read_idx(&labels_path)?;
    let &[count] = expect(&labels, &labels_path, "labels")?;
    let label_values = labels.to_vec::<u8>();
    if let Some((index, label)) = label_values.iter().enumerate().find(|&(_, &l)| l >= CLASSES) {
        return Err(Error::file(
            labels_path,
            format!(
                "label {index} (counted from 0) is {label}, but labels run from 0 to 9; get the file again"
            ),
        ));
    }

    let images = read_idx(&images_path)?;
    let &[n, height, width] = expect(&images, &images_path, "images")?;
    if n != count {
        return Err(Error::file(
            images_path,
            format!(
                "holds {n} images, but {} holds {count} labels; both must come from the same set",
                labels_path.display()
            ),
        ));
    }
    if n * height * width == 0 {
        return Err(Error::file(
            images_path,
            format!("holds no pixels (shape [{n}, {height}, {width}]); get the file again"),
        ));
    }
    let inputs = images.to_dtype(DType::F32).reshape([n, 1, height, width]) / 255.0;
    TensorDataset::new(inputs, labels.to_dtype(DType::I64))
}

/// The shape of a tensor that must hold unsigned bytes in `RANK` dimensions.
fn expect<'a, const RANK: usize>(tensor: &'a Tensor, path: &Path, what: &str) -> Result<&'a [usize; RANK]> {
    match <&[usize; RANK]>::try_from(tensor.shape()) {
        Ok(shape) if tensor.dtype() == DType::U8 => Ok(shape),
        _ => Err(Error::file(
            path,
            format!(
                "holds {:?} values in {} dimensions, but {what} are unsigned bytes in {RANK}; check that it is the right file",
                tensor.dtype(),
                tensor.shape().len()
            ),
        )),
    }
}

fn find(folder: &Path, split: MnistSplit, what: &str, idx: &str) -> Result<PathBuf> {
    let stem = split.stem();
    let usual = format!("{stem}-{what}-{idx}-ubyte");
    let dotted = format!("{stem}-{what}.{idx}-ubyte");
    if !folder.is_dir() {
        let message = if folder.exists() { "is not a folder" } else { "no such folder" };
        return Err(Error::file(folder, format!("{message}; name the one that holds {usual} or {usual}.gz")));
    }
    [usual.clone(), format!("{usual}.gz"), dotted.clone(), format!("{dotted}.gz")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
        .ok_or_else(|| {
            Error::file(
                folder,
                format!("holds neither {usual} nor {usual}.gz; put the data set's four files there"),
            )
        })
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "damaged files are what is tested")]
mod tests {
    use super::*;
    use crate::Dataset;
    use tempfile::TempDir;

    fn idx(dims: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, dims.len() as u8];
        bytes.extend(dims.iter().flat_map(|d| d.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    fn folder(images: &[u8], labels: &[u8]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("train-images.idx3-ubyte"), images).unwrap();
        std::fs::write(dir.path().join("train-labels-idx1-ubyte"), labels).unwrap();
        dir
    }

    fn complaint(images: &[u8], labels: &[u8]) -> String {
        let dir = folder(images, labels);
        load_mnist(dir.path(), MnistSplit::Train).unwrap_err().to_string()
    }

    #[test]
    fn scales_pixels_and_finds_both_spellings() {
        let dir = folder(&idx(&[2, 1, 2], &[0, 255, 51, 102]), &idx(&[2], &[9, 0]));
        let data = load_mnist(dir.path(), MnistSplit::Train).unwrap();
        assert_eq!(data.inputs().shape(), [2, 1, 1, 2]);
        assert_eq!(data.inputs().to_vec::<f32>(), [0.0, 1.0, 0.2, 0.4]);
        assert_eq!(data.targets().to_vec::<i64>(), [9, 0]);
    }

    #[test]
    fn files_that_do_not_fit_are_errors() {
        let images = idx(&[2, 1, 1], &[0, 1]);
        let labels = idx(&[2], &[3, 4]);
        assert!(complaint(&images, &idx(&[2], &[3, 10])).contains("label 1 (counted from 0) is 10"));
        let message = complaint(&images, &idx(&[3], &[3, 4, 5]));
        assert!(message.contains("2 images") && message.contains("3 labels"), "{message}");
        assert!(complaint(&labels, &labels).contains("images are unsigned bytes in 3"));
        assert!(complaint(&images, &images).contains("labels are unsigned bytes in 1"));
        assert!(complaint(&idx(&[0, 1, 1], &[]), &idx(&[0], &[])).contains("no pixels"));
        assert!(complaint(&images[..images.len() - 1], &labels).contains("truncated"));
    }

    #[test]
    fn missing_files_are_named() {
        let dir = folder(&idx(&[1, 1, 1], &[0]), &idx(&[1], &[0]));
        let message = load_mnist(dir.path(), MnistSplit::Test).unwrap_err().to_string();
        assert!(message.contains("t10k-images-idx3-ubyte.gz"), "{message}");
        let message = load_mnist(dir.path().join("none"), MnistSplit::Test).unwrap_err().to_string();
        assert!(message.contains("no such folder"), "{message}");
    }

    #[test]
    fn reads_the_real_fashion_mnist_where_it_is_installed() {
        let dir = Path::new("/usr/share/datasets/fashion-mnist");
        if !dir.is_dir() {
            skip("Fashion-MNIST: apt-get install dataset-fashion-mnist");
            return;
        }
        let data = load_mnist(dir, MnistSplit::Test).unwrap();
        assert_eq!(data.len(), 10_000);
        assert_eq!(data.inputs().shape(), [10_000, 1, 28, 28]);
        let mut counts = [0; 10];
        data.targets().to_vec::<i64>().iter().for_each(|&l| counts[l as usize] += 1);
        assert_eq!(counts, [1000; 10]);
    }

    fn skip(what: &str) {
        use std::io::Write;
        eprintln!("SKIPPED: {what}");
        if let Some(path) = std::env::var_os("FLAMBEAU_SKIPS") {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            writeln!(file, "SKIPPED: {what}").unwrap();
        }
    }
}
