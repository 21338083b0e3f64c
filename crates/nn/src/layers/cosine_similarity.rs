use flambeau_tensor::Tensor;

use crate::{Forward, Module};

/// The cosine of the angle between vectors: `y = x₁ · x₂ / (max(‖x₁‖₂, eps) · max(‖x₂‖₂, eps))` along a dimension.
///
/// Shapes: two inputs that broadcast to each other; the output lacks the dimension.
///
/// ```
/// use flambeau_nn::CosineSimilarity;
/// use flambeau_tensor::tensor;
///
/// let y = CosineSimilarity::default().call(&tensor![[1.0, 0.0]], &tensor![[-2.0, 0.0]]);
/// assert_eq!(y.to_vec::<f32>(), [-1.0]);
/// ```
///
/// # Panics
/// [`call`](CosineSimilarity::call) panics when the shapes do not broadcast or the dimension is out of range.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html>
#[derive(Module)]
#[module(crate = crate)]
pub struct CosineSimilarity {
    dim: isize,
    eps: f64,
}

impl CosineSimilarity {
    /// Along a dimension; 1 by default.
    #[must_use]
    pub fn dim(mut self, dim: isize) -> Self {
        self.dim = dim;
        self
    }

    /// The least that a norm counts for; 1e-8 by default.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The similarity of two tensors: [`Forward::call`] without the tuple.
    #[track_caller]
    pub fn call(&self, x1: &Tensor, x2: &Tensor) -> Tensor {
        Forward::call(self, &(x1.clone(), x2.clone()))
    }
}

impl Default for CosineSimilarity {
    /// With `dim` 1 and `eps` 1e-8.
    fn default() -> Self {
        CosineSimilarity { dim: 1, eps: 1e-8 }
    }
}

impl Forward<(Tensor, Tensor)> for CosineSimilarity {
    #[track_caller]
    fn forward(&self, (x1, x2): &(Tensor, Tensor)) -> Tensor {
        x1.cosine_similarity(x2, self.dim, self.eps)
    }
}
