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
    abs acos add addcdiv addcmul amax argmax asin atan cat ceil clamp compare contiguous cos cosh
    cross_entropy div dropout erf exp exp2 expand expm1 floor fmod index_add index_select isfinite
    leaky_relu lerp linear log log10 log1p log2 logical masked_fill matmul max maximum mean mul nan_to_num
    narrow neg nll_loss permute pow reciprocal relu remainder reshape round rsqrt sigmoid sign sin sinh
    softmax softplus sqrt square sub sum tan tanh to_dtype trunc where_ xlogy
}
