//! `flambeau train`.

use flambeau::data::DataLoader;
use flambeau::io::atomic_write;
use flambeau::prelude::*;
use flambeau::train::config::{Config, Splits};
use flambeau::train::{Outcome, Report, read_json_lines};
use flambeau::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::args::TrainArgs;
use crate::console::{complain, say};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::run_folder::{self, CURVES, METRICS, RESULT, Status};
use crate::{curves, settings, table};

/// Trains, evaluates and writes the run folder; tells how it ended.
pub(crate) fn run(args: &TrainArgs) -> Result<Status> {
    if let Some(threads) = args.threads {
        set_num_threads(threads);
    }
    let mut config = settings::config(args)?;
    // What can fail comes before the folder, so that a failure leaves none.
    let splits = config.load()?;
    if args.config.is_none() && args.resume.is_none() {
        settings::fit_outputs(&mut config, &splits);
    }
    config.measure(&splits)?;
    let model = config.build(&splits.input)?;
    let (train, val) = config.loaders(&splits)?;
    let interrupt = Interrupt::listen()?;
    say(format_args!("{}: {}\n", config.data.name, sizes(&splits)));
    show(&model, &splits.input);

    let path = match (&args.resume, &args.config) {
        (Some(folder), _) => folder.clone(),
        (None, Some(file)) => {
            run_folder::take(args.out.clone(), &file.file_stem().unwrap_or_default().to_string_lossy())?
        }
        (None, None) => run_folder::take(args.out.clone(), &config.data.name.stem())?,
    };
    let run = RunFolder::open(&path)?;
    if args.resume.is_none() {
        run_folder::write_config(&path, &config)?;
    }
    let training = Training { config, model, path, started: Instant::now() };
    training.run(args, run, &interrupt, splits.test, &train, &val)
}

fn sizes(Splits { train, val, test, input, item, .. }: &Splits) -> String {
    let (train, val, test) = (train.len(), val.len(), test.len());
    let shape = if item.is_empty() { input } else { item };
    let what = match shape[..] {
        [_, height, width] => format!("images of {height}×{width}"),
        [columns] => format!("rows of {columns} columns"),
        _ => "items".into(),
    };
    format!("{train} training, {val} validation and {test} test {what}")
}

/// Prints a model's layers, their shapes and parameters.
pub(crate) fn show(model: &Sequential, input: &[usize]) {
    let shape: Vec<usize> = [1].into_iter().chain(input.iter().copied()).collect();
    say(model.repr());
    say(summary(model, &shape));
}

/// A training under way.
struct Training {
    config: Config,
    model: Sequential,
    path: PathBuf,
    started: Instant,
}

impl Training {
    fn run(
        &self,
        args: &TrainArgs,
        run: RunFolder,
        interrupt: &Interrupt,
        test: SealedTestSet<Subset>,
        train: &DataLoader,
        val: &DataLoader,
    ) -> Result<Status> {
        let epochs = usize::try_from(self.config.epochs).unwrap_or(usize::MAX);
        let progress = Progress::new(epochs, train.dataset().len());
        manual_seed(self.config.seed);
        let mut watch = Watch { progress: &progress, since: Instant::now(), head: false };
        let mut trainer = self
            .config
            .trainer(&self.model, train)?
            .stop_flag(interrupt.flag())
            .run_folder(run, Every::Epochs(1))?
            .callback(|event| {
                watch.see(event);
                Ok(())
            });
        if args.resume.is_some() {
            match trainer.resume()? {
                Some(step) => say(format_args!("goes on after step {step}")),
                None => say("there is no checkpoint yet; from the start"),
            }
        }
        let report = trainer.fit(train, Some(val));
        drop(trainer);
        drop(progress);
        let report = match report {
            Err(error @ Error::Diverged(_)) => return self.diverged(&error),
            report => report?,
        };
        say("");
        let best = self.best_epoch(&report, train);
        if report.outcome == Outcome::Interrupted {
            say("interrupted: the test set was not opened");
            self.finish("interrupted", Some(&report), best, None)?;
            self.say_best(&report, best);
            say(format_args!("flambeau train --resume {} goes on", self.path.display()));
            return Ok(Status::Interrupted);
        }

        let run = RunFolder::open(&self.path)?;
        self.model.load(run.best())?;
        // The only place where the test data are looked at.
        let test = run.open_test_set(test, args.again)?;
        let caveat = test.caveat();
        let loader = self.config.eval_loader(test.data)?;
        let values = self.config.trainer(&self.model, train)?.evaluate(&loader)?;
        let status = if report.outcome == Outcome::EarlyStopped { "stopped_early" } else { "finished" };
        self.finish(status, Some(&report), best, Some((&values, caveat.as_deref())))?;
        if status == "stopped_early" {
            say(format_args!("stopped early, after epoch {}", report.epoch));
        }
        self.say_best(&report, best);
        say(format_args!("test {}", table::line(&values, &self.config.monitored().0)));
        if let Some(caveat) = &caveat {
            say(format_args!("but {caveat}"));
        }
        let (seconds, path) = (self.started.elapsed().as_secs_f64(), self.path.display());
        say(format_args!("{seconds:.1} s; everything is in {path}"));
        let file = if self.config.data.name.holds_images() { "IMAGE.png" } else { "TABLE.csv" };
        say(format_args!("try it: flambeau predict {path} {file}"));
        Ok(Status::Finished)
    }

