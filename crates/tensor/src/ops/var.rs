//! Variances and standard deviations: var, std.

use super::sum::Reduced;
use crate::door::{Args, Calls};
use crate::op::{check_float, unwrap};
use crate::shape::Dims;
use crate::testing::{Sample, normal, sample};
use crate::{Result, Tensor};

#[track_caller]
fn var(op: &'static str, x: &Tensor, dims: Dims, correction: f64, keepdim: bool) -> Tensor {
    unwrap(check_float(op, x));
    let reduced = unwrap(Reduced::new(op, x, &dims, keepdim));
    let count: f64 = reduced.dims.iter().map(|&d| x.shape()[d] as f64).product();
    let deviation = x - reduced.restore(&(sum(x, &reduced) / count), x.shape());
    sum(&(&deviation * &deviation), &reduced) / (count - correction).max(0.0)
}

#[track_caller]
fn sum(x: &Tensor, reduced: &Reduced) -> Tensor {
    x.sum_dim(reduced.dims.to_vec(), reduced.keepdim)
}

#[track_caller]
fn std(x: &Tensor, dims: Dims, correction: f64, keepdim: bool) -> Tensor {
    let var = var("std", x, dims, correction, keepdim);
    let zero = var.eq(0.0);
    // The root has no derivative at 0, where PyTorch's gradient is 0.
    let root = Tensor::where_(&zero, &Tensor::full_as(1.0, (), var.dtype()), &var).sqrt();
    Tensor::where_(&zero, &Tensor::full_as(0.0, (), var.dtype()), &root)
}

impl Tensor {
    /// Σ (x − mean x)² / (n − 1) over all n elements, 0-d; NaN if there are fewer than two.
    /// [`torch.var`](https://docs.pytorch.org/docs/stable/generated/torch.var.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 2.0, 6.0].var().item::<f32>(), 7.0);
    /// ```
    #[track_caller]
    pub fn var(&self) -> Tensor {
        var("var", self, Dims::all(), 1.0, false)
    }

    /// Σ (x − mean x)² / max(0, n − correction) over the dimensions given (an empty list: all), which are removed, or
    /// stay with size 1 if `keepdim`. PyTorch's default correction is 1, the unbiased estimate; with 0 it is the mean of
    /// the squares.
    ///
    /// # Panics
    /// If the dtype is not a floating-point type, or a dimension is out of range or appears twice.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0], [2.0, 2.0]].var_dim(1, 0.0, false).to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn var_dim(&self, dims: impl Into<Dims>, correction: f64, keepdim: bool) -> Tensor {
        var("var", self, dims.into(), correction, keepdim)
    }

    /// The square root of [`var`](Tensor::var); its gradient is 0 where all elements are equal.
    /// [`torch.std`](https://docs.pytorch.org/docs/stable/generated/torch.std.html).
    ///
    /// # Panics
    /// If the dtype is not a floating-point type.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![1.0, 5.0, 9.0].std().item::<f32>(), 4.0);
    /// ```
    #[track_caller]
    pub fn std(&self) -> Tensor {
        std(self, Dims::all(), 1.0, false)
    }

    /// The square root of [`var_dim`](Tensor::var_dim).
    ///
    /// # Panics
    /// As `var_dim`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[1.0, 3.0], [2.0, 2.0]].std_dim(1, 0.0, false).to_vec::<f32>(), [1.0, 0.0]);
    /// ```
    #[track_caller]
    pub fn std_dim(&self, dims: impl Into<Dims>, correction: f64, keepdim: bool) -> Tensor {
        std(self, dims.into(), correction, keepdim)
    }
}

pub(crate) const CALLS: Calls = &[
    ("var", |a| {
        let (x, dims, correction, keepdim) = arguments(a)?;
        a.done(var("var", &x, dims, correction, keepdim))
    }),
    ("std", |a| {
        let (x, dims, correction, keepdim) = arguments(a)?;
        a.done(std(&x, dims, correction, keepdim))
    }),
];

/// `(input, unbiased)`, `(input, dim, unbiased, keepdim)` or `(input, dim, *, correction, keepdim)`.
fn arguments(a: &mut Args<'_>) -> Result<(Tensor, Dims, f64, bool)> {
    let x: Tensor = a.get("input")?;
    let dims: Option<Dims> = if a.next_is::<bool>() { None } else { a.opt("dim")? };
    let unbiased = a.or("unbiased", true)?;
    let keepdim = a.or("keepdim", false)?;
    let correction = a.key("correction")?.unwrap_or(if unbiased { 1.0 } else { 0.0 });
    Ok((x, dims.unwrap_or_else(Dims::all), correction, keepdim))
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("x0.var()", [normal(0, &[3, 4])], |x| x[0].var()),
        sample("x0.var((0, -1), keepdim=True)", [normal(1, &[2, 3, 4])], |x| {
            x[0].var_dim([0, -1], 1.0, true)
        }),
        sample("x0.t().var(1, correction=0.5)", [normal(2, &[3, 4])], |x| x[0].t().var_dim(1, 0.5, false)),
        sample("x0.var(correction=0)", [normal(3, &[])], |x| x[0].var_dim(Dims::all(), 0.0, false)),
        sample("(x0 + 8).var()", [normal(4, &[10])], |x| (&x[0] + 8.0).var()),
        sample("x0.std()", [normal(5, &[3, 4])], |x| x[0].std()),
        sample("x0.std(0, unbiased=False)", [normal(6, &[3, 4])], |x| x[0].std_dim(0, 0.0, false)),
        sample("x0.std(1, correction=2, keepdim=True)", [normal(7, &[2, 4])], |x| x[0].std_dim(1, 2.0, true)),
        sample("(x0 * 0).std()", [normal(8, &[3])], |x| (&x[0] * 0.0).std()).not_smooth(),
        sample("x0.detach().std()", [normal(9, &[1])], |x| x[0].detach().std()).not_smooth(),
    ]
}
