//! The network that the program trains.

use flambeau::nn::init::{self, FanMode, Nonlinearity};
use flambeau::prelude::*;

use crate::config::ModelConfig;

/// Three linear layers with ReLU between them, on pixels scaled to mean 0 and deviation 1.
#[derive(Module)]
#[module(extra_repr = Self::scaling)]
pub(crate) struct Net {
    mean: f64,
    std: f64,
    flatten: Flatten,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Net {
    pub(crate) fn new(config: &ModelConfig) -> Self {
        let [hidden1, hidden2] = config.hidden;
        let net = Net {
            mean: config.mean,
            std: config.std,
            flatten: Flatten::default(),
            fc1: Linear::new(config.input.iter().product(), hidden1),
            fc2: Linear::new(hidden1, hidden2),
            fc3: Linear::new(hidden2, config.classes.len()),
        };
        for layer in [&net.fc1, &net.fc2, &net.fc3] {
            init::kaiming_normal_(&layer.weight, FanMode::FanIn, Nonlinearity::ReLU);
            if let Some(bias) = &layer.bias {
                init::zeros_(bias);
            }
        }
        net
    }

    fn scaling(&self) -> String {
        format!("mean={:.4}, std={:.4}", self.mean, self.std)
    }
}

impl Forward for Net {
    /// Images of shape [n, channels, height, width] to logits of shape [n, classes].
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = (self.flatten.call(x) - self.mean) / self.std;
        let x = self.fc1.call(&x).relu();
        let x = self.fc2.call(&x).relu();
        self.fc3.call(&x)
    }
}
