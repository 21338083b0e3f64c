use flambeau_tensor::Tensor;

use crate::{Forward, Module, Training};

/// Sets each number to zero with probability `p` while training, and scales the others by `1 / (1 - p)`, so that
/// the mean stays. In evaluation mode it passes its input on.
///
/// Shapes: any; the output has the input's.
///
/// ```
/// use flambeau_nn::{Dropout, Forward, Module};
/// use flambeau_tensor::Tensor;
///
/// let dropout = Dropout::new(0.5);
/// let x = Tensor::ones([100]);
/// assert!(dropout.call(&x).to_vec::<f32>().iter().all(|v| *v == 0.0 || *v == 2.0));
/// dropout.eval();
/// assert_eq!(dropout.call(&x).to_vec::<f32>(), [1.0; 100]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html>; Hinton et al. 2012,
/// <https://arxiv.org/abs/1207.0580>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Dropout {
    p: f64,
    training: Training,
}

impl Dropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not within 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "Dropout: p is a probability from 0 to 1, but got {p}");
        Dropout { p, training: Training::new() }
    }

    fn options(&self) -> String {
        format!("p={:?}, inplace=False", self.p)
    }
}

impl Default for Dropout {
    /// With `p` 0.5.
    fn default() -> Self {
        Dropout::new(0.5)
    }
}

impl Forward for Dropout {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.dropout(self.p, self.training.get())
    }
}
