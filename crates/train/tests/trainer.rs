//! The trainer does what a loop by hand does, and what was interrupted goes on bit for bit.

use flambeau_data::{DataLoader, Subset, digits, random_split};
use flambeau_nn::utils::clip_grad_norm_;
use flambeau_nn::{
    BatchNorm1d, CrossEntropyLoss, Dropout, Flatten, Forward, Linear, MSELoss, Module, ReLU, Sequential,
};
use flambeau_optim::{
    Adam, CosineAnnealingLR, EMA, LRScheduler, Optimizer, PlateauMode, ReduceLROnPlateau, SGD, StepLR,
};
use flambeau_tensor::{Error, Tensor, manual_seed, no_grad, set_num_threads, tensor};
use flambeau_train::{
    Accuracy, EarlyStopping, Event, Every, Outcome, RunFolder, StepOutput, Trainer, read_json_lines,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The generator and the number of threads are the process's.
fn one() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn model() -> Sequential {
    let layers =
        (Flatten::default(), Linear::new(64, 16), BatchNorm1d::new(16), ReLU::default(), Dropout::new(0.2));
    Sequential::new(layers).add(Linear::new(16, 10))
}

fn data() -> [Subset; 2] {
    let [small, _] = random_split(digits(), [0.3, 0.7], 0).unwrap();
    random_split(small, [0.8, 0.2], 1).unwrap()
}

fn loaders() -> (DataLoader, DataLoader) {
    let [train, val] = data();
    (DataLoader::new(train, 50).unwrap().shuffle(true).seed(2), DataLoader::new(val, 64).unwrap())
}

fn step(model: &Sequential, (x, y): &(Tensor, Tensor)) -> (Tensor, Tensor) {
    let logits = model.call(x);
    (CrossEntropyLoss::default().call(&logits, y), logits)
}

fn bits(model: &dyn Module) -> Vec<Vec<u8>> {
    model.state_dict().values().map(|tensor| tensor.to_le_bytes()).collect()
}

/// Batch norm's running statistics move with each forward pass.
fn params(model: &dyn Module) -> Vec<Vec<u8>> {
    model.parameters().iter().map(|tensor| tensor.to_le_bytes()).collect()
}

#[test]
fn it_does_what_a_loop_by_hand_does() {
    let _one = one();
    let (train, val) = loaders();
    manual_seed(5);
    let by_hand = model();
    let mut optimizer = Adam::new(by_hand.parameters(), 0.01);
    let mut scheduler = StepLR::new(&mut optimizer, 2).gamma(0.5);
    let mut ema = EMA::new(by_hand.parameters(), 0.9);
    let mut values = vec![];
    for _ in 0..3 {
        by_hand.train();
        let (mut loss_sum, mut items) = (0.0, 0.0);
        for batch in &train {
            let (loss, _) = step(&by_hand, &batch);
            optimizer.zero_grad();
            loss.backward();
            clip_grad_norm_(by_hand.parameters(), 1.0, 2.0, false);
            optimizer.step();
            ema.update();
            loss_sum += loss.item::<f64>() * batch.1.numel() as f64;
            items += batch.1.numel() as f64;
        }
        by_hand.eval();
        let (val_loss, right) = ema.with_averages(|| {
            no_grad(|| {
                (&val).into_iter().fold((0.0, 0), |(sum, right), batch| {
                    let (loss, logits) = step(&by_hand, &batch);
                    let now = logits.argmax(1, false).eq(&batch.1).sum().item::<i64>();
                    (sum + loss.item::<f64>() * batch.1.numel() as f64, right + now)
                })
            })
        });
        let all = val.dataset().len() as f64;
        values.push([loss_sum / items, val_loss / all, right as f64 / all]);
        scheduler.step(&mut optimizer);
    }
    ema.copy_to(by_hand.parameters());

    manual_seed(5);
    let trained = model();
    trained.eval();
    let mut optimizer = Adam::new(trained.parameters(), 0.01);
    let scheduler = StepLR::new(&mut optimizer, 2).gamma(0.5);
    let mut seen = vec![];
    let mut trainer = Trainer::new(&trained, optimizer, step)
        .epochs(3)
        .scheduler(scheduler, Every::Epochs(1))
        .clip_grad_norm(1.0)
        .ema(EMA::new(trained.parameters(), 0.9))
        .metric(Accuracy::new())
        .callback(|event| {
            if let Event::Evaluation { values, .. } = event {
                seen.push([0, 1, 2].map(|i| values[i].1));
            }
            Ok(())
        });
    let report = trainer.fit(&train, Some(&val)).unwrap();
    assert_eq!((report.outcome, report.epoch, report.step), (Outcome::Finished, 3, 3 * train.len() as u64));
    assert_eq!(trainer.optimizer().lr(), 0.005);
    drop(trainer);
    assert_eq!(seen, values);
    assert!(bits(&trained) == bits(&by_hand));
    assert!(!trained.is_training()); // as it was
}

#[test]
fn accumulated_batches_are_one_large_one() {
    let _one = one();
    let [train, _] = data();
    let run = |batch_size: usize, accumulate: usize| {
        manual_seed(1);
        let model = Sequential::new((Flatten::default(), Linear::new(64, 10)));
        let train = DataLoader::new(train.clone(), batch_size).unwrap().shuffle(true);
        let mut trainer =
            Trainer::new(&model, SGD::new(model.parameters(), 0.5), step).epochs(2).accumulate(accumulate);
        let steps = trainer.fit(&train, None).unwrap().step;
        (steps, model.parameters()[0].to_vec::<f32>())
    };
    // 431 items: the last group of an epoch is 31, as 20 and 11.
    let (steps, large) = run(100, 1);
    let (same_steps, small) = run(20, 5);
    assert_eq!((steps, same_steps), (10, 10));
    let apart = large.iter().zip(&small).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-6, "{apart}");
}

