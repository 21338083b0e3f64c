//! What a module computes.

use flambeau_tensor::Tensor;

use super::{HookContext, Module, Registry};
use crate::trace;

/// A module that computes an output from an input. One writes [`forward`](Forward::forward) and uses
/// [`call`](Forward::call), as one calls the module itself in PyTorch.
///
/// Both are one [`Tensor`] by default. Several inputs are a tuple:
///
/// ```
/// use flambeau_nn::{Forward, Linear, Module};
/// use flambeau_tensor::Tensor;
///
/// #[derive(Module)]
/// # #[module(crate = flambeau_nn)]
/// struct Siamese {
///     embed: Linear,
/// }
///
/// impl Forward<(Tensor, Tensor), (Tensor, Tensor)> for Siamese {
///     fn forward(&self, (left, right): &(Tensor, Tensor)) -> (Tensor, Tensor) {
///         (self.embed.call(left), self.embed.call(right))
///     }
/// }
///
/// let model = Siamese { embed: Linear::new(8, 2) };
/// let (left, right) = model.call(&(Tensor::ones([5, 8]), Tensor::zeros([5, 8])));
/// assert_eq!((left.shape(), right.shape()), (&[5, 2][..], &[5, 2][..]));
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.forward>
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not compute `{O}` from `{I}`",
    label = "no `Forward<{I}, {O}>` here",
    note = "write `impl Forward for {Self}`; a module of several inputs takes a tuple"
)]
pub trait Forward<I: 'static = Tensor, O: 'static = Tensor>: Module {
    /// The computation. Use [`call`](Forward::call) to run it, within this function for other modules too.
    fn forward(&self, input: &I) -> O;

    /// Computes the output, and runs the hooks and shows the call to those who look on (see [`trace`]). With no
    /// hook and no onlooker in the program this costs one atomic load.
    #[track_caller]
    fn call(&self, input: &I) -> O {
        if trace::is_idle() {
            return self.forward(input);
        }
        call_seen(self.as_module(), input, &|input| self.forward(input))
    }

    /// The computation with [`relu`](Tensor::relu) after it, for modules that do both in one pass: what a
    /// [`Sequential`](crate::Sequential) runs where a [`ReLU`](crate::ReLU) follows and nobody looks on.
    #[doc(hidden)]
    #[track_caller]
    fn forward_relu(&self, input: &I) -> Option<O> {
        let _ = input;
        None
    }

    /// The scale and the shift of each channel if this computes x · scale + shift of an input of so many dimensions and
    /// nothing else: what batch normalisation is outside of training.
    #[doc(hidden)]
    fn scale_and_shift(&self, ndim: usize) -> Option<[Tensor; 2]> {
        let _ = ndim;
        None
    }

    /// The computation with a [`scale_and_shift`](Forward::scale_and_shift) after it, and perhaps
    /// [`relu`](Tensor::relu), for modules that take it into their own parameters where that is worth it.
    #[doc(hidden)]
    #[track_caller]
    fn forward_scaled(
        &self,
        input: &I,
        after: &dyn Fn(usize) -> Option<[Tensor; 2]>,
        relu: bool,
    ) -> Option<O> {
        let _ = (input, after, relu);
        None
    }

    /// Whether this computes [`relu`](Tensor::relu) and nothing else.
    #[doc(hidden)]
    fn is_relu(&self) -> bool {
        false
    }

    /// Whether [`relu`](Tensor::relu) before this is the same as after it, in output and gradients.
    #[doc(hidden)]
    fn commutes_with_relu(&self) -> bool {
        false
    }
}

#[cold]
#[inline(never)]
fn call_seen<I: 'static, O: 'static>(module: &dyn Module, input: &I, forward: &dyn Fn(&I) -> O) -> O {
    let frame = trace::Frame::push(module);
    let context = HookContext { path: frame.path(), module };
    let registry = Registry::of(module);
    let replaced = registry.run_pre(&context, input);
    let input = replaced.as_ref().unwrap_or(input);
    let mut backward = registry.backward::<I, O>(context.path);
    let watched = backward.as_mut().map(|call| call.enter(input));
    let input = watched.as_ref().unwrap_or(input);
    frame.enter(module, input);
    let output = registry.run(&context, input, forward(input));
    let output = match backward {
        Some(call) => call.leave(&output),
        None => output,
    };
    frame.exit(module, input, &output);
    output
}
