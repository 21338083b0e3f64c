//! From a configuration to a trainer.

use super::data::Scaling;
use super::optimizer::Built;
use super::text::suggest;
use super::{Config, LayerConfig, Task};
use crate::{
    AUROC, Accuracy, EarlyStopping, F1Score, MeanAbsoluteError, MeanSquaredError, Metric, Precision, R2Score,
    Recall, Trainer,
};
use flambeau_data::DataLoader;
use flambeau_nn::{
    BCEWithLogitsLoss, CrossEntropyLoss, Forward, HuberLoss, L1Loss, MSELoss, Module, Sequential, l1_penalty,
    l2_penalty,
};
use flambeau_optim::{EMA, PlateauMode};
use flambeau_tensor::{Result, Tensor, is_grad_enabled, no_grad};
use serde::{Deserialize, Serialize};

/// A loss, with PyTorch's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", deny_unknown_fields)]
#[allow(missing_docs, reason = "they are those of the losses of the same names")]
pub enum LossConfig {
    /// Of classes.
    CrossEntropyLoss {
        #[serde(default)]
        label_smoothing: f64,
    },
    /// Of one logit an item.
    BCEWithLogitsLoss {},
    MSELoss {},
    L1Loss {},
    HuberLoss {
        #[serde(default = "delta")]
        delta: f64,
    },
}

fn delta() -> f64 {
    1.0
}

impl LossConfig {
    pub(super) fn is_for_classes(self) -> bool {
        matches!(self, Self::CrossEntropyLoss { .. } | Self::BCEWithLogitsLoss {})
    }

    /// What it is a loss of.
    pub(super) fn task(self) -> Task {
        if self.is_for_classes() { Task::Classification } else { Task::Regression }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match *self {
            Self::CrossEntropyLoss { label_smoothing: share } if !(0.0..=1.0).contains(&share) => {
                Err(format!("loss: label_smoothing is {share}; it must lie in 0..=1"))
            }
            Self::HuberLoss { delta } if delta.is_nan() || delta <= 0.0 => {
                Err(format!("loss: delta is {delta}; it must be above 0"))
            }
            _ => Ok(()),
        }
    }

    /// The mean loss of a batch. Targets of numbers get the output's shape and dtype, so that `[n, 1]` meets `[n]` item by
    /// item.
    ///
    /// # Panics
    /// If the shapes do not go together.
    pub fn call(&self, output: &Tensor, target: &Tensor) -> Tensor {
        let numbers = || {
            let target = if target.dtype() == output.dtype() {
                target.clone()
            } else {
                target.to_dtype(output.dtype())
            };
            if target.numel() == output.numel() { target.reshape(output.shape()) } else { target }
        };
        match *self {
            Self::CrossEntropyLoss { label_smoothing } => {
                CrossEntropyLoss::default().label_smoothing(label_smoothing).call(output, target)
            }
            Self::BCEWithLogitsLoss {} => BCEWithLogitsLoss::default().call(output, &numbers()),
            Self::MSELoss {} => MSELoss::default().call(output, &numbers()),
            Self::L1Loss {} => L1Loss::default().call(output, &numbers()),
            Self::HuberLoss { delta } => HuberLoss::default().delta(delta).call(output, &numbers()),
        }
    }
}

const METRICS: [&str; 9] =
    ["accuracy", "top_5_accuracy", "precision", "recall", "f1", "auroc", "mse", "mae", "r2"];

impl Config {
    /// By which value an evaluation is judged, and which way it gets better.
    pub fn monitored(&self) -> (String, PlateauMode) {
        let first = || self.metrics.first().map_or("val/loss".to_owned(), |name| format!("val/{name}"));
        let name = self.monitor.clone().unwrap_or_else(first);
        let down = ["loss", "mse", "mae"].iter().any(|ending| name.ends_with(ending));
        (name, if down { PlateauMode::Min } else { PlateauMode::Max })
    }

    pub(super) fn check_names(&self) -> Result<(), String> {
        if let Some(name) = self.metrics.iter().find(|name| !METRICS.contains(&name.as_str())) {
            return Err(format!("metrics: there is no `{name}`{}", suggest(name, &METRICS)));
        }
        let measured: Vec<String> = self.metrics.iter().map(|name| format!("val/{name}")).collect();
        let mut known: Vec<&str> = measured.iter().map(String::as_str).collect();
        known.extend(["val/loss", "train/loss"]);
        match self.monitor.as_deref().filter(|name| !known.contains(name)) {
            Some(name) => Err(format!("monitor: `{name}` is not measured{}", suggest(name, &known))),
            None => Ok(()),
        }
    }

    /// How many classes there are: as the data have it, or as many as the last linear layer gives.
    fn classes(&self) -> usize {
        if let Some(facts) = self.data.facts.as_ref().filter(|facts| !facts.classes.is_empty()) {
            return facts.classes.len().max(2);
        }
        let outputs = |layer: &LayerConfig| match layer {
            LayerConfig::Linear { out_features, .. } => Some(*out_features),
            _ => None,
        };
        self.model.iter().rev().find_map(outputs).unwrap_or(2).max(2)
    }