#[test]
fn steps_end_it_in_the_middle_of_an_epoch() {
    let _one = one();
    let (train, val) = loaders();
    let model = model();
    let (mut evaluations, mut epochs) = (vec![], 0);
    let mut trainer = Trainer::new(&model, SGD::new(model.parameters(), 0.1), step)
        .steps(14)
        .evaluate_every(Every::Steps(4))
        .callback(|event| {
            match event {
                Event::Evaluation { step, epoch, .. } => evaluations.push((*step, *epoch)),
                Event::Epoch { .. } => epochs += 1,
                _ => {}
            }
            Ok(())
        });
    trainer.fit(&train, Some(&val)).unwrap();
    drop(trainer);
    // 9 steps an epoch; the last evaluation is of what came out.
    assert_eq!(evaluations, [(4, 0), (8, 0), (12, 1), (14, 1)]);
    assert_eq!(epochs, 1);
}

#[test]
fn early_stopping_leaves_the_best_weights_and_the_plateau_acts() {
    let _one = one();
    let (train, val) = loaders();
    manual_seed(2);
    let model = model();
    let optimizer = SGD::new(model.parameters(), 0.5).momentum(0.9);
    let plateau = ReduceLROnPlateau::new(&optimizer).patience(0).mode(PlateauMode::Max);
    let early_stopping = EarlyStopping::new(3).mode(PlateauMode::Max).restore_best_weights(&model);
    let mut trainer = Trainer::new(&model, optimizer, step)
        .epochs(500)
        .metric(Accuracy::new())
        .monitor("val/accuracy", PlateauMode::Max)
        .early_stopping(early_stopping)
        .plateau(plateau);
    let report = trainer.fit(&train, Some(&val)).unwrap();
    assert_eq!(report.outcome, Outcome::EarlyStopped);
    assert_eq!(report.step - report.best_step.unwrap(), 3 * train.len() as u64);
    assert!(trainer.optimizer().lr() < 0.5);
    let values = trainer.evaluate(&val).unwrap();
    assert_eq!(values[1], ("accuracy".to_owned(), report.best.unwrap()));
    // It is over.
    assert_eq!(trainer.fit(&train, Some(&val)).unwrap().step, report.step);
}

