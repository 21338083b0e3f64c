use flambeau_tensor::{PackedWeight, Tensor};

use super::python::boolean;
use crate::{Forward, Module, Parameter, init};

/// A fully connected layer: `y = x Wᵀ + b`.
///
/// Shapes: `x` is `[…, in_features]`, `y` is `[…, out_features]`; `weight` is `[out_features, in_features]` and
/// `bias` is `[out_features]`. Both are drawn from `U(-1/√in_features, 1/√in_features)`.
///
/// From the second call without gradient on (eight rows of input or more), the layer keeps a second copy of a `weight` of
/// up to 2¹⁸ elements, in the order in which the processor reads it. Results are the same; a call with gradient drops it.
///
/// ```
/// use flambeau_nn::{Forward, Linear, Module};
/// use flambeau_tensor::{PackedWeight, Tensor};
///
/// let layer = Linear::new(20, 30);
/// assert_eq!(layer.call(&Tensor::randn([128, 20])).shape(), [128, 30]);
/// assert_eq!(Linear::new(20, 30).bias(false).num_parameters(), 600);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the last dimension of the input is not `in_features`.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Linear {
    /// `[out_features, in_features]`
    pub weight: Parameter,
    /// `[out_features]`
    pub bias: Option<Parameter>,
    #[module(skip)]
    packed: PackedWeight,
}

impl Linear {
    /// A layer with bias.
    pub fn new(in_features: usize, out_features: usize) -> Self {
        let weight = Parameter::new(Tensor::zeros([out_features, in_features]));
        let layer = Linear { weight, bias: None, packed: PackedWeight::default() };
        layer.reset_weight();
        layer.bias(true)
    }

    /// Whether there is a bias; with one by default.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        if bias != self.bias.is_some() {
            self.bias = bias.then(|| Parameter::new(Tensor::zeros([self.out_features()])));
            self.reset_bias();
        }
        self
    }

    /// The width of the input.
    pub fn in_features(&self) -> usize {
        self.weight.size(1)
    }

    /// The width of the output.
    pub fn out_features(&self) -> usize {
        self.weight.size(0)
    }

    /// Draws weight and bias anew, as [`Linear::new`] does.
    pub fn reset_parameters(&self) {
        self.reset_weight();
        self.reset_bias();
    }

    // PyTorch writes kaiming_uniform_ with a = √5, whose bound √(2 / (1 + 5)) · √(3 / in_features) is this one.
    fn reset_weight(&self) {
        let bound = self.bound();
        init::uniform_(&self.weight, -bound, bound);
    }

    fn reset_bias(&self) {
        if let Some(bias) = &self.bias {
            let bound = self.bound();
            init::uniform_(bias, -bound, bound);
        }
    }

    fn bound(&self) -> f64 {
        match self.in_features() {
            0 => 0.0,
            fan_in => 1.0 / (fan_in as f64).sqrt(),
        }
    }

    fn options(&self) -> String {
        let bias = boolean(self.bias.is_some());
        format!("in_features={}, out_features={}, bias={bias}", self.in_features(), self.out_features())
    }
}

impl Forward for Linear {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.linear_of(&self.weight, self.bias.as_deref(), false, &self.packed)
    }

    #[track_caller]
    fn forward_relu(&self, input: &Tensor) -> Option<Tensor> {
        Some(input.linear_of(&self.weight, self.bias.as_deref(), true, &self.packed))
    }
}
