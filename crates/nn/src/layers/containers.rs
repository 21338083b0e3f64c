use std::fmt;
use std::ops::Index;

use crate::{Layer, Module, Visitor};

/// Modules in a list. It only holds them: how they are called is up to the module around it.
///
/// Its entries' names are their numbers, as in PyTorch: `blocks.0.weight`. A field of type `Vec<M>` is registered under
/// the same names; a list is a module itself besides, that hooks and `apply` see.
///
/// ```
/// use flambeau_nn::{Forward, Linear, Module, ModuleList};
/// use flambeau_tensor::Tensor;
///
/// #[derive(Module)]
/// # #[module(crate = flambeau_nn)]
/// struct Residual {
///     blocks: ModuleList<Linear>,
/// }
///
/// impl Forward for Residual {
///     fn forward(&self, x: &Tensor) -> Tensor {
///         self.blocks.iter().fold(x.clone(), |x, block| &x + block.call(&x).relu())
///     }
/// }
///
/// let model = Residual { blocks: (0..3).map(|_| Linear::new(8, 8)).collect() };
/// assert_eq!(model.call(&Tensor::ones([5, 8])).shape(), [5, 8]);
/// assert_eq!(model.state_dict().keys().last(), Some("blocks.2.bias"));
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html>
pub struct ModuleList<M: Module = Box<dyn Layer>> {
    modules: Vec<M>,
}

impl<M: Module> ModuleList<M> {
    /// Of these modules, in order.
    pub fn new(modules: impl IntoIterator<Item = M>) -> Self {
        ModuleList { modules: modules.into_iter().collect() }
    }

    /// Adds a module at the end (PyTorch's `append`).
    pub fn push(&mut self, module: M) {
        self.modules.push(module);
    }

    /// The module of a number.
    pub fn get(&self, index: usize) -> Option<&M> {
        self.modules.get(index)
    }

    /// The modules in order.
    pub fn iter(&self) -> std::slice::Iter<'_, M> {
        self.modules.iter()
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }
}

impl<M: Module> Module for ModuleList<M> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (index, module) in self.modules.iter().enumerate() {
            visitor.module(&index.to_string(), module.as_module());
        }
    }
}

impl<M: Module> Default for ModuleList<M> {
    fn default() -> Self {
        ModuleList { modules: Vec::new() }
    }
}

impl<M: Module> FromIterator<M> for ModuleList<M> {
    fn from_iter<T: IntoIterator<Item = M>>(modules: T) -> Self {
        ModuleList::new(modules)
    }
}

impl<M: Module> Extend<M> for ModuleList<M> {
    fn extend<T: IntoIterator<Item = M>>(&mut self, modules: T) {
        self.modules.extend(modules);
    }
}

impl<'a, M: Module> IntoIterator for &'a ModuleList<M> {
    type Item = &'a M;
    type IntoIter = std::slice::Iter<'a, M>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<M: Module> Index<usize> for ModuleList<M> {
    type Output = M;

    fn index(&self, index: usize) -> &M {
        &self.modules[index]
    }
}

impl<M: Module> fmt::Debug for ModuleList<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

/// Modules by name, in the order in which they were inserted. It only holds them: how they are called is up to the
/// module around it.
///
/// ```
/// use flambeau_nn::{ELU, Forward, Layer, Module, ModuleDict, ReLU};
/// use flambeau_tensor::tensor;
///
/// let mut activations = ModuleDict::<Box<dyn Layer>>::default();
/// activations.insert("relu", Box::new(ReLU::default()));
/// activations.insert("elu", Box::new(ELU::default()));
/// assert_eq!(activations["relu"].call(&tensor![-1.0, 2.0]).to_vec::<f32>(), [0.0, 2.0]);
/// assert_eq!(activations.keys().collect::<Vec<_>>(), ["relu", "elu"]);
/// ```
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html>
pub struct ModuleDict<M: Module = Box<dyn Layer>> {
    modules: Vec<(String, M)>,
}

impl<M: Module> ModuleDict<M> {
    /// Of these modules, in order.
    ///
    /// # Panics
    /// As [`insert`](ModuleDict::insert).
    #[track_caller]
    pub fn new<S: Into<String>>(modules: impl IntoIterator<Item = (S, M)>) -> Self {
        let mut dict = ModuleDict::default();
        for (name, module) in modules {
            dict.insert(name, module);
        }
        dict
    }

    /// Adds a module at the end, or puts it in the place of the one that has this name, which is returned.
    ///
    /// # Panics
    /// If the name is empty or has a dot: names in a `state_dict` could not be told apart.
    #[track_caller]
    pub fn insert(&mut self, name: impl Into<String>, module: M) -> Option<M> {
        let name = name.into();
        assert!(
            !name.is_empty() && !name.contains('.'),
            "ModuleDict: the name of a module is neither empty nor has a dot, but got {name:?}"
        );
        match self.modules.iter_mut().find(|(other, _)| *other == name) {
            Some((_, place)) => Some(std::mem::replace(place, module)),
            None => {
                self.modules.push((name, module));
                None
            }
        }
    }

    /// Takes a module out (PyTorch's `pop`); the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<M> {
        let index = self.modules.iter().position(|(other, _)| other == name)?;
        Some(self.modules.remove(index).1)
    }

    /// The module of a name.
    pub fn get(&self, name: &str) -> Option<&M> {
        self.modules.iter().find(|(other, _)| other == name).map(|(_, module)| module)
    }

    /// Whether there is a module of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.modules.iter().map(|(name, _)| name.as_str())
    }

    /// The modules in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &M> {
        self.modules.iter().map(|(_, module)| module)
    }

    /// The names and modules in order (PyTorch's `items`).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &M)> {
        self.modules.iter().map(|(name, module)| (name.as_str(), module))
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }
}

impl<M: Module> Module for ModuleDict<M> {
    fn visit<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (name, module) in &self.modules {
            visitor.module(name, module.as_module());
        }
    }
}

impl<M: Module> Default for ModuleDict<M> {
    fn default() -> Self {
        ModuleDict { modules: Vec::new() }
    }
}

impl<M: Module> Index<&str> for ModuleDict<M> {
    type Output = M;

    #[track_caller]
    fn index(&self, name: &str) -> &M {
        self.get(name).unwrap_or_else(|| {
            let names: Vec<_> = self.keys().collect();
            panic!("ModuleDict: no module {name:?}; there are {names:?}")
        })
    }
}

impl<M: Module> fmt::Debug for ModuleDict<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}