    /// A metric by name. Scores of one column are logits.
    fn metric(&self, name: &str, classes: usize) -> Box<dyn Metric<Value = f64>> {
        let threshold = 0.0;
        match name {
            "top_5_accuracy" => Box::new(Accuracy::new().top_k(5)),
            "precision" => Box::new(Precision::new(classes).threshold(threshold)),
            "recall" => Box::new(Recall::new(classes).threshold(threshold)),
            "f1" => Box::new(F1Score::new(classes).threshold(threshold)),
            "auroc" => Box::new(AUROC::new()),
            "mse" => Box::new(MeanSquaredError::new()),
            "mae" => Box::new(MeanAbsoluteError::new()),
            "r2" => Box::new(R2Score::new()),
            _ => Box::new(Accuracy::new().threshold(threshold)),
        }
    }

    /// What a model makes of inputs: of classes the probabilities `[n, classes]`, of numbers these, in the unit of the
    /// training's targets. The inputs are normalised as those of the training were.
    ///
    /// ```
    /// # use flambeau_data::Dataset;
    /// # use flambeau_train::config::{Config, TEMPLATES};
    /// let mut config = Config::parse(TEMPLATES[0].1)?;
    /// let splits = config.load()?;
    /// config.measure(&splits)?;
    /// let model = config.build(&splits.input)?;
    /// let (x, _) = splits.val.batch(&[0, 1]);
    /// let p = config.predict(&model, &x);
    /// assert_eq!(p.shape(), [2, 10]);
    /// assert!((p.sum().item::<f32>() - 2.0).abs() < 1e-5);
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the inputs have another shape than those of the training.
    #[track_caller]
    pub fn predict(&self, model: &Sequential, x: &Tensor) -> Tensor {
        model.eval();
        let scaling = Scaling::of(self.data.facts.as_ref());
        let output = no_grad(|| model.call(&scaling.input(x)));
        match self.loss {
            LossConfig::CrossEntropyLoss { .. } => output.softmax(1),
            LossConfig::BCEWithLogitsLoss {} => {
                let one = output.reshape([-1, 1]).sigmoid();
                Tensor::cat(&[1.0 - &one, one], 1)
            }
            _ => scaling.output(&output),
        }
    }

    /// The trainer of a model that [`build`](Self::build) gave, for the data of [`loaders`](Self::loaders). A
    /// [`run_folder`](Trainer::run_folder), a stop flag and callbacks are to be added.
    ///
    /// # Errors
    /// [`Error::Config`](flambeau_tensor::Error::Config) if a setting makes no sense.
    pub fn trainer<'a>(&self, model: &'a Sequential, train: &DataLoader) -> Result<Trainer<'a, Sequential>> {
        let mut optimizer = self.optimizer.build(&model.parameters())?;
        let (name, mode) = self.monitored();
        let steps = (train.len() as u64).div_ceil(self.accumulate as u64).saturating_mul(self.epochs);
        let scheduler =
            self.scheduler.as_ref().map(|scheduler| scheduler.build(&mut *optimizer, steps, mode));
        let (loss, penalties) = (self.loss, self.regularization);
        let params = model.parameters();
        let scaling = Scaling::of(self.data.facts.as_ref());
        let step = move |model: &Sequential, (x, y): &(Tensor, Tensor)| {
            let output = model.call(&scaling.input(x));
            let mut loss = loss.call(&output, &scaling.target(y));
            // They are for training.
            if is_grad_enabled() {
                if penalties.l1 > 0.0 {
                    loss = loss + l1_penalty(&params) * penalties.l1;
                }
                if penalties.l2 > 0.0 {
                    loss = loss + l2_penalty(&params) * penalties.l2;
                }
            }
            (loss, scaling.output(&output))
        };
        let mut trainer = Trainer::boxed(model, optimizer, step)
            .epochs(self.epochs)
            .accumulate(self.accumulate)
            .monitor(&name, mode);
        match scheduler {
            Some(Built::Scheduler(scheduler, every)) => trainer.schedulers.push((scheduler, every)),
            Some(Built::Plateau(plateau)) => trainer.plateau = Some(plateau),
            None => {}
        }
        let classes = self.classes();
        // The first one of the training data too, so that one sees how far they are ahead.
        trainer.train_metrics = self.metrics.iter().take(1).map(|name| self.metric(name, classes)).collect();
        trainer.metrics = self.metrics.iter().map(|name| self.metric(name, classes)).collect();
        trainer.clip_norm = self.clip_grad_norm;
        trainer.ema = self.ema.map(|ema| EMA::new(model.parameters(), ema.decay));
        trainer.early_stopping = self.early_stopping.map(|early_stopping| {
            EarlyStopping::new(early_stopping.patience)
                .min_delta(early_stopping.min_delta)
                .mode(mode)
                .restore_best_weights(model)
        });
        Ok(trainer)
    }
}
