//! `flambeau train --config` and `--resume`, `flambeau config new`, `flambeau summary`.

use flambeau::io::atomic_write;
use flambeau::prelude::*;
use flambeau::train::config::{Config, TEMPLATES};
use flambeau::train::{Outcome, Report};
use flambeau::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

use crate::args::{NewConfigArgs, SummaryArgs, TrainArgs};
use crate::console::say;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::run_folder::{self, CONFIG, RESULT, Status};

/// Items a batch where nothing is learnt.
const EVAL_BATCH: usize = 500;

/// Trains what a file or a run folder says.
pub(crate) fn run(args: &TrainArgs) -> Result<Status> {
    if let Some(threads) = args.threads {
        set_num_threads(threads);
    }
    let (mut config, folder) = match (&args.config, &args.resume) {
        (_, Some(folder)) if !folder.is_dir() => {
            return Err(Error::file(
                folder,
                "no such folder; name a run folder that `flambeau train --config` wrote",
            ));
        }
        (_, Some(folder)) => (Config::read(folder.join(CONFIG))?, Some(folder.clone())),
        (Some(file), None) => (Config::read(file)?, None),
        (None, None) => return Err(Error::config("--config", "is missing")),
    };
    config.epochs = args.epochs.map_or(config.epochs, |epochs| epochs as u64);
    if folder.is_none() {
        config.seed = args.seed.unwrap_or(config.seed);
    }
    // What can fail comes before the folder, so that a failure leaves none.
    let splits = config.data.load(config.seed)?;
    let model = config.build(&splits.input)?;
    let (train, val) = config.loaders(&splits)?;
    let interrupt = Interrupt::listen()?;
    say(format_args!(
        "{} items to train on, {} to validate on, {} to test on\n",
        splits.train.len(),
        splits.val.len(),
        splits.test.len()
    ));
    show(&model, &splits.input);
    let path = match &folder {
        Some(folder) => folder.clone(),
        None => {
            let name = args.config.as_deref().and_then(Path::file_stem).unwrap_or_default().to_string_lossy();
            run_folder::take(args.out.clone(), &name)?
        }
    };
    let run = RunFolder::open(&path)?;
    if folder.is_none() {
        let text = config.to_toml()?;
        atomic_write(path.join(CONFIG), |file| file.write_all(text.as_bytes()))?;
    }

    let progress = Progress::new(usize::try_from(config.epochs).unwrap_or(usize::MAX), splits.train.len());
    manual_seed(config.seed);
    let mut trainer = config
        .trainer(&model, &train)?
        .stop_flag(interrupt.flag())
        .run_folder(run, Every::Epochs(1))?
        .callback(|event| {
            watch(event, &progress);
            Ok(())
        });
    if folder.is_some() {
        match trainer.resume()? {
            Some(step) => say(format_args!("goes on after step {step}")),
            None => say("there is no checkpoint yet; from the start"),
        }
    }
    let report = trainer.fit(&train, Some(&val));
    drop(trainer);
    drop(progress);
    let report = report?;
    if report.outcome == Outcome::Interrupted {
        say(format_args!("\ninterrupted after step {}: the test set was not opened", report.step));
        say(format_args!("flambeau train --resume {} goes on", path.display()));
        finish(&path, "interrupted", &report, None)?;
        return Ok(Status::Interrupted);
    }

    let run = RunFolder::open(&path)?;
    model.load(run.best())?;
    // The only place where the test data are looked at.
    let test = run.open_test_set(splits.test, args.again)?;
    let caveat = test.caveat();
    let values = config.trainer(&model, &train)?.evaluate(&DataLoader::new(test.data, EVAL_BATCH)?)?;
    let (name, _) = config.monitored();
    say(format_args!(
        "\nbest {name}: {:.4}, after step {}",
        report.best.unwrap_or(f64::NAN),
        report.best_step.unwrap_or_default()
    ));
    say(format_args!("test: {}", row(&values)));
    if let Some(caveat) = &caveat {
        say(format_args!("but {caveat}"));
    }
    let status = if report.outcome == Outcome::EarlyStopped { "stopped_early" } else { "finished" };
    finish(&path, status, &report, Some((&values, caveat)))?;
    say(format_args!("everything is in {}", path.display()));
    Ok(Status::Finished)
}

fn show(model: &Sequential, input: &[usize]) {
    let shape: Vec<usize> = [1].into_iter().chain(input.iter().copied()).collect();
    say(model.repr());
    say(summary(model, &shape));
}

/// A line for each evaluation, and the bar for each step.
fn watch(event: &Event<'_>, progress: &Progress) {
    match event {
        Event::Step { epoch, items, loss, .. } => {
            progress.begin_epoch(*epoch as usize + 1);
            progress.step(*items, *loss);
        }
        Event::Evaluation { epoch, values, best, .. } => {
            progress.say(&format!("epoch {epoch}: {}{}", row(values), if *best { " *" } else { "" }));
        }
        Event::Damaged { error } => progress.say(&format!("passed over: {error}")),
        _ => {}
    }
}

fn row(values: &[(String, f64)]) -> String {
    let texts: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    texts.join("  ")
}

type Tested<'a> = Option<(&'a [(String, f64)], Option<String>)>;

/// Writes `result.json`.
fn finish(path: &Path, status: &str, report: &Report, test: Tested<'_>) -> Result<()> {
    let object = |values: &[(String, f64)]| -> Map<String, Value> {
        values.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
    };
    let mut result = json!({
        "status": status,
        "epochs": report.epoch,
        "steps": report.step,
        "best": report.best,
        "best_step": report.best_step,
        "last": object(&report.values),
    });
    if let Some((values, caveat)) = test {
        result["test"] = Value::Object(object(values));
        if let Some(caveat) = caveat {
            result["caveat"] = json!(caveat);
        }
    }
    atomic_write(path.join(RESULT), |file| writeln!(file, "{result}"))
}

/// Prints a template, or writes it to a file that is not there yet.
pub(crate) fn new_config(args: &NewConfigArgs) -> Result<()> {
    let names: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
    let Some((_, text)) = TEMPLATES.iter().find(|(name, _)| *name == args.name) else {
        return Err(Error::config(&args.name, format!("is no template; there are {}", names.join(", "))));
    };
    let Some(out) = &args.out else {
        say(text.trim_end());
        return Ok(());
    };
    if out.exists() {
        return Err(Error::file(out, "is there already; choose another name"));
    }
    atomic_write(out, |file| file.write_all(text.as_bytes()))
}

/// Shows the model of a file.
pub(crate) fn show_summary(args: &SummaryArgs) -> Result<()> {
    let config = Config::read(&args.config)?;
    let splits = config.data.load(config.seed)?;
    show(&config.build(&splits.input)?, &splits.input);
    Ok(())
}

/// Whether a training is one of a file.
pub(crate) fn is_asked(args: &TrainArgs) -> bool {
    let asked: [&Option<PathBuf>; 2] = [&args.config, &args.resume];
    asked.iter().any(|path| path.is_some())
}
