//! Calling an op by name: the door for servers and file formats, which know a model only at run time.
//!
//! Every op's file lists the names that it answers to, with a function that takes its arguments in PyTorch's order
//! or by PyTorch's keywords. Nothing that comes through this door panics.

use crate::op::{raise, try_call};
use crate::ops::CALLS;
use crate::shape::Dims;
use crate::testing::IntoOutputs;
use crate::{DType, Error, Operand, Result, Tensor};
use std::collections::HashMap;
use std::sync::LazyLock;

/// An argument.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// A tensor.
    Tensor(Tensor),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A bool.
    Bool(bool),
    /// A string, such as a reduction's name.
    Str(String),
    /// Python's `None`: as if the argument were not given.
    None,
    /// An element type.
    DType(DType),
    /// A list or tuple.
    List(Vec<Value>),
    /// A slice: start, stop, step.
    Slice(Option<i64>, Option<i64>, Option<i64>),
}

impl std::fmt::Debug for Value {
    /// A tensor by its shape and dtype alone: errors quote arguments, and a tensor may be large.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Tensor(x) => write!(f, "a tensor of shape {:?} and {}", x.shape(), x.dtype()),
            Value::Int(v) => write!(f, "{v}"),
            Value::Float(v) => write!(f, "{v:?}"),
            Value::Bool(v) => write!(f, "{v}"),
            Value::Str(v) => write!(f, "{v:?}"),
            Value::None => f.write_str("None"),
            Value::DType(v) => write!(f, "{v}"),
            Value::List(v) => f.debug_list().entries(v).finish(),
            Value::Slice(start, stop, step) => write!(f, "slice({start:?}, {stop:?}, {step:?})"),
        }
    }
}

/// The function behind a name.
pub(crate) type Run = fn(&mut Args<'_>) -> Result<Vec<Tensor>>;

/// The names that an op's file answers to.
pub(crate) type Calls = &'static [(&'static str, Run)];

/// Calls an op by PyTorch's name, with positional and keyword arguments as PyTorch takes them.
///
/// # Errors
/// If there is no such op, an argument is missing, unknown or of the wrong kind, and where the op's method panics.
///
/// ```
/// use flambeau_tensor::door::{Value, call};
/// use flambeau_tensor::tensor;
/// let x = Value::Tensor(tensor![[1.0, 2.0], [3.0, 4.0]]);
/// let y = call("sum", &[x.clone(), Value::Int(1)], &[("keepdim", Value::Bool(true))])?;
/// assert_eq!(y[0].shape(), [2, 1]);
/// assert!(call("sum", &[x, Value::Int(7)], &[]).is_err());
/// # Ok::<(), flambeau_tensor::Error>(())
/// ```
pub fn call(op: &str, args: &[Value], kwargs: &[(&str, Value)]) -> Result<Vec<Tensor>> {
    static NAMES: LazyLock<HashMap<&str, (&str, Run)>> =
        LazyLock::new(|| CALLS.iter().copied().flatten().map(|&(name, run)| (name, (name, run))).collect());
    let Some(&(op, run)) = NAMES.get(op) else {
        return Err(Error::op("call", format!("there is no op named {op}; `cargo xtask ops` lists them")));
    };
    let mut args = Args { op, args, kwargs, next: 0, used: vec![false; kwargs.len()] };
    try_call(|| run(&mut args)).flatten().map_err(|error| error.within(op))
}

/// Every name that [`call`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().copied().flatten().map(|&(name, _)| name)
}

/// The arguments of a call, taken one after the other in the order of PyTorch's signature.
pub(crate) struct Args<'a> {
    op: &'static str,
    args: &'a [Value],
    kwargs: &'a [(&'a str, Value)],
    next: usize,
    used: Vec<bool>,
}

