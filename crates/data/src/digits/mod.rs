//! The handwritten digits that travel inside the crate.

use flambeau_tensor::Tensor;
use flate2::read::GzDecoder;
use std::io::Read;

use crate::TensorDataset;

const CSV_GZ: &[u8] = include_bytes!("digits.csv.gz");
/// Pixels an image.
const PIXELS: usize = 8 * 8;
/// The value of full ink in the file.
const INK: f32 = 16.0;

/// 1,797 handwritten digits of 8×8 pixels, embedded in the crate.
///
/// The inputs are `f32` of shape `[1797, 1, 8, 8]`, from 0 (paper) to 1 (ink): the file's 0..=16 divided by 16. The
/// targets are `i64` of shape `[1797]`, from 0 to 9. The order is the file's, so [split at random](crate::random_split):
/// neighbouring digits come from the same hand.
///
/// # Source
/// E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
/// <https://doi.org/10.24432/C50P49>, licensed
/// [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): its test half, as scikit-learn's `load_digits` ships it.
///
/// # Examples
/// ```
/// use flambeau_data::{digits, random_split};
///
/// let [train, val, test] = random_split(digits(), [0.6, 0.2, 0.2], 0)?;
/// # let _ = (train, val, test);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn digits() -> TensorDataset {
    let mut csv = String::with_capacity(270_000);
    GzDecoder::new(CSV_GZ).read_to_string(&mut csv).expect("the embedded digits are a valid gzip file");
    let count = csv.lines().count();
    let mut images = Vec::with_capacity(count * PIXELS);
    let mut labels = Vec::with_capacity(count);
    for line in csv.lines() {
        let mut numbers =
            line.split(',').map(|n| n.parse::<u8>().expect("the embedded digits hold whole numbers"));
        images.extend(numbers.by_ref().take(PIXELS).map(|v| f32::from(v) / INK));
        labels.extend(numbers.map(i64::from));
    }
    let images = Tensor::from_vec(images, [count, 1, 8, 8]);
    let labels = Tensor::from_vec(labels, [count]);
    TensorDataset::new(images, labels).expect("every embedded digit has a label")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    #[test]
    fn matches_the_published_counts() {
        let data = digits();
        let (x, y) = (data.inputs(), data.targets());
        assert_eq!(data.len(), 1797);
        assert_eq!(x.shape(), [1797, 1, 8, 8]);
        assert_eq!(y.shape(), [1797]);

        let mut counts = [0; 10];
        for label in y.to_vec::<i64>() {
            counts[label as usize] += 1;
        }
        // The class distribution in the UCI page's description of the test half.
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);

        let pixels = x.to_vec::<f32>();
        assert!(pixels.iter().all(|v| (0.0..=1.0).contains(v)));
        assert!(pixels.contains(&1.0));
        let first_row: Vec<f32> = pixels[..8].iter().map(|v| v * INK).collect();
        assert_eq!(first_row, [0., 0., 5., 13., 9., 1., 0., 0.]);
    }
}
