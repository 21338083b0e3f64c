//! The arguments of PyTorch's constructors, written as JSON.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use flambeau_tensor::{Approximate, Padding, Tensor, loss::Reduction};
use serde_json::Value;

/// The arguments of one sample by name.
pub(crate) struct Arguments<'a> {
    values: &'a serde_json::Map<String, Value>,
    tensors: &'a BTreeMap<String, Tensor>,
    read: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(values: &'a Value, tensors: &'a BTreeMap<String, Tensor>) -> Self {
        Arguments { values: values.as_object().unwrap(), tensors, read: RefCell::default() }
    }

    pub(crate) fn find<T: Argument>(&self, name: &str) -> Option<T> {
        let (name, value) = self.values.get_key_value(name)?;
        self.read.borrow_mut().insert(name);
        Some(T::read(value, self.tensors).unwrap_or_else(|| panic!("{name}={value}")))
    }

    pub(crate) fn get<T: Argument>(&self, name: &str) -> T {
        self.find(name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    pub(crate) fn or<T: Argument>(&self, name: &str, default: T) -> T {
        self.find(name).unwrap_or(default)
    }

    /// A module with an option set, if it is given.
    pub(crate) fn set<M, T: Argument>(&self, name: &str, module: M, set: impl FnOnce(M, T) -> M) -> M {
        match self.find(name) {
            Some(value) => set(module, value),
            None => module,
        }
    }

    /// That no argument was overlooked.
    pub(crate) fn assert_all_read(&self) {
        let read = self.read.borrow();
        let names: Vec<_> = self.values.keys().filter(|name| !read.contains(name.as_str())).collect();
        assert!(names.is_empty(), "not understood: {names:?}");
    }
}

/// What can be read from JSON.
pub(crate) trait Argument: Sized {
    fn read(value: &Value, tensors: &BTreeMap<String, Tensor>) -> Option<Self>;
}

impl Argument for f64 {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_f64()
    }
}

impl Argument for bool {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_bool()
    }
}

impl Argument for i64 {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_i64()
    }
}

impl Argument for isize {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_i64()?.try_into().ok()
    }
}

impl Argument for usize {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl Argument for String {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl Argument for Tensor {
    fn read(value: &Value, tensors: &BTreeMap<String, Tensor>) -> Option<Self> {
        tensors.get(value.get("tensor")?.as_str()?).cloned()
    }
}

impl<T: Argument> Argument for Option<T> {
    fn read(value: &Value, tensors: &BTreeMap<String, Tensor>) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value, tensors).map(Some) }
    }
}

impl<T: Argument> Argument for Vec<T> {
    fn read(value: &Value, tensors: &BTreeMap<String, Tensor>) -> Option<Self> {
        value.as_array()?.iter().map(|value| T::read(value, tensors)).collect()
    }
}

/// A list, or one number for all.
impl<T: Argument, const N: usize> Argument for [T; N] {
    fn read(value: &Value, tensors: &BTreeMap<String, Tensor>) -> Option<Self> {
        let list = match value {
            Value::Array(_) => Vec::read(value, tensors)?,
            _ => (0..N).map(|_| T::read(value, tensors)).collect::<Option<Vec<T>>>()?,
        };
        list.try_into().ok()
    }
}

impl Argument for Reduction {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        Some(match value.as_str()? {
            "none" => Reduction::None,
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            "batchmean" => Reduction::BatchMean,
            _ => return None,
        })
    }
}

impl Argument for Approximate {
    fn read(value: &Value, _: &BTreeMap<String, Tensor>) -> Option<Self> {
        Some(match value.as_str()? {
            "none" => Approximate::None,
            "tanh" => Approximate::Tanh,
            _ => return None,
        })
    }
}

impl<const N: usize> Argument for Padding<N> {
    fn read(value: &Value, tensors: &BTreeMap<String, Tensor>) -> Option<Self> {
        Some(match value.as_str() {
            Some("same") => Padding::Same,
            Some("valid") => Padding::Valid,
            Some(_) => return None,
            None => Padding::Both(<[usize; N]>::read(value, tensors)?),
        })
    }
}
