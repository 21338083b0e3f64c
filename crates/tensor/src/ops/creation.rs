//! Tensors of constants and ranges: arange, eye, full, linspace, ones, zeros, and those like another.

use crate::door::{Args, Calls, Value};
use crate::op::{ensure, raise};
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use crate::{DType, Element, Error, Operand, Result, Tensor};
use flambeau_kernels::dispatch_all;

impl Tensor {
    /// The identity matrix of size n, `f32`.
    /// [`torch.eye`](https://docs.pytorch.org/docs/stable/generated/torch.eye.html).
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::eye(2).to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn eye(n: usize) -> Tensor {
        Tensor::eye_m(n, n)
    }

    /// n rows and m columns, with ones on the diagonal, `f32`. (`torch.eye(n, m)`.)
    #[track_caller]
    pub fn eye_m(n: usize, m: usize) -> Tensor {
        eye(n, m, DType::F32)
    }

    /// `steps` evenly spaced numbers from `start` to `end`, both included, `f32`.
    /// [`torch.linspace`](https://docs.pytorch.org/docs/stable/generated/torch.linspace.html).
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// assert_eq!(Tensor::linspace(0.0, 1.0, 5).to_vec::<f32>(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    /// ```
    #[track_caller]
    pub fn linspace(start: f64, end: f64, steps: usize) -> Tensor {
        linspace(start, end, steps, DType::F32)
    }

    /// `value` everywhere, with this tensor's shape and dtype.
    /// [`torch.full_like`](https://docs.pytorch.org/docs/stable/generated/torch.full_like.html).
    ///
    /// # Panics
    /// If the value is a tensor with several elements.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1, 2].full_like(7).to_vec::<i64>(), [7, 7]);
    /// ```
    #[track_caller]
    pub fn full_like(&self, value: impl Operand) -> Tensor {
        use std::borrow::Borrow;
        filled(self.shape_ref(), value.hold(self).borrow(), self.dtype())
    }
}

/// One value, held by a tensor of one element, everywhere.
#[track_caller]
fn filled(shape: &Shape, value: &Tensor, dtype: DType) -> Tensor {
    let value = value.detach().to_dtype(dtype);
    dispatch_all!(dtype, T => Tensor::full(shape, value.item::<T>()))
}

#[track_caller]
fn eye(n: usize, m: usize, dtype: DType) -> Tensor {
    let out = Tensor::full_as(0.0, [n, m], dtype);
    let diagonal = out.diagonal(0, 0, 1);
    diagonal.fill_(1.0);
    out
}

#[track_caller]
fn linspace(start: f64, end: f64, steps: usize, dtype: DType) -> Tensor {
    let (start, end) = if dtype.is_float() { (start, end) } else { (start.trunc(), end.trunc()) };
    let step = if steps > 1 { (end - start) / (steps - 1) as f64 } else { 0.0 };
    // From both ends, so that both are exact.
    let value = |i: usize| match i < steps / 2 || steps == 1 {
        true => start + step * i as f64,
        false => end - step * (steps - 1 - i) as f64,
    };
    Tensor::compute_as("linspace", [steps], dtype, |out| {
        dispatch_all!(dtype, T => {
            out.slice::<T>().iter_mut().enumerate().for_each(|(i, o)| *o = Element::from_f64(value(i)));
        });
    })
}

/// start, start + step, … below end: PyTorch's arange, whose arguments may be of another type than its result.
#[track_caller]
fn arange([start, end, step]: [&Tensor; 3], dtype: DType) -> Tensor {
    let whole = [start, end, step].map(|x| x.item::<i64>());
    if !dtype.is_float() && ![start, end, step].iter().any(|x| x.dtype().is_float()) {
        return Tensor::arange(whole[0], whole[1], whole[2]).to_dtype(dtype);
    }
    let [from, to, by] = [start, end, step].map(|x| x.item::<f64>());
    let n = (to - from) / by;
    ensure!(
        n.is_finite() && n >= 0.0,
        "arange",
        "no steps of {by} lead from {from} to {to}; the step must point from the one to the other"
    );
    let n = n.ceil() as usize;
    if !dtype.is_float() {
        // Floats say how many integers there are, though each is made of whole numbers.
        let number = |i: usize| whole[0].wrapping_add(whole[2].wrapping_mul(i as i64));
        let numbers = Tensor::compute_as("arange", [n], DType::I64, |out| {
            out.slice::<i64>().iter_mut().enumerate().for_each(|(i, o)| *o = number(i));
        });
        return numbers.to_dtype(dtype);
    }
    Tensor::compute_as("arange", [n], dtype, |out| {
        dispatch_all!(dtype, T => {
            out.slice::<T>().iter_mut().enumerate().for_each(|(i, o)| *o = Element::from_f64(from + by * i as f64));
        });
    })
}

/// The keywords of all creation functions; the dtype, if one is given. What does not matter here is let pass.
pub(super) fn options(a: &mut Args<'_>) -> Result<(Option<DType>, bool)> {
    let dtype = a.key("dtype")?;
    let requires_grad: Option<bool> = a.key("requires_grad")?;
    for ignored in ["layout", "device", "pin_memory", "memory_format"] {
        a.key::<&str>(ignored)?;
    }
    Ok((dtype, requires_grad.unwrap_or(false)))
}

