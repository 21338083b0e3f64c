//! What the trainer costs against a loop by hand, and what evaluations cost.
//!
//!     cargo run --release -p flambeau-train --example overhead

#![allow(clippy::print_stdout, reason = "it is a program")]

use flambeau_data::{DataLoader, digits, random_split};
use flambeau_nn::{CrossEntropyLoss, Flatten, Forward, Linear, Module, ReLU, Sequential};
use flambeau_optim::{Optimizer, SGD};
use flambeau_tensor::{Result, Tensor, set_num_threads};
use flambeau_train::{Accuracy, Every, Trainer};
use std::time::Instant;

/// The notes' network and theirs for MNIST.
fn network(inputs: usize) -> Sequential {
    let layers = (
        Flatten::default(),
        Linear::new(inputs, 200),
        ReLU::default(),
        Linear::new(200, 200),
        ReLU::default(),
    );
    Sequential::new(layers).add(Linear::new(200, 10))
}

fn step(model: &Sequential, (x, y): &(Tensor, Tensor)) -> (Tensor, Tensor) {
    let logits = model.call(x);
    (CrossEntropyLoss::default().call(&logits, y), logits)
}

const EPOCHS: u64 = 20;

/// Milliseconds an epoch: the fastest of some, as other programs only slow it down.
fn fastest(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    run()?;
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3 / EPOCHS as f64);
    }
    Ok(best)
}

fn main() -> Result<()> {
    set_num_threads(1);
    for inputs in [64, 784] {
        // The digits, their pixels repeated to the number of MNIST's.
        let wide =
            move |x: Tensor, y| (x.flatten(0, -1).repeat([13]).narrow(0, 0, inputs.min(832)).contiguous(), y);
        let data = flambeau_data::Dataset::map(digits(), wide);
        let data = flambeau_data::Dataset::cache(data);
        let [train, val] = random_split(data, [0.8, 0.2], 0)?;
        let train = DataLoader::new(train, 64)?.shuffle(true);
        let val = DataLoader::new(val, 256)?;
        let by_hand = || {
            let model = network(inputs);
            let mut optimizer = SGD::new(model.parameters(), 0.01).momentum(0.9);
            for _ in 0..EPOCHS {
                for batch in &train {
                    let (loss, _) = step(&model, &batch);
                    optimizer.zero_grad();
                    loss.backward();
                    optimizer.step();
                }
            }
            Ok(())
        };
        let trained = |val: Option<&DataLoader>, every| {
            let model = network(inputs);
            let optimizer = SGD::new(model.parameters(), 0.01).momentum(0.9);
            let trainer = Trainer::new(&model, optimizer, step).epochs(EPOCHS).evaluate_every(every);
            let mut trainer = if val.is_some() { trainer.metric(Accuracy::new()) } else { trainer };
            trainer.fit(&train, val).map(drop)
        };
        let hand = fastest(by_hand)?;
        let bare = fastest(|| trained(None, Every::Epochs(EPOCHS)))?;
        println!("{inputs}-200-200-10, {} steps an epoch", train.len());
        println!("  by hand            {hand:8.3} ms an epoch");
        println!("  trainer            {bare:8.3} ms an epoch: {:+.2} %", 100.0 * (bare / hand - 1.0));
        for (what, every) in [
            ("every epoch", Every::Epochs(1)),
            ("every 5 steps", Every::Steps(5)),
            ("every step", Every::Steps(1)),
        ] {
            let ms = fastest(|| trained(Some(&val), every))?;
            println!("  evaluated {what:13}{ms:6.2} ms an epoch: {:.2} times", ms / hand);
        }
    }
    Ok(())
}
