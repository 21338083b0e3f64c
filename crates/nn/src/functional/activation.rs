//! Activations as functions.

use flambeau_tensor::{Approximate, Tensor};

/// See [`Tensor::relu6`] and [`ReLU6`](crate::ReLU6).
#[track_caller]
pub fn relu6(input: &Tensor) -> Tensor {
    input.relu6()
}

/// See [`Tensor::prelu`] and [`PReLU`](crate::PReLU).
#[track_caller]
pub fn prelu(input: &Tensor, weight: &Tensor) -> Tensor {
    input.prelu(weight)
}

/// See [`Tensor::elu`] and [`ELU`](crate::ELU). PyTorch's default `alpha` is 1.
#[track_caller]
pub fn elu(input: &Tensor, alpha: f64) -> Tensor {
    input.elu(alpha)
}

/// See [`Tensor::selu`] and [`SELU`](crate::SELU).
#[track_caller]
pub fn selu(input: &Tensor) -> Tensor {
    input.selu()
}

/// See [`Tensor::celu`] and [`CELU`](crate::CELU). PyTorch's default `alpha` is 1.
#[track_caller]
pub fn celu(input: &Tensor, alpha: f64) -> Tensor {
    input.celu(alpha)
}

/// See [`Tensor::gelu`] and [`GELU`](crate::GELU). PyTorch's default is the exact one.
#[track_caller]
pub fn gelu(input: &Tensor, approximate: Approximate) -> Tensor {
    input.gelu(approximate)
}

/// See [`Tensor::silu`] and [`SiLU`](crate::SiLU).
#[track_caller]
pub fn silu(input: &Tensor) -> Tensor {
    input.silu()
}

/// See [`Tensor::mish`] and [`Mish`](crate::Mish).
#[track_caller]
pub fn mish(input: &Tensor) -> Tensor {
    input.mish()
}

/// See [`Tensor::softsign`] and [`Softsign`](crate::Softsign).
#[track_caller]
pub fn softsign(input: &Tensor) -> Tensor {
    input.softsign()
}

/// See [`Tensor::hardtanh`] and [`Hardtanh`](crate::Hardtanh). PyTorch's defaults are -1 and 1.
#[track_caller]
pub fn hardtanh(input: &Tensor, min_val: f64, max_val: f64) -> Tensor {
    input.hardtanh(min_val, max_val)
}

/// See [`Tensor::hardsigmoid`] and [`Hardsigmoid`](crate::Hardsigmoid).
#[track_caller]
pub fn hardsigmoid(input: &Tensor) -> Tensor {
    input.hardsigmoid()
}

/// See [`Tensor::hardswish`] and [`Hardswish`](crate::Hardswish).
#[track_caller]
pub fn hardswish(input: &Tensor) -> Tensor {
    input.hardswish()
}

/// See [`Tensor::logsigmoid`] and [`LogSigmoid`](crate::LogSigmoid).
#[track_caller]
pub fn logsigmoid(input: &Tensor) -> Tensor {
    input.logsigmoid()
}

/// See [`Tensor::tanhshrink`] and [`Tanhshrink`](crate::Tanhshrink).
#[track_caller]
pub fn tanhshrink(input: &Tensor) -> Tensor {
    input.tanhshrink()
}

/// See [`Tensor::softshrink`] and [`Softshrink`](crate::Softshrink). PyTorch's default `lambd` is 0.5.
#[track_caller]
pub fn softshrink(input: &Tensor, lambd: f64) -> Tensor {
    input.softshrink(lambd)
}

/// See [`Tensor::hardshrink`] and [`Hardshrink`](crate::Hardshrink). PyTorch's default `lambd` is 0.5.
#[track_caller]
pub fn hardshrink(input: &Tensor, lambd: f64) -> Tensor {
    input.hardshrink(lambd)
}

/// See [`Tensor::threshold`] and [`Threshold`](crate::Threshold).
#[track_caller]
pub fn threshold(input: &Tensor, threshold: f64, value: f64) -> Tensor {
    input.threshold(threshold, value)
}

/// See [`Tensor::glu`] and [`GLU`](crate::GLU). PyTorch's default `dim` is -1.
#[track_caller]
pub fn glu(input: &Tensor, dim: isize) -> Tensor {
    input.glu(dim)
}

/// See [`Tensor::softmin`] and [`Softmin`](crate::Softmin).
#[track_caller]
pub fn softmin(input: &Tensor, dim: isize) -> Tensor {
    input.softmin(dim)
}

/// See [`Tensor::dropout2d`] and [`Dropout2d`](crate::Dropout2d). PyTorch's defaults are 0.5 and true.
#[track_caller]
pub fn dropout2d(input: &Tensor, p: f64, training: bool) -> Tensor {
    input.dropout2d(p, training)
}

/// See [`Tensor::alpha_dropout`] and [`AlphaDropout`](crate::AlphaDropout). PyTorch's defaults are 0.5 and false.
#[track_caller]
pub fn alpha_dropout(input: &Tensor, p: f64, training: bool) -> Tensor {
    input.alpha_dropout(p, training)
}
