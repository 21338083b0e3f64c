//! An epoch of the small classifier's training, by hand and by the trainer: what that adds to a step.

use flambeau::prelude::*;

use super::mlp::{PIXELS, SAMPLES, mlp};
use crate::generator::batches;
use crate::timing::{Measured, Timing};

const BATCH: usize = 64;
const STEPS: usize = SAMPLES / BATCH;

fn loader() -> DataLoader {
    let (x, y): (Vec<Tensor>, Vec<Tensor>) = batches(SAMPLES, PIXELS, BATCH).into_iter().unzip();
    let data = TensorDataset::new(Tensor::cat(&x, 0), Tensor::cat(&y, 0));
    data.and_then(|data| DataLoader::new(data, BATCH)).expect("as many inputs as targets")
}

fn optimizer(model: &Sequential) -> SGD {
    SGD::new(model.parameters(), 0.01).momentum(0.9)
}

/// Gives the mean loss.
fn epoch_by_hand(model: &Sequential, loader: &DataLoader) -> f64 {
    let (mut optimizer, loss_fn) = (optimizer(model), CrossEntropyLoss::default());
    let mut sum = 0.0;
    for (x, y) in loader {
        optimizer.zero_grad();
        let loss = loss_fn.call(&model.call(&x), &y);
        loss.backward();
        optimizer.step();
        sum += loss.item::<f64>();
    }
    sum / STEPS as f64
}

fn epoch_by_trainer(model: &Sequential, loader: &DataLoader) -> f64 {
    let loss_fn = CrossEntropyLoss::default();
    let mut trainer = Trainer::new(model, optimizer(model), |model, (x, y)| loss_fn.call(&model.call(x), y));
    let report = trainer.fit(loader, None).expect("a training that does not diverge");
    report.values.first().map_or(f64::NAN, |(_, loss)| *loss)
}

pub(crate) fn by_hand(timing: &Timing) -> Measured {
    measure(timing, epoch_by_hand)
}

pub(crate) fn by_trainer(timing: &Timing) -> Measured {
    measure(timing, epoch_by_trainer)
}

fn measure(timing: &Timing, epoch: fn(&Sequential, &DataLoader) -> f64) -> Measured {
    let (model, loader) = (mlp(), loader());
    let check = epoch(&model, &loader);
    let measured = timing.steps(check, || epoch(&model, &loader));
    let values = measured.values.into_iter().map(|epochs| epochs * STEPS as f64).collect();
    Measured { values, calls: measured.calls * STEPS, ..measured }
}
