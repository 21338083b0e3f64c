//! The small classifier of 28 × 28 pixels: training, inference, first step of a fresh process.

use flambeau::prelude::*;

use crate::generator::{batches, fill_parameters};
use crate::timing::{Measured, Timing};
use crate::training::{sgd, step};

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

pub(crate) fn train(timing: &Timing, batch: usize, optimise: Optimise) -> Measured {
    let data = batches(SAMPLES, PIXELS, batch);
    let mut round = data.iter().cycle();
    let model = mlp();
    let mut optimizer = optimise(&model);
    let mut step = || step(&model, &mut *optimizer, round.next().expect("a cycle of some batches"));
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
    let model = mlp();
    step(&model, &mut *sgd(&model), &data[0]).into()
}
