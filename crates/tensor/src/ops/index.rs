//! Indexing with tensors, writing to what they pick out, and everything that Python's brackets take.

use super::scatter::Put;
use crate::door::{Calls, FromValue, Value};
use crate::op::{apply, ensure, raise, unwrap};
use crate::shape::{Dims, Shape, broadcast_shape};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Result, Tensor};

/// An index for a dimension, or for several if it is a mask.
type Indices = Vec<Option<Tensor>>;

/// Masks become the positions where they hold, a tensor for each of their dimensions.
fn positions(x: &Tensor, indices: &[Option<&Tensor>]) -> Result<Indices> {
    let mut out: Indices = Vec::new();
    for index in indices {
        match index {
            Some(mask) if mask.dtype() == DType::Bool => {
                let at = out.len();
                if x.shape().get(at..at + mask.ndim()) != Some(mask.shape()) {
                    let (shape, of) = (mask.shape(), x.shape());
                    return Err(Error::op(
                        "index",
                        format!(
                            "a mask of shape {shape:?} at dimension {at} of shape {of:?}; it must have the same sizes there"
                        ),
                    ));
                }
                out.extend(mask.nonzero().unbind(1).into_iter().map(Some));
            }
            Some(index) if index.dtype() == DType::I64 => out.push(Some((*index).clone())),
            Some(index) => {
                return Err(Error::op(
                    "index",
                    format!("an index of {}; it takes torch.int64 or a bool mask", index.dtype()),
                ));
            }
            None => out.push(None),
        }
    }
    if out.len() > x.ndim() {
        return Err(Error::op(
            "index",
            format!(
                "{} indices for the {} dimensions of {:?}; give at most one for each",
                out.len(),
                x.ndim(),
                x.shape()
            ),
        ));
    }
    Ok(out)
}

impl Tensor {
    /// The elements that tensors of positions pick out, copied: `x.index(&[Some(&i), None, Some(&j)])` is Python's
    /// `x[i, :, j]`. The indices (`i64`, negative ones counted from the end) broadcast, and their common shape takes the
    /// place of the dimensions they index if these are neighbours, else it comes first. A `bool` mask stands for the
    /// positions where it holds, and indexes as many dimensions as it has.
    /// [Indexing in PyTorch](https://docs.pytorch.org/docs/stable/tensor_view.html).
    ///
    /// # Panics
    /// If a position is out of range, an index has another dtype, or shapes do not fit.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1, 2], [3, 4], [5, 6]];
    /// assert_eq!(x.index(&[Some(&tensor![0, -1]), Some(&tensor![1, 0])]).to_vec::<i64>(), [2, 5]);
    /// assert_eq!(x.index(&[Some(&tensor![true, false, true])]).to_vec::<i64>(), [1, 2, 5, 6]);
    /// ```
    #[track_caller]
    pub fn index(&self, indices: &[Option<&Tensor>]) -> Tensor {
        let indices = unwrap(positions(self, indices));
        let dims: Vec<usize> = (0..indices.len()).filter(|&d| indices[d].is_some()).collect();
        let Some((&first, &last)) = dims.first().zip(dims.last()) else {
            return self.clone();
        };
        let given: Vec<&Tensor> = indices.iter().flatten().collect();
        let shape = unwrap(broadcast_shape("index", &given));
        // Their combined number in the dimensions that they index, as if these were one.
        let sizes: Shape = dims.iter().map(|&d| self.shape()[d]).collect();
        let mut places = Tensor::full_as(0.0, &shape, DType::I64);
        for ((index, &size), &stride) in given.into_iter().zip(sizes.iter()).zip(sizes.strides().iter()) {
            let index = unwrap(from_front(index, size));
            places = places + index * stride;
        }
        let rest: Vec<usize> = (0..self.ndim()).filter(|d| !dims.contains(d)).collect();
        let order: Vec<usize> = dims.iter().chain(&rest).copied().collect();
        let kept: Shape = rest.iter().map(|&d| self.shape()[d]).collect();
        let merged: Shape = [sizes.numel()].into_iter().chain(kept.iter().copied()).collect();
        let picked = self.permute(order).reshape(&merged).index_select(0, &places.reshape([-1]));
        let full: Shape = shape.iter().chain(kept.iter()).copied().collect();
        let picked = picked.reshape(&full);
        if last - first + 1 != dims.len() {
            return picked;
        }
        let from: Dims = (0..shape.len()).collect::<Vec<_>>().into();
        let to: Dims = (first..first + shape.len()).collect::<Vec<_>>().into();
        picked.movedim(from, to)
    }
}

