//! `flambeau cv`.

use clap::Args;
use flambeau::data::Fold;
use flambeau::io::atomic_write;
use flambeau::prelude::*;
use flambeau::train::config::{Config, CrossValidated, FoldResult, Retrained};
use flambeau::train::{Outcome, Report};
use flambeau::{Error, Result};
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::args::{count, seed, threads};
use crate::console::{complain, say};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::run_folder::{self, RESULT, Status};
use crate::settings;

/// What each fold came to.
pub(crate) const FOLDS: &str = "cv.json";

/// Judge a configuration by K trainings, then train the network to keep on all training data
///
/// The data that are not tested on are cut into K folds. For each, a network is trained from scratch on the others and
/// scored on the fold by the configuration's monitored value: with the weights that it ends with, or where the
/// configuration stops early, the best ones. Then one more network is trained on all of these data, for the configured
/// epochs, or where early stopping chose them, for the mean of the folds' best ones; it is measured once on the test data.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CvArgs {
    /// The configuration; see `flambeau config new` [default: the digits]
    #[arg(value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How many folds, from 2 up
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = folds)]
    pub(crate) folds: usize,

    /// Give each fold the same share of every class
    #[arg(long)]
    pub(crate) stratified: bool,

    /// Passes over the training data, instead of the configuration's
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Decides the split, the folds, the first weights and the order of the items, instead of the configuration's
    #[arg(long, value_name = "N", value_parser = seed)]
    pub(crate) seed: Option<u64>,

    /// Threads to compute with [default: one a core]; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,

    /// Folder for the results, new or empty [default: runs/cv-NAME-TIME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
The run folder holds config.toml, cv.json (a fold's scores and epochs), best.safetensors (the network trained on all
training data), metrics.jsonl (of that training) and result.json. Exit codes: 0 done, 2 wrong input or diverged, 130 ended
by Ctrl-C, which leaves the test data alone.

Examples:
  flambeau cv --folds 5
  flambeau cv --folds 10 --stratified mlp.toml --out runs/mlp-cv
  flambeau cv --folds 5 --epochs 20 --seed 3 lenet.toml";

fn folds(text: &str) -> Result<usize, String> {
    count(text).ok().filter(|k| *k > 1).ok_or_else(|| "needs a whole number from 2 up".into())
}

/// Cross-validates, retrains, tests and writes the run folder; tells how it ended.
pub(crate) fn run(args: &CvArgs) -> Result<Status> {
    if let Some(threads) = args.threads {
        set_num_threads(threads);
    }
    let mut config = match &args.config {
        Some(file) => Config::read(file)?,
        None => settings::digits()?,
    };
    config.epochs = args.epochs.map_or(config.epochs, |epochs| epochs as u64);
    config.seed = args.seed.unwrap_or(config.seed);
    // What can fail comes before the folder, so that a failure leaves none.
    let splits = config.load()?;
    config.measure(&splits)?;
    let data = splits.development();
    let folds = config.folds(&data, args.folds, args.stratified).map_err(flagged)?;
    config.build(&splits.input)?;
    let interrupt = Interrupt::listen()?;
    let stem = args.config.as_deref().and_then(Path::file_stem);
    let stem = stem.map_or_else(|| "digits".into(), |stem| stem.to_string_lossy().into_owned());
    let path = run_folder::take(args.out.clone(), &format!("cv-{stem}"))?;
    let folder = RunFolder::open(&path)?;
    run_folder::write_config(&path, &config)?;
    say(format_args!("{} items in {} folds, {} to test on\n", data.len(), folds.len(), splits.test.len()));

    let started = Instant::now();
    let run = Run { config: &config, folder: &folder, stratified: args.stratified, started };
    match run.train(&data, &folds, splits.test, &interrupt) {
        Err(error @ Error::Diverged(_)) => {
            run.finish("diverged", None, None)?;
            complain(error);
            Ok(Status::Diverged)
        }
        done => done,
    }
}

