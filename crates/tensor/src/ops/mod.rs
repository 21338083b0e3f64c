//! The operations, one file each, and the table of them.
//!
//! A new op is one file and one word in the list below. From the list come its gradient checks in `f64`, its
//! comparison with recorded PyTorch values, and `cargo xtask ops`; a file without `samples`, or without the names that
//! it answers to (`CALLS`, see [`crate::door`]), does not compile.

use crate::door::Calls;
use crate::testing::Sample;

/// One row of the op table.
pub struct Entry {
    /// The op's file and PyTorch name.
    pub name: &'static str,
    /// Calls that it is checked with.
    pub samples: fn() -> Vec<Sample>,
    /// The names that it answers to when called by name.
    pub(crate) calls: Calls,
}

impl Entry {
    /// The names that it answers to when called by name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.calls.iter().map(|(name, _)| *name)
    }
}

macro_rules! ops {
    ($($name:ident)*) => {
        $(pub mod $name;)*

        /// Every op, in alphabetical order.
        pub fn table() -> Vec<Entry> {
            vec![$(Entry { name: stringify!($name), samples: $name::samples, calls: $name::CALLS }),*]
        }
    };
}

ops! {
    abs add amax argmax cat compare contiguous creation cross_entropy diagonal div dropout exp expand flip index index_add
    index_select leaky_relu linear log masked_select matmul max mean meshgrid mul narrow neg nll_loss nonzero permute pow
    reciprocal relu repeat reshape roll sampling scatter sigmoid softmax softplus split sqrt sub sum tanh to_dtype tril
    unfold where_
}
