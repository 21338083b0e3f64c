//! Layers: one file each, the activations in one folder.

mod activation;
mod adaptive_pooling;
mod attention;
mod batch_norm;
mod bilinear;
mod containers;
mod conv;
mod cosine_similarity;
mod dropout;
mod embedding;
mod flatten;
mod group_norm;
mod instance_norm;
mod layer_norm;
mod linear;
mod padding;
mod pixel_shuffle;
mod pooling;
pub(crate) mod python;
mod rms_norm;
mod rnn;
mod sequential;
mod unfold;
mod upsample;

pub use activation::{
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Identity, LeakyReLU, LogSigmoid,
    LogSoftmax, Mish, PReLU, ReLU, ReLU6, SELU, SiLU, Sigmoid, Softmax, Softmax2d, Softmin, Softplus,
    Softshrink, Softsign, Tanh, Tanhshrink, Threshold,
};
pub use adaptive_pooling::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d};
pub use attention::MultiheadAttention;
pub(crate) use batch_norm::running_statistics;
pub use batch_norm::{BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d};
pub use bilinear::Bilinear;
pub use containers::{ModuleDict, ModuleList};
pub use conv::{Conv, Conv1d, Conv2d, ConvTranspose, ConvTranspose1d, ConvTranspose2d};
pub use cosine_similarity::CosineSimilarity;
pub use dropout::{AlphaDropout, Dropout, Dropout2d};
pub use embedding::Embedding;
pub use flatten::{Flatten, Unflatten};
pub use group_norm::GroupNorm;
pub use instance_norm::{InstanceNorm, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use padding::{CircularPad2d, ConstantPad2d, Padding2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d};
pub use pixel_shuffle::{PixelShuffle, PixelUnshuffle};
pub use pooling::{AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
pub use rms_norm::RMSNorm;
pub use rnn::{
    GRU, GRUCell, Gru, LSTM, LSTMCell, Lstm, RNN, RNNBase, RNNCell, RNNCellBase, RNNKind, RNNNonlinearity,
    RNNState, RNNWeights, Rnn,
};
pub use sequential::{Layer, LayerTuple, Sequential};
pub use unfold::{Fold, Unfold};
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
    AvgPool2d BatchNorm1d BatchNorm2d BatchNorm3d Bilinear CELU CircularPad2d ConstantPad2d Conv1d Conv2d
    ConvTranspose1d ConvTranspose2d CosineSimilarity Dropout Dropout2d ELU Embedding Flatten Fold GELU GLU
    GRU GRUCell GroupNorm Hardshrink Hardsigmoid Hardswish Hardtanh Identity InstanceNorm1d InstanceNorm2d
    InstanceNorm3d LSTM LSTMCell LayerNorm LeakyReLU Linear LogSigmoid LogSoftmax MaxPool1d MaxPool2d Mish
    MultiheadAttention PReLU PixelShuffle PixelUnshuffle RMSNorm RNN RNNCell ReLU ReLU6 ReflectionPad2d
    ReplicationPad2d SELU Sequential SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign
    Tanh Tanhshrink Threshold Unflatten Unfold Upsample ZeroPad2d
}

pub(crate) use debug_as_repr;
