//! Cross-validation of a configuration against the same done by hand.
#![cfg(feature = "config")]

use flambeau_data::{DataLoader, Dataset, KFold, Subset, cross_validate, digits, random_split};
use flambeau_nn::{CrossEntropyLoss, Dropout, Flatten, Forward, Linear, Module, ReLU, Sequential};
use flambeau_optim::{CosineAnnealingLR, LRScheduler, Optimizer, SGD};
use flambeau_tensor::{Result, manual_seed, no_grad};
use flambeau_train::config::{Config, TEMPLATES};
use flambeau_train::{Event, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SEED: u64 = 3;
const EPOCHS: usize = 3;

const CONFIG: &str = r#"
seed = 3
epochs = 3
batch_size = 32
metrics = ["accuracy"]
[data]
name = "digits"
[loss]
name = "CrossEntropyLoss"
[optimizer]
name = "SGD"
lr = 0.05
momentum = 0.9
[scheduler]
name = "CosineAnnealingLR"
[[model]]
layer = "Flatten"
[[model]]
layer = "Linear"
out_features = 32
[[model]]
layer = "ReLU"
[[model]]
layer = "Dropout"
p = 0.3
[[model]]
layer = "Linear"
out_features = 10
"#;

/// A training without a trainer.
fn fit(train: Subset) -> Result<Sequential> {
    manual_seed(SEED);
    let layers =
        (Flatten::default(), Linear::new(64, 32), ReLU::default(), Dropout::new(0.3), Linear::new(32, 10));
    let model = Sequential::new(layers);
    let loader = DataLoader::new(train, 32)?.shuffle(true).seed(SEED);
    let mut optimizer = SGD::new(model.parameters(), 0.05).momentum(0.9);
    let mut scheduler = CosineAnnealingLR::new(&mut optimizer, EPOCHS * loader.len());
    manual_seed(SEED);
    for _ in 0..EPOCHS {
        for (x, y) in &loader {
            optimizer.zero_grad();
            CrossEntropyLoss::default().call(&model.call(&x), &y).backward();
            optimizer.step();
            scheduler.step(&mut optimizer);
        }
    }
    Ok(model)
}

fn accuracy(model: &Sequential, data: Subset) -> Result<f64> {
    model.eval();
    let (x, y) = data.batch(&(0..data.len()).collect::<Vec<_>>());
    let right = no_grad(|| model.call(&x)).argmax(1, false).eq(&y).sum().item::<i64>();
    Ok(right as f64 / data.len() as f64)
}

fn weights(model: &Sequential) -> Vec<Vec<f32>> {
    model.parameters().iter().map(|w| w.to_vec::<f32>()).collect()
}

#[test]
fn agrees_with_the_same_done_by_hand() -> Result<()> {
    let [train, val, test] = random_split(digits(), [0.6, 0.2, 0.2], SEED)?;
    let all = [train.indices(), val.indices()].concat();
    let by_hand = Subset::new(digits(), all)?;
    let folds = KFold::new(5)?.shuffle(SEED).split(by_hand.len())?;
    let validation = cross_validate(by_hand, &folds, fit, accuracy)?;

    let config = Config::parse(CONFIG)?;
    let splits = config.data.load(config.seed)?;
    let data = splits.development();
    assert_eq!(config.folds(&data, 5, false)?, folds);
    let mut seen = vec![];
    let mut validator = config.cross_validator().callback(|fold, event| {
        if let Event::End { .. } = event {
            seen.push(fold);
        }
        Ok(())
    });
    let validated = validator.run(&data, &folds)?;
    let scores: Vec<f64> = validated.folds.iter().map(|fold| fold.score).collect();
    assert_eq!(scores, validation.scores());
    assert!(scores.iter().all(|&score| score > 0.8), "{scores:?}");
    assert_eq!((validated.mean, validated.std), (validation.mean(), validation.std()));
    assert_eq!((validated.epochs, validated.outcome), (3, Outcome::Finished));
    assert_eq!(validated.monitored, "val/accuracy");

    let kept = validator.retrain(&data, &validated)?;
    drop(validator);
    assert_eq!(seen, [Some(0), Some(1), Some(2), Some(3), Some(4), None]);
    let by_hand = validation.retrain()?;
    assert_eq!(weights(&kept.model), weights(&by_hand));
    assert_eq!(kept.report.epoch, 3);
    let loader = config.eval_loader(splits.test.open())?;
    let values = config.trainer(&kept.model, &loader)?.evaluate(&loader)?;
    assert_eq!(values[1], ("accuracy".to_owned(), accuracy(&by_hand, test)?));
    Ok(())
}

#[test]
fn early_stopping_keeps_the_best_and_decides_the_epochs() -> Result<()> {
    let (_, text) = TEMPLATES.iter().find(|(name, _)| *name == "mlp").unwrap();
    let text = text.replace("patience = 15", "patience = 1").replace("epochs = 60", "epochs = 12");
    let config = Config::parse(&text)?;
    let data = config.data.load(0)?.development();
    let mut validator = config.cross_validator();
    let validated = validator.run(&data, &config.folds(&data, 3, true)?)?;
    let mut sum = 0;
    for fold in &validated.folds {
        assert_eq!(Some(fold.score), fold.report.best, "the best weights are what is left");
        sum += fold.best_epoch.unwrap();
        assert_eq!(fold.train + fold.val, data.len());
    }
    assert_eq!(validated.epochs, (sum as f64 / 3.0).round() as u64);
    // Nothing is left to stop it by, or to lower the learning rate by but the training loss.
    let report = validator.retrain(&data, &validated)?.report;
    assert_eq!((report.epoch, report.outcome), (validated.epochs, Outcome::Finished));
    Ok(())
}

#[test]
fn stratified_folds_hold_each_class_alike() -> Result<()> {
    let config = Config::parse(CONFIG)?;
    let data = config.data.load(0)?.development();
    let (_, labels) = data.batch(&(0..data.len()).collect::<Vec<_>>());
    let labels = labels.to_vec::<i64>();
    let zeros = |items: &[usize]| items.iter().filter(|&&i| labels[i] == 0).count();
    let counts: Vec<usize> = config.folds(&data, 4, true)?.iter().map(|fold| zeros(&fold.val)).collect();
    assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
    Ok(())
}

#[test]
fn a_stop_flag_ends_it_with_the_folds_that_are_done() -> Result<()> {
    let config = Config::parse(CONFIG)?;
    let data = config.data.load(0)?.development();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let mut validator = config.cross_validator().stop_flag(stop).callback(|fold, event| {
        if fold == Some(1) && matches!(event, Event::Step { step: 5, .. }) {
            flag.store(true, Ordering::Relaxed);
        }
        Ok(())
    });
    let validated = validator.run(&data, &config.folds(&data, 3, false)?)?;
    assert_eq!((validated.folds.len(), validated.outcome), (1, Outcome::Interrupted));
    assert!(validated.mean.is_nan());
    Ok(())
}

#[test]
fn what_makes_no_sense_is_named() -> Result<()> {
    let config = Config::parse(CONFIG)?;
    let data = config.data.load(0)?.development();
    let wrong = |result: Result<_>, parts: &[&str]| {
        let message = result.map(|_: Vec<flambeau_data::Fold>| ()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    };
    wrong(config.folds(&data, 1, false), &["k", "at least 2"]);
    wrong(config.folds(&data, 5000, false), &["k", "5000"]);
    wrong(config.folds(&data, 500, true), &["k", "largest class"]);

    let text = CONFIG.replace("metrics =", "monitor = \"train/loss\"\nmetrics =");
    let config = Config::parse(&text)?;
    let folds = config.folds(&data, 2, false)?;
    let message = config.cross_validator().run(&data, &folds).unwrap_err().to_string();
    assert!(message.contains("train/loss"), "{message}");

    let text = CONFIG.replace("lr = 0.05", "lr = 1e30");
    let message = Config::parse(&text)?.cross_validator().run(&data, &folds).unwrap_err().to_string();
    assert!(message.contains("diverged in fold 1: after"), "{message}");
    Ok(())
}
