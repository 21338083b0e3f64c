//! Writing to places that an index names: scatter, scatter_add.

use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls, Other};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, ensure, unwrap};
use crate::shape::{Shape, normalize_dim};
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Element, Error, Operand, Result, Tensor};
use flambeau_kernels::{dispatch_all, index};
use smallvec::smallvec;
use std::borrow::Borrow;

/// A copy of input 0 with the values (input 2) put at the positions (input 1) that they have in row-major order, the
/// last of those that meet; or multiplied to what is there.
pub(crate) struct Put {
    pub(crate) multiply: bool,
}

impl Op for Put {
    fn name(&self) -> &'static str {
        "scatter"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        3..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::like(x[0]))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let [base, positions, values] = [x[0], x[1], x[2]].map(Tensor::contiguous);
        dispatch_all!(base.dtype(), T => {
            let out = out[0].slice::<T>();
            out.copy_from_slice(base.view().slice());
            let (values, positions) = (values.view::<T>(), positions.view::<i64>());
            match self.multiply {
                true => index::put(&values, &positions, out, times),
                false => index::put(&values, &positions, out, |_, value| value),
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let (g, positions) = (ctx.grad(), ctx.input(1));
        let zeros = || Tensor::full_as(0.0, positions.shape(), g.dtype());
        smallvec![
            ctx.needs(0).then(|| apply(Put { multiply: false }, &[g, positions, &zeros()])),
            None,
            ctx.needs(2).then(|| g.reshape([-1]).index_select(0, positions)),
        ]
    }
}

fn times<T: Element>(a: T, b: T) -> T {
    T::from_num(a.to_num() * b.to_num())
}

/// A shape in which 0-d counts as one dimension of size 1.
fn sizes(x: &Tensor) -> Shape {
    if x.ndim() == 0 { Shape::from([1]) } else { x.shape_ref().clone() }
}

/// Where the index points to in x, row by row: positions in row-major order, 1-D.
fn positions(op: &'static str, x: &Tensor, dim: usize, index: &Tensor) -> Result<Tensor> {
    let (of, shape) = (sizes(x), sizes(index));
    let wrong = |why: &str| {
        Err(Error::op(op, format!("an index of shape {:?} into shape {:?}: {why}", index.shape(), x.shape())))
    };
    if index.dtype() != DType::I64 {
        return wrong(&format!("it is {}; it must be torch.int64", index.dtype()));
    }
    if of.len() != shape.len() {
        return wrong("they must have the same number of dimensions");
    }
    if (0..of.len()).any(|d| d != dim && shape[d] > of[d]) {
        return wrong(&format!("only along dimension {dim} may the index be larger"));
    }
    let index = index.detach().contiguous();
    let index = index.view::<i64>();
    if !index::within(&index, of[dim])
        && let Some(i) = index.iter().find(|&&i| i < 0 || i as usize >= of[dim])
    {
        return wrong(&format!(
            "{i} is outside of dimension {dim}, whose size is {}; it must be from 0 to below that",
            of[dim]
        ));
    }
    Ok(Tensor::compute([index.len()], DType::I64, |out| {
        index::positions(&index, &shape, &of.strides(), dim, out.slice());
    }))
}

/// The part of the source that the index covers, 1-D.
fn covered(op: &'static str, x: &Tensor, index: &Tensor, source: &Tensor) -> Result<Tensor> {
    let (shape, of) = (sizes(index), sizes(source));
    if shape.len() != of.len() || shape.iter().zip(of.iter()).any(|(i, s)| i > s) {
        return Err(Error::op(
            op,
            format!(
                "a source of shape {:?} for an index of shape {:?}; it must be as large",
                source.shape(),
                index.shape()
            ),
        ));
    }
    if source.dtype() != x.dtype() {
        return Err(Error::op(
            op,
            format!("a source of {} for {}; convert it with to_dtype", source.dtype(), x.dtype()),
        ));
    }
    let mut part = source.reshape(&of);
    for (d, &size) in shape.iter().enumerate().filter(|&(d, &size)| size != of[d]) {
        part = part.narrow(d as isize, 0, size);
    }
    Ok(part.reshape([-1]))
}

/// What becomes of the element that is there.
#[derive(Clone, Copy, PartialEq)]
enum Reduce {
    Replace,
    Add,
    Multiply,
}

#[track_caller]
fn scatter(
    op: &'static str,
    x: &Tensor,
    dim: isize,
    index: &Tensor,
    source: &Tensor,
    reduce: Reduce,
) -> Tensor {
    let dim = unwrap(normalize_dim(op, dim, x.shape()));
    if index.numel() == 0 && index.dtype() == DType::I64 {
        return x.copy();
    }
    let places = unwrap(positions(op, x, dim, index));
    let values = unwrap(covered(op, x, index, source));
    match reduce {
        Reduce::Add => x.reshape([-1]).index_add(0, &places, &values).reshape(x.shape_ref()),
        Reduce::Replace => apply(Put { multiply: false }, &[x, &places, &values]),
        Reduce::Multiply => {
            let constant = !crate::is_grad_enabled() || !(x.requires_grad() || source.requires_grad());
            ensure!(constant, op, "reduce=\"multiply\" has no gradient, as in PyTorch; detach the tensors");
            apply(Put { multiply: true }, &[x, &places, &values])
        }
    }
}

/// A number as a source: repeated to the index's shape.
#[track_caller]
fn repeated(x: &Tensor, index: &Tensor, number: &Tensor) -> Tensor {
    number.to_dtype(x.dtype()).expand(index.shape_ref())
}

impl Tensor {
    /// A copy of this tensor with elements of `source` written to where `index` says: for each position (i, j, …) of
    /// the index, `source[i, j, …]` goes to (i, j, …), but with `index[i, j, …]` in place of the position along `dim`.
    /// Where several meet, the last stays. The index may be smaller than the source and, but for `dim`, than this
    /// tensor. The source may be a number.
    /// [`torch.scatter`](https://docs.pytorch.org/docs/stable/generated/torch.scatter.html).
    ///
    /// # Panics
    /// If the index is not `i64` within range, shapes do not fit, or the source has another dtype.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let one_hot = Tensor::zeros([2, 3]).scatter(1, &tensor![[2], [0]], 1.0);
    /// assert_eq!(one_hot.to_vec::<f32>(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn scatter(&self, dim: isize, index: &Tensor, source: impl Operand) -> Tensor {
        let number = source.number().is_some();
        let held = source.hold(self);
        let source: &Tensor = held.borrow();
        match number {
            true => scatter("scatter", self, dim, index, &repeated(self, index, source), Reduce::Replace),
            false => scatter("scatter", self, dim, index, source, Reduce::Replace),
        }
    }

    /// [`scatter`](Tensor::scatter) that adds to what is there, in row-major order of the index.
    /// [`torch.scatter_add`](https://docs.pytorch.org/docs/stable/generated/torch.scatter_add.html).
    ///
    /// # Panics
    /// As `scatter`.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, tensor};
    /// let counts = Tensor::zeros([3]).scatter_add(0, &tensor![2, 0, 2], &Tensor::ones([3]));
    /// assert_eq!(counts.to_vec::<f32>(), [1.0, 0.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn scatter_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Tensor {
        scatter("scatter_add", self, dim, index, source, Reduce::Add)
    }
}