/// All parts at once.
fn full<'a>(model: &'a Sequential, folder: &Path, stop: &Arc<AtomicBool>) -> Trainer<'a, Sequential> {
    let mut optimizer = Adam::new(model.parameters(), 0.02);
    let cosine = CosineAnnealingLR::new(&mut optimizer, 60);
    let plateau = ReduceLROnPlateau::new(&optimizer).patience(1);
    Trainer::new(model, optimizer, step)
        .epochs(4)
        .accumulate(2)
        .clip_grad_norm(2.0)
        .scheduler(cosine, Every::Steps(1))
        .plateau(plateau)
        .ema(EMA::new(model.parameters(), 0.9))
        .early_stopping(EarlyStopping::new(50).restore_best_weights(model))
        .metric(Accuracy::new())
        .train_metric(Accuracy::new())
        .evaluate_every(Every::Steps(3))
        .log_every(2)
        .stop_flag(stop.clone())
        .run_folder(RunFolder::open(folder).unwrap(), Every::Steps(4))
        .unwrap()
        .checkpoints(|store| store.keep_last(2).keep_best(1, PlateauMode::Min))
}

/// The weights, the log and the best weights of a training that is stopped after each of these steps, or while it is
/// evaluated after it, and goes on with another number of threads.
fn interrupted(folder: &Path, stops: &[u64], in_evaluation: bool) -> (Vec<Vec<u8>>, String, Vec<u8>) {
    let (train, val) = loaders();
    for (i, stop_at) in stops.iter().chain([&u64::MAX]).enumerate() {
        set_num_threads(1 + i % 3);
        manual_seed(if i == 0 { 7 } else { 1000 + i as u64 });
        let model = model();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        let mut trainer = full(&model, folder, &stop).callback(move |event| {
            if let Event::Step { step, .. } = event
                && step == stop_at
                && (!in_evaluation || step.is_multiple_of(3))
            {
                flag.store(true, Ordering::Relaxed);
            }
            Ok(())
        });
        let resumed = trainer.resume().unwrap();
        assert_eq!(resumed, i.checked_sub(1).map(|before| stops[before]));
        let report = trainer.fit(&train, Some(&val)).unwrap();
        if *stop_at == u64::MAX {
            assert_eq!((report.outcome, report.epoch), (Outcome::Finished, 4));
            drop(trainer);
            let log = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
            return (bits(&model), log, std::fs::read(folder.join("best.safetensors")).unwrap());
        }
        // No step is lost.
        assert_eq!((report.outcome, report.step), (Outcome::Interrupted, *stop_at));
    }
    unreachable!()
}

#[test]
fn what_was_interrupted_goes_on_bit_for_bit_on_any_number_of_threads() {
    let _one = one();
    let folder = tempfile::tempdir().unwrap();
    let whole = interrupted(&folder.path().join("whole"), &[], false);
    // 5 steps an epoch: in the middle, at the end, before and after evaluations and checkpoints.
    let parts = interrupted(&folder.path().join("parts"), &[1, 3, 4, 5, 11, 15, 19], false);
    assert!(whole == parts);
    assert!(whole == interrupted(&folder.path().join("evaluations"), &[3, 6, 15], true));
    let lines = read_json_lines(folder.path().join("parts/metrics.jsonl")).unwrap();
    assert_eq!(lines.len(), 7 + 10); // evaluations at 3, 6, … 18 and 20; losses at 2, 4, … 20
}

