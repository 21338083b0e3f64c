//! Tensors, reverse-mode autograd and the op library, with PyTorch's meaning.
//!
//! [`Tensor`] is a shared handle; every operation is one file under [`ops`] and goes through [`apply`], the
//! only place that looks at the device and records the graph; [`autograd`] walks the graph back. This crate
//! knows nothing of modules, optimisers or files. Loops over elements are in `flambeau-kernels`.

pub mod autograd;
mod create;
#[doc = include_str!("custom_ops.md")]
pub mod custom_ops {}
mod device;
mod display;
pub mod door;
mod error;
mod fmt;
mod in_place;
mod indexing;
pub mod loss;
mod norm;
mod op;
mod operand;
pub mod ops;
mod pointwise;
mod pooling;
pub mod random;
mod resample;
mod scoped;
mod shape;
mod slice_mut;
mod sym;
mod tensor;
pub mod testing;
mod view;
mod window;

pub use autograd::{enable_grad, is_grad_enabled, no_grad};
pub use create::Nested;
#[doc(hidden)]
pub use create::nested;
pub use device::Device;
pub use error::{Error, Result};
pub use flambeau_kernels::alloc::{MemoryStats, empty_cache, memory_stats};
pub use flambeau_kernels::pool::{num_threads, set_num_threads};
pub use flambeau_kernels::{DType, Element, Num};
pub use indexing::{Index, IntoIndices};
#[doc(hidden)]
pub use op::raise;
pub use op::{Fresh, Mask, Op, Output, Outputs, Saves, apply, try_apply, try_call};
pub use operand::Operand;
pub use ops::batch_norm::BatchNormOptions;
pub use ops::conv::{Conv1dOptions, Conv2dOptions, ConvOptions, Padding};
pub use ops::conv_transpose::{ConvTranspose1dOptions, ConvTranspose2dOptions, ConvTransposeOptions};
pub use ops::embedding::EmbeddingOptions;
pub use ops::gelu::Approximate;
pub use ops::im2col::UnfoldOptions;
pub use ops::instance_norm::InstanceNormOptions;
pub use ops::interpolate::{InterpolateMode, InterpolateOptions};
#[doc(hidden)]
pub use ops::linear::PackedWeight;
pub use ops::meshgrid::Indexing;
pub use ops::pad::PadMode;
pub use ops::scaled_dot_product_attention::AttentionOptions;
pub use pointwise::{Pointwise, Reads, pointwise, result_type, try_pointwise};
pub use pooling::{AvgPoolOptions, MaxPoolOptions, OutputSize};
pub use random::manual_seed;
pub use shape::{Dims, Layout, Shape};
pub use slice_mut::SliceMut;
pub use tensor::Tensor;
pub use view::View;
pub use window::Sizes;