/// The result, requiring a gradient if asked to.
pub(super) fn made(a: &Args<'_>, x: Tensor, requires_grad: bool) -> Result<Vec<Tensor>> {
    a.done(if requires_grad { x.requires_grad_() } else { x })
}

/// A constant of the shape given.
fn constant(a: &mut Args<'_>, value: f64) -> Result<Vec<Tensor>> {
    let shape: Vec<usize> = a.rest("size")?;
    let (dtype, requires_grad) = options(a)?;
    made(a, Tensor::full_as(value, shape, dtype.unwrap_or(DType::F32)), requires_grad)
}

/// A constant of the shape of another tensor.
fn constant_like(a: &mut Args<'_>, value: f64) -> Result<Vec<Tensor>> {
    let x: Tensor = a.get("input")?;
    let (dtype, requires_grad) = options(a)?;
    made(a, Tensor::full_as(value, x.shape(), dtype.unwrap_or(x.dtype())), requires_grad)
}

/// A number, or a tensor of one element; a float keeps all its digits.
#[track_caller]
fn number(value: &Value) -> Tensor {
    match value {
        Value::Int(v) => Tensor::scalar(*v),
        Value::Float(v) => Tensor::scalar(*v),
        Value::Bool(v) => Tensor::scalar(*v),
        Value::Tensor(x) if x.numel() == 1 => x.detach(),
        other => raise(Error::op("call", format!("{other:?} is no number"))),
    }
}

pub(crate) const CALLS: Calls = &[
    ("zeros", |a| constant(a, 0.0)),
    ("ones", |a| constant(a, 1.0)),
    ("zeros_like", |a| constant_like(a, 0.0)),
    ("ones_like", |a| constant_like(a, 1.0)),
    ("full", |a| {
        let (shape, value): (Vec<usize>, &Value) = (a.get("size")?, a.get("fill_value")?);
        let (dtype, requires_grad) = options(a)?;
        let value = number(value);
        let default = if value.dtype().is_float() { DType::F32 } else { value.dtype() };
        made(a, filled(&shape.into(), &value, dtype.unwrap_or(default)), requires_grad)
    }),
    ("full_like", |a| {
        let (x, value): (Tensor, &Value) = (a.get("input")?, a.get("fill_value")?);
        let (dtype, requires_grad) = options(a)?;
        made(a, filled(x.shape_ref(), &number(value), dtype.unwrap_or(x.dtype())), requires_grad)
    }),
    ("eye", |a| {
        let n: usize = a.get("n")?;
        let m = a.or("m", n)?;
        let (dtype, requires_grad) = options(a)?;
        made(a, eye(n, m, dtype.unwrap_or(DType::F32)), requires_grad)
    }),
    ("linspace", |a| {
        let (start, end): (&Value, &Value) = (a.get("start")?, a.get("end")?);
        let steps = a.get("steps")?;
        let (dtype, requires_grad) = options(a)?;
        let [start, end] = [start, end].map(|x| number(x).item::<f64>());
        made(a, linspace(start, end, steps, dtype.unwrap_or(DType::F32)), requires_grad)
    }),
    ("arange", |a| {
        // arange(end), arange(start, end), arange(start, end, step).
        let first: Option<&Value> = if a.next_is::<&Value>() { a.opt("start")? } else { a.key("start")? };
        let second: Option<&Value> = a.opt("end")?;
        let step: Option<&Value> = a.opt("step")?;
        let zero = || Tensor::scalar(0i64);
        let (start, end) = match (first, second) {
            (Some(start), Some(end)) => (number(start), number(end)),
            (Some(end), None) | (None, Some(end)) => (zero(), number(end)),
            _ => raise(Error::op("arange", "the argument end is missing; it takes a number")),
        };
        let step = step.map_or_else(|| Tensor::scalar(1i64), number);
        let (dtype, requires_grad) = options(a)?;
        let all = [&start, &end, &step];
        let default = if all.iter().any(|x| x.dtype().is_float()) { DType::F32 } else { DType::I64 };
        made(a, arange(all, dtype.unwrap_or(default)), requires_grad)
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("torch.zeros(2, 0, 3)", [], |_| Tensor::zeros([2, 0, 3])),
        sample("torch.ones(())", [], |_| Tensor::ones(())),
        sample("torch.full((2,), 7)", [], |_| Tensor::full([2], 7i64)),
        sample("torch.full_like(x0.t(), 0.1)", [normal(0, &[2, 3])], |x| x[0].t().full_like(0.1)),
        sample("torch.zeros_like(x0)", [normal(1, &[2, 3])], |x| x[0].zeros_like()),
        sample("torch.ones_like(x0 > 0)", [normal(2, &[2, 3])], |x| x[0].gt(0.0).ones_like()),
        sample("torch.eye(3)", [], |_| Tensor::eye(3)),
        sample("torch.eye(2, 4)", [], |_| Tensor::eye_m(2, 4)),
        sample("torch.arange(-3, 8, 4)", [], |_| Tensor::arange(-3i64, 8, 4)),
        sample("torch.arange(5, -1, -2)", [], |_| Tensor::arange(5i64, -1, -2)),
        sample("torch.linspace(-2, 3, 6)", [], |_| Tensor::linspace(-2.0, 3.0, 6)),
        sample("torch.linspace(-2, 3, 1)", [], |_| Tensor::linspace(-2.0, 3.0, 1)),
    ]
}
