//! Ops that are linear along one dimension: interpolation and padding by the input's own elements.

use crate::autograd::{Context, Gradients};
use crate::op::{Fresh, Op, Output, apply};
use crate::ops::index_select::around;
use crate::{DType, Result, Tensor};
use flambeau_kernels::dispatch_all;
use flambeau_kernels::resample::{Taps, resample};
use smallvec::smallvec;

/// Which input positions each output position reads, with weights.
pub(crate) trait Rule: Copy + Send + Sync + 'static {
    /// PyTorch's name of the op.
    const NAME: &'static str;

    /// The map from `inputs` to `outputs` positions, neither of them 0; `single` says that positions are computed in
    /// `f32`, as PyTorch does for tensors of `f32`.
    fn taps(self, inputs: usize, outputs: usize, single: bool) -> Taps;
}

/// A rule along a dimension, or its transpose, each the gradient of the other.
#[derive(Clone, Copy)]
struct Resample<R> {
    rule: R,
    dim: usize,
    inputs: usize,
    outputs: usize,
    transposed: bool,
}

impl<R: Rule> Op for Resample<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let mut shape = x[0].shape_ref().clone();
        shape[self.dim] = if self.transposed { self.inputs } else { self.outputs };
        Ok(Output::New(shape, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        // Only behind this check is there memory for as many taps.
        if out[0].shape().contains(&0) {
            return;
        }
        let x = x[0].contiguous();
        let taps = self.rule.taps(self.inputs, self.outputs, x.dtype() == DType::F32);
        let taps = if self.transposed { taps.transpose() } else { taps };
        let block = around(x.shape(), self.dim);
        dispatch_all!(x.dtype(), T => resample(x.view::<T>().slice(), block, &taps, out[0].slice()));
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Resample { transposed: !self.transposed, ..*self }, &[ctx.grad()]))]
    }
}

/// Maps a dimension, whose size is not 0, to `outputs` positions.
#[track_caller]
pub(crate) fn along<R: Rule>(x: &Tensor, dim: usize, outputs: usize, rule: R) -> Tensor {
    let inputs = x.shape()[dim];
    apply(Resample { rule, dim, inputs, outputs, transposed: false }, &[x])
}
