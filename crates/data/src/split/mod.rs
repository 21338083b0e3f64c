//! Cutting a data set into parts that never overlap.

mod cross_validate;
mod k_fold;
mod leak_check;
mod random;
mod sealed;

pub use cross_validate::{CrossValidation, cross_validate};
pub use k_fold::{Fold, GroupKFold, KFold, StratifiedKFold};
pub use leak_check::{Duplicate, LeakCheck, LeakReport, Overlap};
pub use random::{SplitSize, random_split, stratified_split};
pub use sealed::SealedTestSet;
