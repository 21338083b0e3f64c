//! A training as a file.

mod file;
mod store;

pub use store::{CheckpointStore, Recovered};

use crate::EarlyStopping;
use flambeau_data::LoaderState;
use flambeau_nn::{Module, StateDict};
use flambeau_optim::lr_scheduler::SchedulerState;
use flambeau_optim::{Optimizer, OptimizerState};
use flambeau_tensor::random::{RngState, get_rng_state, set_rng_state};
use flambeau_tensor::{Error, Result, Tensor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that a training needs to go on, bit for bit, as if it had never ended: named parts in one file.
///
/// A part is put in with `.model(name, …)` and the like, and taken out under the same name with `load_model` and the
/// like. A training of two models (a generator and a discriminator, say) gives each a name. The tensors share their
/// values with the model and the optimiser: save the checkpoint before the next step.
///
/// [`CheckpointStore`] keeps several of them; [`save`](Self::save) and [`load`](Self::load) deal with one file. The
/// file is one of safetensors, with the tensors `PART/NAME`, so that other programs can read the weights: a note `parts`
/// holds all else as JSON, and a note `crc32` a checksum of everything.
///
/// # Examples
/// A loop by hand that goes on where it was killed:
/// ```
/// use flambeau_data::{DataLoader, digits};
/// use flambeau_nn::{CrossEntropyLoss, Flatten, Forward, Linear, Module, Sequential};
/// use flambeau_optim::{Optimizer, SGD, StepLR, LRScheduler};
/// use flambeau_train::{Checkpoint, CheckpointStore};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("checkpoints");
/// fn train(folder: &std::path::Path, epochs: u64) -> flambeau_tensor::Result<Vec<f32>> {
///     flambeau_tensor::manual_seed(0);
///     let loader = DataLoader::new(digits(), 512)?.shuffle(true);
///     let model = Sequential::new((Flatten::default(), Linear::new(64, 10)));
///     let mut optimizer = SGD::new(model.parameters(), 0.1).momentum(0.9);
///     let mut scheduler = StepLR::new(&mut optimizer, 2);
///     let loss_fn = CrossEntropyLoss::default();
///
///     let mut store = CheckpointStore::open(folder)?;
///     let mut epoch = 0;
///     if let Some(found) = store.latest()? {
///         let checkpoint = found.checkpoint;
///         checkpoint.load_model("model", &model)?;
///         checkpoint.load_optimizer("optimizer", &mut optimizer)?;
///         scheduler.load_state_dict(&checkpoint.scheduler_state("scheduler")?)?;
///         loader.load_state_dict(checkpoint.loader_state("loader")?)?;
///         checkpoint.load_rng("rng")?;
///         epoch = checkpoint.step();
///     }
///     while epoch < epochs {
///         for (x, y) in &loader {
///             let loss = loss_fn.call(&model.call(&x), &y);
///             optimizer.zero_grad();
///             loss.backward();
///             optimizer.step();
///         }
///         scheduler.step(&mut optimizer);
///         epoch += 1;
///         let checkpoint = Checkpoint::new(epoch)
///             .model("model", &model)
///             .optimizer("optimizer", &optimizer)
///             .scheduler("scheduler", &scheduler.state_dict())
///             .loader("loader", loader.state_dict())
///             .rng("rng");
///         store.save(&checkpoint)?;
///     }
///     Ok(model.parameters()[0].to_vec())
/// }
///
/// train(&folder, 2)?; // ends early
/// let resumed = train(&folder, 4)?;
/// # std::fs::remove_dir_all(&folder)?;
/// assert_eq!(resumed, train(&folder, 4)?); // the folder was removed: from the start
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    step: u64,
    metric: Option<f64>,
    parts: BTreeMap<String, Part>,
}

/// What a part says, and its tensors by name.
#[derive(Clone, Debug, Default)]
struct Part {
    notes: Value,
    tensors: Vec<(String, Tensor)>,
}

