//! Walks over the tree of modules, on which everything that a module can list is built.

use std::any::{Any, TypeId};
use std::collections::HashSet;

use flambeau_tensor::Tensor;

use crate::{Buffer, Module, Parameter, Training, Visitor};

/// What one module registers itself, less what its children register.
#[derive(Default)]
pub(crate) struct Members<'a> {
    pub(crate) parameters: Vec<(String, &'a Parameter)>,
    pub(crate) buffers: Vec<(String, &'a Buffer)>,
    pub(crate) modules: Vec<(String, &'a dyn Module)>,
    pub(crate) training: Vec<&'a Training>,
}

impl<'a> Members<'a> {
    pub(crate) fn of(module: &'a dyn Module) -> Self {
        let mut members = Members::default();
        module.visit(&mut members);
        members
    }
}

impl<'a> Visitor<'a> for Members<'a> {
    fn parameter(&mut self, name: &str, parameter: &'a Parameter) {
        self.parameters.push((name.to_owned(), parameter));
    }

    fn buffer(&mut self, name: &str, buffer: &'a Buffer) {
        self.buffers.push((name.to_owned(), buffer));
    }

    fn module(&mut self, name: &str, module: &'a dyn Module) {
        self.modules.push((name.to_owned(), module));
    }

    fn training(&mut self, training: &'a Training) {
        self.training.push(training);
    }
}

/// Shows each module of a tree with its path, parents before children and shared ones as often as they occur.
///
/// As in PyTorch a module's own parameters and buffers come before its children, wherever they are declared.
pub(crate) fn walk<'a>(root: &'a dyn Module, see: &mut dyn FnMut(&str, &'a dyn Module, &Members<'a>)) {
    step(String::new(), root, see);
}

fn step<'a>(path: String, module: &'a dyn Module, see: &mut dyn FnMut(&str, &'a dyn Module, &Members<'a>)) {
    let members = Members::of(module);
    see(&path, module, &members);
    for (name, child) in members.modules {
        step(join(&path, &name), child, see);
    }
}

/// The dotted name of something within the module at `path`.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Tells modules apart while they stay in place. A struct and its first field share an address, hence the type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    address: usize,
    type_id: TypeId,
}

impl Key {
    pub(crate) fn of(module: &dyn Module) -> Self {
        let any: &dyn Any = module;
        Key { address: std::ptr::from_ref(any).cast::<()>().addr(), type_id: any.type_id() }
    }
}

/// Adds a tensor unless it is there already.
fn push_new(tensors: &mut Vec<(String, Tensor)>, name: String, tensor: &Tensor) {
    if !tensors.iter().any(|(_, other)| other.is_same(tensor)) {
        tensors.push((name, tensor.clone()));
    }
}

/// All modules with their paths, shared ones once.
pub(crate) fn modules(root: &dyn Module) -> Vec<(String, &dyn Module)> {
    let (mut modules, mut seen) = (Vec::new(), HashSet::new());
    walk(root, &mut |path, module, _| {
        // Modules without a size share addresses without being the same.
        if size_of_val(module) == 0 || seen.insert(Key::of(module)) {
            modules.push((path.to_owned(), module));
        }
    });
    modules
}

pub(crate) fn parameters(root: &dyn Module) -> Vec<(String, Tensor)> {
    let mut parameters = Vec::new();
    walk(root, &mut |path, _, members| {
        for (name, parameter) in &members.parameters {
            push_new(&mut parameters, join(path, name), parameter);
        }
    });
    parameters
}

pub(crate) fn buffers(root: &dyn Module) -> Vec<(String, Tensor)> {
    let mut buffers = Vec::new();
    walk(root, &mut |path, _, members| {
        for (name, buffer) in &members.buffers {
            push_new(&mut buffers, join(path, name), buffer);
        }
    });
    buffers
}

pub(crate) fn unnamed(tensors: Vec<(String, Tensor)>) -> Vec<Tensor> {
    tensors.into_iter().map(|(_, tensor)| tensor).collect()
}

pub(crate) fn numel(tensors: &[Tensor]) -> usize {
    tensors.iter().map(Tensor::numel).sum()
}

/// What the first [`Training`] field says.
pub(crate) fn training(root: &dyn Module) -> Option<bool> {
    let mut first = None;
    walk(root, &mut |_, _, members| {
        first = first.or(members.training.first().map(|training| training.get()));
    });
    first
}
