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

pub(crate) fn sgd(model: &Sequential) -> Box<dyn Optimizer> {
    Box::new(SGD::new(model.parameters(), 0.01).momentum(0.9))
}

pub(crate) fn adam(model: &Sequential) -> Box<dyn Optimizer> {
    Box::new(Adam::new(model.parameters(), 0.001))
}

/// One step by cross-entropy. Gives the loss.
pub(crate) fn step(model: &Sequential, optimizer: &mut dyn Optimizer, (x, y): &(Tensor, Tensor)) -> f32 {
    optimizer.zero_grad();
    let loss = CrossEntropyLoss::default().call(&model.call(x), y);
    loss.backward();
    optimizer.step();
    loss.item()
}

/// Steps over the batches in turns. The loss of the first is compared.
pub(crate) fn steps(
    timing: &Timing,
    model: &Sequential,
    optimizer: &mut dyn Optimizer,
    data: &[(Tensor, Tensor)],
) -> Measured {
    let mut round = data.iter().cycle();
    let mut step = || step(model, optimizer, round.next().expect("a cycle of some batches"));
    let check = step();
    timing.steps(check.into(), step)
}