/// The error of a fold, under the name that the user knows.
fn flagged(error: Error) -> Error {
    match error {
        Error::Config { field, message } if field == "k" => Error::config("--folds", message),
        Error::Config { field, message } if field == "stratified" => Error::config("--stratified", message),
        other => other,
    }
}

/// A run under way.
struct Run<'r> {
    config: &'r Config,
    folder: &'r RunFolder,
    stratified: bool,
    started: Instant,
}

impl Run<'_> {
    fn train(
        &self,
        data: &Subset,
        folds: &[Fold],
        test: SealedTestSet<Subset>,
        interrupt: &Interrupt,
    ) -> Result<Status> {
        let log = RefCell::new(self.folder.metrics()?);
        let sizes = folds.iter().map(|fold| fold.train.len()).chain([data.len()]).collect();
        let watch = Watch::new(self.config, sizes);
        let mut validator =
            self.config.cross_validator().stop_flag(interrupt.flag()).callback(|fold, event| {
                watch.see(fold, event);
                match event {
                    Event::Evaluation { step, epoch, values, .. } if fold.is_none() => {
                        let values = values.iter().map(|(name, value)| (name.as_str(), *value));
                        let values: Vec<_> = values.chain([("epoch", *epoch as f64)]).collect();
                        log.borrow_mut().scalars(*step, &values)
                    }
                    _ => Ok(()),
                }
            });
        let validated = validator.run(data, folds)?;
        watch.clear();
        let seconds = watch.seconds();
        self.write_folds(&validated, folds.len(), &seconds)?;
        if validated.outcome == Outcome::Interrupted {
            let done = validated.folds.len();
            say(format_args!("\ninterrupted after {done} folds: the test set was not opened"));
            self.finish("interrupted", None, None)?;
            return Ok(Status::Interrupted);
        }
        say(format_args!(
            "\n{}: {:.4} ± {:.4} over {} folds (mean and sample standard deviation)",
            validated.monitored,
            validated.mean,
            validated.std,
            folds.len()
        ));

        let kept = validator.retrain(data, &validated)?;
        drop(validator);
        watch.clear();
        kept.model.save(self.folder.best())?;
        // The setting as it was, with the moments of all the items that these weights have seen.
        let mut config = self.config.clone();
        config.data.facts = kept.config.data.facts.clone();
        run_folder::write_config(self.folder.path(), &config)?;
        if kept.report.outcome == Outcome::Interrupted {
            say("interrupted while it was trained on all items: the test set was not opened");
            self.finish("interrupted", Some((&validated, &kept.report)), None)?;
            return Ok(Status::Interrupted);
        }
        say(format_args!("trained on all {} items for {} epochs", data.len(), kept.report.epoch));
        self.test(&validated, &kept, test)?;
        say(format_args!("everything is in {}", self.folder.path().display()));
        Ok(Status::Finished)
    }

    /// The only place where the test data are looked at.
    fn test(&self, validated: &CrossValidated, kept: &Retrained, test: SealedTestSet<Subset>) -> Result<()> {
        let test = kept.config.eval_loader(self.folder.open_test_set(test, false)?.data)?;
        let values = kept.config.trainer(&kept.model, &test)?.evaluate(&test)?;
        let texts: Vec<String> = values.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        say(format_args!("test: {}", texts.join("  ")));
        self.finish("finished", Some((validated, &kept.report)), Some(&values))
    }

    fn write_folds(&self, validated: &CrossValidated, asked: usize, seconds: &[f64]) -> Result<()> {
        let fold = |(result, seconds): (&FoldResult, &f64)| {
            json!({
                "score": result.score,
                "values": object(&result.values),
                "train_items": result.train,
                "val_items": result.val,
                "epochs": result.report.epoch,
                "steps": result.report.step,
                "best": result.report.best,
                "best_epoch": result.best_epoch,
                "stopped_early": result.report.outcome == Outcome::EarlyStopped,
                "seconds": seconds,
            })
        };
        let done: Vec<Value> = validated.folds.iter().zip(seconds).map(fold).collect();
        let text = json!({
            "monitor": validated.monitored,
            "k": asked,
            "stratified": self.stratified,
            "seed": self.config.seed,
            "mean": validated.mean,
            "std": validated.std,
            "epochs": validated.epochs,
            "folds": done,
        });
        atomic_write(self.folder.path().join(FOLDS), |file| writeln!(file, "{text:#}"))
    }

    /// Writes `result.json`.
    fn finish(
        &self,
        status: &str,
        trained: Option<(&CrossValidated, &Report)>,
        test: Option<&[(String, f64)]>,
    ) -> Result<()> {
        let mut result = json!({
            "status": status,
            "monitor": self.config.monitored().0,
            "seconds": self.started.elapsed().as_secs_f64(),
        });
        if let Some((validated, report)) = trained {
            // The mean of the folds is what this run says of the setting.
            result["cv"] =
                json!({ "mean": validated.mean, "std": validated.std, "folds": validated.folds.len() });
            result["best"] = json!(validated.mean);
            result["epochs"] = json!(report.epoch);
            result["steps"] = json!(report.step);
            result["last"] = Value::Object(object(&report.values));
        }
        if let Some(values) = test {
            result["test"] = Value::Object(object(values));
        }
        atomic_write(self.folder.path().join(RESULT), |file| writeln!(file, "{result}"))
    }
}

