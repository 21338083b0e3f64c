//! Layers: one file each, the pointwise activations together.

mod activation;
mod bilinear;
mod dropout;
mod flatten;
mod linear;
mod padding;
mod pixel_shuffle;
mod rnn;
mod sequential;
mod upsample;

pub use activation::{Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Softplus, Tanh};
pub use bilinear::Bilinear;
pub use dropout::Dropout;
pub use flatten::{Flatten, Unflatten};
pub use linear::Linear;
pub use padding::{CircularPad2d, ConstantPad2d, Padding2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d};
pub use pixel_shuffle::{PixelShuffle, PixelUnshuffle};
pub use rnn::{
    GRU, GRUCell, Gru, LSTM, LSTMCell, Lstm, RNN, RNNBase, RNNCell, RNNCellBase, RNNKind, RNNNonlinearity,
    RNNState, RNNWeights, Rnn,
};
pub use sequential::{Layer, LayerTuple, Sequential};
pub use upsample::{PerDimension, Upsample};

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
debug_as_repr!(Dropout, Flatten, Linear, Sequential, crate::CrossEntropyLoss);
debug_as_repr!(Bilinear, Unflatten, PixelShuffle, PixelUnshuffle, Upsample);
debug_as_repr!(CircularPad2d, ConstantPad2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d);
debug_as_repr!(RNN, LSTM, GRU, RNNCell, LSTMCell, GRUCell);
