//! Files: what the rest of flambeau reads and writes, in formats that other programs know.
//!
//! - [`safetensors`]: named tensors in one file, the format of Hugging Face.
//! - [`npy`]: arrays in NumPy's files; the feature `npz` adds archives of them.
//! - [`atomic_write`]: the old file or the new one, never half of it.
//!
//! This crate knows tensors and bytes. It must not know modules, optimisers or training: what a name in a file
//! means is the business of its callers.

mod atomic;
pub mod npy;
pub mod safetensors;

pub use atomic::atomic_write;
pub use flambeau_tensor::{Error, Result};
