//! Training for long leaves memory flat; training on any number of threads gives the same bits.
//!
//! `cargo xtask soak` sets FLAMBEAU_SOAK=full for 100,000 steps; the default is a short form.

use flambeau::data::digits;
use flambeau::prelude::*;
use flambeau::{memory_stats, set_num_threads};
use std::sync::{Mutex, PoisonError};

/// The tests share the process's generator, memory and threads: one at a time.
static ONE: Mutex<()> = Mutex::new(());

fn network() -> Sequential {
    manual_seed(3);
    let layers = (
        Flatten::default(),
        Linear::new(64, 200),
        ReLU::default(),
        Dropout::new(0.1),
        Linear::new(200, 200),
        ReLU::default(),
    );
    Sequential::new(layers).add(Linear::new(200, 10))
}

/// Trains and calls `each` after each step, with its number.
fn train(model: &Sequential, steps: usize, batch_size: usize, mut each: impl FnMut(usize)) {
    let loader = DataLoader::new(digits(), batch_size).unwrap().shuffle(true).seed(1).drop_last(true);
    let mut optimizer = SGD::new(model.parameters(), 0.01).momentum(0.9).weight_decay(1e-4);
    let loss_fn = CrossEntropyLoss::default();
    let mut step = 0;
    while step < steps {
        for (x, y) in (&loader).into_iter().take(steps - step) {
            let loss = loss_fn.call(&model.call(&x), &y);
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            step += 1;
            each(step);
        }
    }
}

/// Resident memory of this process, in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn soak_memory_and_live_tensors_stay_flat() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let steps = if std::env::var("FLAMBEAU_SOAK").as_deref() == Ok("full") { 100_000 } else { 2_000 };
    let model = network();
    let mut samples = Vec::new();
    train(&model, steps, 32, |step| {
        if step % (steps / 20) == 0 {
            samples.push((memory_stats(), resident()));
        }
    });
    // The first tenth fills the caches.
    let (before, after) = (samples[1], samples[samples.len() - 1]);
    println!("after {} steps: {before:?}; after {steps}: {after:?}", steps / 10);
    assert_eq!(after.0, before.0, "storages in use and bytes cached");
    assert!(after.1 - before.1 < 2048, "resident memory grew from {} to {} KiB", before.1, after.1);
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let weights = |threads| {
        set_num_threads(threads);
        let model = network();
        // Large enough for the pool to split every kind of loop.
        train(&model, 60, 512, |_| {});
        model.state_dict().values().flat_map(|p| p.to_vec::<f32>()).map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = weights(1);
    assert!(one == weights(2), "2 threads");
    assert!(one == weights(3), "3 threads");
}
