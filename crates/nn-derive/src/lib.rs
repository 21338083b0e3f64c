//! The Module derive macro of flambeau
