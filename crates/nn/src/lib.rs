//! Modules, layers, losses and initialisers of flambeau
