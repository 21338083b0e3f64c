//! Reverse-mode automatic differentiation, with PyTorch's meaning.
//!
//! Every recorded operation is a node that knows where its inputs came from and what its backward rule
//! needs. Nodes carry ever larger numbers, so a node's consumers always have larger ones: the engine is a
//! loop that takes the pending node with the largest number. Neither it nor dropping a graph recurses.

mod anomaly;
mod checkpoint;
mod engine;
mod functional;
mod hooks;
mod node;

pub(crate) use anomaly::{check_gradients, check_outputs};
pub use anomaly::{detect_anomaly, is_anomaly_enabled};
pub use checkpoint::checkpoint;
pub use engine::grad;
pub(crate) use engine::{Targets, run};
pub use functional::{hessian, jacobian};
pub use hooks::HookHandle;
pub(crate) use hooks::Hooks;
pub use node::{Context, Gradients};
pub(crate) use node::{Edge, GradFn, Node};

use crate::op::try_call;
use crate::scoped::Scoped;
use crate::{Error, Result, Tensor};
use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    static GRAD_ENABLED: Cell<bool> = const { Cell::new(true) };
}

/// Whether operations on this thread are recorded.
#[inline]
pub fn is_grad_enabled() -> bool {
    GRAD_ENABLED.try_with(Cell::get).unwrap_or(true)
}

/// Sets whether operations on this thread are recorded until the guard is dropped.
#[must_use = "recording goes back to what it was when the guard is dropped"]
pub fn set_grad_enabled(on: bool) -> GradMode {
    GradMode { _before: Scoped::set(&GRAD_ENABLED, on), _stays: PhantomData }
}

/// What [`set_grad_enabled`] gives; restores the former mode when dropped.
pub struct GradMode {
    _before: Scoped<bool>,
    /// The mode is this thread's: the guard may not go to another one.
    _stays: PhantomData<*const ()>,
}

/// Runs `f` without recording (`torch.no_grad`), also if it panics.
///
/// ```
/// use flambeau_tensor::{no_grad, tensor};
/// let w = tensor![1.0, 2.0].requires_grad_();
/// assert!(!no_grad(|| &w * 2.0).requires_grad());
/// ```
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    let _mode = set_grad_enabled(false);
    f()
}

/// Runs `f` with recording, inside a [`no_grad`] too (`torch.enable_grad`).
pub fn enable_grad<R>(f: impl FnOnce() -> R) -> R {
    let _mode = set_grad_enabled(true);
    f()
}

/// The arguments of a backward pass.
#[derive(Clone, Debug, Default)]
pub struct BackwardOptions {
    /// The gradient with respect to the output; may be left out for an output of one element (then 1).
    pub gradient: Option<Tensor>,
    /// Keep what the graph saved, so that it can be walked again. Default: `create_graph`.
    pub retain_graph: bool,
    /// Record the backward pass, so that gradients can be differentiated.
    pub create_graph: bool,
}

impl Tensor {
    /// Computes the gradient of this tensor (one element) with respect to the leaves that it depends on and adds
    /// it to their [`grad`](Tensor::grad).
    ///
    /// # Panics
    /// If the tensor has no history, has several elements, or its graph was already walked and freed.
    #[track_caller]
    pub fn backward(&self) {
        self.backward_with(BackwardOptions::default());
    }

    /// [`backward`](Tensor::backward) with options.
    ///
    /// # Panics
    /// As `backward`; a gradient given must have this tensor's shape and dtype.
    ///
    /// ```
    /// use flambeau_tensor::{autograd::BackwardOptions, tensor};
    /// let x = tensor![1.0, 2.0].requires_grad_();
    /// let y = &x * &x;
    /// let options = BackwardOptions { gradient: Some(tensor![1.0, 10.0]), ..Default::default() };
    /// y.backward_with(options);
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [2.0, 40.0]);
    /// ```
    #[track_caller]
    pub fn backward_with(&self, options: BackwardOptions) {
        crate::op::unwrap(self.try_backward(options));
    }

    /// The fallible form of [`backward_with`](Tensor::backward_with).
    ///
    /// # Errors
    /// Where that panics.
    pub fn try_backward(&self, options: BackwardOptions) -> Result<()> {
        let gradient = root_gradient("backward", self, options.gradient.clone())?;
        // A backward rule is made of operations, whose errors are this call's.
        try_call(|| run(&[(self.edge(), gradient)], Targets::Leaves, &options)).flatten()
    }
}

/// Checks that a backward pass can start at `output`, and gives the gradient that it starts with.
fn root_gradient(op: &'static str, output: &Tensor, gradient: Option<Tensor>) -> Result<Tensor> {
    if !output.requires_grad() {
        return Err(Error::op(
            op,
            "the tensor does not require a gradient and has no history; call requires_grad_() on the inputs, \
             and do not compute it inside no_grad",
        ));
    }
    match gradient {
        Some(g) if g.shape() == output.shape() && g.dtype() == output.dtype() => Ok(g),
        Some(g) => Err(Error::op(
            op,
            format!(
                "the gradient has shape {:?} and {}, the output {:?} and {}; they must agree",
                g.shape(),
                g.dtype(),
                output.shape(),
                output.dtype()
            ),
        )),
        None if output.numel() == 1 => Ok(Tensor::full_as(1.0, output.shape(), output.dtype())),
        None => Err(Error::op(
            op,
            format!(
                "the output has shape {:?}; only one with a single element needs no gradient: reduce it (sum, mean) \
                 or give BackwardOptions::gradient",
                output.shape()
            ),
        )),
    }
}
