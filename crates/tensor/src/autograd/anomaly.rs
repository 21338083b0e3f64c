//! Anomaly mode: finds the operation that first gave NaN or infinity.

use super::node::Node;
use crate::{DType, Error, Result, Tensor};
use std::cell::Cell;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread looks for anomalies.
pub fn is_anomaly_enabled() -> bool {
    ENABLED.get()
}

/// Runs `f` with a look at every result: the first operation that makes NaN or infinity of finite inputs, forward
/// or backward, is an error that names it, and for the backward pass the line that called it. Slow.
/// [`torch.autograd.detect_anomaly`](https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection), which
/// looks at the backward pass and NaN alone.
///
/// ```
/// use flambeau_tensor::{autograd::detect_anomaly, tensor, try_call};
/// let x = tensor![0.0].requires_grad_();
/// let error = try_call(|| detect_anomaly(|| x.sqrt().sum().backward())).unwrap_err();
/// assert!(error.to_string().contains("the gradient of sqrt is not finite"));
/// ```
pub fn detect_anomaly<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ENABLED.set(self.0);
        }
    }
    let _restore = Restore(ENABLED.replace(true));
    f()
}

fn is_finite(x: &Tensor) -> bool {
    // Looked at without looking: the check's own operations are not checked.
    let before = ENABLED.replace(false);
    let finite = !x.dtype().is_float()
        || crate::no_grad(|| x.detach().to_dtype(DType::F64).to_vec::<f64>().iter().all(|v| v.is_finite()));
    ENABLED.set(before);
    finite
}

/// Refuses outputs that are not finite, of inputs that are.
pub(crate) fn check_outputs(op: &'static str, x: &[&Tensor], outputs: &[Tensor]) -> Result<()> {
    if outputs.iter().all(is_finite) || !x.iter().all(|x| is_finite(x)) {
        return Ok(());
    }
    let shapes: Vec<_> = x.iter().map(|x| x.shape()).collect();
    Err(Error::op(
        op,
        format!("anomaly: the result is not finite, though the inputs of shapes {shapes:?} are"),
    ))
}

/// Refuses gradients that are not finite, of gradients that are.
pub(crate) fn check_gradients(node: &Node, given: &[Option<Tensor>], found: &[Option<Tensor>]) -> Result<()> {
    if found.iter().flatten().all(is_finite) || !given.iter().flatten().all(is_finite) {
        return Ok(());
    }
    Err(Error::op(
        "backward",
        format!("anomaly: the gradient of {} is not finite; it was called at {}", node.name(), node.place),
    ))
}
