//! The parts of a training: when to stop, what to measure, what to keep.
//!
//! Each part is a plain value that works in a loop written by hand.
//!
//! - [`EarlyStopping`] ends a training that no longer gets better.
//!
//! This crate knows models, optimisers and data sets. It must not know terminals, arguments or the network.

mod early_stopping;

pub use early_stopping::{EarlyStopping, EarlyStoppingState};
