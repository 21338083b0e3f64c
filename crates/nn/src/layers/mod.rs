//! Layers: one file each, the activations in one folder.

mod activation;
mod adaptive_pooling;
mod attention;
mod conv;
mod dropout;
mod flatten;
mod linear;
mod pooling;
mod sequential;
mod unfold;
pub use activation::{
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyReLU, LogSigmoid,
    LogSoftmax, Mish, PReLU, ReLU, ReLU6, SELU, SiLU, Sigmoid, Softmax, Softmax2d, Softmin, Softplus,
    Softshrink, Softsign, Tanh, Tanhshrink, Threshold,
};
pub use adaptive_pooling::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d};
pub use attention::MultiheadAttention;
pub use conv::{Conv, Conv1d, Conv2d, ConvTranspose, ConvTranspose1d, ConvTranspose2d};
pub use dropout::{AlphaDropout, Dropout, Dropout2d};
pub use flatten::{Flatten, Unflatten};
pub use linear::Linear;
pub use pooling::{AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
pub use sequential::{Layer, LayerTuple, Sequential};
pub use unfold::{Fold, Unfold};
mod bilinear;
mod padding;
mod pixel_shuffle;
mod rnn;
mod upsample;
pub use bilinear::Bilinear;
pub use padding::{CircularPad2d, ConstantPad2d, Padding2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d};
pub use pixel_shuffle::{PixelShuffle, PixelUnshuffle};
pub use rnn::{
    GRU, GRUCell, Gru, LSTM, LSTMCell, Lstm, RNN, RNNBase, RNNCell, RNNCellBase, RNNKind, RNNNonlinearity,
    RNNState, RNNWeights, Rnn,
};
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
    ($($layer:ident)*) => {
        $(impl std::fmt::Debug for $layer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&crate::Module::repr(self))
            }
        })*
    };
}

debug_as_repr! {
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d AlphaDropout AvgPool1d
    AvgPool2d Bilinear CELU CircularPad2d ConstantPad2d Conv1d Conv2d ConvTranspose1d ConvTranspose2d
    Dropout Dropout2d ELU Flatten Fold GELU GLU GRU GRUCell Hardshrink Hardsigmoid Hardswish Hardtanh
    Identity LSTM LSTMCell LeakyReLU Linear LogSigmoid LogSoftmax MaxPool1d MaxPool2d Mish
    MultiheadAttention PReLU PixelShuffle PixelUnshuffle RNN RNNCell ReLU ReLU6 ReflectionPad2d
    ReplicationPad2d SELU Sequential SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign
    Tanh Tanhshrink Threshold Unflatten Unfold Upsample ZeroPad2d
}

pub(crate) use debug_as_repr;
