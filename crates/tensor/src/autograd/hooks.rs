//! Hooks on the gradients of tensors.

use crate::Tensor;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

type Hook = Arc<dyn Fn(&Tensor) -> Option<Tensor> + Send + Sync>;

/// A hook's number, the output of the node that it is for, and the hook.
type Entry = (u64, usize, Hook);

type List = Arc<Mutex<Vec<Entry>>>;

/// The hooks on a leaf, or on the outputs of a node. None for nearly all.
#[derive(Default)]
pub(crate) struct Hooks(OnceLock<List>);

impl Hooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none_or(|list| list.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
    }

    /// What the hooks make of the gradient of an output.
    pub(crate) fn run(&self, output: usize, gradient: Tensor) -> Tensor {
        let Some(list) = self.0.get() else { return gradient };
        // Not under the lock: a hook may register or remove hooks.
        let hooks = list.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mine = hooks.iter().filter(|(_, at, _)| *at == output);
        mine.fold(gradient, |gradient, (_, _, hook)| hook(&gradient).unwrap_or(gradient))
    }

    fn add(&self, output: usize, hook: Hook) -> HookHandle {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Relaxed);
        let list = self.0.get_or_init(Default::default);
        list.lock().unwrap_or_else(PoisonError::into_inner).push((number, output, hook));
        HookHandle { list: Arc::downgrade(list), number }
    }
}

/// Takes a tensor's hook off again. Dropping it leaves the hook in place, as in PyTorch.
#[derive(Debug)]
pub struct HookHandle {
    list: Weak<Mutex<Vec<Entry>>>,
    number: u64,
}

impl HookHandle {
    /// Takes the hook off.
    pub fn remove(self) {
        if let Some(list) = self.list.upgrade() {
            list.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, ..)| *number != self.number);
        }
    }
}

impl Tensor {
    /// Calls `hook` with the gradient of this tensor in every backward pass that computes it; what it returns takes
    /// the gradient's place.
    /// [`torch.Tensor.register_hook`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.register_hook.html).
    ///
    /// # Panics
    /// If the tensor does not require a gradient.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![1.0, 2.0].requires_grad_();
    /// let y = &x * 3.0;
    /// let hook = y.register_hook(|g| Some(g * 10.0));
    /// y.sum().backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [30.0, 30.0]);
    /// hook.remove();
    /// ```
    #[track_caller]
    pub fn register_hook(
        &self,
        hook: impl Fn(&Tensor) -> Option<Tensor> + Send + Sync + 'static,
    ) -> HookHandle {
        crate::op::ensure!(
            self.requires_grad(),
            "register_hook",
            "the tensor does not require a gradient; call requires_grad_() first"
        );
        match self.history() {
            Some((node, output)) => node.node().hooks.add(output as usize, Arc::new(hook)),
            None => self.extra().hooks.add(0, Arc::new(hook)),
        }
    }
}
