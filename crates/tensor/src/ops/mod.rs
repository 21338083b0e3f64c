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
    abs add addmm all amax argmax bmm cat compare contiguous creation cross_entropy cumprod cumsum
    diagonal div dot dropout einsum exp expand flip gather index index_add index_select kthvalue
    leaky_relu linear log logsumexp masked_select matmul max mean median meshgrid mm mul mv narrow neg
    nll_loss nonzero norm outer permute pow prod reciprocal relu repeat reshape roll sampling scatter
    sigmoid softmax softplus sort split sqrt sub sum tanh to_dtype topk trace tril unfold var where_
}
