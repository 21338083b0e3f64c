use flambeau_tensor::Tensor;

use crate::{Forward, Module};

/// Makes a run of dimensions one; by default all but the first, which counts the samples.
///
/// Shapes: `[d₀, …, d_start, …, d_end, …, dₙ]` becomes `[d₀, …, d_start · … · d_end, …, dₙ]`. Negative dimensions
/// count from the end. The result shares the input's numbers where its layout allows.
///
/// ```
/// use flambeau_nn::{Flatten, Forward};
/// use flambeau_tensor::Tensor;
///
/// let images = Tensor::zeros([32, 1, 28, 28]);
/// assert_eq!(Flatten::default().call(&images).shape(), [32, 784]);
/// assert_eq!(Flatten::new(0, 2).call(&images).shape(), [896, 28]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when a dimension is out of range.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Flatten {
    start_dim: isize,
    end_dim: isize,
}

impl Flatten {
    /// Flattens from `start_dim` to `end_dim`, both included.
    pub fn new(start_dim: isize, end_dim: isize) -> Self {
        Flatten { start_dim, end_dim }
    }

    fn options(&self) -> String {
        format!("start_dim={}, end_dim={}", self.start_dim, self.end_dim)
    }
}

impl Default for Flatten {
    /// From dimension 1 to the last.
    fn default() -> Self {
        Flatten::new(1, -1)
    }
}

impl Forward for Flatten {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.flatten(self.start_dim, self.end_dim)
    }
}