fn object(values: &[(String, f64)]) -> Map<String, Value> {
    values.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}

/// Shows what happens: a bar for each training, and a line for each fold.
struct Watch {
    monitored: String,
    early: bool,
    epochs: u64,
    /// Items of the trainings.
    sizes: Vec<usize>,
    bar: RefCell<Option<Progress>>,
    started: Cell<Instant>,
    /// The monitored value of the last evaluation and of the best one, with its epoch.
    last: Cell<f64>,
    best: Cell<(f64, u64)>,
    seconds: RefCell<Vec<f64>>,
}

impl Watch {
    fn new(config: &Config, sizes: Vec<usize>) -> Self {
        Watch {
            monitored: config.monitored().0,
            early: config.early_stopping.is_some(),
            epochs: config.epochs,
            sizes,
            bar: RefCell::default(),
            started: Cell::new(Instant::now()),
            last: Cell::new(f64::NAN),
            best: Cell::new((f64::NAN, 0)),
            seconds: RefCell::default(),
        }
    }

    fn see(&self, fold: Option<usize>, event: &Event<'_>) {
        match event {
            Event::Start { .. } => {
                self.started.set(Instant::now());
                self.best.set((f64::NAN, 0));
                let size = fold.and_then(|fold| self.sizes.get(fold)).or(self.sizes.last());
                let epochs = usize::try_from(self.epochs).unwrap_or(usize::MAX);
                *self.bar.borrow_mut() = size.map(|&size| Progress::new(epochs, size));
            }
            Event::Step { epoch, items, loss, .. } => {
                if let Some(bar) = &*self.bar.borrow() {
                    bar.begin_epoch(*epoch as usize + 1);
                    bar.step(*items, *loss);
                }
            }
            Event::Evaluation { epoch, values, best, .. } => {
                if let Some((_, value)) = values.iter().find(|(name, _)| *name == self.monitored) {
                    self.last.set(*value);
                    if *best {
                        self.best.set((*value, *epoch));
                    }
                }
            }
            Event::End { outcome } if *outcome != Outcome::Interrupted => {
                self.clear();
                if let Some(fold) = fold {
                    self.fold(fold);
                }
            }
            _ => {}
        }
    }

    /// A line of a fold that is done.
    fn fold(&self, fold: usize) {
        let seconds = self.started.get().elapsed().as_secs_f64();
        let (best, epoch) = self.best.get();
        let score = if self.early { best } else { self.last.get() };
        say(format_args!(
            "fold {}: {} {score:.4}  (best {best:.4} after epoch {epoch}; {seconds:.1} s)",
            fold + 1,
            self.monitored
        ));
        self.seconds.borrow_mut().push(seconds);
    }

    fn clear(&self) {
        *self.bar.borrow_mut() = None;
    }

    fn seconds(&self) -> Vec<f64> {
        self.seconds.borrow().clone()
    }
}
