//! What the trainer costs against a loop by hand, and what evaluations cost.
//!
//!     cargo run --release -p flambeau-train --example overhead [64 | 784]

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

const EPOCHS: u64 = 4;

/// Milliseconds an epoch of each: the fastest of some, by turns, as other programs only slow them down.
fn fastest<const N: usize>(mut runs: [&mut dyn FnMut() -> Result<()>; N]) -> Result<[f64; N]> {
    let mut best = [f64::INFINITY; N];
    for _ in 0..10 {
        for (run, best) in runs.iter_mut().zip(&mut best) {
            let start = Instant::now();
            run()?;
            *best = best.min(start.elapsed().as_secs_f64() * 1e3 / EPOCHS as f64);
        }
    }
    Ok(best)
}

fn main() -> Result<()> {
    set_num_threads(1);
    let given = std::env::args().nth(1).and_then(|inputs| inputs.parse().ok());
    for inputs in given.map_or(vec![64, 784], |given| vec![given]) {
        // The digits, their pixels repeated to the number of MNIST's.
        let wide =
            move |x: Tensor, y| (x.flatten(0, -1).repeat([13]).narrow(0, 0, inputs.min(832)).contiguous(), y);
        let data = flambeau_data::Dataset::map(digits(), wide);
        let data = flambeau_data::Dataset::cache(data);
        let [train, val] = random_split(data, [0.8, 0.2], 0)?;
        let train = DataLoader::new(train, 64)?.shuffle(true);
        let val = DataLoader::new(val, 256)?;
        let mut by_hand = || {
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
        let val = Some(&val);
        let [hand, bare, epoch, five, each] = fastest([
            &mut by_hand,
            &mut || trained(None, Every::Epochs(EPOCHS)),
            &mut || trained(val, Every::Epochs(1)),
            &mut || trained(val, Every::Steps(5)),
            &mut || trained(val, Every::Steps(1)),
        ])?;
        println!("{inputs}-200-200-10, {} steps an epoch; ms an epoch", train.len());
        let rows = [("by hand", hand), ("trainer", bare), ("evaluated every epoch", epoch)];
        for (what, ms) in rows.into_iter().chain([("every 5 steps", five), ("every step", each)]) {
            println!("  {what:22}{ms:8.3}  {:+7.2} %", 100.0 * (ms / hand - 1.0));
        }
    }
    Ok(())
}
