//! Deep learning with the semantics of PyTorch, in one crate
