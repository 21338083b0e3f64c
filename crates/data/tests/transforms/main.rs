//! Transforms: torchvision's values, distributions and seeds, complaints.

mod errors;
mod mixing;
mod random;
mod recorded;

use flambeau_tensor::Tensor;

/// An image of a formula that the recording script has too.
fn image(shape: [usize; 3]) -> Tensor {
    let n: usize = shape.iter().product();
    Tensor::from_vec((0..n).map(|i| ((i * 37 + i * i % 101) % 256) as u8).collect(), shape)
}
