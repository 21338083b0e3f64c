//! Convolutional layers. Those of one and of two dimensions are one generic type, named as in PyTorch.

#[expect(clippy::module_inception, reason = "the plain one beside the transposed")]
mod conv;
mod conv_transpose;

pub use conv::{Conv, Conv1d, Conv2d};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d};

use flambeau_tensor::Tensor;

use super::python::tuple;
use crate::{Parameter, init};

/// What both kinds of layer learn.
struct Weights<'a> {
    weight: &'a Parameter,
    bias: &'a Option<Parameter>,
}

impl Weights<'_> {
    fn reset(&self) {
        let bound = self.bound();
        init::uniform_(self.weight, -bound, bound);
        self.reset_bias();
    }

    fn reset_bias(&self) {
        if let Some(bias) = self.bias {
            let bound = self.bound();
            init::uniform_(bias, -bound, bound);
        }
    }

    // As for `Linear`: kaiming_uniform_ with a = √5. PyTorch takes the second size for the number of inputs, whichever
    // way the layer goes.
    fn bound(&self) -> f64 {
        match self.weight.shape()[1..].iter().product::<usize>() {
            0 => 0.0,
            fan_in => 1.0 / (fan_in as f64).sqrt(),
        }
    }
}

/// A weight for kernels of this size, to be drawn yet.
#[track_caller]
fn weight(first: usize, second: usize, kernel: &[usize]) -> Parameter {
    let shape: Vec<usize> = [first, second].iter().chain(kernel).copied().collect();
    Parameter::new(Tensor::zeros(shape))
}

#[track_caller]
fn check_groups(layer: &str, in_channels: usize, out_channels: usize, groups: usize) {
    assert!(
        groups > 0 && in_channels.is_multiple_of(groups) && out_channels.is_multiple_of(groups),
        "{layer}: groups must divide in_channels {in_channels} and out_channels {out_channels}, but got {groups}"
    );
}

/// `, name=(…)`, or nothing where each number is the default.
fn unless(default: usize, name: &str, numbers: &[usize]) -> String {
    if numbers.iter().all(|number| *number == default) {
        return String::new();
    }
    format!(", {name}={}", tuple(numbers))
}

/// How both kinds of layer end.
fn ending(groups: usize, bias: bool) -> String {
    let groups = if groups == 1 { String::new() } else { format!(", groups={groups}") };
    format!("{groups}{}", if bias { "" } else { ", bias=False" })
}
