//! L-BFGS.

mod state;
mod strong_wolfe;

use crate::Optimizer;
use crate::optim::leaves;
use crate::rule::require;
use crate::state::{GroupState, OptimizerState, from_settings, settings};
use crate::step::{Job, shift};
use flambeau_kernels::optim::Move;
use flambeau_kernels::{dispatch_float, vector};
use flambeau_tensor::{DType, Element, Error, Result, Tensor, enable_grad, no_grad, raise};
use serde::{Deserialize, Serialize};
use smallvec::smallvec;
use state::State;
use std::borrow::Borrow;
use strong_wolfe::{Point, strong_wolfe};

/// L-BFGS: steps along an approximate Newton direction, made of the last gradients; for full batches.
///
/// One step makes up to `max_iter` iterations, and evaluates the model by a closure that clears the gradients,
/// computes the loss and calls `backward`. With gradient g, in each
///
/// 1. d = −H·g, where H is the inverse Hessian as the last `history_size` pairs of steps s and gradient changes y
///    tell it by the two-loop recursion, from sᵀy / yᵀy · I on; pairs with sᵀy ≤ 1e-10 are left out
/// 2. x ← x + t·d with t = lr (in the very first iteration min(1, 1/‖g‖₁) · lr), or from the line search
///    [`LineSearch::StrongWolfe`], with which lr = 1 is right
///
/// It ends early when the largest |g| is at most `tolerance_grad`, or the loss or the largest t·|d| changes by less
/// than `tolerance_change`, or after `max_eval` evaluations. There is one parameter group.
/// [`torch.optim.LBFGS`](https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html); Liu & Nocedal, [On
/// the limited memory BFGS method for large scale optimization](https://doi.org/10.1007/BF01589116), 1989.
///
/// ```
/// use flambeau_optim::{LBFGS, LineSearch, Optimizer};
/// use flambeau_tensor::tensor;
/// let x = tensor![-1.2, 1.0].requires_grad_();
/// let mut optimizer = LBFGS::new([&x], 1.0).line_search_fn(LineSearch::StrongWolfe);
/// for _ in 0..5 {
///     optimizer.step(|| {
///         x.zero_grad();
///         let (a, b) = (x.i(0), x.i(1)); // Rosenbrock's valley
///         let loss = (&b - &a * &a).pow(2.0) * 100.0 + (-&a + 1.0).pow(2.0);
///         loss.backward();
///         loss
///     });
/// }
/// assert!(x.to_vec::<f32>().iter().all(|x| (x - 1.0).abs() < 1e-3));
/// ```
#[derive(Debug)]
#[allow(clippy::upper_case_acronyms)]
pub struct LBFGS {
    params: Vec<Tensor>,
    options: LbfgsOptions,
    /// Before the first scheduler.
    initial_lr: Option<f64>,
    state: Option<State>,
}

/// The settings of [`LBFGS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LbfgsOptions {
    /// Step length, or the first that the line search tries. Default: 1.
    pub lr: f64,
    /// The most iterations in a step. Default: 20.
    pub max_iter: usize,
    /// The most evaluations in a step. Default: 5/4 of `max_iter`.
    pub max_eval: Option<usize>,
    /// The largest element of a gradient that counts as zero. Default: 1e-7.
    pub tolerance_grad: f64,
    /// The change of loss or parameters that counts as none. Default: 1e-9.
    pub tolerance_change: f64,
    /// How many pairs are kept. Default: 100.
    pub history_size: usize,
    /// How the step length is found. Default: `None`, always lr.
    pub line_search_fn: Option<LineSearch>,
    /// Ascends instead of descending. Default: off.
    pub maximize: bool,
}

/// How [`LBFGS`] finds the length of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineSearch {
    /// Until the strong Wolfe conditions hold, by cubic interpolation.
    StrongWolfe,
}

impl Default for LbfgsOptions {
    fn default() -> Self {
        LbfgsOptions {
            lr: 1.0,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            line_search_fn: None,
            maximize: false,
        }
    }
}

impl LbfgsOptions {
    fn check(&self) -> Result<(), String> {
        require("lr", &self.lr, 0.0..)?;
        require("tolerance_grad", &self.tolerance_grad, ..)?;
        require("tolerance_change", &self.tolerance_change, ..)?;
        if self.history_size == 0 {
            return Err("history_size is 0; it must be at least 1".into());
        }
        Ok(())
    }
}

