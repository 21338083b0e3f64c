//! The training that is killed.

use flambeau_data::{DataLoader, Dataset, digits, random_split};
use flambeau_nn::{
    BatchNorm1d, CrossEntropyLoss, Dropout, Flatten, Forward, Linear, Module, ReLU, Sequential,
};
use flambeau_optim::{Adam, CosineAnnealingLR, EMA};
use flambeau_tensor::{Result, Tensor, manual_seed, set_num_threads};
use flambeau_train::{Accuracy, EarlyStopping, Event, Every, Outcome, RunFolder, Trainer};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Trains on so many threads, goes on with what is in the folder, and writes the final weights to
/// `final.safetensors` in it. A file `stop` in it does what a handler of SIGTERM would do.
pub(crate) fn train(folder: &Path, threads: usize) -> Result<()> {
    set_num_threads(threads);
    manual_seed(0);

    // Noise is drawn for each item anew in each epoch, by the loader's own generator.
    let [small, _] = random_split(digits(), [0.4, 0.6], 0)?;
    let [train, val] = random_split(small, [0.75, 0.25], 1)?;
    let noisy = train.map(|x: Tensor, y| (&x + x.randn_like() * 0.1, y));
    let train = DataLoader::new(noisy, 32)?.shuffle(true).seed(3).num_workers(1);
    let val = DataLoader::new(val, 64)?;

    let layers =
        (Flatten::default(), Linear::new(64, 64), BatchNorm1d::new(64), ReLU::default(), Dropout::new(0.3));
    let model = Sequential::new(layers).add(Linear::new(64, 10));
    let loss_fn = CrossEntropyLoss::default();
    let mut optimizer = Adam::new(model.parameters(), 0.01);
    let cosine = CosineAnnealingLR::new(&mut optimizer, 68);
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, order) = (stop.clone(), folder.join("stop"));
    let mut trainer = Trainer::new(&model, optimizer, |model: &Sequential, (x, y)| {
        let logits = model.call(x);
        (loss_fn.call(&logits, y), logits)
    })
    .epochs(4)
    .scheduler(cosine, Every::Steps(1))
    .clip_grad_norm(5.0)
    .ema(EMA::new(model.parameters(), 0.95))
    .early_stopping(EarlyStopping::new(100).restore_best_weights(&model))
    .metric(Accuracy::new())
    .train_metric(Accuracy::new())
    .evaluate_every(Every::Steps(10))
    .stop_flag(stop)
    // So often that most kills come while one is written.
    .run_folder(RunFolder::open(folder)?, Every::Steps(2))?
    .callback(move |event| {
        if let Event::Step { step, .. } = event {
            flag.store(order.exists(), Ordering::Relaxed);
            tell(folder, *step);
        }
        Ok(())
    });
    if let Some(step) = trainer.resume()? {
        tell(folder, step);
    }
    if trainer.fit(&train, Some(&val))?.outcome == Outcome::Finished {
        model.save(folder.join("final.safetensors"))?;
    }
    Ok(())
}

/// How far it is, for the tests to read.
fn tell(folder: &Path, step: u64) {
    let _ =
        File::create(folder.join("step")).and_then(|mut file| file.write_all(step.to_string().as_bytes()));
}
