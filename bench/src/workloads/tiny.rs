//! What an operation costs apart from its arithmetic: a chain of additions of one element.

use flambeau::{Tensor, no_grad, tensor};

use crate::timing::{Measured, Timing};

const OPS: usize = 1000;

fn chain(x: &Tensor, c: &Tensor) -> Tensor {
    (0..OPS).fold(x.clone(), |y, _| y + c)
}

/// Forward and backward.
pub(crate) fn with_gradient(timing: &Timing) -> Measured {
    let (x, c) = (tensor![1.0].requires_grad_(), tensor![0.001]);
    let step = || {
        x.zero_grad();
        let y = chain(&x, &c);
        y.backward();
        y
    };
    timing.nanoseconds(OPS, step().item::<f32>().into(), step)
}

pub(crate) fn without_gradient(timing: &Timing) -> Measured {
    let (x, c) = (tensor![1.0], tensor![0.001]);
    no_grad(|| timing.nanoseconds(OPS, chain(&x, &c).item::<f32>().into(), || chain(&x, &c)))
}
