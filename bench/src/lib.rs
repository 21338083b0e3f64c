//! Measures flambeau on fixed workloads and sets the figures beside what the machine can do at most. `README.md` beside
//! this crate says what the workloads are.
//!
//! The program `flambeau-bench` prints one JSON line for each workload, as every program of a comparison does;
//! `torch_peer.py` is the same for PyTorch, and `cargo xtask bench` sets the two side by side. `flambeau bench` shows
//! [`Results`] and [`scaling`] to users. The workloads use what a user of the facade has and nothing else; only
//! [`machine`] asks the kernels.

mod arguments;
mod generator;
pub mod machine;
mod measure;
mod proc;
mod report;
mod results;
pub mod scaling;
mod shapes;
mod timing;
mod training;
mod work;
mod worker;
mod workloads;

pub use measure::Program;
pub use results::{Reached, Results, Row};
pub use timing::Timing;
pub use work::Work;
pub use worker::run;
pub use workloads::{Workload, workloads};
