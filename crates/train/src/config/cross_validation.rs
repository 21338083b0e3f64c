//! Cross-validation of a configuration.

use super::{Config, SchedulerConfig, Splits};
use crate::{Event, Outcome, Report};
use flambeau_data::{Dataset, Fold, KFold, StratifiedKFold, Subset, cross_validate};
use flambeau_nn::Sequential;
use flambeau_tensor::random::fork_rng;
use flambeau_tensor::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

type Callback<'a> = Box<dyn FnMut(Option<usize>, &Event<'_>) -> Result<()> + 'a>;

/// Judges a configuration by several trainings, then makes the model to keep of all the data.
///
/// [`run`](Self::run) trains a model from scratch on each fold's training part, with the configuration's seed, and scores
/// the model that the training leaves on the rest, by the [monitored](Config::monitored) value: the last weights, or with
/// early stopping, the best ones. What inputs are [normalised](super::DataConfig::normalize) by is
/// [measured](Config::measure) anew on each training part. Early stopping and a `ReduceLROnPlateau` watch the fold's own validation part, so scores
/// that they have had a hand in are a little too good; the test set is there to tell.
///
/// [`retrain`](Self::retrain) trains once more on all of the data, where nothing is left to validate on. So it runs for
/// the configured epochs, or where early stopping chose them, for the mean of the folds' best ones ([`CrossValidated::epochs`]);
/// schedules over the whole training are stretched over these, and a `ReduceLROnPlateau` watches the training loss.
///
/// # Examples
/// ```
/// use flambeau_train::config::{Config, TEMPLATES};
///
/// let (_, text) = TEMPLATES.iter().find(|(name, _)| *name == "mlp").unwrap();
/// let mut config = Config::parse(&text.replace("epochs = 60", "epochs = 2"))?;
/// let splits = config.load()?;
/// config.measure(&splits)?;
/// let data = splits.development();
/// let folds = config.folds(&data, 3, false)?;
///
/// let mut validator = config.cross_validator();
/// let validated = validator.run(&data, &folds)?;
/// for fold in &validated.folds {
///     println!("{}: {:.4}", validated.monitored, fold.score);
/// }
/// println!("{:.4} ± {:.4}", validated.mean, validated.std);
/// assert!(validated.mean > 0.5);
///
/// let kept = validator.retrain(&data, &validated)?;
/// let test = kept.config.eval_loader(splits.test.open())?;
/// let values = kept.config.trainer(&kept.model, &test)?.evaluate(&test)?;
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub struct CrossValidator<'a> {
    config: &'a Config,
    stop: Arc<AtomicBool>,
    callback: Callback<'a>,
}

/// What the trainings on the folds came to.
#[derive(Clone, Debug)]
pub struct CrossValidated {
    /// By what they are judged, such as `val/accuracy`.
    pub monitored: String,
    /// Each fold in order; fewer than asked for where the stop flag was set.
    pub folds: Vec<FoldResult>,
    /// The mean of the scores; NaN where the stop flag was set.
    pub mean: f64,
    /// Their sample standard deviation (divided by k − 1); NaN where the stop flag was set.
    pub std: f64,
    /// The epochs to train for on all of the data.
    pub epochs: u64,
    /// [`Outcome::Interrupted`] where the stop flag was set.
    pub outcome: Outcome,
}

/// What the training on a fold came to.
#[derive(Clone, Debug)]
pub struct FoldResult {
    /// Items trained on.
    pub train: usize,
    /// Items validated on.
    pub val: usize,
    /// The monitored value of the model that the training left.
    pub score: f64,
    /// The loss and the metrics of that model: `loss`, `accuracy` and so on.
    pub values: Vec<(String, f64)>,
    /// The epoch, counted from 1, after which the monitored value was best; none if it was NaN always.
    pub best_epoch: Option<u64>,
    /// The training itself.
    pub report: Report,
}

/// A training on all of the data.
pub struct Retrained {
    /// What it was trained by: for so many epochs, without early stopping.
    pub config: Config,
    /// The model, with the last weights.
    pub model: Sequential,
    /// The training itself.
    pub report: Report,
}

impl Splits {
    /// All that is not tested on: the items to train on, then those to validate on.
    pub fn development(&self) -> Subset {
        self.train.join(&self.val)
    }
}

impl Config {
    /// Cuts data into `k` folds by the [seed](Config::seed), stratified by class if so wished.
    ///
    /// # Errors
    /// [`Error::Config`] as of [`KFold`] and [`StratifiedKFold`], or if what is to be stratified has no classes.
    pub fn folds(&self, data: &Subset, k: usize, stratified: bool) -> Result<Vec<Fold>> {
        if !stratified {
            return KFold::new(k)?.shuffle(self.seed).split(data.len());
        }
        let folds = StratifiedKFold::new(k)?.shuffle(self.seed);
        let mut labels: Vec<i64> = Vec::with_capacity(data.len());
        for (_, target) in &self.eval_loader(data.clone())? {
            if target.dtype().is_float() || target.ndim() != 1 {
                return Err(Error::config("stratified", "wants classes, and these targets are none"));
            }
            labels.extend(target.to_vec::<i64>());
        }
        folds.split(&labels)
    }

    /// Cross-validates this configuration.
    pub fn cross_validator(&self) -> CrossValidator<'_> {
        CrossValidator { config: self, stop: Arc::default(), callback: Box::new(|_, _| Ok(())) }
    }
}

