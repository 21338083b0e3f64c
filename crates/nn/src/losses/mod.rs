//! Losses: a file for each family.

mod bce;
mod cross_entropy;
pub(crate) mod functional;
mod likelihood;
mod margin;
mod regression;

pub use bce::{BCELoss, BCEWithLogitsLoss};
pub use cross_entropy::{CrossEntropyLoss, NLLLoss};
pub use likelihood::{GaussianNLLLoss, KLDivLoss, PoissonNLLLoss};
pub use margin::{
    CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss, SoftMarginLoss, TripletMarginLoss,
};
pub use regression::{HuberLoss, L1Loss, MSELoss, SmoothL1Loss};

crate::layers::debug_as_repr!(BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, NLLLoss);
crate::layers::debug_as_repr!(GaussianNLLLoss, KLDivLoss, PoissonNLLLoss);
crate::layers::debug_as_repr!(CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss, SoftMarginLoss);
crate::layers::debug_as_repr!(TripletMarginLoss, HuberLoss, L1Loss, MSELoss, SmoothL1Loss);
