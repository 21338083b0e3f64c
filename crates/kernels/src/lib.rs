//! Numeric loops on slices, the storage that they work on, SIMD dispatch and threads.
//!
//! This crate knows no tensor, no shape error and no gradient: its callers have checked shapes and hand it
//! slices with strides. It is the only crate of the project that may contain `unsafe`; every block says why
//! it is sound.

pub mod alloc;
mod cache;
pub mod conv;
pub mod dropout;
pub mod dtype;
pub mod index;
pub mod isa;
mod lanes;
pub mod loss;
pub mod math;
pub mod matmul;
pub mod norm;
pub mod num;
pub mod optim;
#[doc(hidden)]
pub mod peak;
pub mod pointwise;
pub mod pool;
pub mod pooling;
pub mod reduce;
pub mod resample;
pub mod rng;
pub mod scan;
pub mod select;
pub mod shared;
mod short;
pub mod softmax;
pub mod sort;
pub mod storage;
mod stream;
pub mod strided;
mod tiny;
pub mod trig;
pub mod vector;

pub use dtype::{DType, Element};
pub use num::{Float, Num};
pub use shared::Shared;
pub use storage::{BorrowError, Read, Storage, Write};
pub use strided::Strided;
