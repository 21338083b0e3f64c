//! [`Rule`], what one optimiser is, and what the rules share.

use crate::state::{self, Settings};
use crate::step::{self, Job};
use flambeau_kernels::Float;
pub use flambeau_kernels::optim::Update;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::ops::RangeBounds;

/// The options of an optimiser and how it uses them: [`Optim`](crate::Optim) makes an optimiser of it.
///
/// The fields are the settings of a parameter group, under PyTorch's names, and [`Default`] has PyTorch's values.
/// An optimiser of one's own needs nothing more than this trait:
///
/// ```
/// use flambeau_kernels::{Float, Num};
/// use flambeau_optim::{Optim, Optimizer, Rule, Update};
/// use flambeau_tensor::tensor;
///
/// /// p ← p − lr · sign(g)
/// #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
/// struct SignSgd {
///     lr: f64,
/// }
///
/// impl Default for SignSgd {
///     fn default() -> Self {
///         SignSgd { lr: 1e-3 }
///     }
/// }
///
/// #[derive(Clone, Copy)]
/// struct Step {
///     lr: f64,
/// }
///
/// impl Update for Step {
///     #[inline(always)]
///     fn update<T: Float, const N: usize>(self, p: T, grad: T, state: [T; N]) -> (T, [T; N]) {
///         let zero = T::lit(0.0);
///         let sign = T::lit(f64::from(u8::from(grad > zero)) - f64::from(u8::from(grad < zero)));
///         (p - T::lit(self.lr) * sign, state)
///     }
/// }
///
/// impl Rule for SignSgd {
///     const NAME: &'static str = "SignSgd";
///     const TENSORS: &'static [&'static str] = &[];
///     type Step = Step;
///
///     fn step(&self, _numbers: &mut [f64], _first: bool) -> Step {
///         Step { lr: self.lr }
///     }
///
///     fn lr_mut(&mut self) -> &mut f64 {
///         &mut self.lr
///     }
/// }
///
/// let w = tensor![1.0, -2.0].requires_grad_();
/// let mut optimizer = Optim::<SignSgd>::new([&w], 0.5);
/// (&w * &w).sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.5, -1.5]);
/// ```
pub trait Rule: Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The optimiser's name, for messages.
    const NAME: &'static str;
    /// The names of all tensors that it may keep for a parameter.
    const TENSORS: &'static [&'static str];
    /// How one element changes in a step.
    type Step: Update;

    /// The tensors that these settings keep for each parameter, in the order in which the update sees them, with
    /// the value that each is filled with at first; three at most.
    fn tensors(&self) -> Vec<(&'static str, f64)> {
        Self::TENSORS.iter().map(|name| (*name, 0.0)).collect()
    }

    /// The numbers that it keeps for each parameter, with their first values. Default: the number of steps.
    fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![("step", 0.0)]
    }

    /// Advances a parameter's numbers by one step and gives the update of its elements. `first` says that one of
    /// the tensors has been made just now.
    fn step(&self, numbers: &mut [f64], first: bool) -> Self::Step;

    /// Updates the parameters. This and the next two are not to be written: the optimisers of this crate have their own so that
    /// they are compiled here, and not in every crate that makes one.
    #[doc(hidden)]
    #[track_caller]
    #[allow(clippy::ptr_arg, reason = "a slice makes no object")]
    fn run(jobs: &[Job<'_>], updates: &Vec<Self::Step>) {
        step::run(jobs, updates);
    }

    /// The options by their names.
    #[doc(hidden)]
    fn settings(&self) -> Settings {
        state::settings(self)
    }

    /// The options with these names and values; unknown ones are ignored.
    ///
    /// # Errors
    /// If one is missing or of another type.
    #[doc(hidden)]
    fn from_settings(settings: Settings) -> Result<Self, String> {
        state::from_settings(settings)
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// What is wrong, with the value.
    fn check(&self) -> Result<(), String> {
        require("lr", self.clone().lr_mut(), 0.0..)
    }

    /// The learning rate.
    fn lr_mut(&mut self) -> &mut f64;

    /// What schedules of momentum change: the momentum factor, or β₁ of the Adam family. Default: there is none.
    fn momentum_mut(&mut self) -> Option<&mut f64> {
        None
    }
}

/// That a setting is finite and lies in a range.
pub fn require(name: &str, value: &f64, range: impl RangeBounds<f64> + Debug) -> Result<(), String> {
    if value.is_finite() && range.contains(value) {
        return Ok(());
    }
    Err(format!("{name} is {value}; it must be a finite number in the range {range:?}"))
}

/// That both β of the Adam family lie in 0..1.
pub(crate) fn require_betas(betas: (f64, f64)) -> Result<(), String> {
    require("the first of betas", &betas.0, 0.0..1.0)?;
    require("the second of betas", &betas.1, 0.0..1.0)
}

/// The gradient of what is to be minimised: with its sign turned for `maximize`, and with the L2 penalty's part.
#[inline(always)]
pub(crate) fn descent<T: Float>(grad: T, p: T, maximize: bool, weight_decay: f64) -> T {
    let grad = if maximize { -grad } else { grad };
    // Not by adding 0·p, which is NaN for an infinite p.
    if weight_decay == 0.0 { grad } else { grad + T::lit(weight_decay) * p }
}
