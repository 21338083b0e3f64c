//! [`Optim`]: parameter groups, their state and the step, for every optimiser that is a [`Rule`].

use crate::state::{GroupState, OptimizerState, ParamState};
use crate::step::{Job, readable};
use crate::{Optimizer, Rule};
use flambeau_kernels::dispatch_float;
use flambeau_tensor::{Element, Error, Result, Tensor, no_grad, raise};
use std::borrow::Borrow;

/// An optimiser: parameters in groups, with a [`Rule`]'s settings for each group and its state for each parameter.
///
/// [`SGD`](crate::SGD), [`Adam`](crate::Adam) and the others are this with their own options. `new` makes one group
/// and the methods named after options set them; [`add_param_group`](Optim::add_param_group) adds groups with
/// settings of their own:
///
/// ```
/// use flambeau_optim::{AdamW, Optimizer};
/// use flambeau_tensor::Tensor;
/// # let (weights, biases) = ([Tensor::zeros([2, 3]).requires_grad_()], [Tensor::zeros([2]).requires_grad_()]);
/// let mut optimizer = AdamW::new(weights, 1e-3).betas((0.9, 0.95));
/// optimizer.add_param_group(biases, |group| group.weight_decay = 0.0);
/// assert_eq!(optimizer.param_groups()[1].options().betas, (0.9, 0.95));
/// optimizer.set_lrs(&[1e-4, 1e-3]);
/// ```
#[derive(Debug)]
pub struct Optim<R> {
    defaults: R,
    groups: Vec<ParamGroup<R>>,
}

/// Parameters that share settings.
#[derive(Debug)]
pub struct ParamGroup<R> {
    params: Vec<Tensor>,
    options: R,
    /// Before the first scheduler; of all groups or of none.
    initial_lr: Option<f64>,
    /// Of each parameter, from its first gradient on.
    state: Vec<Option<State>>,
}

impl<R> ParamGroup<R> {
    fn new(params: Vec<Tensor>, options: R) -> Self {
        ParamGroup { state: vec![None; params.len()], params, options, initial_lr: None }
    }

    /// The parameters.
    pub fn params(&self) -> &[Tensor] {
        &self.params
    }

    /// The settings.
    pub fn options(&self) -> &R {
        &self.options
    }
}

/// What an optimiser knows of one parameter.
#[derive(Clone, Debug)]
struct State {
    numbers: Vec<f64>,
    tensors: Vec<(&'static str, Tensor)>,
}

impl State {
    /// Makes the tensors that are missing, and says whether there were any. The others follow the parameter to
    /// another dtype.
    fn complete(&mut self, wanted: &[(&'static str, f64)], param: &Tensor) -> bool {
        for (_, tensor) in &self.tensors {
            tensor.to_dtype_(param.dtype());
        }
        let before = self.tensors.len();
        for &(name, value) in wanted {
            if self.get(name).is_none() {
                self.tensors.push((name, filled(param, value)));
            }
        }
        self.tensors.len() > before
    }

    fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|(own, _)| *own == name).map(|(_, tensor)| tensor)
    }
}

fn filled(like: &Tensor, value: f64) -> Tensor {
    dispatch_float!(like.dtype(), T => Tensor::full(like.shape(), T::from_f64(value)))
}

/// A list of tensors, each once.
///
/// # Panics
/// If there are none, or one is given twice or is among `others`.
#[track_caller]
pub(crate) fn distinct<T: Borrow<Tensor>>(
    owner: &'static str,
    tensors: impl IntoIterator<Item = T>,
    others: &[Tensor],
) -> Vec<Tensor> {
    let tensors: Vec<Tensor> = tensors.into_iter().map(|p| p.borrow().clone()).collect();
    if tensors.is_empty() {
        raise(Error::op(owner, "an empty list of parameters; give it model.parameters(), or any leaves"));
    }
    let mut seen: Vec<usize> = others.iter().chain(&tensors).map(Tensor::id).collect();
    seen.sort_unstable();
    if seen.windows(2).any(|pair| pair[0] == pair[1]) {
        raise(Error::op(owner, "a parameter is given twice, in one group or in two; give each once"));
    }
    tensors
}

/// The parameters of an optimiser: [`distinct`] leaves.
///
/// # Panics
/// If one is computed from others, or no float.
#[track_caller]
pub(crate) fn leaves<T: Borrow<Tensor>>(
    optimizer: &'static str,
    params: impl IntoIterator<Item = T>,
    others: &[Tensor],
) -> Vec<Tensor> {
    let params = distinct(optimizer, params, others);
    for (i, p) in params.iter().enumerate() {
        let (shape, dtype) = (p.shape(), p.dtype());
        let fault = match (p.is_leaf(), dtype.is_float()) {
            (false, _) => "is computed from others; give it leaves".to_owned(),
            (true, false) => format!("is {dtype}; only floating-point ones have gradients"),
            _ => continue,
        };
        raise(Error::op(optimizer, format!("parameter {i} of shape {shape:?} {fault}")));
    }
    params
}

impl<R: Rule> Optim<R> {
    /// An optimiser of these parameters (`model.parameters()`, or any leaves) with PyTorch's defaults.
    ///
    /// # Panics
    /// If the learning rate is negative or not finite; if there are no parameters, one is given twice, or one is not
    /// a leaf of floating-point type.
    #[track_caller]
    pub fn new<T: Borrow<Tensor>>(params: impl IntoIterator<Item = T>, lr: f64) -> Self {
        let mut options = R::default();
        *options.lr_mut() = lr;
        Optim::from_options(params, options)
    }

