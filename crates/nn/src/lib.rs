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
//! # A layer of one's own
//!
//! A [`Parameter`] is a field like any other: it is trained, saved and listed under its name. An activation can be a
//! layer, such as [`ReLU`], or a function, [`functional::relu`]: they compute the same, but a layer is printed, listed
//! in a [`summary()`] and can have hooks.
//!
//! ```
//! use flambeau_nn::{Forward, Module, Parameter, ReLU, functional, init};
//! use flambeau_tensor::Tensor;
//!
//! /// y = relu(x Wᵀ + b) · scale
//! #[derive(Module)]
//! # #[module(crate = flambeau_nn)]
//! struct Scaled {
//!     weight: Parameter,
//!     bias: Parameter,
//!     scale: Parameter,
//!     relu: ReLU,
//! }
//!
//! impl Scaled {
//!     fn new(inputs: usize, outputs: usize) -> Self {
//!         let weight = Parameter::new(Tensor::zeros([outputs, inputs]));
//!         init::kaiming_normal_(&weight, init::FanMode::FanIn, init::Nonlinearity::ReLU);
//!         let bias = Parameter::new(Tensor::zeros([outputs]));
//!         Scaled { weight, bias, scale: Parameter::new(Tensor::ones([outputs])), relu: ReLU::default() }
//!     }
//! }
//!
//! impl Forward for Scaled {
//!     fn forward(&self, x: &Tensor) -> Tensor {
//!         let y = functional::linear(x, &self.weight, Some(&self.bias));
//!         self.relu.call(&y) * &*self.scale
//!     }
//! }
//!
//! let layer = Scaled::new(4, 3);
//! let x = Tensor::randn([2, 4]);
//! let y = functional::relu(&functional::linear(&x, &layer.weight, Some(&layer.bias)));
//! assert_eq!(layer.call(&x).to_vec::<f32>(), y.to_vec::<f32>()); // the scales are 1 at first
//! layer.call(&x).sum().backward();
//! assert!(layer.parameters().iter().all(|parameter| parameter.grad().is_some()));
//! assert_eq!(layer.state_dict().keys().collect::<Vec<_>>(), ["weight", "bias", "scale"]);
//! ```
//!
//! # A training loop by hand
//!
//! Nothing here needs a trainer: a schedule, a running mean of the weights, and a checkpoint of model and optimiser
//! from which a second run goes on bit for bit.
//!
//! ```
//! use flambeau_nn::{Forward, Linear, MSELoss, Module, ReLU, Sequential};
//! use flambeau_optim::{EMA, Optimizer, OptimizerState, SGD, lr_scheduler::{LRScheduler, StepLR}};
//! use flambeau_tensor::{Tensor, manual_seed};
//!
//! fn net() -> Sequential {
//!     Sequential::new((Linear::new(2, 8), ReLU::default(), Linear::new(8, 1)))
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # let (path, state) = (folder.path().join("model.safetensors"), folder.path().join("optimizer.safetensors"));
//! manual_seed(0);
//! let x = Tensor::randn([32, 2]);
//! let y = &x.narrow(1, 0, 1) * 3.0;
//! let loss_fn = MSELoss::default();
//!
//! let model = net();
//! let mut optimizer = SGD::new(model.parameters(), 0.1).momentum(0.9);
//! let mut scheduler = StepLR::new(&mut optimizer, 10);
//! let mut ema = EMA::new(model.parameters(), 0.9);
//! let mut best = f32::INFINITY;
//! for _epoch in 0..30 {
//!     let loss = loss_fn.call(&model.call(&x), &y);
//!     optimizer.zero_grad();
//!     loss.backward();
//!     optimizer.step();
//!     ema.update();
//!     scheduler.step(&mut optimizer);
//!     if loss.item::<f32>() < best {
//!         best = loss.item();
//!         model.save(&path)?;
//!         optimizer.state_dict().save(&state)?;
//!     }
//! }
//! assert!(best < 1.0);
//!
//! // Another run goes on from the best.
//! let again = net();
//! again.load(&path)?;
//! let mut optimizer = SGD::new(again.parameters(), 0.1).momentum(0.9);
//! optimizer.load_state_dict(&OptimizerState::load(&state)?)?;
//! assert!(loss_fn.call(&again.call(&x), &y).item::<f32>() < 1.0);
//!
//! // The running means in place of the weights, for evaluation.
//! model.eval();
//! let error = ema.with_averages(|| loss_fn.call(&model.call(&x), &y).item::<f32>());
//! assert!(error < 2.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
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
mod update_bn;
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