/// Rounded to a dtype. PyTorch calculates in that of the parameters, and at the end of a search, where losses differ
/// in their last bits, it is what decides.
fn rounded(dtype: DType, x: f64) -> f64 {
    dispatch_float!(dtype, T => T::from_f64(x).to_f64())
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    let product = dispatch_float!(a.dtype(), T => vector::dot(a.view::<T>().slice(), b.view::<T>().slice()));
    rounded(a.dtype(), product)
}

fn norm(a: &Tensor, p: f64) -> f64 {
    dispatch_float!(a.dtype(), T => vector::norm(&[a.view::<T>().slice()], p))
}

/// y ← y + a·x
fn axpy(y: &Tensor, a: f64, x: &Tensor) {
    shift(&[Job { param: y, grad: x.clone(), state: smallvec![] }], Move::Along(a));
}

/// a·x in memory of its own.
fn scaled(x: &Tensor, a: f64) -> Tensor {
    let y = x.copy();
    dispatch_float!(y.dtype(), T => vector::scale(&mut y.slice_mut::<T>(), a));
    y
}

const NAME: &str = "LBFGS";

impl LBFGS {
    /// L-BFGS on these parameters (`model.parameters()`, or any leaves) with PyTorch's defaults, where lr is 1.
    ///
    /// # Panics
    /// If the learning rate is negative or not finite; if there are no parameters, one is given twice, one is not
    /// a leaf of floating-point type, or their dtypes differ.
    #[track_caller]
    pub fn new<T: Borrow<Tensor>>(params: impl IntoIterator<Item = T>, lr: f64) -> LBFGS {
        LBFGS::from_options(params, LbfgsOptions { lr, ..Default::default() })
    }

    /// L-BFGS with all its settings in one struct.
    ///
    /// # Panics
    /// As [`new`](LBFGS::new), and if the settings make no sense.
    #[track_caller]
    pub fn from_options<T: Borrow<Tensor>>(
        params: impl IntoIterator<Item = T>,
        options: LbfgsOptions,
    ) -> LBFGS {
        let params = leaves(NAME, params, &[]);
        if let Some(p) = params.iter().find(|p| p.dtype() != params[0].dtype()) {
            let (first, other) = (params[0].dtype(), p.dtype());
            raise(Error::op(
                NAME,
                format!("parameters of {first} and of {other}; convert them to one dtype"),
            ));
        }
        LBFGS { params, options: LbfgsOptions::default(), initial_lr: None, state: None }
            .with(|o| *o = options)
    }

    #[track_caller]
    fn with(mut self, change: impl FnOnce(&mut LbfgsOptions)) -> LBFGS {
        change(&mut self.options);
        if let Err(message) = self.options.check() {
            raise(Error::op(NAME, message));
        }
        self
    }

    /// The most iterations in a step. Default: 20.
    pub fn max_iter(self, max_iter: usize) -> LBFGS {
        self.with(|o| o.max_iter = max_iter)
    }

    /// The most evaluations in a step. Default: 5/4 of `max_iter`.
    pub fn max_eval(self, max_eval: usize) -> LBFGS {
        self.with(|o| o.max_eval = Some(max_eval))
    }

