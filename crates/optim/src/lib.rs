//! Optimisers: from gradients to new parameters, with PyTorch's rules, names and defaults.
//!
//! ```
//! use flambeau_optim::{AdamW, Optimizer};
//! use flambeau_tensor::Tensor;
//! # let (w, x, y) = (Tensor::zeros([3, 1]).requires_grad_(), Tensor::ones([4, 3]), Tensor::ones([4, 1]));
//! let mut optimizer = AdamW::new([&w], 0.1);
//! for _ in 0..50 {
//!     let error = x.matmul(&w) - &y;
//!     optimizer.zero_grad();
//!     (&error * &error).mean().backward();
//!     optimizer.step();
//! }
//! assert!((x.matmul(&w) - &y).abs().max().item::<f32>() < 0.1);
//! ```
//!
//! - [`Optimizer`] is what all can do; [`SGD`], [`Adam`], [`AdamW`], [`RMSprop`], [`Adagrad`], [`Adadelta`],
//!   [`Adamax`], [`NAdam`], [`RAdam`], [`Rprop`] and [`ASGD`] are [`Optim`] with a [`Rule`] each, and share its
//!   [parameter groups](Optim::add_param_group); [`LBFGS`] calls the model several times a step.
//! - [`OptimizerState`] is their `state_dict`: with it and the model's, a run goes on where it was, bit for bit.
//! - [`lr_scheduler`] changes their learning rates over time.
//! - [`EMA`] and [`SWA`] keep running means of weights.
//!
//! A step is one pass over all parameters and their state, for any number of threads with the same result.
//!
//! Running means below 7.5·10⁻³⁷ (in `f32`; in `f64` 1.4·10⁻³⁰⁶) count as 0 where `eps` is 10⁻⁹ or more and hides them, which PyTorch does
//! not do unless asked (`torch.set_flush_denormal`): many processors calculate a hundred times as slowly with subnormal numbers,
//! through which the means of gradients that have become 0 decay.
//!
//! # Gradient accumulation
//!
//! `backward` adds to the gradients, so one step can take the gradients of several small batches: divide each loss
//! by their number and step once.
//!
//! ```
//! use flambeau_optim::{Optimizer, SGD};
//! use flambeau_tensor::{Tensor, tensor};
//! let loss = |w: &Tensor, x: &Tensor| (x * w).mean();
//! let (whole, small) = (tensor![1.0].requires_grad_(), tensor![1.0].requires_grad_());
//! let x = tensor![1.0, 2.0, 3.0, 4.0];
//!
//! let mut optimizer = SGD::new([&whole], 0.1);
//! loss(&whole, &x).backward();
//! optimizer.step();
//!
//! let mut optimizer = SGD::new([&small], 0.1);
//! optimizer.zero_grad();
//! for batch in x.chunk(2, 0) {
//!     (loss(&small, &batch) / 2.0).backward();
//! }
//! optimizer.step();
//! assert_eq!(small.to_vec::<f32>(), whole.to_vec::<f32>());
//! ```
//!
//! This crate knows tensors, their gradients and files, not modules: it is given the parameters.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod asgd;
mod averaging;
mod lbfgs;
pub mod lr_scheduler;
mod nadam;
mod optim;
mod optimizer;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
mod sgd;
mod state;
mod step;

pub use adadelta::{Adadelta, AdadeltaOptions};
pub use adagrad::{Adagrad, AdagradOptions};
pub use adam::{Adam, AdamOptions};
pub use adamax::{Adamax, AdamaxOptions};
pub use adamw::{AdamW, AdamWOptions};
pub use asgd::{ASGD, AsgdOptions};
pub use averaging::{Averaged, EMA, SWA};
pub use lbfgs::{LBFGS, LbfgsOptions, LineSearch};
pub use lr_scheduler::{
    AnnealStrategy, ChainedScheduler, ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR,
    CyclicMode, CyclicOptions, ExponentialLR, LRScheduler, LambdaLR, LinearLR, MultiStepLR, MultiplicativeLR,
    OneCycleLR, OneCycleOptions, PlateauMode, PolynomialLR, ReduceLROnPlateau, SequentialLR, StepLR,
    ThresholdMode,
};
pub use nadam::{NAdam, NAdamOptions};
pub use optim::{Optim, ParamGroup};
pub use optimizer::Optimizer;
pub use radam::{RAdam, RAdamOptions};
pub use rmsprop::{RMSprop, RmsPropOptions};
pub use rprop::{Rprop, RpropOptions};
pub use rule::{Rule, Update, require};
pub use sgd::{SGD, SgdOptions};
pub use state::{GroupState, OptimizerState, ParamState};