impl Tensor {
    /// A copy of this tensor with the values written to what [`index`](Tensor::index) picks out, or added to it if
    /// `accumulate`; they broadcast to that. Where several values meet, the last stays.
    /// [`torch.index_put`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html).
    ///
    /// # Panics
    /// As `index`, and if the values do not broadcast or have another dtype.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let x = Tensor::zeros([3]).index_put(&[Some(&tensor![0, 0, 2])], &tensor![1.0, 2.0, 3.0], true);
    /// assert_eq!(x.to_vec::<f32>(), [3.0, 0.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn index_put(&self, indices: &[Option<&Tensor>], values: &Tensor, accumulate: bool) -> Tensor {
        let (dtype, of) = (values.dtype(), self.dtype());
        ensure!(dtype == of, "index_put", "values of {dtype} for {of}; convert them with to_dtype");
        // What the indices pick out of the elements' numbers.
        let numbers = Tensor::arange(0, self.numel() as i64, 1).reshape(self.shape_ref());
        let places = numbers.index(indices);
        let shape = unwrap(broadcast_shape("index_put", &[&places, values]));
        ensure!(
            shape == *places.shape_ref(),
            "index_put",
            "values of shape {:?} do not broadcast to {:?}, which the indices pick out of {:?}",
            values.shape(),
            places.shape(),
            self.shape()
        );
        let (places, values) = (places.reshape([-1]), values.expand(&shape).reshape([-1]));
        match accumulate {
            true => self.reshape([-1]).index_add(0, &places, &values).reshape(self.shape_ref()),
            false => apply(Put { multiply: false }, &[self, &places, &values]),
        }
    }
}

/// Positions counted from the front, within the size.
fn from_front(index: &Tensor, size: usize) -> Result<Tensor> {
    let mut values = index.to_vec::<i64>();
    for i in &mut values {
        let at = if *i < 0 { i.saturating_add(size as i64) } else { *i };
        if at < 0 || at as usize >= size {
            return Err(Error::op(
                "index",
                format!(
                    "position {i} is outside of a dimension of size {size}; it must be from -{size} to below {size}"
                ),
            ));
        }
        *i = at;
    }
    Ok(Tensor::from_vec(values, index.shape()))
}

/// A (nested) list of integers or bools as a tensor.
fn listed(values: &[Value]) -> Result<Tensor> {
    let items: Option<Vec<i64>> = values.iter().map(i64::from_value).collect();
    if let Some(items) = items {
        let masks = !values.is_empty() && values.iter().all(|v| matches!(v, Value::Bool(_)));
        let x = Tensor::from_vec(items, [values.len()]);
        return Ok(if masks { x.ne(0) } else { x });
    }
    let rows = values.iter().map(|value| match value {
        Value::List(values) => listed(values),
        Value::Tensor(x) => Ok(x.clone()),
        other => Err(Error::op(
            "index",
            format!("{other:?} in a list; it takes integers, bools and lists of them"),
        )),
    });
    Ok(Tensor::stack(&rows.collect::<Result<Vec<_>>>()?, 0))
}