    /// The largest element of a gradient that counts as zero. Default: 1e-7.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn tolerance_grad(self, tolerance: f64) -> LBFGS {
        self.with(|o| o.tolerance_grad = tolerance)
    }

    /// The change of loss or parameters that counts as none. Default: 1e-9.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn tolerance_change(self, tolerance: f64) -> LBFGS {
        self.with(|o| o.tolerance_change = tolerance)
    }

    /// How many pairs are kept: twice as many vectors as large as all parameters together. Default: 100.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn history_size(self, history_size: usize) -> LBFGS {
        self.with(|o| o.history_size = history_size)
    }

    /// How the step length is found. Default: always lr.
    pub fn line_search_fn(self, line_search: LineSearch) -> LBFGS {
        self.with(|o| o.line_search_fn = Some(line_search))
    }

    /// Ascends instead of descending. Default: off.
    pub fn maximize(self, maximize: bool) -> LBFGS {
        self.with(|o| o.maximize = maximize)
    }

    /// Makes a step: up to `max_iter` iterations. The closure clears the gradients, computes the loss, calls
    /// `backward` and gives the loss; the result is the loss before the step.
    ///
    /// # Panics
    /// If the loss is no scalar, or as [`Optimizer::step`].
    #[track_caller]
    pub fn step(&mut self, closure: impl FnMut() -> Tensor) -> Tensor {
        let mut closure = closure;
        self.iterate(&mut closure)
    }

    fn flat_grad(&self) -> Tensor {
        let flat = |p: &Tensor| match p.grad() {
            Some(grad) => grad.detach().reshape(-1),
            None => p.detach().zeros_like().reshape(-1),
        };
        let grad = Tensor::cat(&self.params.iter().map(flat).collect::<Vec<_>>(), 0);
        if self.options.maximize { -&grad } else { grad }
    }

    /// x ← x + t·d
    fn advance(&self, t: f64, d: &Tensor) {
        let mut from = 0;
        let jobs = self.params.iter().map(|param| {
            let grad = d.narrow(0, from, param.numel());
            from += param.numel();
            Job { param, grad, state: smallvec![] }
        });
        shift(&jobs.collect::<Vec<_>>(), Move::Along(t));
    }

    /// The loss, to be minimised, and the gradient.
    fn evaluate(&self, closure: &mut dyn FnMut() -> Tensor) -> (Tensor, f64, Tensor) {
        let loss = enable_grad(closure);
        let value = loss.item::<f64>();
        let value = if self.options.maximize { -value } else { value };
        (loss, value, self.flat_grad())
    }

    fn iterate(&mut self, closure: &mut dyn FnMut() -> Tensor) -> Tensor {
        let mut state = self.state.take().unwrap_or_default();
        state.to_dtype_(self.params[0].dtype());
        let loss = no_grad(|| self.iterate_from(&mut state, closure));
        self.state = Some(state);
        loss
    }

    fn iterate_from(&self, state: &mut State, closure: &mut dyn FnMut() -> Tensor) -> Tensor {
        let o = &self.options;
        let max_eval = o.max_eval.unwrap_or(o.max_iter.saturating_mul(5) / 4);
        let (first_loss, mut loss, mut grad) = self.evaluate(closure);
        state.func_evals += 1;
        let mut evaluations = 1;
        if norm(&grad, f64::INFINITY) <= o.tolerance_grad {
            return first_loss;
        }
        for n in 1..=o.max_iter {
            state.n_iter += 1;
            let d = self.direction(state, &grad);
            state.prev_flat_grad = Some(grad.clone());
            state.prev_loss = loss;
            let first = state.n_iter == 1;
            let mut t = if first { (1.0 / norm(&grad, 1.0)).min(1.0) * o.lr } else { o.lr };
            let slope = dot(&grad, &d);
            state.d = Some(d.clone());
            state.t = t;
            if slope > -o.tolerance_change {
                break;
            }
            if o.line_search_fn.is_some() {
                let start: Vec<Tensor> = self.params.iter().map(|p| p.detach().copy()).collect();
                let mut at = |t: f64| {
                    self.advance(t, &d);
                    let (_, loss, grad) = self.evaluate(closure);
                    self.params.iter().zip(&start).for_each(|(p, start)| drop(p.copy_(start)));
                    Point { t, loss, slope: dot(&grad, &d), grad }
                };
                let from = Point { t: 0.0, loss, grad: grad.clone(), slope };
                let longest = norm(&d, f64::INFINITY);
                let left = max_eval.saturating_sub(evaluations);
                let (found, evals) =
                    strong_wolfe(&mut at, &from, t, longest, o.tolerance_change, left, |x| {
                        rounded(d.dtype(), x)
                    });
                (t, loss, grad) = (found.t, found.loss, found.grad);
                self.advance(t, &d);
                evaluations += evals;
                state.func_evals += evals as u64;
            } else {
                self.advance(t, &d);
                if n < o.max_iter {
                    (_, loss, grad) = self.evaluate(closure);
                    evaluations += 1;
                    state.func_evals += 1;
                }
            }
            state.t = t;
            let still = norm(&d, f64::INFINITY) * t.abs() <= o.tolerance_change
                || (loss - state.prev_loss).abs() < o.tolerance_change;
            if evaluations >= max_eval || norm(&grad, f64::INFINITY) <= o.tolerance_grad || still {
                break;
            }
        }
        first_loss
    }

    /// −H·g, after H has learnt from the last step.
    fn direction(&self, state: &mut State, grad: &Tensor) -> Tensor {
        let (Some(d), Some(previous)) = (&state.d, &state.prev_flat_grad) else {
            state.h_diag = 1.0;
            return scaled(grad, -1.0);
        };
        let y = grad - previous;
        let s = scaled(d, state.t);
        let ys = dot(&y, &s);
        if ys > 1e-10 {
            if state.old_dirs.len() >= self.options.history_size {
                state.old_dirs.pop_front();
                state.old_stps.pop_front();
                state.ro.pop_front();
            }
            state.h_diag = ys / dot(&y, &y);
            state.old_dirs.push_back(y);
            state.old_stps.push_back(s);
            state.ro.push_back(1.0 / ys);
        }
        let q = scaled(grad, -1.0);
        let pairs = || state.old_dirs.iter().zip(&state.old_stps).zip(&state.ro);
        let mut weights = Vec::with_capacity(state.ro.len());
        for ((y, s), ro) in pairs().rev() {
            let weight = dot(s, &q) * ro;
            axpy(&q, -weight, y);
            weights.push(weight);
        }
        let r = scaled(&q, state.h_diag);
        for (((y, s), ro), weight) in pairs().zip(weights.iter().rev()) {
            axpy(&r, weight - dot(y, &r) * ro, s);
        }
        r
    }
}

