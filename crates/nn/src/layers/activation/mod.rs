//! Activations as layers. All but the softmaxes and GLU work number by number, and all but GLU give an output of the
//! input's shape; [`PReLU`] alone has parameters.
//!
//! None has PyTorch's option `inplace`, which changes no result: `call` borrows its input, which others may hold and the
//! backward pass may read. The buffer that it would save comes from the allocator's cache.

use flambeau_tensor::Tensor;

use super::Place;
use crate::{Forward, Module};

mod elu;
mod glu;
mod relu;
mod shrink;
mod sigmoid;
mod smooth;
mod softmax;

pub use elu::{CELU, ELU, SELU};
pub use glu::GLU;
pub use relu::{LeakyReLU, PReLU, ReLU, ReLU6};
pub use shrink::{Hardshrink, Softshrink, Tanhshrink, Threshold};
pub use sigmoid::{Hardsigmoid, Hardtanh, LogSigmoid, Sigmoid, Softsign, Tanh};
pub use smooth::{GELU, Hardswish, Mish, SiLU, Softplus};
pub use softmax::{LogSoftmax, Softmax, Softmax2d, Softmin};

/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Identity.html>
#[derive(Default, Module)]
#[module(crate = crate)]
pub struct Identity {
    place: Place,
}

impl Forward for Identity {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Tensor {
        input.clone()
    }
}