pub(crate) const CALLS: Calls = &[
    ("scatter", |a| {
        let (x, dim, index): (Tensor, isize, Tensor) = (a.get("input")?, a.get("dim")?, a.get("index")?);
        let tensor = a.next_is::<Tensor>() || a.has_key("src");
        let source =
            if tensor { a.get("src")? } else { repeated(&x, &index, &a.get::<Other>("value")?.hold(&x)) };
        let reduce = reduce(a)?;
        a.done(scatter("scatter", &x, dim, &index, &source, reduce))
    }),
    ("scatter_add", |a| {
        let (x, dim, index): (Tensor, _, Tensor) = (a.get("input")?, a.get("dim")?, a.get("index")?);
        let source: Tensor = a.get("src")?;
        a.done(x.scatter_add(dim, &index, &source))
    }),
];

fn reduce(a: &mut Args<'_>) -> Result<Reduce> {
    match a.key("reduce")? {
        None => Ok(Reduce::Replace),
        Some("add") => Ok(Reduce::Add),
        Some("multiply") => Ok(Reduce::Multiply),
        Some(other) => {
            Err(Error::op("scatter", format!("reduce is {other:?}; it takes \"add\" or \"multiply\"")))
        }
    }
}

pub(crate) fn samples() -> Vec<Sample> {
    // Distinct along the dimension, since PyTorch does not say which of several stays.
    let places = || Tensor::from_vec(vec![2i64, 0, 0, 3, 1, 1], [2, 3]);
    vec![
        sample("torch.scatter(x0, 0, x1, x2)", [normal(0, &[4, 3]), places(), normal(1, &[2, 3])], |x| {
            x[0].scatter(0, &x[1], &x[2])
        }),
        sample(
            "torch.scatter(x0.t(), -2, x1, x2.detach())",
            [normal(2, &[3, 4]), places(), normal(3, &[3, 3])],
            |x| x[0].t().scatter(-2, &x[1], x[2].detach()),
        )
        .not_smooth(),
        sample("torch.scatter(x0, 0, x1, 2.5)", [normal(4, &[4, 3]), places()], |x| {
            x[0].scatter(0, &x[1], 2.5)
        }),
        sample("torch.scatter(x0, 0, x1, 7)", [integers(5, 9, &[4, 3]), places()], |x| {
            x[0].scatter(0, &x[1], 7)
        }),
        sample("torch.scatter(x0, 0, x1, x2)", [normal(6, &[]), integers(7, 1, &[]), normal(8, &[])], |x| {
            x[0].scatter(0, &x[1], &x[2])
        }),
        sample(
            "torch.scatter_add(x0, 1, x1, x2)",
            [normal(9, &[3, 4]), integers(10, 4, &[2, 6]), normal(11, &[2, 6])],
            |x| x[0].scatter_add(1, &x[1], &x[2]),
        ),
        sample(
            "torch.scatter_add(x0, 0, x1, x2.t())",
            [integers(12, 9, &[3, 2]), integers(13, 3, &[4, 2]), integers(14, 9, &[2, 4])],
            |x| x[0].scatter_add(0, &x[1], &x[2].t()),
        ),
    ]
}
