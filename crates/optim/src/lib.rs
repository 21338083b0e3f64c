//! Optimisers of flambeau
