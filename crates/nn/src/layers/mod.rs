//! Layers: one file each, the activations in one folder.

mod activation;
mod attention;
mod dropout;
mod flatten;
mod linear;
mod sequential;

pub use activation::{
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyReLU, LogSigmoid,
    LogSoftmax, Mish, PReLU, ReLU, ReLU6, SELU, SiLU, Sigmoid, Softmax, Softmax2d, Softmin, Softplus,
    Softshrink, Softsign, Tanh, Tanhshrink, Threshold,
};
pub use attention::MultiheadAttention;
pub use dropout::{AlphaDropout, Dropout, Dropout2d};
pub use flatten::Flatten;
pub use linear::Linear;
pub use sequential::{Layer, LayerTuple, Sequential};

/// Keeps a layer without settings from having no size: two neighbours would share an address, by which hooks
/// and paths tell modules apart.
#[derive(Default)]
pub(crate) struct Place(#[allow(dead_code, reason = "only its size matters")] u8);

impl crate::Field for Place {
    fn visit_field<'a>(&'a self, _: &str, _: &mut dyn crate::Visitor<'a>) {}
}

/// Layers print as themselves, so that structs of them can derive `Debug`.
macro_rules! debug_as_repr {
    ($($layer:ty),* $(,)?) => {
        $(impl std::fmt::Debug for $layer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&crate::Module::repr(self))
            }
        })*
    };
}

debug_as_repr!(
    CELU,
    ELU,
    GELU,
    GLU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    SELU,
    SiLU,
    Sigmoid,
    Softmax,
    Softmax2d,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold
);
debug_as_repr!(AlphaDropout, Dropout, Dropout2d, MultiheadAttention);
debug_as_repr!(Flatten, Linear, Sequential, crate::CrossEntropyLoss);
