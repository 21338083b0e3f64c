//! Tensors, autograd and the op library of flambeau
