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
        check("Dropout", p);
        Dropout { p, training: Training::new() }
    }

    fn options(&self) -> String {
        options(self.p)
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

/// [`Dropout`] of whole channels: neighbouring pixels are so alike that one dropped alone would not be missed.
///
/// Shapes: `[N, C, H, W]`, or any `[N, C, …]`; the output has the input's. Each of the `N · C` maps is kept or dropped.
///
/// ```
/// use flambeau_nn::{Dropout2d, Forward, Module};
/// use flambeau_tensor::Tensor;
///
/// let dropout = Dropout2d::new(0.5);
/// let y = dropout.call(&Tensor::ones([4, 8, 2, 2])).to_vec::<f32>();
/// assert!(y.chunks(4).all(|map| map == [0.0; 4] || map == [2.0; 4]));
/// dropout.eval();
/// assert_eq!(dropout.call(&Tensor::ones([1, 3])).to_vec::<f32>(), [1.0; 3]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html>; Tompson et al. 2015,
/// <https://arxiv.org/abs/1411.4280>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Dropout2d {
    p: f64,
    training: Training,
}

impl Dropout2d {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not within 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        check("Dropout2d", p);
        Dropout2d { p, training: Training::new() }
    }

    fn options(&self) -> String {
        options(self.p)
    }
}

impl Default for Dropout2d {
    /// With `p` 0.5.
    fn default() -> Self {
        Dropout2d::new(0.5)
    }
}

impl Forward for Dropout2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.dropout2d(self.p, self.training.get())
    }
}

/// Dropout that keeps mean 0 and variance 1, for networks with [`SELU`](crate::SELU): what is dropped becomes SELU's lower
/// limit, and all is scaled and shifted. In evaluation mode it passes its input on.
///
/// Shapes: any; the output has the input's.
///
/// ```
/// use flambeau_nn::{AlphaDropout, Forward, Module};
/// use flambeau_tensor::Tensor;
///
/// let dropout = AlphaDropout::new(0.2);
/// let y = dropout.call(&Tensor::randn([10_000]));
/// assert!(y.mean().item::<f32>().abs() < 0.1);
/// dropout.eval();
/// assert_eq!(dropout.call(&Tensor::ones([3])).to_vec::<f32>(), [1.0; 3]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html>; Klambauer et al. 2017,
/// <https://arxiv.org/abs/1706.02515>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct AlphaDropout {
    p: f64,
    training: Training,
}

impl AlphaDropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not within 0 to 1.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        check("AlphaDropout", p);
        AlphaDropout { p, training: Training::new() }
    }

    fn options(&self) -> String {
        options(self.p)
    }
}

impl Default for AlphaDropout {
    /// With `p` 0.5.
    fn default() -> Self {
        AlphaDropout::new(0.5)
    }
}

impl Forward for AlphaDropout {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.alpha_dropout(self.p, self.training.get())
    }
}

#[track_caller]
fn check(layer: &str, p: f64) {
    assert!((0.0..=1.0).contains(&p), "{layer}: p is a probability from 0 to 1, but got {p}");
}

/// As PyTorch prints them, which knows `inplace` too.
fn options(p: f64) -> String {
    format!("p={p:?}, inplace=False")
}
