//! Data sets and loaders of flambeau