/// The learning rate of the only group.
#[track_caller]
fn one(lrs: &[f64]) -> f64 {
    let &[lr] = lrs else {
        raise(Error::op(NAME, format!("{} learning rates for 1 parameter group; give one", lrs.len())));
    };
    lr
}

impl Optimizer for LBFGS {
    #[track_caller]
    fn step(&mut self) {
        raise(Error::op(
            NAME,
            "it evaluates the model several times a step: call step_with and give it a closure",
        ));
    }

    fn step_with(&mut self, closure: &mut dyn FnMut() -> Tensor) -> Tensor {
        self.iterate(closure)
    }

    fn params(&self) -> Vec<Tensor> {
        self.params.clone()
    }

    fn lrs(&self) -> Vec<f64> {
        vec![self.options.lr]
    }

    #[track_caller]
    fn set_lrs(&mut self, lrs: &[f64]) {
        let lr = one(lrs);
        if let Err(message) = require("lr", &lr, 0.0..) {
            raise(Error::op(NAME, message));
        }
        self.options.lr = lr;
    }

    fn initial_lrs(&self) -> Option<Vec<f64>> {
        self.initial_lr.map(|lr| vec![lr])
    }

    #[track_caller]
    fn set_initial_lrs(&mut self, lrs: &[f64]) {
        self.initial_lr = Some(one(lrs));
    }

    fn momentums(&self) -> Option<Vec<f64>> {
        None
    }

    #[track_caller]
    fn set_momentums(&mut self, _momentums: &[f64]) {
        raise(Error::op(NAME, "it has no momentum to set"));
    }

    fn state_dict(&self) -> OptimizerState {
        let mut dict = OptimizerState::default();
        if let Some(state) = &self.state {
            dict.state.insert(0, state.save());
        }
        dict.param_groups.push(GroupState::new(
            (0..self.params.len()).collect(),
            settings(&self.options),
            self.initial_lr,
        ));
        dict
    }

    fn load_state_dict(&mut self, dict: &OptimizerState) -> Result<()> {
        dict.check_groups(NAME, &[self.params.len()])?;
        let misfit = |message: String| Error::StateDict(format!("{NAME}: {message}"));
        let options = from_settings(dict.param_groups[0].over(settings(&self.options)));
        let options: LbfgsOptions = options.map_err(|message| misfit(format!("the settings: {message}")))?;
        options.check().map_err(|message| misfit(format!("the settings: {message}")))?;
        let initial_lr = dict.param_groups[0].initial_lr_or(self.initial_lr).map_err(misfit)?;
        let state = dict.param_groups[0].params.first().and_then(|id| dict.state.get(id));
        let state = state.map(|saved| State::load(saved, &self.params)).transpose().map_err(misfit)?;
        (self.options, self.initial_lr, self.state) = (options, initial_lr, state);
        Ok(())
    }
}