#[test]
fn a_damaged_checkpoint_is_told_and_the_one_before_it_gives_the_same_weights() {
    let _one = one();
    let folder = tempfile::tempdir().unwrap();
    let (train, val) = loaders();
    let whole = interrupted(&folder.path().join("whole"), &[], false);
    let path = folder.path().join("run");
    let stop = Arc::new(AtomicBool::new(true));
    manual_seed(7);
    let first = model();
    full(&first, &path, &stop).fit(&train, Some(&val)).unwrap(); // one step
    stop.store(false, Ordering::Relaxed);
    {
        let second = model();
        let flag = stop.clone();
        let mut trainer = full(&second, &path, &stop).callback(move |event| {
            flag.store(matches!(event, Event::Step { step: 9, .. }), Ordering::Relaxed);
            Ok(())
        });
        assert_eq!(trainer.resume().unwrap(), Some(1));
        trainer.fit(&train, Some(&val)).unwrap();
    }
    let newest = path.join("checkpoints/step-000000000009.safetensors");
    let length = std::fs::metadata(&newest).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(newest).unwrap().set_len(length - 1).unwrap();

    stop.store(false, Ordering::Relaxed);
    let third = model();
    let mut told = vec![];
    let mut trainer = full(&third, &path, &stop).callback(|event| {
        if let Event::Damaged { error } = event {
            told.push(error.to_string());
        }
        Ok(())
    });
    assert_eq!(trainer.resume().unwrap(), Some(8));
    trainer.fit(&train, Some(&val)).unwrap();
    drop(trainer);
    assert!(told.len() == 1 && told[0].contains("step-000000000009"), "{told:?}");
    assert!(bits(&third) == whole.0);
    assert_eq!(std::fs::read_to_string(path.join("metrics.jsonl")).unwrap(), whole.1);
}

#[test]
fn divergence_names_the_operation_and_keeps_the_good_checkpoint() {
    let _one = one();
    let folder = tempfile::tempdir().unwrap();
    let (train, _) = loaders();
    manual_seed(3);
    let model = model();
    let mut calls = 0;
    let before = Mutex::new(vec![]);
    let mut trainer = Trainer::new(&model, SGD::new(model.parameters(), 0.1), |model: &Sequential, batch| {
        calls += 1;
        let (loss, _) = step(model, batch);
        if calls == 6 || calls == 7 { (loss - 100.0).sqrt() } else { loss }
    })
    .steps(50)
    .callback(|event| {
        if matches!(event, Event::Step { step: 5, .. }) {
            *before.lock().unwrap() = params(&model);
        }
        Ok(())
    })
    .run_folder(RunFolder::open(folder.path()).unwrap(), Every::Steps(2))
    .unwrap();
    let error = trainer.fit(&train, None).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Diverged(_)), "{message}");
    for part in
        ["after 5 steps, in epoch 1", "the loss is NaN", "sqrt: anomaly", "The checkpoint of step 4 is good"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    drop(trainer);
    assert!(params(&model) == *before.lock().unwrap());
}

#[test]
fn weights_that_are_not_finite_are_never_saved() {
    let _one = one();
    let folder = tempfile::tempdir().unwrap();
    let (train, _) = loaders();
    let model = Sequential::new((Flatten::default(), Linear::new(64, 10)));
    // The loss is finite and its gradient is not: 0 · ∞.
    let mut trainer =
        Trainer::new(&model, SGD::new(model.parameters(), 0.1), |model: &Sequential, batch: &_| {
            let (loss, _) = step(model, batch);
            &loss + (&loss - &loss).sqrt()
        })
        .steps(50)
        .run_folder(RunFolder::open(folder.path()).unwrap(), Every::Steps(1))
        .unwrap();
    let message = trainer.fit(&train, None).unwrap_err().to_string();
    assert!(message.contains("1.weight is not finite"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path().join("checkpoints")).unwrap().count(), 0);

    // With clipping it is noticed before the step, and the operation is named.
    let model = Sequential::new((Flatten::default(), Linear::new(64, 10)));
    let before = bits(&model);
    let mut trainer =
        Trainer::new(&model, SGD::new(model.parameters(), 0.1), |model: &Sequential, batch: &_| {
            let (loss, _) = step(model, batch);
            &loss + (&loss - &loss).sqrt()
        })
        .clip_grad_norm(1.0);
    let message = trainer.fit(&train, None).unwrap_err().to_string();
    assert!(message.contains("the gradient of sqrt is not finite"), "{message}");
    assert!(bits(&model) == before);
}

