//! Whole matrices of derivatives.

use super::{BackwardOptions, grad};
use crate::op::ensure;
use crate::shape::Shape;
use crate::{Result, Tensor};

/// ∂f/∂x: an output of shape S and an input of shape T give S + T.
/// [`torch.autograd.functional.jacobian`](https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html).
///
/// # Errors
/// Where the backward pass fails.
///
/// ```
/// use flambeau_tensor::{autograd::jacobian, tensor};
/// let j = jacobian(|x| x * x, &tensor![1.0, 2.0])?;
/// assert_eq!(j.to_vec::<f32>(), [2.0, 0.0, 0.0, 4.0]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn jacobian(f: impl FnOnce(&Tensor) -> Tensor, x: &Tensor) -> Result<Tensor> {
    let x = x.detach().copy().requires_grad_();
    rows(&f(&x), &x)
}

/// ∂²f/∂x² of a function with one output: for an input of shape T it has shape T + T.
/// [`torch.autograd.functional.hessian`](https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html).
///
/// # Errors
/// Where the backward pass fails.
///
/// # Panics
/// If the function has several outputs.
///
/// ```
/// use flambeau_tensor::{autograd::hessian, tensor};
/// let h = hessian(|x| (x * x * x).sum(), &tensor![1.0, 2.0])?;
/// assert_eq!(h.to_vec::<f32>(), [6.0, 0.0, 0.0, 12.0]);
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
#[track_caller]
pub fn hessian(f: impl FnOnce(&Tensor) -> Tensor, x: &Tensor) -> Result<Tensor> {
    let x = x.detach().copy().requires_grad_();
    let y = f(&x);
    ensure!(
        y.numel() == 1,
        "hessian",
        "the function's output has shape {:?}; it must have one element",
        y.shape()
    );
    let first = gradient(&y, &x, true)?;
    rows(&first, &x)
}

/// The gradient of one element, zeros where the output does not depend on x.
fn gradient(y: &Tensor, x: &Tensor, create_graph: bool) -> Result<Tensor> {
    if !y.requires_grad() {
        return Ok(x.detach().zeros_like());
    }
    let options = BackwardOptions { create_graph, retain_graph: true, ..Default::default() };
    let y = if y.numel() == 1 { y.clone() } else { y.sum() };
    Ok(grad(&[&y], &[x], &options)?.pop().flatten().unwrap_or_else(|| x.detach().zeros_like()))
}

/// One gradient for each element of y.
fn rows(y: &Tensor, x: &Tensor) -> Result<Tensor> {
    let flat = y.reshape([-1]);
    let rows = (0..y.numel()).map(|i| gradient(&flat.select(0, i as isize), x, false));
    let rows: Vec<Tensor> = rows.collect::<Result<_>>()?;
    let shape: Shape = y.shape().iter().chain(x.shape()).copied().collect();
    Ok(if rows.is_empty() {
        Tensor::full_as(0.0, &shape, x.dtype())
    } else {
        Tensor::stack(&rows, 0).reshape(&shape)
    })
}
