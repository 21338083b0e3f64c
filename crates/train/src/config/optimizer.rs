//! Optimisers and schedulers by name.

use super::text::suggest;
use crate::Every;
use flambeau_optim::{
    AdadeltaOptions, AdagradOptions, AdamOptions, AdamWOptions, AdamaxOptions, AsgdOptions,
    CosineAnnealingLR, ExponentialLR, LRScheduler, MultiStepLR, NAdamOptions, OneCycleLR, OneCycleOptions,
    Optim, Optimizer, PlateauMode, RAdamOptions, ReduceLROnPlateau, RmsPropOptions, RpropOptions, Rule,
    SgdOptions, StepLR,
};
use flambeau_tensor::{Error, Result, Tensor, try_call};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use toml::Table;

/// An optimiser by PyTorch's name, with its settings under PyTorch's names and with PyTorch's defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerConfig {
    /// `SGD`, `Adam`, `AdamW` and so on.
    pub name: String,
    /// `lr`, `momentum` and so on.
    #[serde(flatten)]
    pub options: Table,
}

const NAMES: [&str; 11] =
    ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"];

impl OptimizerConfig {
    /// That it can be built.
    pub(super) fn check(&self) -> Result<(), String> {
        self.make(&[Tensor::zeros([1]).requires_grad_()]).map(drop)
    }

    /// The optimiser of these parameters.
    ///
    /// # Errors
    /// [`Error::Config`] if there is none of that name, or it does not take these settings.
    pub fn build(&self, params: &[Tensor]) -> Result<Box<dyn Optimizer>> {
        self.make(params).map_err(|message| Error::config("optimizer", message))
    }

    fn make(&self, params: &[Tensor]) -> Result<Box<dyn Optimizer>, String> {
        macro_rules! by_name {
            ($($name:ident $options:ident),*) => {
                match self.name.as_str() {
                    $(stringify!($name) => self.with::<$options>(params),)*
                    other => Err(format!("optimizer: there is no `{other}`{}", suggest(other, &NAMES))),
                }
            };
        }
        by_name!(
            SGD SgdOptions, Adam AdamOptions, AdamW AdamWOptions, RMSprop RmsPropOptions, Adagrad AdagradOptions,
            Adadelta AdadeltaOptions, Adamax AdamaxOptions, NAdam NAdamOptions, RAdam RAdamOptions, Rprop RpropOptions,
            ASGD AsgdOptions
        )
    }

    /// The optimiser of this rule.
    fn with<R: Rule>(&self, params: &[Tensor]) -> Result<Box<dyn Optimizer>, String> {
        let options = R::from_settings(self.over(R::default().settings())?);
        let options = options.map_err(|error| format!("optimizer: {error}"))?;
        // Its settings are checked by the optimiser itself.
        let optimizer =
            try_call(|| Optim::from_options(params, options)).map_err(|error| error.to_string())?;
        Ok(Box::new(optimizer))
    }

    /// The settings over the defaults.
    fn over(&self, mut defaults: Map<String, Value>) -> Result<Map<String, Value>, String> {
        let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
        if let Some(key) = self.options.keys().find(|key| !defaults.contains_key(*key)) {
            return Err(format!("optimizer: {} takes no `{key}`{}", self.name, suggest(key, &known)));
        }
        if !self.options.contains_key("lr") {
            return Err(format!("optimizer: {} lacks `lr`, the learning rate", self.name));
        }
        for (key, value) in &self.options {
            let value =
                json(value).ok_or_else(|| format!("optimizer: {key} is {value}; it must be finite"))?;
            defaults.insert(key.clone(), value);
        }
        Ok(defaults)
    }
}

/// As the optimisers take their settings, who know only finite numbers. `lr = 1` means 1.0; none takes integers.
fn json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::Integer(integer) => (*integer as f64).into(),
        toml::Value::Float(float) => Value::Number(Number::from_f64(*float)?),
        toml::Value::Boolean(boolean) => (*boolean).into(),
        toml::Value::Array(values) => values.iter().map(json).collect::<Option<_>>()?,
        other => other.to_string().into(),
    })
}

