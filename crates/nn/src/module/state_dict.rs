//! The values of a module by name, and loading them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use flambeau_io::safetensors::{Metadata, load_tensors, save_tensors};
use flambeau_tensor::{Error, Result, Tensor, no_grad};

use super::walk::{join, walk};
use crate::Module;

/// Named tensors in the order of their registration, under PyTorch's names such as `fc1.weight`.
///
/// The tensors of [`Module::state_dict`] share their values with the module, as in PyTorch: later training
/// changes them. [`copy`](StateDict::copy) keeps what they are now.
///
/// ```
/// use flambeau_nn::{Linear, Module};
///
/// let layer = Linear::new(3, 2);
/// let best = layer.state_dict().copy();
/// flambeau_nn::init::zeros_(&layer.weight);
/// layer.load_state_dict(&best, true)?;
/// assert!(layer.weight.to_vec::<f32>().iter().any(|weight| *weight != 0.0));
/// assert_eq!(best.keys().collect::<Vec<_>>(), ["weight", "bias"]);
/// assert_eq!(best.get("weight").map(|weight| weight.shape().to_vec()), Some(vec![2, 3]));
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
///
/// Source: <https://docs.pytorch.org/tutorials/recipes/recipes/what_is_state_dict.html>
#[derive(Clone, Debug, Default)]
pub struct StateDict {
    entries: Vec<(String, Tensor)>,
    index: HashMap<String, usize>,
}

impl StateDict {
    /// An empty one.
    pub fn new() -> Self {
        StateDict::default()
    }

    /// Sets the tensor of a name, which keeps its place if it is there already, and gives the former one.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        let name = name.into();
        if let Some(index) = self.index.get(&name) {
            return Some(std::mem::replace(&mut self.entries[*index].1, tensor));
        }
        self.index.insert(name.clone(), self.entries.len());
        self.entries.push((name, tensor));
        None
    }

    /// Takes a tensor out, if there is one of that name. The others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        let removed = self.index.remove(name)?;
        for index in self.index.values_mut().filter(|index| **index > removed) {
            *index -= 1;
        }
        Some(self.entries.remove(removed).1)
    }

    /// The tensor of a name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.index.get(name).map(|index| &self.entries[*index].1)
    }

    /// Whether there is a tensor of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names and tensors in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(borrowed)
    }

    /// The names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The tensors in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Tensor> {
        self.iter().map(|(_, tensor)| tensor)
    }

    /// The same names with copies of the values, which later training does not change (`copy.deepcopy`).
    pub fn copy(&self) -> StateDict {
        no_grad(|| self.iter().map(|(name, tensor)| (name.to_owned(), tensor.copy())).collect())
    }

    /// Writes all tensors to a safetensors file, which `safetensors.torch.load_file` reads in PyTorch.
    ///
    /// # Errors
    /// [`Error::File`] when the file cannot be written; what was there before stays.
    ///
    /// ```
    /// use flambeau_nn::{Linear, Module, StateDict};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("best.safetensors");
    /// Linear::new(3, 2).state_dict().save(&path)?;
    /// assert_eq!(StateDict::load(&path)?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save_tensors(path, self.iter(), &Metadata::from([("format".into(), "pt".into())]))
    }

    /// Reads all tensors of a safetensors file.
    ///
    /// # Errors
    /// [`Error::File`] when the file is missing, corrupt or holds an unknown dtype.
    pub fn load(path: impl AsRef<Path>) -> Result<StateDict> {
        Ok(load_tensors(path)?.into_iter().collect())
    }
}

impl FromIterator<(String, Tensor)> for StateDict {
    fn from_iter<T: IntoIterator<Item = (String, Tensor)>>(entries: T) -> Self {
        let mut dict = StateDict::new();
        dict.extend(entries);
        dict
    }
}

impl Extend<(String, Tensor)> for StateDict {
    fn extend<T: IntoIterator<Item = (String, Tensor)>>(&mut self, entries: T) {
        for (name, tensor) in entries {
            self.insert(name, tensor);
        }
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// An entry as one looks at it.
fn borrowed((name, tensor): &(String, Tensor)) -> (&str, &Tensor) {
    (name, tensor)
}

impl<'a> IntoIterator for &'a StateDict {
    type Item = (&'a str, &'a Tensor);
    type IntoIter =
        std::iter::Map<std::slice::Iter<'a, (String, Tensor)>, fn(&'a (String, Tensor)) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter().map(borrowed)
    }
}

/// What a `state_dict` and a module do not have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncompatibleKeys {
    /// Names of the module that the `state_dict` lacks.
    pub missing_keys: Vec<String>,
    /// Names of the `state_dict` that the module lacks.
    pub unexpected_keys: Vec<String>,
}

/// The live tensors of a module by name: each module's parameters, then its persistent buffers, then those of
/// its children. Tied ones come under each of their names.
pub(crate) fn entries(root: &dyn Module) -> Vec<(String, Tensor)> {
    let mut entries = Vec::new();
    walk(root, &mut |path, _, members| {
        let parameters = members.parameters.iter().map(|(name, tensor)| (name, &***tensor));
        let buffers = members.buffers.iter().filter(|(_, buffer)| buffer.is_persistent());
        for (name, tensor) in parameters.chain(buffers.map(|(name, tensor)| (name, &***tensor))) {
            entries.push((join(path, name), tensor.clone()));
        }
    });
    entries
}

/// What [`Module::state_dict`] gives.
pub(crate) fn of(root: &dyn Module) -> StateDict {
    entries(root).into_iter().map(|(name, tensor)| (name, tensor.detach())).collect()
}

pub(crate) fn load_into(root: &dyn Module, dict: &StateDict, strict: bool) -> Result<IncompatibleKeys> {
    let mut keys = IncompatibleKeys::default();
    let mut faults = Vec::new();
    let mut copies = Vec::new();
    let mut known = HashSet::new();
    for (name, target) in entries(root) {
        known.insert(name.clone());
        match dict.get(&name) {
            None => keys.missing_keys.push(name),
            Some(source) => match fault(&name, source, &target) {
                Some(fault) => faults.push(fault),
                None => copies.push((source, target)),
            },
        }
    }
    keys.unexpected_keys = dict.keys().filter(|name| !known.contains(*name)).map(str::to_owned).collect();
    if strict {
        for (what, names) in [("unexpected", &keys.unexpected_keys), ("missing", &keys.missing_keys)] {
            if !names.is_empty() {
                faults.insert(0, format!("{what} keys {}", names.join(", ")));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Error::StateDict(format!("{}: {}", root.type_name(), faults.join("; "))));
    }
    no_grad(|| {
        for (source, target) in copies {
            target.copy_(source);
        }
    });
    Ok(keys)
}

/// Why a tensor cannot be loaded into another. As in PyTorch, floats of another width are converted.
fn fault(name: &str, source: &Tensor, target: &Tensor) -> Option<String> {
    let (from, to) = (source.dtype(), target.dtype());
    if source.shape() != target.shape() {
        let (source, target) = (source.shape(), target.shape());
        return Some(format!("{name} has shape {source:?}, the module wants {target:?}"));
    }
    let fits = from == to || (from.is_float() && to.is_float());
    (!fits).then(|| format!("{name} has dtype {from}, the module wants {to}"))
}
