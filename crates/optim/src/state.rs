//! [`OptimizerState`]: what an optimiser knows, to be saved and to go on from.

use flambeau_io::safetensors::{Metadata, load_metadata, load_tensors, save_tensors};
use flambeau_tensor::{Error, Result, Tensor, no_grad};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// The state of one parameter by PyTorch's names, such as `step` and `exp_avg`.
pub type ParamState = BTreeMap<String, Tensor>;

/// What an optimiser knows: PyTorch's `state_dict`, with parameters counted through all groups.
///
/// Its tensors share their values with the optimiser, as in PyTorch: later steps change them;
/// [`copy`](OptimizerState::copy) keeps what they are now. A run that saves model and optimiser and loads both again
/// continues bit for bit:
///
/// ```
/// use flambeau_optim::{Adam, Optimizer};
/// use flambeau_tensor::tensor;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("optimizer.safetensors");
/// let w = tensor![1.0, 2.0].requires_grad_();
/// let mut optimizer = Adam::new([&w], 0.1);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// optimizer.save(&path)?;
///
/// let mut resumed = Adam::new([&w], 1.0);
/// resumed.load(&path)?;
/// assert_eq!(resumed.lr(), 0.1);
/// assert_eq!(resumed.state_dict().state[&0]["step"].item::<i64>(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OptimizerState {
    /// The state of each parameter that has had a gradient.
    pub state: BTreeMap<usize, ParamState>,
    /// The settings of each group.
    pub param_groups: Vec<GroupState>,
}

/// The settings of a parameter group and the numbers of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupState {
    /// The parameters' keys in [`OptimizerState::state`].
    pub params: Vec<usize>,
    /// `lr`, `betas` and so on, under PyTorch's names.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Names and values of options.
pub(crate) type Settings = Map<String, Value>;

pub(crate) fn settings(options: &impl Serialize) -> Settings {
    // Options are structs of numbers, which are always objects in JSON.
    match serde_json::to_value(options) {
        Ok(Value::Object(settings)) => settings,
        _ => Settings::new(),
    }
}

pub(crate) fn from_settings<O: DeserializeOwned>(settings: Settings) -> Result<O, String> {
    serde_json::from_value(Value::Object(settings)).map_err(|error| error.to_string())
}

/// PyTorch's name in a group for what schedulers start from.
const INITIAL_LR: &str = "initial_lr";

impl GroupState {
    pub(crate) fn new(params: Vec<usize>, mut settings: Settings, initial_lr: Option<f64>) -> GroupState {
        if let Some(lr) = initial_lr {
            settings.insert(INITIAL_LR.to_owned(), lr.into());
        }
        GroupState { params, settings }
    }

    /// What schedulers start from; `own` when it was saved before there was one.
    pub(crate) fn initial_lr_or(&self, own: Option<f64>) -> Result<Option<f64>, String> {
        match self.settings.get(INITIAL_LR) {
            None => Ok(own),
            Some(saved) => match saved.as_f64() {
                None => Err(format!("{INITIAL_LR} is {saved}; it must be a number")),
                lr => Ok(lr),
            },
        }
    }

    /// These settings over others, which stay where they are missing here.
    pub(crate) fn over(&self, mut settings: Settings) -> Settings {
        settings.extend(self.settings.clone());
        settings
    }
}

/// The note in a file that holds the groups, as JSON.
const GROUPS: &str = "param_groups";

impl OptimizerState {
    /// The same values in memory of their own.
    pub fn copy(&self) -> OptimizerState {
        let copy = |state: &ParamState| {
            state.iter().map(|(name, tensor)| (name.clone(), no_grad(|| tensor.copy()))).collect()
        };
        OptimizerState {
            state: self.state.iter().map(|(id, state)| (*id, copy(state))).collect(),
            param_groups: self.param_groups.clone(),
        }
    }

    /// Writes a safetensors file, as a whole or not at all: tensors `state.{parameter}.{name}`, and the groups as
    /// JSON in the note `param_groups`.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let groups = serde_json::to_string(&self.param_groups)
            .map_err(|error| Error::file(path, format!("the settings cannot be written: {error}")))?;
        let tensors = self.state.iter().flat_map(|(id, state)| {
            state.iter().map(move |(name, tensor)| (format!("state.{id}.{name}"), tensor))
        });
        let notes = Metadata::from([("format".to_owned(), "pt".to_owned()), (GROUPS.to_owned(), groups)]);
        save_tensors(path, tensors, &notes)
    }

    /// Reads what [`save`](OptimizerState::save) wrote.
    ///
    /// # Errors
    /// [`Error::File`] when the file is missing, corrupt, or holds no optimiser's state.
    pub fn load(path: impl AsRef<Path>) -> Result<OptimizerState> {
        let path = path.as_ref();
        let tensors = load_tensors(path)?;
        let notes = load_metadata(path)?;
        let groups = notes.get(GROUPS).ok_or_else(|| {
            Error::file(path, format!("holds no optimiser's state: it lacks the note {GROUPS:?}"))
        })?;
        let param_groups = serde_json::from_str(groups)
            .map_err(|error| Error::file(path, format!("its note {GROUPS:?} is corrupt: {error}")))?;
        let mut dict = OptimizerState { state: BTreeMap::new(), param_groups };
        for (name, tensor) in tensors {
            let entry = name.strip_prefix("state.").and_then(|name| name.split_once('.'));
            let entry = entry.and_then(|(id, name)| Some((id.parse::<usize>().ok()?, name)));
            let Some((id, own)) = entry else {
                let message = format!("holds {name:?}, which is no optimiser's state; is it a model's file?");
                return Err(Error::file(path, message));
            };
            dict.state.entry(id).or_default().insert(own.to_owned(), tensor);
        }
        Ok(dict)
    }

    /// That there are as many groups, of the same sizes.
    pub(crate) fn check_groups(&self, optimizer: &str, sizes: &[usize]) -> Result<()> {
        let saved: Vec<usize> = self.param_groups.iter().map(|group| group.params.len()).collect();
        if saved == sizes {
            return Ok(());
        }
        let message = if saved.len() == sizes.len() {
            format!("its groups have {saved:?} parameters, but the optimiser's have {sizes:?}")
        } else {
            format!("it has {} parameter groups, but the optimiser has {}", saved.len(), sizes.len())
        };
        Err(Error::StateDict(format!("{optimizer}: {message}; build it for the same model as the one saved")))
    }
}