/// Python's `x[key]`. Numbers and slices come first, then what is left is indexed with tensors.
#[track_caller]
fn getitem(x: &Tensor, key: &Value) -> Result<Tensor> {
    let keys = match key {
        Value::List(keys) => &keys[..],
        key => std::slice::from_ref(key),
    };
    let width = |key: &Value| match key {
        Value::Int(_) | Value::Slice(..) | Value::List(_) => 1,
        Value::Tensor(x) if x.dtype() == DType::Bool => x.ndim(),
        Value::Tensor(_) => 1,
        _ => 0,
    };
    let taken: usize = keys.iter().map(width).sum();
    let (mut x, mut indices): (Tensor, Indices) = (x.clone(), Vec::new());
    // Where one index is a mask of several dimensions, dimensions run ahead of indices.
    let mut dim = 0;
    let skip = |n: usize, dim: &mut usize, indices: &mut Indices| {
        *dim += n;
        indices.extend(std::iter::repeat_n(None, n));
    };
    let ndim = x.ndim();
    for key in keys {
        match key {
            Value::Int(i) => x = x.select(dim as isize, isize::try_from(*i).unwrap_or(isize::MAX)),
            Value::Slice(start, end, step) => {
                let bound =
                    |i: i64| isize::try_from(i).unwrap_or(if i < 0 { isize::MIN } else { isize::MAX });
                let step = usize::try_from(step.unwrap_or(1)).unwrap_or(0);
                let (start, end) = (bound(start.unwrap_or(0)), bound(end.unwrap_or(i64::MAX)));
                ensure!(dim < x.ndim(), "index", "more indices than the {ndim} dimensions");
                x = x.slice(dim as isize, start, end, step);
                skip(1, &mut dim, &mut indices);
            }
            Value::None => {
                x = x.unsqueeze(dim as isize);
                skip(1, &mut dim, &mut indices);
            }
            Value::Str(dots) if dots == "..." => skip(ndim.saturating_sub(taken), &mut dim, &mut indices),
            Value::Bool(on) => {
                x = x.unsqueeze(dim as isize);
                indices.push(Some(Tensor::full([1], *on)));
                dim += 1;
            }
            Value::Tensor(i) if i.ndim() == 0 && i.dtype() == DType::Bool => {
                x = x.unsqueeze(dim as isize);
                indices.push(Some(i.reshape([1])));
                dim += 1;
            }
            Value::Tensor(i) if i.ndim() == 0 && !i.dtype().is_float() => {
                x = x.select(dim as isize, isize::try_from(i.item::<i64>()).unwrap_or(isize::MAX));
            }
            Value::Tensor(i) => {
                dim += width(key);
                // uint8 was PyTorch's first mask.
                indices.push(Some(if i.dtype() == DType::U8 { i.ne(0) } else { i.clone() }));
            }
            Value::List(values) => {
                let index = listed(values)?;
                dim += if index.dtype() == DType::Bool { index.ndim() } else { 1 };
                indices.push(Some(index));
            }
            other => raise(Error::op("index", format!("{other:?} is no index"))),
        }
    }
    Ok(x.index(&indices.iter().map(Option::as_ref).collect::<Vec<_>>()))
}

pub(crate) const CALLS: Calls = &[
    ("__getitem__", |a| {
        let (x, key): (Tensor, &Value) = (a.get("input")?, a.get("key")?);
        a.done(getitem(&x, key)?)
    }),
    ("index_put", |a| {
        let (x, indices, values): (Tensor, Vec<&Value>, Tensor) =
            (a.get("input")?, a.get("indices")?, a.get("values")?);
        let accumulate = a.or("accumulate", false)?;
        let index = |index: &Value| match index {
            Value::None => Ok(None),
            Value::Tensor(index) => Ok(Some(index.clone())),
            _ => Err(Error::op("index_put", "the indices are a list of tensors and None")),
        };
        let indices = indices.into_iter().map(index).collect::<Result<Indices>>()?;
        a.done(x.index_put(&indices.iter().map(Option::as_ref).collect::<Vec<_>>(), &values, accumulate))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    let i = |seed, high, shape: &[usize]| integers(seed, high, shape);
    vec![
        sample("x0[x1, x2]", [normal(0, &[3, 4, 2]), i(1, 3, &[2, 1]), i(2, 4, &[3])], |x| {
            x[0].index(&[Some(&x[1]), Some(&x[2])])
        }),
        sample("x0[:, x1 - 4]", [normal(3, &[2, 4]), i(4, 4, &[5])], |x| {
            x[0].index(&[None, Some(&(&x[1] - 4))])
        }),
        sample("x0[x1, :, x2]", [normal(5, &[3, 2, 4]), i(6, 3, &[2]), i(7, 4, &[2])], |x| {
            x[0].index(&[Some(&x[1]), None, Some(&x[2])])
        }),
        sample("x0.t()[x1 > 0]", [normal(8, &[4, 2]), normal(9, &[2])], |x| {
            x[0].t().index(&[Some(&x[1].gt(0.0))])
        }),
        sample("x0[:, x1 > 0]", [normal(10, &[2, 2, 3]), normal(11, &[2, 3])], |x| {
            x[0].index(&[None, Some(&x[1].gt(0.0))])
        }),
        sample(
            "x0.index_put((x1, x2), x3)",
            [
                normal(14, &[3, 4, 2]),
                Tensor::from_vec(vec![2i64, -3], [2, 1]),
                Tensor::from_vec(vec![1i64, 3], [2]),
                normal(15, &[2]),
            ],
            |x| x[0].index_put(&[Some(&x[1]), Some(&x[2])], &x[3], false),
        ),
        sample(
            "x0.index_put((x1,), x2, accumulate=True)",
            [normal(16, &[3, 2]), i(17, 3, &[5]), normal(18, &[5, 1])],
            |x| x[0].index_put(&[Some(&x[1])], &x[2], true),
        ),
        sample("x0[x1]", [i(12, 9, &[3]), i(13, 3, &[0])], |x| x[0].index(&[Some(&x[1])])),
    ]
}
