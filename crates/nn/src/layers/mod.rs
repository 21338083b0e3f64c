//! Layers: one file each, the pointwise activations together.

mod activation;
mod adaptive_pooling;
mod dropout;
mod flatten;
mod linear;
mod pooling;
mod sequential;

pub use activation::{Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Softplus, Tanh};
pub use adaptive_pooling::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d};
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use linear::Linear;
pub use pooling::{AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
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

debug_as_repr!(Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Softplus, Tanh);
debug_as_repr!(AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d);
debug_as_repr!(AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d);
debug_as_repr!(Dropout, Flatten, Linear, Sequential, crate::CrossEntropyLoss);