impl Checkpoint {
    /// An empty one, of a training after so many steps (or epochs: the number by which checkpoints are told apart and
    /// ordered).
    pub fn new(step: u64) -> Self {
        Checkpoint { step, ..Checkpoint::default() }
    }

    /// After how many steps it was made.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The metric by which [`CheckpointStore`] tells the best ones.
    pub fn metric(&self) -> Option<f64> {
        self.metric
    }

    /// Sets [`metric`](Self::metric). NaN is as none.
    pub fn with_metric(mut self, metric: f64) -> Self {
        self.metric = Some(metric).filter(|metric| !metric.is_nan());
        self
    }

    /// The names of its parts, in alphabetical order.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.keys().map(String::as_str)
    }

    #[track_caller]
    fn put(mut self, name: &str, notes: Value, tensors: Vec<(String, Tensor)>) -> Self {
        assert!(
            !name.is_empty() && !name.contains('/'),
            "Checkpoint: {name:?} cannot name a part; give it letters, without a slash"
        );
        self.parts.insert(name.to_owned(), Part { notes, tensors });
        self
    }

    fn part(&self, name: &str) -> Result<&Part> {
        self.parts.get(name).ok_or_else(|| {
            let own: Vec<_> = self.parts().collect();
            Error::StateDict(format!("the checkpoint has no part {name:?}; it has {}", own.join(", ")))
        })
    }

    fn note<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let wrong = |error: serde_json::Error| wrong(name, &error.to_string());
        T::deserialize(&self.part(name)?.notes).map_err(wrong)
    }

    /// A model's parameters and buffers.
    ///
    /// # Panics
    /// If the name is empty or has a slash in it; the same goes for all parts.
    #[track_caller]
    pub fn model(self, name: &str, model: &dyn Module) -> Self {
        self.put(name, Value::Null, model.state_dict().into_iter().collect())
    }

    /// Reads a model's part into it, strictly.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it does not fit; the model is not changed then.
    pub fn load_model(&self, name: &str, model: &dyn Module) -> Result<()> {
        let dict: StateDict = self.part(name)?.tensors.iter().cloned().collect();
        model.load_state_dict(&dict, true).map(drop)
    }

    /// An optimiser's settings and state.
    #[track_caller]
    pub fn optimizer(self, name: &str, optimizer: &dyn Optimizer) -> Self {
        let OptimizerState { state, param_groups } = optimizer.state_dict();
        let tensors = state.into_iter().flat_map(|(id, state)| {
            state.into_iter().map(move |(name, tensor)| (format!("{id}.{name}"), tensor))
        });
        let groups = serde_json::to_value(param_groups).unwrap_or_default();
        self.put(name, groups, tensors.collect())
    }

    /// Reads an optimiser's part into it.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it does not fit; the optimiser is not changed then.
    pub fn load_optimizer(&self, name: &str, optimizer: &mut dyn Optimizer) -> Result<()> {
        let mut dict = OptimizerState { param_groups: self.note(name)?, ..OptimizerState::default() };
        for (key, tensor) in &self.part(name)?.tensors {
            let entry = key.split_once('.').and_then(|(id, own)| Some((id.parse().ok()?, own)));
            let Some((id, own)) = entry else { return Err(wrong(name, &format!("{key:?} in it"))) };
            dict.state.entry(id).or_default().insert(own.to_owned(), tensor.clone());
        }
        optimizer.load_state_dict(&dict)
    }

    /// A scheduler's state, or anything else that is lists of numbers by name.
    #[track_caller]
    pub fn scheduler(self, name: &str, state: &SchedulerState) -> Self {
        let tensors = state.iter().map(|(own, values)| (own.clone(), numbers(values)));
        self.put(name, Value::Null, tensors.collect())
    }

    /// What [`scheduler`](Self::scheduler) was given.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it is something else.
    pub fn scheduler_state(&self, name: &str) -> Result<SchedulerState> {
        let values = |(own, tensor): &(String, Tensor)| Ok((own.clone(), floats(name, tensor)?));
        self.part(name)?.tensors.iter().map(values).collect()
    }

    /// Where a loader stands.
    #[track_caller]
    pub fn loader(self, name: &str, state: LoaderState) -> Self {
        self.notes(name, &state)
    }

    /// What [`loader`](Self::loader) was given.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it is something else.
    pub fn loader_state(&self, name: &str) -> Result<LoaderState> {
        self.note(name)
    }

    /// Where this thread's [generator](flambeau_tensor::random) of random numbers stands now.
    #[track_caller]
    pub fn rng(self, name: &str) -> Self {
        let RngState { seed, offset } = get_rng_state();
        self.notes(name, &[seed, offset])
    }

    /// Makes this thread's generator go on from there.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it is something else.
    pub fn load_rng(&self, name: &str) -> Result<()> {
        let [seed, offset] = self.note(name)?;
        set_rng_state(RngState { seed, offset });
        Ok(())
    }

    /// An [`EarlyStopping`] with the weights that it keeps.
    #[track_caller]
    pub fn early_stopping(self, name: &str, early_stopping: &EarlyStopping) -> Self {
        let mut state = early_stopping.state_dict();
        let weights = state.best_weights.take();
        let mut tensors: Vec<_> =
            weights.into_iter().flatten().map(|(own, tensor)| (format!("weights.{own}"), tensor)).collect();
        // JSON has no infinity.
        tensors.extend(state.best.map(|best| ("best".to_owned(), numbers(&[best]))));
        let notes = serde_json::to_value(&state).unwrap_or_default();
        self.put(name, notes, tensors)
    }

    /// Reads an [`EarlyStopping`]'s part into it.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it does not fit; nothing is changed then.
    pub fn load_early_stopping(&self, name: &str, early_stopping: &mut EarlyStopping) -> Result<()> {
        let mut state: crate::EarlyStoppingState = self.note(name)?;
        let mut weights = StateDict::new();
        state.best = None;
        for (key, tensor) in &self.part(name)?.tensors {
            match key.strip_prefix("weights.") {
                Some(own) => drop(weights.insert(own, tensor.clone())),
                None => state.best = floats(name, tensor)?.first().copied(),
            }
        }
        state.best_weights = Some(weights).filter(|weights| !weights.is_empty());
        early_stopping.load_state_dict(&state)
    }

    /// Named tensors, such as the `state_dict` of an [`EMA`](flambeau_optim::EMA).
    #[track_caller]
    pub fn tensors(self, name: &str, tensors: Vec<(String, Tensor)>) -> Self {
        self.put(name, Value::Null, tensors)
    }

    /// What [`tensors`](Self::tensors) was given, in another order.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part.
    pub fn load_tensors(&self, name: &str) -> Result<&[(String, Tensor)]> {
        Ok(&self.part(name)?.tensors)
    }

    /// Anything that can be JSON: counters, settings. (Numbers that are not finite cannot.)
    ///
    /// # Panics
    /// If it cannot be JSON, a map whose keys are no text, say.
    #[track_caller]
    pub fn notes(self, name: &str, notes: &impl Serialize) -> Self {
        let notes = match serde_json::to_value(notes) {
            Ok(notes) => notes,
            Err(error) => panic!("Checkpoint: {name} cannot be JSON: {error}"),
        };
        self.put(name, notes, vec![])
    }

    /// What [`notes`](Self::notes) was given.
    ///
    /// # Errors
    /// [`Error::StateDict`] if there is no such part, or it is something else.
    pub fn load_notes<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        self.note(name)
    }
}

fn wrong(name: &str, message: &str) -> Error {
    Error::StateDict(format!("the checkpoint's part {name:?} is something else: {message}"))
}

/// Numbers that come back bit for bit, NaN too.
fn numbers(values: &[f64]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

fn floats(name: &str, tensor: &Tensor) -> Result<Vec<f64>> {
    match tensor.dtype() {
        flambeau_tensor::DType::F64 => Ok(tensor.to_vec()),
        other => Err(wrong(name, &format!("a tensor of {other} for numbers"))),
    }
}
