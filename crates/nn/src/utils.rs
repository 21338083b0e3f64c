//! Helpers for training: limits on gradients, to be called between `backward` and the optimiser's `step`, and running
//! statistics for averaged weights.
//!
//! Source: <https://docs.pytorch.org/docs/stable/nn.html#utilities>

pub use crate::update_bn::update_bn;

use flambeau_kernels::{dispatch_float, vector};
use flambeau_tensor::{DType, Error, Tensor, no_grad, raise};
use std::borrow::Borrow;

/// The gradients that there are.
fn gradients<T: Borrow<Tensor>>(parameters: impl IntoIterator<Item = T>) -> Vec<Tensor> {
    parameters.into_iter().filter_map(|p| p.borrow().grad()).map(|grad| grad.detach()).collect()
}

/// Scales the gradients down in place so that their norm, as of one vector, is at most `max_norm`; gives the norm that
/// they had. PyTorch's defaults are a `norm_type` of 2 and no error.
///
/// With the norm ‖g‖ every gradient is multiplied by min(1, max_norm / (‖g‖ + 1e-6)). `norm_type` may be infinite:
/// the largest element counts then.
/// [`torch.nn.utils.clip_grad_norm_`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html);
/// Pascanu et al., [On the difficulty of training recurrent neural networks](https://arxiv.org/abs/1211.5063), 2012.
///
/// # Panics
/// If the norm is NaN or infinite and `error_if_nonfinite`; inside [`try_call`](flambeau_tensor::try_call) that is an
/// error. If `max_norm` is negative or NaN, or `norm_type` is NaN.
///
/// ```
/// use flambeau_nn::utils::clip_grad_norm_;
/// use flambeau_tensor::tensor;
///
/// let w = tensor![1.0, 1.0].requires_grad_();
/// (&w * tensor![3.0, 4.0]).sum().backward();
/// assert_eq!(clip_grad_norm_([&w], 1.0, 2.0, false), 5.0);
/// let clipped = w.grad().map(|grad| grad.to_vec::<f32>()).unwrap_or_default();
/// assert!((clipped[0] - 0.6).abs() < 1e-6 && (clipped[1] - 0.8).abs() < 1e-6);
/// ```
#[track_caller]
pub fn clip_grad_norm_<T: Borrow<Tensor>>(
    parameters: impl IntoIterator<Item = T>,
    max_norm: f64,
    norm_type: f64,
    error_if_nonfinite: bool,
) -> f64 {
    clip_norm(&gradients(parameters), max_norm, norm_type, error_if_nonfinite)
}

/// Not generic, so that it is compiled here.
#[track_caller]
fn clip_norm(grads: &[Tensor], max_norm: f64, norm_type: f64, error_if_nonfinite: bool) -> f64 {
    let refuse = |message: String| raise(Error::op("clip_grad_norm_", message));
    if max_norm.is_nan() || max_norm < 0.0 || norm_type.is_nan() {
        refuse(format!(
            "max_norm is {max_norm} and norm_type {norm_type}; give numbers, max_norm at least 0"
        ));
    }
    let norms: Vec<f64> = [DType::F32, DType::F64]
        .into_iter()
        .filter(|dtype| grads.iter().any(|grad| grad.dtype() == *dtype))
        .map(|dtype| {
            let of_dtype = grads.iter().filter(|grad| grad.dtype() == dtype);
            let own: Vec<Tensor> = of_dtype.map(|grad| no_grad(|| grad.contiguous())).collect();
            dispatch_float!(dtype, F => {
                let views: Vec<_> = own.iter().map(Tensor::view::<F>).collect();
                vector::norm(&views.iter().map(|view| view.slice()).collect::<Vec<_>>(), norm_type)
            })
        })
        .collect();
    let norm = match &norms[..] {
        [one] => *one,
        norms => vector::norm(&[norms], norm_type),
    };
    if error_if_nonfinite && !norm.is_finite() {
        refuse(format!(
            "the gradients' norm of order {norm_type} is {norm}, so they cannot be scaled to {max_norm}"
        ));
    }
    let scale = max_norm / (norm + 1e-6);
    // A NaN scales too, as in PyTorch, so that it is seen.
    if scale.is_nan() || scale < 1.0 {
        for grad in grads {
            dispatch_float!(grad.dtype(), F => grad.modify(|grad: &mut [F]| vector::scale(grad, scale)));
        }
    }
    norm
}

/// Limits each element of the gradients to −clip_value … clip_value, in place.
/// [`torch.nn.utils.clip_grad_value_`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html).
///
/// # Panics
/// If `clip_value` is negative or NaN.
///
/// ```
/// use flambeau_nn::utils::clip_grad_value_;
/// use flambeau_tensor::tensor;
///
/// let w = tensor![1.0, 1.0].requires_grad_();
/// (&w * tensor![-3.0, 0.5]).sum().backward();
/// clip_grad_value_([&w], 1.0);
/// assert_eq!(w.grad().map(|grad| grad.to_vec::<f32>()), Some(vec![-1.0, 0.5]));
/// ```
#[track_caller]
pub fn clip_grad_value_<T: Borrow<Tensor>>(parameters: impl IntoIterator<Item = T>, clip_value: f64) {
    clip_each(&gradients(parameters), clip_value);
}

/// Not generic, so that it is compiled here.
#[track_caller]
fn clip_each(grads: &[Tensor], clip_value: f64) {
    if clip_value.is_nan() || clip_value < 0.0 {
        let message = format!("clip_value is {clip_value}; it must be at least 0");
        raise(Error::op("clip_grad_value_", message));
    }
    for grad in grads {
        dispatch_float!(grad.dtype(), F => grad.modify(|grad: &mut [F]| vector::clamp(grad, clip_value)));
    }
}