    /// An optimiser with all its settings in one struct.
    ///
    /// # Panics
    /// As [`new`](Optim::new), and if the settings make no sense.
    ///
    /// ```
    /// use flambeau_optim::{SGD, SgdOptions};
    /// # let params = [flambeau_tensor::Tensor::zeros([2]).requires_grad_()];
    /// let optimizer = SGD::from_options(params, SgdOptions { momentum: 0.9, ..Default::default() });
    /// # let _ = optimizer;
    /// ```
    #[track_caller]
    pub fn from_options<T: Borrow<Tensor>>(params: impl IntoIterator<Item = T>, options: R) -> Self {
        checked(&options);
        let params = leaves(R::NAME, params, &[]);
        Optim { defaults: options.clone(), groups: vec![ParamGroup::new(params, options)] }
    }

    /// Adds parameters with settings of their own: `change` gets a copy of the settings that the optimiser was
    /// made with. PyTorch's `add_param_group`, and the way to make an optimiser of several groups.
    ///
    /// # Panics
    /// If the settings make no sense, or as [`new`](Optim::new); also if a parameter is in another group.
    ///
    /// ```
    /// use flambeau_optim::{Optimizer, SGD};
    /// use flambeau_tensor::Tensor;
    /// # let (body, head) = ([Tensor::zeros([2]).requires_grad_()], [Tensor::zeros([2]).requires_grad_()]);
    /// let mut optimizer = SGD::new(body, 1e-2).momentum(0.9);
    /// optimizer.add_param_group(head, |group| group.lr = 1e-3);
    /// assert_eq!(optimizer.lrs(), [1e-2, 1e-3]);
    /// ```
    #[track_caller]
    pub fn add_param_group<T: Borrow<Tensor>>(
        &mut self,
        params: impl IntoIterator<Item = T>,
        change: impl FnOnce(&mut R),
    ) {
        let mut options = self.defaults.clone();
        change(&mut options);
        checked(&options);
        let params = leaves(R::NAME, params, &self.params());
        let lr = *options.lr_mut();
        let mut group = ParamGroup::new(params, options);
        group.initial_lr = self.initial_lrs().map(|_| lr);
        self.groups.push(group);
    }

    /// The groups, in the order of their making.
    pub fn param_groups(&self) -> &[ParamGroup<R>] {
        &self.groups
    }

    /// Changes the settings of one group from the next step on.
    ///
    /// # Panics
    /// If there is no such group, or the settings make no sense; the old ones stay then.
    #[track_caller]
    pub fn set_options(&mut self, group: usize, change: impl FnOnce(&mut R)) {
        let groups = self.groups.len();
        let Some(group) = self.groups.get_mut(group) else {
            raise(Error::op(
                R::NAME,
                format!("there is no group {group}; there are {groups}, counted from 0"),
            ));
        };
        let mut options = group.options.clone();
        change(&mut options);
        checked(&options);
        group.options = options;
    }

    /// Changes a setting of all groups and of those to come: what methods named after options do.
    ///
    /// # Panics
    /// If the settings make no sense then.
    #[track_caller]
    pub fn with(mut self, change: impl Fn(&mut R)) -> Self {
        for options in self.groups.iter_mut().map(|group| &mut group.options).chain([&mut self.defaults]) {
            change(options);
            checked(options);
        }
        self
    }

    /// Refuses another number of values than of groups.
    #[track_caller]
    fn one_each(&self, what: &str, values: &[f64]) {
        let (n, groups) = (values.len(), self.groups.len());
        if n != groups {
            raise(Error::op(R::NAME, format!("{n} {what} for {groups} parameter groups; give one for each")));
        }
    }

