//! A training as a file of TOML.

mod cross_validation;
mod data;
mod layers;
mod optimizer;
mod text;
mod trainer;

pub use cross_validation::{CrossValidated, CrossValidator, FoldResult, Retrained};
pub use data::{
    DataConfig, DataName, Facts, Interpolation, Labelled, Moments, Padding, PaddingModeName, RangeConfig,
    Splits, Task, TransformConfig,
};
pub use layers::{InitConfig, LayerConfig, Residual, Size};
pub use optimizer::{OptimizerConfig, SchedulerConfig};
pub use trainer::LossConfig;

use flambeau_tensor::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;

/// Everything that decides what comes out of a training: data, model, loss, optimiser, schedule, regularisation, seed.
///
/// Layers, losses, optimisers and schedulers have PyTorch's names, and so have their arguments. How many features come
/// into a layer follows from the layer before it. Needs the feature `config`.
///
/// # Errors of a file
/// A key that is unknown is an error that suggests the nearest one. The model is checked with the shape of the data
/// before anything is trained; the error names the layer, what came, and what it takes.
///
/// # Examples
/// ```
/// use flambeau_train::config::Config;
///
/// let mut config = Config::parse(r#"
///     epochs = 3
///     batch_size = 64
///     metrics = ["accuracy"]
///
///     [data]
///     name = "digits"
///
///     [loss]
///     name = "CrossEntropyLoss"
///
///     [optimizer]
///     name = "SGD"
///     lr = 0.1
///     momentum = 0.9
///
///     [early_stopping]
///     patience = 5
///
///     [[model]]
///     layer = "Flatten"
///     [[model]]
///     layer = "Linear"
///     out_features = 32
///     [[model]]
///     layer = "ReLU"
///     [[model]]
///     layer = "Linear"
///     out_features = 10
/// "#)?;
/// let splits = config.load()?;
/// config.measure(&splits)?; // by what the inputs are normalised
/// let model = config.build(&splits.input)?;
/// let (train, val) = config.loaders(&splits)?;
/// let report = config.trainer(&model, &train)?.fit(&train, Some(&val))?;
/// assert!(report.best.unwrap() > 0.8);
///
/// let error = Config::parse("epoch = 3").unwrap_err().to_string();
/// assert!(error.contains("unknown field `epoch`; did you mean `epochs`?"), "{error}");
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The seed of the weights, the shuffles, the dropout and the split (default: 0).
    #[serde(default)]
    pub seed: u64,
    /// Passes over the training data.
    pub epochs: u64,
    /// Items of a batch (default: 64).
    #[serde(default = "default_batch_size")]
    pub batch_size: usize,
    /// Batches of a step (default: 1).
    #[serde(default = "one")]
    pub accumulate: usize,
    /// Threads that fetch batches ahead (default: 0, none).
    #[serde(default)]
    pub num_workers: usize,
    /// The largest norm of the gradients (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_grad_norm: Option<f64>,
    /// Where it is computed; so far only on the `cpu`, which is the default.
    #[serde(default = "device")]
    pub device: String,
    /// What is measured besides the loss: `accuracy`, `top_5_accuracy`, `precision`, `recall`, `f1`, `auroc`, `mse`, `mae`,
    /// `r2` (default: none).
    #[serde(default)]
    pub metrics: Vec<String>,
    /// By which value the best weights are told, such as `val/accuracy` (default: that of the first metric, or
    /// `val/loss`). Losses and errors get better downwards, the others upwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// The data.
    pub data: DataConfig,
    /// The loss.
    pub loss: LossConfig,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// The schedule of the learning rate (default: none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<SchedulerConfig>,
    /// Terms of the loss.
    #[serde(default)]
    pub regularization: Regularization,
    /// Ends the training when the monitored value no longer gets better (default: never).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStoppingConfig>,
    /// Evaluates and keeps a running mean of the weights (default: no).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaConfig>,
    /// How weight matrices and filters are drawn; the biases are 0 then (default: as PyTorch's layers do it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitConfig>,
    /// The model's layers in order.
    #[serde(deserialize_with = "layers")]
    pub model: Vec<LayerConfig>,
}

/// Terms of the loss beside the optimiser's `weight_decay`: `l1 · Σ|w| + l2 · Σw²` over all parameters. They are no part of
/// the validation loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regularization {
    /// The factor of `Σ|w|` (default: 0).
    #[serde(default)]
    pub l1: f64,
    /// The factor of `Σw²` (default: 0): a `weight_decay` of twice as much.
    #[serde(default)]
    pub l2: f64,
}

/// See [`EarlyStopping`](crate::EarlyStopping).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStoppingConfig {
    /// Evaluations in a row without improvement.
    pub patience: usize,
    /// The least improvement that counts (default: 0).
    #[serde(default)]
    pub min_delta: f64,
}

/// See [`EMA`](flambeau_optim::EMA).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmaConfig {
    /// The share of the mean that each step keeps, usually 0.999 or near to it.
    pub decay: f64,
}