/// A schedule of the learning rate, with PyTorch's arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", deny_unknown_fields)]
#[allow(missing_docs, reason = "they are those of the schedulers of the same names")]
pub enum SchedulerConfig {
    StepLR {
        step_size: usize,
        #[serde(default = "tenth")]
        gamma: f64,
    },
    MultiStepLR {
        milestones: Vec<usize>,
        #[serde(default = "tenth")]
        gamma: f64,
    },
    ExponentialLR {
        gamma: f64,
    },
    /// After each step, over all of the training.
    CosineAnnealingLR {
        #[serde(default)]
        eta_min: f64,
    },
    /// After each step, over all of the training.
    OneCycleLR {
        max_lr: f64,
    },
    /// With the monitored value, after each evaluation.
    ReduceLROnPlateau {
        #[serde(default = "tenth")]
        factor: f64,
        #[serde(default = "ten")]
        patience: usize,
    },
}

fn tenth() -> f64 {
    0.1
}
fn ten() -> usize {
    10
}

/// What a trainer is given.
pub(super) enum Built {
    Scheduler(Box<dyn LRScheduler>, Every),
    Plateau(ReduceLROnPlateau),
}

impl SchedulerConfig {
    /// What the schedulers themselves would refuse.
    pub(super) fn check(&self) -> Result<(), String> {
        let (name, value, most) = match *self {
            Self::StepLR { step_size: 0, .. } => {
                return Err("scheduler: step_size is 0; it must be at least 1".into());
            }
            Self::StepLR { gamma, .. } | Self::MultiStepLR { gamma, .. } | Self::ExponentialLR { gamma } => {
                ("gamma", gamma, f64::MAX)
            }
            Self::CosineAnnealingLR { eta_min } => ("eta_min", eta_min, f64::MAX),
            Self::OneCycleLR { max_lr } => ("max_lr", max_lr, f64::MAX),
            Self::ReduceLROnPlateau { factor, .. } => ("factor", factor, 1.0_f64.next_down()),
        };
        if (0.0..=most).contains(&value) {
            return Ok(());
        }
        let end = if most < 1.0 { " and below 1" } else { "" };
        Err(format!("scheduler: {name} is {value}; it must be at least 0{end}"))
    }

    /// For a training of so many steps.
    pub(super) fn build(&self, optimizer: &mut dyn Optimizer, steps: u64, mode: PlateauMode) -> Built {
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).max(1);
        let epoch = Every::Epochs(1);
        match *self {
            Self::StepLR { step_size, gamma } => {
                Built::Scheduler(Box::new(StepLR::new(optimizer, step_size).gamma(gamma)), epoch)
            }
            Self::MultiStepLR { ref milestones, gamma } => Built::Scheduler(
                Box::new(MultiStepLR::new(optimizer, milestones.clone()).gamma(gamma)),
                epoch,
            ),
            Self::ExponentialLR { gamma } => {
                Built::Scheduler(Box::new(ExponentialLR::new(optimizer, gamma)), epoch)
            }
            Self::CosineAnnealingLR { eta_min } => {
                let cosine = CosineAnnealingLR::new(optimizer, steps).eta_min(eta_min);
                Built::Scheduler(Box::new(cosine), Every::Steps(1))
            }
            Self::OneCycleLR { max_lr } => {
                let cycle_momentum = optimizer.momentums().is_some();
                let options = OneCycleOptions { cycle_momentum, ..OneCycleOptions::default() };
                let cycle = OneCycleLR::new(optimizer, max_lr, steps, options);
                Built::Scheduler(Box::new(cycle), Every::Steps(1))
            }
            Self::ReduceLROnPlateau { factor, patience } => {
                Built::Plateau(ReduceLROnPlateau::new(optimizer).factor(factor).patience(patience).mode(mode))
            }
        }
    }
}
