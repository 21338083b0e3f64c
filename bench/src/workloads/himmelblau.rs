//! Gradient descent on Himmelblau's function: a graph of a dozen tiny nodes, walked back at every step.

use flambeau::prelude::*;

use crate::timing::{Measured, Timing, repeated};

const STEPS: usize = 20_000;
/// After so many the descent has arrived.
const CHECKED_STEPS: usize = 2_000;
const RUNS: usize = 3;

fn run(steps: usize) -> Tensor {
    let p = Tensor::zeros([2]).requires_grad_();
    let mut optimizer = SGD::new([&p], 0.001);
    for _ in 0..steps {
        optimizer.zero_grad();
        let (x, y) = (p.i(0), p.i(1));
        let loss = (x.pow(2) + &y - 11).pow(2) + (&x + y.pow(2) - 7).pow(2);
        loss.backward();
        optimizer.step();
    }
    p
}

/// The number and length of the runs are fixed.
pub(crate) fn descend(_: &Timing) -> Measured {
    let check = run(CHECKED_STEPS).to_vec::<f32>().into_iter().map(f64::from).collect();
    let measured = repeated(RUNS, 1, || run(STEPS));
    let values = measured.values.into_iter().map(|seconds| STEPS as f64 / seconds).collect();
    Measured { values, calls: STEPS, check, ..measured }
}
