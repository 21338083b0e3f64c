//! The small classifier of 28 × 28 pixels: training, inference, first step of a fresh process.

use flambeau::prelude::*;

use crate::generator::{batches, fill_parameters};
use crate::timing::{Measured, Timing};

pub(crate) const SAMPLES: usize = 6400;
pub(crate) const PIXELS: usize = 28 * 28;
/// The loss of this step is compared.
const CHECKED_STEP: usize = 20;

pub(crate) fn mlp() -> Sequential {
    let model = Sequential::new((
        Linear::new(PIXELS, 200),
        ReLU::default(),
        Linear::new(200, 200),
        ReLU::default(),
        Linear::new(200, 10),
    ));
    fill_parameters(&model);
    model
}

/// Makes the optimiser of a model.
type Optimise = fn(&Sequential) -> Box<dyn Optimizer>;

pub(crate) fn sgd(model: &Sequential) -> Box<dyn Optimizer> {
    Box::new(SGD::new(model.parameters(), 0.01).momentum(0.9))
}

pub(crate) fn adam(model: &Sequential) -> Box<dyn Optimizer> {
    Box::new(Adam::new(model.parameters(), 0.001))
}

struct Training {
    model: Sequential,
    optimizer: Box<dyn Optimizer>,
    loss_fn: CrossEntropyLoss,
}

impl Training {
    fn new(optimise: Optimise) -> Self {
        let model = mlp();
        let optimizer = optimise(&model);
        Training { model, optimizer, loss_fn: CrossEntropyLoss::default() }
    }

    fn step(&mut self, (x, y): &(Tensor, Tensor)) -> f32 {
        self.optimizer.zero_grad();
        let loss = self.loss_fn.call(&self.model.call(x), y);
        loss.backward();
        self.optimizer.step();
        loss.item()
    }
}

pub(crate) fn train(timing: &Timing, batch: usize, optimise: Optimise) -> Measured {
    let data = batches(SAMPLES, PIXELS, batch);
    let mut round = data.iter().cycle();
    let mut training = Training::new(optimise);
    let mut step = || training.step(round.next().expect("a cycle of some batches"));
    for _ in 1..CHECKED_STEP {
        step();
    }
    let check = step();
    timing.steps(check.into(), step)
}

pub(crate) fn infer(timing: &Timing, batch: usize) -> Measured {
    let data = batches(SAMPLES, PIXELS, batch);
    let model = mlp();
    model.eval();
    no_grad(|| {
        let check = model.call(&data[0].0).sum().item::<f32>();
        let mut round = data.iter().cycle();
        timing.steps(check.into(), || model.call(&round.next().expect("a cycle of some batches").0))
    })
}

pub(crate) fn first_step() -> f64 {
    let data = batches(64, PIXELS, 64);
    Training::new(sgd).step(&data[0]).into()
}
