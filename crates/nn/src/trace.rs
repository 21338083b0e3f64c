//! Looking on while modules compute: which module runs, under what path, on what input, with what output.
//!
//! [`observe`] shows every call of the current thread to a function; the [`summary`](crate::summary()) of a model
//! and diagnostics are built on it. While anyone looks on, or a hook is registered, the paths of the running
//! modules are known to [`current_module_path`].

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Module;
use crate::module::walk::{Key, join};

/// How many hooks and onlookers there are in the program.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether nobody looks on, so that a call need do nothing but compute.
pub(crate) fn is_idle() -> bool {
    ACTIVE.load(Ordering::Relaxed) == 0
}

/// Keeps calls on the path that hooks and onlookers see.
#[derive(Debug)]
pub(crate) struct Active(());

impl Active {
    pub(crate) fn new() -> Self {
        ACTIVE.fetch_add(1, Ordering::Relaxed);
        Active(())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A call of a module, when it begins and when it ends.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The dotted path from the outermost module that runs, such as `features.0`; empty for that one. A module
    /// that is not registered in it has its type in brackets: `features.<ReLU>`.
    pub path: &'a str,
    /// How many calls this one is within.
    pub depth: usize,
    /// The module.
    pub module: &'a dyn Module,
    /// What it was called with.
    pub input: &'a dyn Any,
    /// What it returned; None when the call begins. A call that panics has no end.
    pub output: Option<&'a dyn Any>,
}

type Observer = Rc<RefCell<dyn FnMut(&Call<'_>)>>;

#[derive(Default)]
struct State {
    /// The paths of the modules within the outermost one that runs.
    paths: HashMap<Key, Rc<str>>,
    stack: Vec<Rc<str>>,
    observers: Vec<(usize, Observer)>,
    next: usize,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Shows each call of a module on this thread to `observer`, as it begins and as it ends, until the returned
/// guard is dropped. Calls that the observer makes itself are not shown to it.
///
/// ```
/// use std::{cell::RefCell, rc::Rc};
/// use flambeau_nn::{Forward, Linear, ReLU, Sequential, trace};
/// use flambeau_tensor::Tensor;
///
/// let paths = Rc::new(RefCell::new(Vec::new()));
/// let seen = paths.clone();
/// let guard = trace::observe(move |call| {
///     if call.output.is_some() {
///         seen.borrow_mut().push(format!("{} {}", call.path, call.module.type_name()));
///     }
/// });
/// Sequential::new((Linear::new(4, 3), ReLU::default())).call(&Tensor::ones([1, 4]));
/// drop(guard);
/// assert_eq!(*paths.borrow(), ["0 Linear", "1 ReLU", " Sequential"]);
/// ```
pub fn observe(observer: impl FnMut(&Call<'_>) + 'static) -> Observation {
    let id = STATE.with_borrow_mut(|state| {
        state.next += 1;
        state.observers.push((state.next, Rc::new(RefCell::new(observer))));
        state.next
    });
    Observation { id, _active: Active::new(), _thread: PhantomData }
}

/// Ends an observation when dropped.
#[must_use = "the observation ends when this is dropped"]
#[derive(Debug)]
pub struct Observation {
    id: usize,
    _active: Active,
    /// Observers belong to their thread.
    _thread: PhantomData<Rc<()>>,
}

impl Drop for Observation {
    fn drop(&mut self) {
        // The observer is dropped outside of the borrow: it may own guards itself.
        let _removed = STATE.with_borrow_mut(|state| {
            let index = state.observers.iter().position(|(id, _)| *id == self.id);
            index.map(|index| state.observers.remove(index))
        });
    }
}

/// The path of the innermost module that runs on this thread, such as `features.0`, and empty for the outermost.
/// None when no module runs, or when nobody looks on and no hook is registered.
///
/// ```
/// assert_eq!(flambeau_nn::trace::current_module_path(), None);
/// ```
pub fn current_module_path() -> Option<String> {
    STATE.with_borrow(|state| state.stack.last().map(|path| path.to_string()))
}

/// A call that runs; ends when dropped, also by a panic.
pub(crate) struct Frame {
    path: Rc<str>,
    depth: usize,
}

impl Frame {
    pub(crate) fn push(module: &dyn Module) -> Self {
        // What the modules say is asked outside of the borrows: it is the user's code.
        let key = Key::of(module);
        if STATE.with_borrow(|state| state.stack.is_empty()) {
            let modules = module.named_modules().into_iter();
            let paths = modules.map(|(path, module)| (Key::of(module), Rc::from(path))).collect();
            STATE.with_borrow_mut(|state| state.paths = paths);
        }
        let path = STATE.with_borrow(|state| state.paths.get(&key).cloned()).unwrap_or_else(|| {
            let name = format!("<{}>", module.type_name());
            STATE.with_borrow(|state| Rc::from(join(state.stack.last().map_or("", |path| path), &name)))
        });
        let depth = STATE.with_borrow_mut(|state| {
            state.stack.push(path.clone());
            state.stack.len() - 1
        });
        Frame { path, depth }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn enter(&self, module: &dyn Module, input: &dyn Any) {
        self.show(module, input, None);
    }

    pub(crate) fn exit(&self, module: &dyn Module, input: &dyn Any, output: &dyn Any) {
        self.show(module, input, Some(output));
    }

    fn show(&self, module: &dyn Module, input: &dyn Any, output: Option<&dyn Any>) {
        let call = Call { path: &self.path, depth: self.depth, module, input, output };
        let observers = STATE.with_borrow(|state| state.observers.clone());
        for (_, observer) in observers {
            if let Ok(mut observer) = observer.try_borrow_mut() {
                observer(&call);
            }
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        STATE.with_borrow_mut(|state| {
            state.stack.pop();
            if state.stack.is_empty() {
                state.paths.clear();
            }
        });
    }
}