    /// Counted from 1.
    fn best_epoch(&self, report: &Report, train: &DataLoader) -> Option<u64> {
        let steps = train.len().div_ceil(self.config.accumulate) as u64;
        report.best_step.map(|step| step.div_ceil(steps.max(1)))
    }

    fn say_best(&self, report: &Report, epoch: Option<u64>) {
        if let (Some(best), Some(epoch)) = (report.best, epoch) {
            let name = self.config.monitored().0;
            let value = table::value(&name, best);
            let name = name.replace("val/", "validation ").replace('/', " ");
            say(format_args!("best {name}: {value} in epoch {epoch}"));
        }
    }

    fn diverged(&self, error: &Error) -> Result<Status> {
        self.finish("diverged", None, None, None)?;
        let lr = self.config.optimizer.options.get("lr").and_then(toml::Value::as_float);
        let lr = lr.map(|lr| format!(" (--lr sets it; it was {lr:?})")).unwrap_or_default();
        complain(format_args!("{error}{lr}"));
        Ok(Status::Diverged)
    }

    /// Draws the curves and writes `result.json`.
    fn finish(
        &self,
        status: &str,
        report: Option<&Report>,
        best_epoch: Option<u64>,
        test: Option<Tested<'_>>,
    ) -> Result<()> {
        draw(&self.path, &self.config, best_epoch)?;
        let object = |values: &[(String, f64)]| -> Map<String, Value> {
            values.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
        };
        let (name, _) = self.config.monitored();
        let mut result = json!({
            "status": status,
            "monitor": name,
            "seconds": self.started.elapsed().as_secs_f64(),
        });
        if let Some(report) = report {
            result["epochs"] = json!(report.epoch);
            result["steps"] = json!(report.step);
            result["best"] = json!(report.best);
            result["best_epoch"] = json!(best_epoch);
            result["best_step"] = json!(report.best_step);
            result["last"] = Value::Object(object(&report.values));
        }
        if let Some((values, caveat)) = test {
            result["test"] = Value::Object(object(values));
            if let Some(caveat) = caveat {
                result["caveat"] = json!(caveat);
            }
        }
        atomic_write(self.path.join(RESULT), |file| writeln!(file, "{result}"))
    }
}

/// What the test data gave, and what is to be said of it.
type Tested<'a> = (&'a [(String, f64)], Option<&'a str>);

/// `curves.svg` of a run folder, from its log.
fn draw(path: &Path, config: &Config, best: Option<u64>) -> Result<()> {
    let metric = config.metrics.first().map(String::as_str);
    let points = curves::points(&read_json_lines(path.join(METRICS))?, metric);
    let path = path.join(CURVES);
    let svg = curves::svg(&points, metric, best)
        .map_err(|e| Error::file(&path, format!("cannot be drawn ({e})")))?;
    atomic_write(&path, |file| file.write_all(svg.as_bytes()))
}

/// Shows what happens: a row for each evaluation, and the bar for each step.
struct Watch<'p> {
    progress: &'p Progress,
    since: Instant,
    head: bool,
}

impl Watch<'_> {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { epoch, .. } => {
                self.since = Instant::now();
                self.progress.start(*epoch);
            }
            Event::Step { epoch, items, loss, .. } => {
                self.progress.begin_epoch(*epoch as usize + 1);
                self.progress.step(*items, *loss);
            }
            Event::Evaluation { epoch, values, best, .. } => {
                if !std::mem::replace(&mut self.head, true) {
                    self.progress.say(&table::head(values));
                }
                let seconds = self.since.elapsed().as_secs_f64();
                self.since = Instant::now();
                self.progress.say(&table::row(*epoch, values, seconds, *best));
            }
            Event::Damaged { error } => self.progress.say(&format!("passed over: {error}")),
            _ => {}
        }
    }
}
