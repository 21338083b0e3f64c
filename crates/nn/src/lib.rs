//! Modules, layers, losses and initialisers, with PyTorch's names, defaults and numbers.
//!
//! A model is a struct whose fields are layers, [`Parameter`]s, [`Buffer`]s and other modules; the derive macro
//! registers them under their names. One writes [`forward`](Forward::forward) and uses [`call`](Forward::call):
//!
//! ```
//! use flambeau_nn::{Flatten, Forward, Linear, Module};
//! use flambeau_tensor::Tensor;
//!
//! #[derive(Module)]
//! # #[module(crate = flambeau_nn)]
//! struct Net {
//!     flatten: Flatten,
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! impl Forward for Net {
//!     fn forward(&self, x: &Tensor) -> Tensor {
//!         let x = self.flatten.call(x);
//!         let x = self.hidden.call(&x).relu();
//!         self.output.call(&x)
//!     }
//! }
//!
//! let net = Net { flatten: Flatten::default(), hidden: Linear::new(64, 32), output: Linear::new(32, 10) };
//! assert_eq!(net.call(&Tensor::zeros([5, 8, 8])).shape(), [5, 10]);
//! let names: Vec<_> = net.named_parameters().into_iter().map(|(name, _)| name).collect();
//! assert_eq!(names, ["hidden.weight", "hidden.bias", "output.weight", "output.bias"]);
//! ```
//!
//! - [`Module`] is what every model can do: parameters, `state_dict`, modes, saving and loading.
//! - [`Forward`] computes; [`Hooks`] and [`trace`] look on.
//! - [`init`] fills parameters, [`functional`] has the layers as functions, [`summary()`] shows a model.
//!
//! This crate knows tensors and files. It must not know optimisers, data sets or training loops.

// Lets the derive macro name this crate from within and from without by one path.
extern crate self as flambeau_nn;

pub mod functional;
pub mod init;
pub mod layers;
pub mod losses;
mod module;
mod penalty;
mod summary;
pub mod trace;
pub mod utils;

pub use flambeau_nn_derive::Module;
pub use layers::*;
pub use losses::*;
pub use module::{
    AsModule, Buffer, Field, Forward, HookContext, HookHandle, Hooks, IncompatibleKeys, Module, Parameter,
    StateDict, Tensors, Training, Visitor,
};
pub use penalty::{l1_penalty, l2_penalty};
pub use summary::{Summary, SummaryRow, summary, summary_of};