impl<'a> CrossValidator<'a> {
    /// Ends after the step that is under way, once the flag is set.
    pub fn stop_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = flag;
        self
    }

    /// Calls this with what happens: in the training of a fold, counted from 0, or without one in that on all of the data.
    pub fn callback(mut self, callback: impl FnMut(Option<usize>, &Event<'_>) -> Result<()> + 'a) -> Self {
        self.callback = Box::new(callback);
        self
    }

    /// Trains and scores each fold by [`cross_validate`].
    ///
    /// # Errors
    /// [`Error::Config`] if the monitored value is not one of the validation data, or the folds are not of these data;
    /// [`Error::Diverged`] with the fold; what [`Config::build`], the data and the callback raise.
    pub fn run(&mut self, data: &Subset, folds: &[Fold]) -> Result<CrossValidated> {
        let config = self.config;
        let (monitored, _) = config.monitored();
        let Some(name) = monitored.strip_prefix("val/") else {
            let message =
                format!("is {monitored}; cross-validation judges by a value of the validation data");
            return Err(Error::config("monitor", message));
        };
        let (mut results, mut interrupted) = (vec![], false);
        let mut rest = folds.iter().enumerate();
        let judged = cross_validate(
            data.clone(),
            folds,
            |train| {
                let (number, fold) = rest.next().ok_or_else(|| Error::config("folds", "are used up"))?;
                let val = Subset::new(data.clone(), fold.val.clone())?;
                let trained = self.fit(config, Some(number), train, Some(val));
                let (trained, best_epoch) = trained.map_err(|error| match error {
                    Error::Diverged(message) => Error::Diverged(format!("in fold {}: {message}", number + 1)),
                    other => other,
                })?;
                if trained.report.outcome == Outcome::Interrupted {
                    interrupted = true;
                    return Err(Error::config("folds", "were interrupted"));
                }
                Ok((fold, trained, best_epoch))
            },
            |(fold, Retrained { config, model, report }, best_epoch), val| {
                let loader = config.eval_loader(val)?;
                let values = config.trainer(model, &loader)?.evaluate(&loader)?;
                let score = values.iter().find(|(own, _)| own == name).map_or(f64::NAN, |(_, value)| *value);
                results.push(FoldResult {
                    train: fold.train.len(),
                    val: fold.val.len(),
                    score,
                    values,
                    best_epoch: *best_epoch,
                    report: report.clone(),
                });
                Ok(score)
            },
        )
        .map(|judged| (judged.mean(), judged.std()));
        let (mean, std) = match judged {
            Ok(judged) => judged,
            Err(_) if interrupted => (f64::NAN, f64::NAN),
            Err(error) => return Err(error),
        };
        Ok(CrossValidated {
            epochs: epochs(config, &results),
            outcome: if interrupted { Outcome::Interrupted } else { Outcome::Finished },
            monitored,
            folds: results,
            mean,
            std,
        })
    }

    /// Trains once more, on all of the data: the model to keep.
    ///
    /// # Errors
    /// As of [`run`](Self::run).
    pub fn retrain(&mut self, data: &Subset, validated: &CrossValidated) -> Result<Retrained> {
        let mut config = self.config.clone();
        config.early_stopping = None;
        config.epochs = validated.epochs;
        if matches!(config.scheduler, Some(SchedulerConfig::ReduceLROnPlateau { .. })) {
            config.monitor = Some("train/loss".into());
        }
        self.fit(&config, None, data.clone(), None).map(|(trained, _)| trained)
    }

    fn fit(
        &mut self,
        config: &Config,
        fold: Option<usize>,
        train: Subset,
        val: Option<Subset>,
    ) -> Result<(Retrained, Option<u64>)> {
        if train.is_empty() {
            return Err(Error::config("data", "are none"));
        }
        // Of the items that are held back, nothing may be known: not even what they are scaled by.
        let mut config = config.clone();
        config.measure_again(&train)?;
        let input = match &config.data.facts {
            Some(facts) => facts.input.clone(),
            None => train.get(0).0.shape().to_vec(),
        };
        let model = config.build(&input)?;
        let train = config.train_loader(train)?;
        let val = val.map(|val| config.eval_loader(val)).transpose()?;
        let mut best_epoch = None;
        let report = fork_rng(config.seed, || {
            let trainer = config.trainer(&model, &train)?.stop_flag(Arc::clone(&self.stop));
            let mut trainer = trainer.callback(|event| {
                if let Event::Evaluation { epoch, best: true, .. } = event {
                    best_epoch = Some(*epoch);
                }
                (self.callback)(fold, event)
            });
            trainer.fit(&train, val.as_ref())
        })?;
        Ok((Retrained { config, model, report }, best_epoch))
    }
}

/// How long to train without anything to validate on.
fn epochs(config: &Config, folds: &[FoldResult]) -> u64 {
    let best: Vec<u64> = folds.iter().filter_map(|fold| fold.best_epoch).collect();
    if config.early_stopping.is_none() || best.is_empty() {
        return config.epochs;
    }
    let mean = best.iter().sum::<u64>() as f64 / best.len() as f64;
    (mean.round() as u64).max(1)
}

impl std::fmt::Debug for Retrained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retrained").field("report", &self.report).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CrossValidator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CrossValidator").field("config", &self.config).finish_non_exhaustive()
    }
}
