//! Hooks on the gradients that pass a module: its input and its output go through an operation that changes nothing
//! and sees the gradients.

use std::sync::{Arc, Mutex, PoisonError};

use flambeau_tensor::autograd::{Context, Gradients};
use flambeau_tensor::{
    DType, Fresh, Mask, Op, Output, Result, Saves, Tensor, is_grad_enabled, raise, try_apply,
};

use crate::functional::MultiheadAttentionOptions;

/// Inputs or outputs of a module whose tensors can be listed: a [`Tensor`], and tuples, `Option` and `Vec` of such.
/// A hook on the gradients needs this of both.
pub trait Tensors: Clone + 'static {
    /// The same with each tensor replaced, in their order.
    #[must_use]
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self;
}

impl Tensors for Tensor {
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        f(self)
    }
}

/// Its masks have no gradients.
impl Tensors for MultiheadAttentionOptions {
    fn map_tensors(&self, _: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        self.clone()
    }
}

impl<T: Tensors> Tensors for Option<T> {
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        self.as_ref().map(|tensors| tensors.map_tensors(f))
    }
}

impl<T: Tensors> Tensors for Vec<T> {
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        self.iter().map(|tensors| tensors.map_tensors(f)).collect()
    }
}

impl<A: Tensors, B: Tensors> Tensors for (A, B) {
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        (self.0.map_tensors(f), self.1.map_tensors(f))
    }
}

impl<A: Tensors, B: Tensors, C: Tensors> Tensors for (A, B, C) {
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        (self.0.map_tensors(f), self.1.map_tensors(f), self.2.map_tensors(f))
    }
}

impl<A: Tensors, B: Tensors, C: Tensors, D: Tensors> Tensors for (A, B, C, D) {
    fn map_tensors(&self, f: &mut dyn FnMut(&Tensor) -> Tensor) -> Self {
        (self.0.map_tensors(f), self.1.map_tensors(f), self.2.map_tensors(f), self.3.map_tensors(f))
    }
}

/// The gradients of several tensors; None where there is none.
type Grads = Vec<Option<Tensor>>;

pub(crate) type BackwardFn =
    dyn Fn(&str, &[Option<Tensor>], &[Option<Tensor>]) -> Option<Grads> + Send + Sync;

type Map<T> = fn(&T, &mut dyn FnMut(&Tensor) -> Tensor) -> T;

/// A hook with what it takes to find the tensors of an input and an output.
pub(crate) struct BackwardHook<I, O> {
    hook: Arc<BackwardFn>,
    input: Map<I>,
    output: Map<O>,
}

impl<I: Tensors, O: Tensors> BackwardHook<I, O> {
    pub(crate) fn new(hook: Arc<BackwardFn>) -> Self {
        BackwardHook { hook, input: I::map_tensors, output: O::map_tensors }
    }
}

/// The hooks on one call, between its input and its output.
pub(crate) struct BackwardCall<I, O> {
    hooks: Arc<Vec<Arc<BackwardFn>>>,
    path: Arc<str>,
    grad_output: Arc<Mutex<Grads>>,
    input: Map<I>,
    output: Map<O>,
    /// How many tensors the input has, and whether one of them requires a gradient.
    inputs: (usize, bool),
}

impl<I, O> BackwardCall<I, O> {
    /// None without hooks or without a graph.
    pub(crate) fn new(hooks: &[&BackwardHook<I, O>], path: &str) -> Option<Self> {
        let first = hooks.first().filter(|_| is_grad_enabled())?;
        Some(BackwardCall {
            hooks: Arc::new(hooks.iter().map(|hook| hook.hook.clone()).collect()),
            path: path.into(),
            grad_output: Arc::default(),
            input: first.input,
            output: first.output,
            inputs: (0, false),
        })
    }

    /// The input, which sees its gradients.
    pub(crate) fn enter(&mut self, input: &I) -> I {
        let (hooks, path, grad_output) = (self.hooks.clone(), self.path.clone(), self.grad_output.clone());
        let see = move |grads| run(&hooks, &path, grads, &lock(&grad_output).clone());
        let (input, inputs) = watch(input, self.input, see);
        self.inputs = inputs;
        input
    }

    /// The output, which sees its gradients. Where no input has any the hooks run here.
    pub(crate) fn leave(self, output: &O) -> O {
        let BackwardCall { hooks, path, grad_output, output: map, inputs: (inputs, seen), .. } = self;
        let see = move |grads: Grads| {
            if seen {
                lock(&grad_output).clone_from(&grads);
            } else {
                run(&hooks, &path, vec![None; inputs], &grads);
            }
            grads
        };
        watch(output, map, see).0
    }
}

fn lock(grads: &Mutex<Grads>) -> std::sync::MutexGuard<'_, Grads> {
    grads.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(hooks: &[Arc<BackwardFn>], path: &str, mut grad_input: Grads, grad_output: &Grads) -> Grads {
    for hook in hooks {
        let Some(replaced) = hook(path, &grad_input, grad_output) else { continue };
        assert_eq!(
            replaced.len(),
            grad_input.len(),
            "register_full_backward_hook: a hook of {path:?} returned this many gradients of the input's tensors"
        );
        grad_input = replaced;
    }
    grad_input
}

/// Sends the tensors that require a gradient through one operation. Also how many tensors there are, and whether any
/// does.
fn watch<T>(
    value: &T,
    map: Map<T>,
    see: impl Fn(Grads) -> Grads + Send + Sync + 'static,
) -> (T, (usize, bool)) {
    let mut tensors = Vec::new();
    let same = map(value, &mut |tensor| {
        tensors.push(tensor.clone());
        tensor.clone()
    });
    let places: Vec<usize> = (0..tensors.len()).filter(|&i| tensors[i].requires_grad()).collect();
    let seen: Vec<Tensor> = places.iter().map(|&i| tensors[i].clone()).collect();
    if seen.is_empty() {
        return (same, (tensors.len(), false));
    }
    let count = tensors.len();
    let op = Watch { places: places.clone(), count, see: Box::new(see) };
    let outputs = try_apply(op, &seen.iter().collect::<Vec<_>>()).unwrap_or_else(|error| raise(error));
    for (place, output) in places.into_iter().zip(outputs) {
        tensors[place] = output;
    }
    let mut next = tensors.into_iter();
    (map(value, &mut |tensor| next.next().unwrap_or_else(|| tensor.clone())), (count, true))
}

/// Copies its inputs, and shows their gradients to a function.
struct Watch {
    /// Which of the tensors they are.
    places: Vec<usize>,
    /// How many tensors there are.
    count: usize,
    see: Box<dyn Fn(Grads) -> Grads + Send + Sync>,
}

impl Op for Watch {
    fn name(&self) -> &'static str {
        "backward_hook"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        1..=usize::MAX
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::Many(x.iter().map(|x| (x.shape().into(), x.dtype())).collect()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        for (x, out) in x.iter().zip(out) {
            match x.dtype() {
                DType::F64 => out.slice().copy_from_slice(&x.to_vec::<f64>()),
                _ => out.slice().copy_from_slice(&x.to_vec::<f32>()),
            }
        }
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::NONE
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let mut grads = vec![None; self.count];
        for (output, &place) in self.places.iter().enumerate() {
            grads[place] = ctx.grad_of(output).cloned();
        }
        let grads = (self.see)(grads);
        self.places.iter().map(|&place| grads.get(place).cloned().flatten()).collect()
    }
}