impl<'a> Args<'a> {
    /// The next positional argument, or else the keyword; `None` counts as not given.
    fn take(&mut self, name: &str) -> Option<&'a Value> {
        let value = if let Some(value) = self.args.get(self.next) {
            self.next += 1;
            value
        } else {
            return self.keyword(name);
        };
        (!matches!(value, Value::None)).then_some(value)
    }

    /// An argument that PyTorch takes by keyword alone.
    fn keyword(&mut self, name: &str) -> Option<&'a Value> {
        let at = self.kwargs.iter().position(|(key, _)| *key == name)?;
        self.used[at] = true;
        let value = &self.kwargs[at].1;
        (!matches!(value, Value::None)).then_some(value)
    }

    fn convert<T: FromValue<'a>>(&self, name: &str, value: &'a Value) -> Result<T> {
        T::from_value(value).ok_or_else(|| {
            Error::op(self.op, format!("the argument {name} is {value:?}; it takes {}", T::KIND))
        })
    }

    /// An argument that must be there.
    pub(crate) fn get<T: FromValue<'a>>(&mut self, name: &str) -> Result<T> {
        match self.take(name) {
            Some(value) => self.convert(name, value),
            None => Err(Error::op(self.op, format!("the argument {name} is missing; it takes {}", T::KIND))),
        }
    }

    /// An argument that may be left out.
    pub(crate) fn opt<T: FromValue<'a>>(&mut self, name: &str) -> Result<Option<T>> {
        self.take(name).map(|value| self.convert(name, value)).transpose()
    }

    /// An argument with a default.
    pub(crate) fn or<T: FromValue<'a>>(&mut self, name: &str, default: T) -> Result<T> {
        Ok(self.opt(name)?.unwrap_or(default))
    }

    /// A keyword-only argument that may be left out.
    pub(crate) fn key<T: FromValue<'a>>(&mut self, name: &str) -> Result<Option<T>> {
        self.keyword(name).map(|value| self.convert(name, value)).transpose()
    }

    /// All positional arguments that are left, or those of the one list that is left: `x.permute(1, 0)` or
    /// `x.permute((1, 0))`.
    pub(crate) fn rest<T: FromValue<'a>>(&mut self, name: &str) -> Result<Vec<T>> {
        let left = &self.args[self.next.min(self.args.len())..];
        let values = match left {
            [Value::List(values)] => values,
            [] => match self.keyword(name) {
                Some(Value::List(values)) => values,
                Some(value) => return Ok(vec![self.convert(name, value)?]),
                None => return Ok(Vec::new()),
            },
            _ => left,
        };
        self.next = self.args.len();
        values.iter().map(|value| self.convert(name, value)).collect()
    }

    /// Whether a positional argument is left that converts, without taking it.
    pub(crate) fn next_is<T: FromValue<'a>>(&self) -> bool {
        self.args.get(self.next).is_some_and(|value| T::from_value(value).is_some())
    }

    /// Whether a keyword was given.
    pub(crate) fn has_key(&self, name: &str) -> bool {
        self.kwargs.iter().any(|(key, value)| *key == name && !matches!(value, Value::None))
    }

    /// Refuses arguments that nobody took, and gives the outputs.
    pub(crate) fn done(&self, outputs: impl IntoOutputs) -> Result<Vec<Tensor>> {
        if self.next < self.args.len() {
            let (given, taken) = (self.args.len(), self.next);
            return Err(Error::op(self.op, format!("{given} positional arguments; it takes {taken}")));
        }
        if let Some(at) = self.used.iter().position(|used| !used) {
            return Err(Error::op(self.op, format!("there is no argument named {}", self.kwargs[at].0)));
        }
        Ok(outputs.into_outputs())
    }
}

/// What an argument can be converted to.
pub(crate) trait FromValue<'a>: Sized {
    /// For messages.
    const KIND: &'static str;
    /// The converted argument, or none if it is of the wrong kind.
    fn from_value(value: &'a Value) -> Option<Self>;
}

impl FromValue<'_> for Tensor {
    const KIND: &'static str = "a tensor";
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Tensor(x) = value { Some(x.clone()) } else { None }
    }
}
impl FromValue<'_> for f64 {
    const KIND: &'static str = "a number";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(v) => Some(*v),
            Value::Int(v) => Some(*v as f64),
            Value::Bool(v) => Some(f64::from(u8::from(*v))),
            _ => None,
        }
    }
}
impl FromValue<'_> for i64 {
    const KIND: &'static str = "an integer";
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(v) => Some(*v),
            Value::Bool(v) => Some(i64::from(*v)),
            _ => None,
        }
    }
}
impl FromValue<'_> for isize {
    const KIND: &'static str = "an integer";
    fn from_value(value: &Value) -> Option<Self> {
        isize::try_from(i64::from_value(value)?).ok()
    }
}
impl FromValue<'_> for usize {
    const KIND: &'static str = "an integer of at least 0";
    fn from_value(value: &Value) -> Option<Self> {
        usize::try_from(i64::from_value(value)?).ok()
    }
}
impl FromValue<'_> for bool {
    const KIND: &'static str = "a bool";
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bool(v) = value { Some(*v) } else { None }
    }
}
impl<'a> FromValue<'a> for &'a str {
    const KIND: &'static str = "a string";
    fn from_value(value: &'a Value) -> Option<Self> {
        if let Value::Str(v) = value { Some(v) } else { None }
    }
}
impl FromValue<'_> for DType {
    const KIND: &'static str = "a dtype";
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::DType(v) = value { Some(*v) } else { None }
    }
}
impl<'a> FromValue<'a> for &'a Value {
    const KIND: &'static str = "anything";
    fn from_value(value: &'a Value) -> Option<Self> {
        Some(value)
    }
}
impl<'a, T: FromValue<'a>> FromValue<'a> for Vec<T> {
    const KIND: &'static str = "a list";
    fn from_value(value: &'a Value) -> Option<Self> {
        if let Value::List(values) = value { values.iter().map(T::from_value).collect() } else { None }
    }
}
/// One dimension or a list of them.
impl<'a> FromValue<'a> for Dims {
    const KIND: &'static str = "a dimension or a list of them";
    fn from_value(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::List(_) => Dims::from(Vec::<isize>::from_value(value)?),
            _ => Dims::from(isize::from_value(value)?),
        })
    }
}

/// A tensor or a number, for the other side of an operation.
pub(crate) struct Other(Value);
impl FromValue<'_> for Other {
    const KIND: &'static str = "a tensor or a number";
    fn from_value(value: &Value) -> Option<Self> {
        let fits = matches!(value, Value::Tensor(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_));
        fits.then(|| Other(value.clone()))
    }
}
impl Operand for Other {
    type Held = Tensor;
    #[track_caller]
    fn hold(self, like: &Tensor) -> Tensor {
        match self.0 {
            Value::Tensor(x) => x,
            Value::Int(v) => v.hold(like),
            Value::Float(v) => v.hold(like),
            Value::Bool(v) => Tensor::scalar(v),
            other => raise(Error::op("call", format!("{other:?} is neither a tensor nor a number"))),
        }
    }
    fn number(&self) -> Option<f64> {
        match self.0 {
            Value::Int(v) => Some(v as f64),
            Value::Float(v) => Some(v),
            _ => None,
        }
    }
}
