//! The gated linear unit.

use flambeau_tensor::Tensor;

use crate::{Forward, Module};

/// The gated linear unit: `y = a / (1 + e⁻ᵇ)`, where `a` and `b` are the halves of the input along a dimension. That dimension
/// of the output is half as long.
///
/// ```
/// use flambeau_nn::{Forward, GLU};
/// use flambeau_tensor::tensor;
///
/// assert_eq!(GLU::default().call(&tensor![3.0, 4.0, 0.0, 100.0]).to_vec::<f32>(), [1.5, 4.0]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the dimension is out of range or of an odd size.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.GLU.html>;
/// Dauphin et al. 2016,
/// <https://arxiv.org/abs/1612.08083>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct GLU {
    dim: isize,
}

impl GLU {
    /// Along `dim`; a negative one counts from the end.
    pub fn new(dim: isize) -> Self {
        GLU { dim }
    }

    fn options(&self) -> String {
        format!("dim={}", self.dim)
    }
}

impl Default for GLU {
    /// Along the last dimension.
    fn default() -> Self {
        GLU::new(-1)
    }
}

impl Forward for GLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.glu(self.dim)
    }
}
