//! The operations, one file each, and the table of them.
//!
//! A new op is one file and one word in the list below. From the list come its gradient checks in `f64`, its
//! comparison with recorded PyTorch values, and `cargo xtask ops`; a file without `samples`, or without the names that
//! it answers to (`CALLS`, see [`crate::door`]), does not compile. The table is there with the feature `testing` alone:
//! without it the samples are not compiled.

use crate::door::Calls;
#[cfg(feature = "testing")]
use crate::testing::Sample;

/// One row of the op table.
#[cfg(feature = "testing")]
pub struct Entry {
    /// The op's file and PyTorch name.
    pub name: &'static str,
    /// Calls that it is checked with.
    pub samples: fn() -> Vec<Sample>,
    /// The names that it answers to when called by name.
    pub(crate) calls: Calls,
}

#[cfg(feature = "testing")]
impl Entry {
    /// The names that it answers to when called by name.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.calls.iter().map(|(name, _)| *name)
    }
}

macro_rules! ops {
    ($($name:ident)*) => {
        // Without the table nobody asks for the samples.
        $(#[cfg_attr(not(feature = "testing"), allow(dead_code))] pub mod $name;)*

        /// Every op, in alphabetical order.
        #[cfg(feature = "testing")]
        pub fn table() -> Vec<Entry> {
            vec![$(Entry { name: stringify!($name), samples: $name::samples, calls: $name::CALLS }),*]
        }

        /// The names that each op answers to when called by name.
        pub(crate) const CALLS: &[Calls] = &[$($name::CALLS),*];
    };
}

ops! {
    abs acos adaptive_pool add addcdiv addcmul addmm all amax argmax asin atan avg_pool batch_norm
    bilinear binary_cross_entropy binary_cross_entropy_with_logits bmm cat ceil clamp compare contiguous
    conv conv_transpose cos cosh cosine_embedding_loss cosine_similarity creation cross_entropy cumprod
    cumsum diagonal div dot dropout einsum elu embedding erf exp exp2 expand expm1 flip floor fmod
    gather gaussian_nll_loss gelu glu group_norm hardsigmoid hardswish hardtanh hinge_embedding_loss
    huber_loss im2col index index_add index_select instance_norm interpolate isfinite kl_div kthvalue
    l1_loss layer_norm leaky_relu lerp linear log log10 log1p log2 logical logsigmoid logsumexp lp_pool
    margin_ranking_loss masked_fill masked_select matmul max max_pool max_unpool maximum mean median
    meshgrid mish mm mse_loss mul mv nan_to_num narrow neg nll_loss nonzero norm normalize one_hot outer
    pad permute pixel_shuffle poisson_nll_loss pow prelu prod reciprocal relu remainder repeat reshape
    rms_norm roll round rsqrt sampling scaled_dot_product_attention scatter sigmoid sign silu sin sinh
    smooth_l1_loss soft_margin_loss softmax softplus softshrink softsign sort split sqrt square sub sum
    tan tanh tanhshrink threshold to_dtype topk trace tril triplet_margin_loss trunc unfold var where_
    xlogy
}
