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
    abs acos adaptive_pool add addcdiv addcmul addmm all amax argmax asin atan avg_pool bmm cat ceil clamp compare contiguous cos
    cosh creation cross_entropy cumprod cumsum diagonal div dot dropout einsum erf exp exp2 expand expm1
    flip floor fmod gather index index_add index_select isfinite kthvalue leaky_relu lerp linear log log10
    log1p log2 logical logsumexp lp_pool masked_fill masked_select matmul max max_pool max_unpool maximum mean median meshgrid mm mul
    mv nan_to_num narrow neg nll_loss nonzero norm outer permute pow prod reciprocal relu remainder repeat
    reshape roll round rsqrt sampling scatter sigmoid sign sin sinh softmax softplus sort split sqrt
    square sub sum tan tanh to_dtype topk trace tril trunc unfold var where_ xlogy
}
