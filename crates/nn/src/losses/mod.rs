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

crate::layers::debug_as_repr! {
    BCELoss BCEWithLogitsLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss
    HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss NLLLoss PoissonNLLLoss SmoothL1Loss
    SoftMarginLoss TripletMarginLoss
}
