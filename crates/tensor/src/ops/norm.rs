//! Vector norms.

use super::sum::Reduced;
use crate::door::{Calls, Value};
use crate::op::{check_float, ensure, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, distinct, normal, sample};
use crate::{DType, Error, Result, Tensor};

#[track_caller]
fn norm(x: &Tensor, p: f64, dims: Dims, keepdim: bool) -> Tensor {
    unwrap(check_float("norm", x));
    let dims = unwrap(Reduced::new("norm", x, &dims, keepdim)).dims.to_vec();
    let number = |v| Tensor::full_as(v, (), x.dtype());
    let empty = dims.iter().any(|&d| x.shape()[d] == 0);
    ensure!(
        !empty || (p >= 0.0 && p.is_finite()),
        "norm",
        "of order {p} of no elements (shape {:?}) is undefined; look at numel() first",
        x.shape()
    );
    if p.is_infinite() {
        return if p > 0.0 { x.abs().amax(dims, keepdim) } else { x.abs().amin(dims, keepdim) };
    }
    if p == 0.0 {
        return x.ne(0.0).sum_dim(dims, keepdim).to_dtype(x.dtype());
    }
    if p == 1.0 {
        return x.abs().sum_dim(dims, keepdim);
    }
    let sum = if p == 2.0 {
        (x * x).sum_dim(dims, keepdim)
    } else {
        // Powers below the first have no derivative at 0, where PyTorch's gradient is 0.
        let is_zero = x.eq(0.0);
        let powers = Tensor::where_(&is_zero, &number(1.0), &x.abs()).pow(p);
        Tensor::where_(&is_zero, &number(if p > 0.0 { 0.0 } else { f64::INFINITY }), &powers)
            .sum_dim(dims, keepdim)
    };
    // The same holds for the root.
    let none = sum.eq(0.0);
    let sum = Tensor::where_(&none, &number(1.0), &sum);
    Tensor::where_(
        &none,
        &number(if p > 0.0 { 0.0 } else { f64::INFINITY }),
        &if p == 2.0 { sum.sqrt() } else { sum.pow(1.0 / p) },
    )
}

impl Tensor {
    /// (Σ |x|ᵖ)^(1/p) over all elements, 0-d; for p = ∞ the largest |x|, for −∞ the smallest, for 0 the number of
    /// elements that are not 0. The gradient at 0 is 0.
    /// [`torch.norm`](https://docs.pytorch.org/docs/stable/generated/torch.norm.html), whose default is p = 2; a matrix's
    /// `"fro"` is that too.
    ///
    /// # Panics
    /// If the dtype is not a floating-point type, or p is negative or infinite and there are no elements.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![3.0, -4.0].norm(2.0).item::<f32>(), 5.0);
    /// assert_eq!(tensor![3.0, -4.0].norm(f64::INFINITY).item::<f32>(), 4.0);
    /// ```
    #[track_caller]
    pub fn norm(&self, p: f64) -> Tensor {
        norm(self, p, Dims::all(), false)
    }

    /// The [`norm`](Tensor::norm) over the dimensions given (an empty list: all), which are removed, or stay with size 1
    /// if `keepdim`.
    ///
    /// # Panics
    /// As `norm`, and if a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[3.0, -4.0], [0.0, 1.0]].norm_dim(1.0, 1, false).to_vec::<f32>(), [7.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn norm_dim(&self, p: f64, dims: impl Into<Dims>, keepdim: bool) -> Tensor {
        norm(self, p, dims.into(), keepdim)
    }
}

pub(crate) const CALLS: Calls = &[("norm", |a| {
    let x: Tensor = a.get("input")?;
    let p = order(a.opt("p")?)?;
    let (dims, keepdim) = (a.or("dim", Dims::all())?, a.or("keepdim", false)?);
    let x = a.key("dtype")?.map_or(x.clone(), |dtype| x.to_dtype(dtype));
    a.done(norm(&x, p, dims, keepdim))
})];

/// The order p: a number or a name.
fn order(p: Option<&Value>) -> Result<f64> {
    match p {
        None => Ok(2.0),
        Some(Value::Int(p)) => Ok(*p as f64),
        Some(Value::Float(p)) => Ok(*p),
        Some(Value::Str(name)) if name == "fro" => Ok(2.0),
        Some(other) => {
            Err(Error::op("norm", format!("the order p is {other:?}; it takes a number or \"fro\"")))
        }
    }
}

pub(crate) fn samples() -> Vec<Sample> {
    let zeros = || Tensor::from_vec(vec![0.0, -1.5, 2.0, 0.0, 0.0, 0.0], [2, 3]);
    let inf = f64::INFINITY;
    vec![
        sample("x0.norm()", [normal(0, &[3, 4])], |x| x[0].norm(2.0)),
        sample("x0.norm('fro', (0, -1), keepdim=True)", [normal(1, &[2, 3, 4])], |x| {
            x[0].norm_dim(2.0, [0, -1], true)
        }),
        sample("x0.t().norm(1, 1)", [normal(2, &[3, 4])], |x| x[0].t().norm_dim(1.0, 1, false)),
        sample("x0.norm(3, 0)", [normal(3, &[3, 4])], |x| x[0].norm_dim(3.0, 0, false)),
        sample("x0.norm(0.5)", [distinct(4, &[5])], |x| x[0].norm(0.5)),
        sample("x0.norm(-1.5, 0)", [normal(5, &[3, 2])], |x| x[0].norm_dim(-1.5, 0, false)),
        sample("x0.norm(0, 1)", [zeros()], |x| x[0].norm_dim(0.0, 1, false)).not_smooth(),
        sample("x0.norm(float('inf'), 1)", [distinct(6, &[3, 4])], |x| {
            x[0].norm_dim(f64::INFINITY, 1, false)
        }),
        sample("x0.norm(-float('inf'))", [normal(7, &[5])], |x| x[0].norm(f64::NEG_INFINITY)),
        sample("x0.norm(2, 1)", [zeros()], |x| x[0].norm_dim(2.0, 1, false)).not_smooth(),
        sample("x0.norm(0.5, 1)", [zeros()], |x| x[0].norm_dim(0.5, 1, false)).not_smooth(),
        sample("x0.norm(1.5, 1)", [zeros()], |x| x[0].norm_dim(1.5, 1, false)).not_smooth(),
        sample("x0.norm(-2, 1)", [zeros()], |x| x[0].norm_dim(-2.0, 1, false)).not_smooth(),
        sample("x0.norm(float('inf'), 1)", [zeros()], move |x| x[0].norm_dim(inf, 1, false)).not_smooth(),
        sample("x0.norm()", [normal(8, &[])], |x| x[0].norm(2.0)),
        sample("x0.norm(dtype=torch.float64)", [normal(9, &[3])], |x| x[0].to_dtype(DType::F64).norm(2.0)),
    ]
}
