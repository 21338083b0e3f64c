//! Norms over windows: lp_pool1d, lp_pool2d.

use super::avg_pool::avg_pool;
use super::max_pool;
use crate::door::{Args, Calls};
use crate::op::ensure;
use crate::pooling::{AvgPoolOptions, Windows, stride};
use crate::testing::{Sample, normal, positive, sample};
use crate::{Result, Sizes, Tensor};

/// The root of the sum of powers in each window; maxima for an infinite norm.
#[track_caller]
fn lp_pool<const N: usize>(
    name: &'static str,
    x: &Tensor,
    norm: f64,
    kernel: [usize; N],
    stride: Option<[usize; N]>,
    ceil_mode: bool,
) -> Tensor {
    ensure!(norm != 0.0, name, "the norm is 0");
    if norm.is_infinite() {
        let windows = Windows::sliding(kernel, stride, [0; N], [1; N], ceil_mode);
        return match norm > 0.0 {
            true => max_pool::values(name, &x.abs(), windows),
            false => -max_pool::values(name, &-x.abs(), windows),
        };
    }
    let options = AvgPoolOptions { stride, ceil_mode, ..Default::default() };
    let means = avg_pool(name, &x.pow(norm), kernel, options);
    // The mean times the whole window's size, as PyTorch has it for windows that stick out too; its way around the
    // root's infinite slope at 0 as well.
    let size = kernel.iter().map(|&k| k as f64).product::<f64>();
    (means.sign() * means.abs().relu() * size).pow(1.0 / norm)
}

impl Tensor {
    /// (Σ xᵖ)^(1/p) of each window that slides along the last dimension, p being `norm_type`; `stride` is by default
    /// the window's size.
    ///
    /// Shapes: as for [`avg_pool1d`](Tensor::avg_pool1d) without padding.
    /// [`torch.nn.functional.lp_pool1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool1d.html).
    ///
    /// # Panics
    /// As `avg_pool1d`, or if `norm_type` is 0.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// assert_eq!(tensor![[3.0, 4.0]].lp_pool1d(2.0, 2, None, false).to_vec::<f32>(), [5.0]);
    /// ```
    #[track_caller]
    pub fn lp_pool1d(
        &self,
        norm_type: f64,
        kernel_size: usize,
        stride: Option<usize>,
        ceil_mode: bool,
    ) -> Tensor {
        lp_pool("lp_pool1d", self, norm_type, [kernel_size], stride.map(|s| [s]), ceil_mode)
    }

    /// (Σ xᵖ)^(1/p) of each window that slides over the last two dimensions; otherwise as
    /// [`lp_pool1d`](Tensor::lp_pool1d).
    /// [`torch.nn.functional.lp_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.lp_pool2d.html).
    ///
    /// # Panics
    /// As `lp_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[[1.0, 1.0], [1.0, 1.0]]];
    /// assert_eq!(x.lp_pool2d(2.0, 2, None, false).to_vec::<f32>(), [2.0]);
    /// ```
    #[track_caller]
    pub fn lp_pool2d(
        &self,
        norm_type: f64,
        kernel_size: impl Sizes<2>,
        stride: Option<[usize; 2]>,
        ceil_mode: bool,
    ) -> Tensor {
        lp_pool("lp_pool2d", self, norm_type, kernel_size.sizes(), stride, ceil_mode)
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.lp_pool1d", |a| {
        let (x, norm, kernel, step, ceil) = arguments::<1>(a)?;
        a.done(x.lp_pool1d(norm, kernel[0], step.map(|s| s[0]), ceil))
    }),
    ("nn.functional.lp_pool2d", |a| {
        let (x, norm, kernel, step, ceil) = arguments::<2>(a)?;
        a.done(x.lp_pool2d(norm, kernel, step, ceil))
    }),
];

type Arguments<const N: usize> = (Tensor, f64, [usize; N], Option<[usize; N]>, bool);

fn arguments<const N: usize>(a: &mut Args<'_>) -> Result<Arguments<N>> {
    let (x, norm, kernel) = (a.get("input")?, a.get("norm_type")?, a.get("kernel_size")?);
    Ok((x, norm, kernel, stride(a)?, a.or("ceil_mode", false)?))
}

pub(crate) fn samples() -> Vec<Sample> {
    vec![
        sample("F.lp_pool2d(x0, 2, 2)", [normal(0, &[2, 2, 4, 6])], |x| x[0].lp_pool2d(2.0, 2, None, false)),
        sample("F.lp_pool2d(x0, 1.5, (2, 3), 2, True)", [positive(1, &[1, 5, 6])], |x| {
            x[0].lp_pool2d(1.5, (2, 3), Some([2, 2]), true)
        }),
        sample("F.lp_pool1d(x0, 3, 3, 2)", [positive(2, &[2, 8])], |x| {
            x[0].lp_pool1d(3.0, 3, Some(2), false)
        }),
        sample("F.lp_pool2d(x0, float('inf'), 2)", [normal(4, &[2, 4, 6])], |x| {
            x[0].lp_pool2d(f64::INFINITY, 2, None, false)
        }),
        sample("F.lp_pool1d(x0, 3, 2)", [normal(3, &[2, 8])], |x| x[0].lp_pool1d(3.0, 2, None, false))
            .not_smooth(),
    ]
}
