use flambeau_tensor::Tensor;

use super::python::boolean;
use crate::{Forward, Module, Parameter, init};

/// A bilinear form of two inputs for each output: `yₖ = x₁ᵀ Wₖ x₂ + bₖ`.
///
/// Shapes: `[…, in1_features]` and `[…, in2_features]` give `[…, out_features]`; `weight` is
/// `[out_features, in1_features, in2_features]` and `bias` is `[out_features]`. Both are drawn from
/// `U(-1/√in1_features, 1/√in1_features)`.
///
/// ```
/// use flambeau_nn::{Bilinear, Forward};
/// use flambeau_tensor::Tensor;
///
/// let layer = Bilinear::new(20, 30, 40);
/// let y = layer.call(&(Tensor::randn([128, 20]), Tensor::randn([128, 30])));
/// assert_eq!(y.shape(), [128, 40]);
/// ```
///
/// # Panics
/// [`call`](Forward::call) panics when the inputs' shapes do not fit.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Bilinear.html>
#[derive(Module)]
#[module(crate = crate, extra_repr = Self::options)]
pub struct Bilinear {
    /// `[out_features, in1_features, in2_features]`
    pub weight: Parameter,
    /// `[out_features]`
    pub bias: Option<Parameter>,
}

impl Bilinear {
    /// A layer with bias.
    pub fn new(in1_features: usize, in2_features: usize, out_features: usize) -> Self {
        let weight = Parameter::new(Tensor::zeros([out_features, in1_features, in2_features]));
        let layer = Bilinear { weight, bias: None };
        layer.fill(&layer.weight);
        layer.bias(true)
    }

    /// Whether there is a bias; with one by default.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        if bias != self.bias.is_some() {
            self.bias = bias.then(|| Parameter::new(Tensor::zeros([self.weight.size(0)])));
            self.bias.iter().for_each(|bias| self.fill(bias));
        }
        self
    }

    /// Draws weight and bias anew, as [`Bilinear::new`] does.
    pub fn reset_parameters(&self) {
        self.fill(&self.weight);
        self.bias.iter().for_each(|bias| self.fill(bias));
    }

    fn fill(&self, parameter: &Parameter) {
        let bound = 1.0 / (self.weight.size(1).max(1) as f64).sqrt();
        init::uniform_(parameter, -bound, bound);
    }

    fn options(&self) -> String {
        let [out, in1, in2] = [0, 1, 2].map(|dim| self.weight.size(dim));
        let bias = boolean(self.bias.is_some());
        format!("in1_features={in1}, in2_features={in2}, out_features={out}, bias={bias}")
    }
}

impl Forward<(Tensor, Tensor)> for Bilinear {
    #[track_caller]
    fn forward(&self, (input1, input2): &(Tensor, Tensor)) -> Tensor {
        input1.bilinear(input2, &self.weight, self.bias.as_deref())
    }
}
