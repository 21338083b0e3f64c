//! Training steps of a network on batches that lie ready.

use flambeau::prelude::*;

use crate::generator::{self, fill_parameters};
use crate::timing::{Measured, Timing};

/// So many batches for a network whose inputs have this shape, and its parameters filled.
pub(crate) fn ready(
    model: &Sequential,
    shape: &[usize],
    batch: usize,
    count: usize,
) -> Vec<(Tensor, Tensor)> {
    fill_parameters(model);
    let data = generator::batches(count * batch, shape.iter().product(), batch);
    let shape = [&[batch], shape].concat();
    data.into_iter().map(|(x, y)| (x.reshape(&*shape), y)).collect()
}

/// Steps over the batches in turns, by cross-entropy. The loss of the first is compared.
pub(crate) fn steps(
    timing: &Timing,
    model: &Sequential,
    optimizer: &mut dyn Optimizer,
    data: &[(Tensor, Tensor)],
) -> Measured {
    let (loss_fn, mut round) = (CrossEntropyLoss::default(), data.iter().cycle());
    let mut step = || {
        let (x, y) = round.next().expect("a cycle of some batches");
        optimizer.zero_grad();
        let loss = loss_fn.call(&model.call(x), y);
        loss.backward();
        optimizer.step();
        loss.item::<f64>()
    };
    let check = step();
    timing.steps(check, step)
}