#[test]
fn modes_are_put_back_one_by_one() {
    let _one = one();
    let (train, val) = loaders();
    let model = model();
    let is_training = |i: usize| model.named_modules()[i].1.is_training();
    let mut modes = vec![];
    let mut trainer =
        Trainer::new(&model, SGD::new(model.parameters(), 0.1), |model: &Sequential, batch: &_| {
            // A frozen batch norm, as one writes it.
            if model.is_training() {
                model.named_modules()[3].1.eval();
            }
            modes.push([is_training(3), is_training(5)]);
            step(model, batch)
        })
        .epochs(1);
    model.eval();
    trainer.fit(&train, Some(&val)).unwrap();
    drop(trainer);
    assert_eq!(modes[0], [false, true]);
    assert_eq!(modes.last(), Some(&[false, false]));
    assert!(!is_training(3) && !is_training(5));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let _one = one();
    let (train, val) = loaders();
    let model = model();
    let trainer = || Trainer::new(&model, SGD::new(model.parameters(), 0.1), step).epochs(1);
    let refused = |mut trainer: Trainer<'_, Sequential>, val: Option<&DataLoader>, part: &str| {
        let message = trainer.fit(&train, val).unwrap_err().to_string();
        assert!(message.contains(part), "{part}: {message}");
    };
    refused(trainer(), Some(&train), "val: is the loader of the training data");
    refused(trainer().early_stopping(EarlyStopping::new(1)), None, "monitor: is \"val/loss\"");
    let up = EarlyStopping::new(1).mode(PlateauMode::Max);
    refused(trainer().early_stopping(up), Some(&val), "mode: of early stopping");
    let no_output =
        Trainer::new(&model, SGD::new(model.parameters(), 0.1), |model: &Sequential, batch: &_| {
            step(model, batch).0
        });
    refused(no_output.metric(Accuracy::new()), Some(&val), "metric: needs the model's output");
    refused(trainer().callback(|_| Err(Error::config("callback", "says no"))), None, "says no");
    let message = trainer().resume().unwrap_err().to_string();
    assert!(message.contains("run_folder"), "{message}");
    let [few, _] = data();
    let none = DataLoader::new(few, 1000).unwrap().drop_last(true);
    assert!(trainer().fit(&none, None).is_err());

    // Another model's checkpoint.
    let folder = tempfile::tempdir().unwrap();
    let run = || RunFolder::open(folder.path()).unwrap();
    trainer().run_folder(run(), Every::Epochs(1)).unwrap().fit(&train, None).unwrap();
    let other = Sequential::new((Flatten::default(), Linear::new(64, 10)));
    let mut trainer = Trainer::new(&other, SGD::new(other.parameters(), 0.1), step)
        .run_folder(run(), Every::Epochs(1))
        .unwrap();
    let message = trainer.resume().unwrap_err().to_string();
    assert!(message.contains("1.weight has shape [16, 64]"), "{message}");
}

#[test]
fn regression_and_other_outputs() {
    let _one = one();
    let x = tensor![[1.0], [2.0], [3.0], [4.0]];
    let data = flambeau_data::TensorDataset::new(x.clone(), &x * 2.0).unwrap();
    let model = Linear::new(1, 1);
    let mut trainer =
        Trainer::new(&model, SGD::new(model.parameters(), 0.05), |model: &Linear, (x, y)| -> StepOutput {
            let output = model.call(x);
            (MSELoss::default().call(&output, y), output).into()
        })
        .epochs(300)
        .train_metric(flambeau_train::R2Score::new());
    let report = trainer.fit(&DataLoader::new(data, 2).unwrap(), None).unwrap();
    assert!(report.values[1].0 == "train/r2" && report.values[1].1 > 0.99, "{report:?}");
}
