//! Activation checkpointing: trading computation for memory.

use super::{BackwardOptions, Context, Gradients, enable_grad};
use crate::op::{Fresh, Mask, Op, Output, Saves, try_apply, unwrap};
use crate::{Result, Tensor, no_grad, random};
use std::ops::RangeInclusive;

/// What is checkpointed, and where the random numbers stood.
struct Checkpoint<F> {
    f: F,
    stream: random::Stream,
}

impl<F: Fn(&[Tensor]) -> Tensor + Send + Sync + 'static> Op for Checkpoint<F> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn arity(&self) -> RangeInclusive<usize> {
        1..=usize::MAX
    }

    /// The first input is the output, already computed.
    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::View(x[0].layout().clone()))
    }

    fn cpu(&self, _: &[&Tensor], _: &mut [Fresh]) {}

    fn saves(&self, _: Mask) -> Saves {
        Saves::ALL_INPUTS
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        // Again from leaves of its own, whose gradients are the inputs'; those of parameters inside `f` go to
        // the parameters as in any backward pass.
        let leaf = |i: usize| {
            let leaf = ctx.input(i).detach();
            if ctx.needs(i) { leaf.requires_grad_() } else { leaf }
        };
        let leaves: Vec<Tensor> = (1..ctx.input_count()).map(leaf).collect();
        let output = random::replay(self.stream, || enable_grad(|| (self.f)(&leaves)));
        if output.requires_grad() {
            let options = BackwardOptions { gradient: Some(ctx.grad().clone()), ..Default::default() };
            unwrap(output.try_backward(options));
        }
        [None].into_iter().chain(leaves.iter().map(Tensor::grad)).collect()
    }
}

/// f(inputs), keeping nothing of what `f` computes on the way: the backward pass runs it again. Dropout inside draws
/// the same numbers both times.
/// [`torch.utils.checkpoint`](https://docs.pytorch.org/docs/stable/checkpoint.html); Chen et al., 2016.
///
/// The gradients of inputs and of parameters that `f` uses are right; they cannot be differentiated again
/// (`create_graph`), and `f` must give the same result each time.
///
/// ```
/// use flambeau_tensor::{autograd::checkpoint, tensor};
/// let x = tensor![1.0, 2.0].requires_grad_();
/// let y = checkpoint(|x| x[0].exp().tanh(), &[&x]);
/// y.sum().backward();
/// assert!(x.grad().is_some());
/// ```
#[track_caller]
pub fn checkpoint(f: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static, inputs: &[&Tensor]) -> Tensor {
    let stream = random::position();
    let owned: Vec<Tensor> = inputs.iter().map(|x| (*x).clone()).collect();
    let output = no_grad(|| f(&owned)).detach();
    // Parameters inside may require gradients though no input does: a leaf of its own makes sure of a node.
    let anchor = Tensor::zeros([0]).requires_grad_();
    let x: Vec<&Tensor> = [&output].into_iter().chain(inputs.iter().copied()).chain([&anchor]).collect();
    let f = move |x: &[Tensor]| f(&x[..x.len() - 1]);
    let mut outputs = unwrap(try_apply(Checkpoint { f, stream }, &x));
    outputs.pop().unwrap_or(output)
}
