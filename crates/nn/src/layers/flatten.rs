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

/// Splits one dimension into several, the inverse of [`Flatten`].
///
/// Shapes: `[…, d, …]` becomes `[…, s₁, …, sₙ, …]` with `s₁ · … · sₙ = d`; one of the sizes may be -1.
///
/// ```
/// use flambeau_nn::{Forward, Unflatten};
/// use flambeau_tensor::Tensor;
///
/// assert_eq!(Unflatten::new(1, [1, 28, -1]).call(&Tensor::zeros([32, 784])).shape(), [32, 1, 28, 28]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the dimension is out of range or the sizes do not multiply to its size.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Unflatten.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Unflatten {
    dim: isize,
    unflattened_size: Vec<isize>,
}

impl Unflatten {
    /// Splits dimension `dim` into sizes.
    pub fn new(dim: isize, unflattened_size: impl Into<Vec<isize>>) -> Self {
        Unflatten { dim, unflattened_size: unflattened_size.into() }
    }

    fn options(&self) -> String {
        let sizes: Vec<String> = self.unflattened_size.iter().map(isize::to_string).collect();
        // A Python tuple of one has a comma.
        let comma = if sizes.len() == 1 { "," } else { "" };
        format!("dim={}, unflattened_size=({}{comma})", self.dim, sizes.join(", "))
    }
}

impl Forward for Unflatten {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.unflatten(self.dim, &self.unflattened_size[..])
    }
}