    #[track_caller]
    fn set_each(&mut self, what: &str, values: &[f64], set: impl Fn(&mut R, f64)) {
        self.one_each(what, values);
        for (i, &value) in values.iter().enumerate() {
            self.set_options(i, |options| set(options, value));
        }
    }

    /// One group's part of a `state_dict`, checked; and its parameters' state.
    fn loaded(&self, index: usize, dict: &OptimizerState) -> Result<ParamGroup<R>, String> {
        let (group, saved) = (&self.groups[index], &dict.param_groups[index]);
        let wrong = |message: String| format!("the settings of group {index}: {message}");
        let options = R::from_settings(saved.over(group.options.settings())).map_err(wrong)?;
        options.check().map_err(wrong)?;
        let kept = Kept {
            optimizer: R::NAME,
            names: R::TENSORS,
            numbers: options.numbers(),
            needed: options.tensors(),
        };
        let state = kept.load(&group.params, &saved.params, dict)?;
        let initial_lr = saved.initial_lr_or(group.initial_lr).map_err(|m| format!("group {index}: {m}"))?;
        Ok(ParamGroup { params: group.params.clone(), options, initial_lr, state })
    }
}

#[track_caller]
fn checked<R: Rule>(options: &R) {
    if let Err(message) = options.check() {
        raise(Error::op(R::NAME, message));
    }
}

// What follows is not generic over the rule, so that it is compiled once.

/// Adds the gradient of each parameter, as the kernel can read it.
#[track_caller]
fn gradients(optimizer: &'static str, params: &[Tensor], grads: &mut Vec<Option<Tensor>>) {
    grads.reserve(params.len());
    for param in params {
        grads.push(param.grad().map(|grad| readable(optimizer, grad, param)));
    }
}

/// Takes a group's parameters that have gradients one step on: what is missing of their state is made, `step` advances
/// their numbers.
fn advance<'a>(
    (params, grads, state): (&'a [Tensor], &mut std::vec::IntoIter<Option<Tensor>>, &'a mut [Option<State>]),
    tensors: &[(&'static str, f64)],
    numbers: &dyn Fn() -> Vec<(&'static str, f64)>,
    jobs: &mut Vec<Job<'a>>,
    step: &mut dyn FnMut(&mut [f64], bool),
) {
    for (param, state) in params.iter().zip(state) {
        let Some(grad) = grads.next().flatten() else { continue };
        let numbers = || numbers().into_iter().map(|(_, first)| first).collect();
        let state = state.get_or_insert_with(|| State { numbers: numbers(), tensors: vec![] });
        let first = state.complete(tensors, param);
        step(&mut state.numbers, first);
        let state = tensors.iter().filter_map(|(name, _)| state.get(name)).collect();
        jobs.push(Job { param, grad, state });
    }
}

/// Adds a group's state to a `state_dict`, from parameter `id` on.
fn save_state(names: &[(&str, f64)], state: &[Option<State>], id: usize, dict: &mut OptimizerState) {
    for (id, state) in (id..).zip(state) {
        let Some(State { numbers, tensors }) = state else { continue };
        let numbers = names.iter().zip(numbers).map(|((name, _), &n)| (*name, Tensor::scalar(n)));
        let tensors = tensors.iter().map(|(name, tensor)| (*name, tensor.clone()));
        let state: ParamState =
            numbers.chain(tensors).map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        if !state.is_empty() {
            dict.state.insert(id, state);
        }
    }
}

/// What an optimiser keeps for each parameter.
struct Kept {
    optimizer: &'static str,
    /// Of all tensors that it may keep.
    names: &'static [&'static str],
    numbers: Vec<(&'static str, f64)>,
    /// The tensors that it keeps with its settings.
    needed: Vec<(&'static str, f64)>,
}

impl Kept {
    /// The state of each parameter, by their numbers in the dict.
    fn load(
        &self,
        params: &[Tensor],
        ids: &[usize],
        dict: &OptimizerState,
    ) -> Result<Vec<Option<State>>, String> {
        let state = params.iter().zip(ids).map(|(param, id)| {
            let Some(saved) = dict.state.get(id) else { return Ok(None) };
            let state = self.state(param, saved);
            state.map(Some).map_err(|message| format!("the state of parameter {id}: {message}"))
        });
        state.collect()
    }

    fn state(&self, param: &Tensor, saved: &ParamState) -> Result<State, String> {
        let optimizer = self.optimizer;
        let get =
            |name: &str| saved.get(name).ok_or_else(|| format!("it lacks {name:?}, which {optimizer} keeps"));
        let known = |name: &&String| {
            self.names.contains(&name.as_str()) || self.numbers.iter().any(|(number, _)| number == name)
        };
        if let Some(name) = saved.keys().find(|name| !known(name)) {
            return Err(format!(
                "it has {name:?}, which {optimizer} does not keep; is it another optimiser's?"
            ));
        }
        let number = |name: &str| {
            let tensor = get(name)?;
            if tensor.numel() == 1 {
                Ok(tensor.item::<f64>())
            } else {
                Err(format!("{name:?} is no single number"))
            }
        };
        let numbers = self.numbers.iter().map(|(name, _)| number(name)).collect::<Result<_, String>>()?;
        for (name, _) in &self.needed {
            get(name)?;
        }
        let mut tensors = Vec::new();
        for &name in self.names {
            let Some(tensor) = saved.get(name) else { continue };
            if tensor.shape() != param.shape() {
                let (shape, own) = (tensor.shape(), param.shape());
                return Err(format!("{name:?} has shape {shape:?}, but the parameter has {own:?}"));
            }
            // A copy, so that the dict and this optimiser do not write into each other.
            tensors.push((name, no_grad(|| tensor.detach().to_dtype(param.dtype()).copy())));
        }
        Ok(State { numbers, tensors })
    }
}

impl<R: Rule> Optimizer for Optim<R> {
    #[track_caller]
    fn step(&mut self) {
        // All gradients are looked at before anything changes: a bad one leaves every parameter as it was.
        let mut grads = Vec::new();
        for group in &self.groups {
            gradients(R::NAME, &group.params, &mut grads);
        }
        let (mut jobs, mut updates) = (Vec::with_capacity(grads.len()), Vec::with_capacity(grads.len()));
        let mut grads = grads.into_iter();
        for ParamGroup { params, options, state, .. } in &mut self.groups {
            let (tensors, numbers) = (options.tensors(), || options.numbers());
            advance((params, &mut grads, state), &tensors, &numbers, &mut jobs, &mut |numbers, first| {
                updates.push(options.step(numbers, first));
            });
        }
        R::run(&jobs, &updates);
    }

    fn params(&self) -> Vec<Tensor> {
        self.groups.iter().flat_map(|group| &group.params).cloned().collect()
    }

    fn zero_grad(&self) {
        self.groups.iter().flat_map(|group| &group.params).for_each(Tensor::zero_grad);
    }

    fn lrs(&self) -> Vec<f64> {
        self.groups.iter().map(|group| *group.options.clone().lr_mut()).collect()
    }

    #[track_caller]
    fn set_lrs(&mut self, lrs: &[f64]) {
        self.set_each("learning rates", lrs, |options, lr| *options.lr_mut() = lr);
    }

    fn initial_lrs(&self) -> Option<Vec<f64>> {
        self.groups.iter().map(|group| group.initial_lr).collect()
    }

    #[track_caller]
    fn set_initial_lrs(&mut self, lrs: &[f64]) {
        self.one_each("initial learning rates", lrs);
        self.groups.iter_mut().zip(lrs).for_each(|(group, &lr)| group.initial_lr = Some(lr));
    }

    fn momentums(&self) -> Option<Vec<f64>> {
        self.groups.iter().map(|group| group.options.clone().momentum_mut().copied()).collect()
    }

    #[track_caller]
    fn set_momentums(&mut self, momentums: &[f64]) {
        if self.momentums().is_none() {
            raise(Error::op(R::NAME, "it has no momentum to set"));
        }
        self.set_each("momentums", momentums, |options, momentum| {
            if let Some(own) = options.momentum_mut() {
                *own = momentum;
            }
        });
    }

    fn state_dict(&self) -> OptimizerState {
        let mut dict = OptimizerState::default();
        let mut id = 0;
        for group in &self.groups {
            let ids = id..id + group.params.len();
            id = ids.end;
            save_state(&group.options.numbers(), &group.state, ids.start, &mut dict);
            dict.param_groups.push(GroupState::new(
                ids.collect(),
                group.options.settings(),
                group.initial_lr,
            ));
        }
        dict
    }

    fn load_state_dict(&mut self, dict: &OptimizerState) -> Result<()> {
        dict.check_groups(R::NAME, &self.groups.iter().map(|group| group.params.len()).collect::<Vec<_>>())?;
        let loaded = (0..self.groups.len()).map(|i| self.loaded(i, dict)).collect::<Result<Vec<_>, String>>();
        self.groups = loaded.map_err(|message| Error::StateDict(format!("{}: {message}", R::NAME)))?;
        Ok(())
    }
}