/// Commented configurations to begin with: name and text.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("logistic-regression", include_str!("templates/logistic-regression.toml")),
    ("mlp", include_str!("templates/mlp.toml")),
    ("lenet", include_str!("templates/lenet.toml")),
    ("resnet", include_str!("templates/resnet.toml")),
    ("fashion-mlp", include_str!("templates/fashion-mlp.toml")),
    ("fashion-cnn", include_str!("templates/fashion-cnn.toml")),
    ("tabular-regression", include_str!("templates/tabular-regression.toml")),
];

fn default_batch_size() -> usize {
    64
}

fn one() -> usize {
    1
}

fn layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LayerConfig>, D::Error> {
    text::each_named(deserializer, "model, layer", "layer")
}

fn device() -> String {
    "cpu".into()
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::File`] with the line if it cannot be read or is no configuration.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
        parse(&text).map_err(|message| Error::file(path, message))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`Error::Config`] with the line if it is no configuration.
    pub fn parse(text: &str) -> Result<Self> {
        parse(text).map_err(|message| Error::config("config", message))
    }

    /// Sets what these dotted keys name, such as `optimizer.lr` or `model.1.out_features`, all at once.
    ///
    /// A text is read as a value of TOML if it is one, so that `0.1`, `[1, 2]` and `SGD` are what they look like.
    ///
    /// ```
    /// # use flambeau_train::config::{Config, TEMPLATES};
    /// let mut config = Config::parse(TEMPLATES[0].1)?;
    /// config.set(&[("optimizer.lr", "0.5"), ("scheduler", "{ name = 'ExponentialLR', gamma = 0.9 }")])?;
    /// assert_eq!(config.optimizer.options["lr"].as_float(), Some(0.5));
    /// let error = config.set(&[("optimizer.lrr", "0.5")]).unwrap_err().to_string();
    /// assert!(error.contains("did you mean `lr`?"), "{error}");
    /// # Ok::<(), flambeau_tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such key, or it does not take the value; nothing is changed then.
    pub fn set(&mut self, pairs: &[(&str, &str)]) -> Result<()> {
        let wrong = |message: String| Error::config("config", message);
        let root =
            toml::from_str::<toml::Table>(&self.to_toml()?).map_err(|error| wrong(error.to_string()))?;
        let mut root = toml::Value::Table(root);
        for (key, text) in pairs {
            let value = toml::from_str::<toml::Table>(&format!("v = {text}")).ok();
            let value = value.filter(|table| table.len() == 1).and_then(|mut table| table.remove("v"));
            let value = value.unwrap_or_else(|| toml::Value::from(*text));
            *text::place(&mut root, key).map_err(wrong)? = value;
        }
        let text = toml::to_string(&root).map_err(|error| wrong(error.to_string()))?;
        // Its lines are nobody's.
        *self = parse(&text).map_err(|message| {
            wrong(match message.split_once(": ") {
                Some((line, rest)) if line.starts_with("line ") => rest.to_owned(),
                _ => message,
            })
        })?;
        Ok(())
    }

    /// As a text that [`parse`](Self::parse) reads: with every default written out.
    ///
    /// # Errors
    /// [`Error::Config`] if a number does not fit TOML, which has no integers above 2⁶³ − 1.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::config("config", error.to_string()))
    }
}

fn parse(text: &str) -> Result<Config, String> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let message = text::clear(error.message());
        line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
    })?;
    config.check()?;
    Ok(config)
}

impl Config {
    /// What the types do not say.
    fn check(&self) -> Result<(), String> {
        let at_least_one =
            [("batch_size", self.batch_size), ("accumulate", self.accumulate), ("model", self.model.len())];
        if let Some((name, _)) = at_least_one.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} is empty or 0; it must be at least 1"));
        }
        let not_negative = [
            ("clip_grad_norm", self.clip_grad_norm),
            ("regularization.l1", Some(self.regularization.l1)),
            ("regularization.l2", Some(self.regularization.l2)),
            ("early_stopping.min_delta", self.early_stopping.map(|early_stopping| early_stopping.min_delta)),
        ];
        for (name, value) in not_negative {
            if let Some(value) = value.filter(|value| value.is_nan() || *value < 0.0) {
                return Err(format!("{name} is {value}; it must be at least 0"));
            }
        }
        if let Some(decay) = self.ema.map(|ema| ema.decay).filter(|decay| !(0.0..=1.0).contains(decay)) {
            return Err(format!("ema.decay is {decay}; it must lie in 0..=1"));
        }
        if self.device != "cpu" {
            return Err(format!("device is {:?}; so far there is only \"cpu\"", self.device));
        }
        self.data.facts.iter().try_for_each(Facts::check)?;
        self.loss.check()?;
        self.optimizer.check()?;
        self.scheduler.iter().try_for_each(SchedulerConfig::check)?;
        self.check_names()
    }
}
