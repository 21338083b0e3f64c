//! Functions that a user hangs on a module, to look at what goes in and out or to replace it.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use flambeau_tensor::Tensor;

use super::backward_hooks::{BackwardCall, BackwardFn, BackwardHook, Tensors};
use super::walk::Key;
use super::{Forward, Module};
use crate::trace;

/// Which module a hook was called for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HookContext<'a> {
    /// The dotted path from the module whose `call` came first, such as `features.0`; empty for that one.
    pub path: &'a str,
    /// The module itself.
    pub module: &'a dyn Module,
}

type PreHook<I> = Box<dyn Fn(&HookContext<'_>, &I) -> Option<I> + Send + Sync>;
type ForwardHook<I, O> = Box<dyn Fn(&HookContext<'_>, &I, &O) -> Option<O> + Send + Sync>;

/// A [`PreHook`], [`ForwardHook`] or [`BackwardHook`] without its types.
type AnyHook = Arc<dyn Any + Send + Sync>;

/// Each with its number, in the order of registration.
type Entries = Vec<(u64, AnyHook)>;

static HOOKS: LazyLock<RwLock<HashMap<Key, Entries>>> = LazyLock::new(Default::default);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Hooks on the calls of a module, as in PyTorch. They see calls through [`Forward::call`], of this very module
/// and from any thread, and run in the order of their registration.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use flambeau_nn::{Forward, Hooks, Linear, Module, ReLU, Sequential};
/// use flambeau_tensor::Tensor;
///
/// let model = Sequential::new((Linear::new(4, 3), ReLU::default()));
/// let feature_maps = Arc::new(Mutex::new(Vec::new()));
/// let seen = feature_maps.clone();
/// let hook = model.register_forward_hook(move |_, _, output: &Tensor| {
///     seen.lock().unwrap().push(output.clone());
///     None
/// });
/// model.call(&Tensor::ones([1, 4]));
/// hook.remove();
/// model.call(&Tensor::ones([1, 4]));
/// assert_eq!(feature_maps.lock().unwrap().len(), 1);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_forward_hook>
pub trait Hooks<I: 'static, O: 'static>: Forward<I, O> {
    /// Calls `hook` with the input and the output after each `forward`. What it returns takes the place of the
    /// output; None leaves it.
    fn register_forward_hook<F>(&self, hook: F) -> HookHandle<'_>
    where
        F: Fn(&HookContext<'_>, &I, &O) -> Option<O> + Send + Sync + 'static,
    {
        let hook: ForwardHook<I, O> = Box::new(hook);
        HookHandle::new(self.as_module(), Arc::new(hook))
    }

    /// Calls `hook` with the input before each `forward`. What it returns takes the place of the input; None
    /// leaves it.
    fn register_forward_pre_hook<F>(&self, hook: F) -> HookHandle<'_>
    where
        F: Fn(&HookContext<'_>, &I) -> Option<I> + Send + Sync + 'static,
    {
        let hook: PreHook<I> = Box::new(hook);
        HookHandle::new(self.as_module(), Arc::new(hook))
    }

    /// Calls `hook` in each backward pass with the path of the module, the gradients of its input's tensors and those of
    /// its output's, when the first are known. What it returns takes the place of the gradients of the input. Calls made
    /// while no gradients are recorded are not seen.
    ///
    /// A tensor without a gradient has None; where no tensor of the input requires one, all have None.
    ///
    /// # Panics
    /// The backward pass panics if `hook` returns another number of gradients than the input has tensors.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use flambeau_nn::{Forward, Hooks, Linear, ReLU, Sequential};
    /// use flambeau_tensor::Tensor;
    ///
    /// let model = Sequential::new((Linear::new(4, 3), ReLU::default(), Linear::new(3, 1)));
    /// let norms = Arc::new(Mutex::new(Vec::new()));
    /// let seen = norms.clone();
    /// let hook = model.get(1).unwrap().register_full_backward_hook(move |path, _, grad_output| {
    ///     let norm = grad_output[0].as_ref().map(|grad| (grad * grad).sum().sqrt().item::<f32>());
    ///     seen.lock().unwrap().push((path.to_owned(), norm));
    ///     None
    /// });
    /// model.call(&Tensor::ones([2, 4])).sum().backward();
    /// hook.remove();
    /// assert_eq!(norms.lock().unwrap().len(), 1);
    /// ```
    ///
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook>
    fn register_full_backward_hook<F>(&self, hook: F) -> HookHandle<'_>
    where
        I: Tensors,
        O: Tensors,
        F: Fn(&str, &[Option<Tensor>], &[Option<Tensor>]) -> Option<Vec<Option<Tensor>>>
            + Send
            + Sync
            + 'static,
    {
        let hook: Arc<BackwardFn> = Arc::new(hook);
        HookHandle::new(self.as_module(), Arc::new(BackwardHook::<I, O>::new(hook)))
    }
}

impl<I: 'static, O: 'static, M: Forward<I, O> + ?Sized> Hooks<I, O> for M {}

/// Keeps a hook on a module, and takes it off when dropped. It borrows the module, whose address therefore stays
/// what the hook was registered for. (One that is leaked with `mem::forget` goes on to see any module of the same
/// type that comes to lie there.)
#[must_use = "the hook is removed when this is dropped"]
#[derive(Debug)]
pub struct HookHandle<'m> {
    key: Key,
    id: u64,
    _module: PhantomData<&'m ()>,
    _active: trace::Active,
}

impl<'m> HookHandle<'m> {
    fn new(module: &'m dyn Module, hook: AnyHook) -> Self {
        let (key, id) = (Key::of(module), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut hooks = HOOKS.write().unwrap_or_else(PoisonError::into_inner);
        hooks.entry(key).or_default().push((id, hook));
        HookHandle { key, id, _module: PhantomData, _active: trace::Active::new() }
    }

    /// Takes the hook off; the same as dropping this.
    pub fn remove(self) {}
}

impl Drop for HookHandle<'_> {
    fn drop(&mut self) {
        let mut hooks = HOOKS.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = hooks.get_mut(&self.key) {
            entries.retain(|(id, _)| *id != self.id);
            if entries.is_empty() {
                hooks.remove(&self.key);
            }
        }
    }
}

/// The hooks of one module as they were when its call began.
pub(crate) struct Registry(Entries);

impl Registry {
    pub(crate) fn of(module: &dyn Module) -> Self {
        let hooks = HOOKS.read().unwrap_or_else(PoisonError::into_inner);
        Registry(hooks.get(&Key::of(module)).cloned().unwrap_or_default())
    }

    /// The input that the pre-hooks put in place of the given one, if any does.
    pub(crate) fn run_pre<I: 'static>(&self, context: &HookContext<'_>, input: &I) -> Option<I> {
        let mut replaced = None;
        for hook in self.0.iter().filter_map(|(_, hook)| hook.downcast_ref::<PreHook<I>>()) {
            replaced = hook(context, replaced.as_ref().unwrap_or(input)).or(replaced);
        }
        replaced
    }

    /// The hooks on the gradients of this call, if there are any.
    pub(crate) fn backward<I: 'static, O: 'static>(&self, path: &str) -> Option<BackwardCall<I, O>> {
        let hooks: Vec<_> = self.0.iter().filter_map(|(_, hook)| hook.downcast_ref()).collect();
        BackwardCall::new(&hooks, path)
    }

    pub(crate) fn run<I: 'static, O: 'static>(&self, context: &HookContext<'_>, input: &I, output: O) -> O {
        let hooks = self.0.iter().filter_map(|(_, hook)| hook.downcast_ref::<ForwardHook<I, O>>());
        hooks.fold(output, |output, hook| hook(context, input, &output).unwrap_or(output))
    }
}
