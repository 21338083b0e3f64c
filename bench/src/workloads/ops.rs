//! Single operations on large tensors.

use flambeau::loss::CrossEntropyOptions;
use flambeau::{Tensor, no_grad};

use crate::generator::{classes, tensor};
use crate::timing::{Measured, Timing};

fn first(x: &Tensor) -> f64 {
    x.flatten(0, -1).i(0).item::<f32>().into()
}

pub(crate) fn matmul(timing: &Timing, size: usize) -> Measured {
    let [a, b] = [11, 12].map(|seed| tensor(seed, &[size, size], -1.0, 1.0));
    let product = || a.matmul(&b);
    timing.steps(first(&product()), product)
}

/// relu(a·b + c)
pub(crate) fn elementwise(timing: &Timing, size: usize) -> Measured {
    let [a, b, c] = [16, 17, 18].map(|seed| tensor(seed, &[size], -1.0, 1.0));
    let formula = || (&a * &b + &c).relu();
    timing.steps(first(&formula().i(5..)), formula)
}

fn logits_and_targets() -> (Tensor, Tensor) {
    (tensor(19, &[4096, 1000], -2.0, 2.0), classes(20, 4096, 1000))
}

pub(crate) fn cross_entropy(timing: &Timing) -> Measured {
    let (logits, targets) = logits_and_targets();
    let loss = || logits.cross_entropy(&targets, CrossEntropyOptions::default()).item::<f32>();
    no_grad(|| timing.steps(loss().into(), loss))
}

pub(crate) fn cross_entropy_backward(timing: &Timing) -> Measured {
    let (logits, targets) = logits_and_targets();
    let logits = logits.requires_grad_();
    let step = || {
        logits.zero_grad();
        let loss = logits.cross_entropy(&targets, CrossEntropyOptions::default());
        loss.backward();
        loss
    };
    timing.steps(first(&step()), step)
}

pub(crate) fn sum(timing: &Timing, dim: i32) -> Measured {
    let x = tensor(21, &[4096, 4096], -1.0, 1.0);
    let sums = || x.sum_dim(dim, false);
    timing.steps(first(&sums().i(1..)), sums)
}
