//! Means over windows: avg_pool1d, avg_pool2d.

use crate::autograd::{Context, Gradients};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Op, Output, apply, ensure};
use crate::pooling::{AvgPoolOptions, Windows, stride};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{DType, Error, Result, Sizes, Tensor};
use flambeau_kernels::pooling::{Axis, average, average_backward};
use flambeau_kernels::{dispatch_all, dispatch_float};
use smallvec::smallvec;

/// The sum of each window over a divisor.
#[derive(Clone, Copy)]
pub(crate) struct AvgPool {
    pub(crate) name: &'static str,
    pub(crate) windows: Windows,
    /// Whether padding counts.
    pub(crate) count_include_pad: bool,
    pub(crate) divisor: Option<i64>,
}

impl AvgPool {
    /// For each row of windows and each column: their product is the divisor.
    fn divisors(&self, axes: &[Axis; 2]) -> [Vec<f64>; 2] {
        let sizes = |axis: &Axis, factor: f64| match (self.divisor, self.count_include_pad) {
            (Some(_), _) => vec![factor; axis.spans.len()],
            (None, true) => axis.padded.iter().map(|&n| n as f64).collect(),
            (None, false) => axis.spans.iter().map(|span| span.count as f64).collect(),
        };
        [sizes(&axes[0], self.divisor.unwrap_or(1) as f64), sizes(&axes[1], 1.0)]
    }
}

impl Op for AvgPool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let dtype = x[0].dtype();
        if !dtype.is_float() && dtype != DType::I64 {
            return Err(Error::op(
                self.name,
                format!("of a tensor of shape {:?} and {dtype}; convert it with to_dtype", x[0].shape()),
            ));
        }
        Ok(Output::New(self.windows.output(self.name, x[0])?, dtype))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        if out[0].shape().numel() == 0 {
            return;
        }
        let x = x[0].contiguous();
        let axes = self.windows.axes(x.shape(), out[0].shape());
        let [rows, cols] = self.divisors(&axes);
        dispatch_all!(x.dtype(), T => {
            average(x.view::<T>().slice(), &axes, [&rows, &cols], out[0].slice());
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Back { pool: *self, input: ctx.input_shape(0).clone() }, &[ctx.grad()]))]
    }
}

/// The transpose of [`AvgPool`]: each number over its divisor, added to its whole window.
struct Back {
    pool: AvgPool,
    input: Shape,
}

impl Op for Back {
    fn name(&self) -> &'static str {
        "avg_pool_backward"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.input.clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let g = x[0].contiguous();
        if g.numel() == 0 {
            dispatch_float!(g.dtype(), T => out[0].slice::<T>().fill(0.0));
            return;
        }
        let axes = self.pool.windows.axes(&self.input, g.shape());
        let [rows, cols] = self.pool.divisors(&axes);
        dispatch_float!(g.dtype(), T => {
            average_backward(g.view::<T>().slice(), &axes, [&rows, &cols], out[0].slice());
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(self.pool, &[ctx.grad()]))]
    }
}

#[track_caller]
pub(crate) fn avg_pool<const N: usize>(
    name: &'static str,
    x: &Tensor,
    kernel: [usize; N],
    options: AvgPoolOptions<N>,
) -> Tensor {
    let AvgPoolOptions { stride, padding, ceil_mode, count_include_pad, divisor_override } = options;
    ensure!(divisor_override != Some(0), name, "the divisor is 0");
    let windows = Windows::sliding(kernel, stride, padding, [1; N], ceil_mode);
    apply(AvgPool { name, windows, count_include_pad, divisor: divisor_override }, &[x])
}

impl Tensor {
    /// The mean of each window that slides along the last dimension, padded with zeros.
    ///
    /// Shapes: as for [`max_pool1d`](Tensor::max_pool1d) with dilation 1. A window that sticks out with `ceil_mode`
    /// is divided by its positions in the input and, with `count_include_pad`, in the padding.
    /// [`torch.nn.functional.avg_pool1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html).
    ///
    /// # Panics
    /// If a window does not fit, the padding is more than half of one, a number is 0 that must not be, or of bools
    /// or bytes.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 3.0, 2.0, 0.0]];
    /// assert_eq!(x.avg_pool1d(2, Default::default()).to_vec::<f32>(), [2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn avg_pool1d(&self, kernel_size: usize, options: AvgPoolOptions<1>) -> Tensor {
        avg_pool("avg_pool1d", self, [kernel_size], options)
    }

    /// The mean of each window that slides over the last two dimensions; otherwise as
    /// [`avg_pool1d`](Tensor::avg_pool1d).
    ///
    /// Shapes: (N, C, H, W) or (C, H, W).
    /// [`torch.nn.functional.avg_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html).
    ///
    /// # Panics
    /// As `avg_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::{AvgPoolOptions, tensor};
    /// let x = tensor![[[1.0, 3.0], [5.0, 7.0]]];
    /// assert_eq!(x.avg_pool2d(2, Default::default()).to_vec::<f32>(), [4.0]);
    /// let sums = AvgPoolOptions { divisor_override: Some(1), ..Default::default() };
    /// assert_eq!(x.avg_pool2d((1, 2), sums).to_vec::<f32>(), [4.0, 12.0]);
    /// ```
    #[track_caller]
    pub fn avg_pool2d(&self, kernel_size: impl Sizes<2>, options: AvgPoolOptions<2>) -> Tensor {
        avg_pool("avg_pool2d", self, kernel_size.sizes(), options)
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.avg_pool1d", |a| call::<1>(a, "avg_pool1d")),
    ("nn.functional.avg_pool2d", |a| call::<2>(a, "avg_pool2d")),
];

fn call<const N: usize>(a: &mut Args<'_>, name: &'static str) -> Result<Vec<Tensor>> {
    let (x, kernel): (Tensor, [usize; N]) = (a.get("input")?, a.get("kernel_size")?);
    let options = AvgPoolOptions {
        stride: stride(a)?,
        padding: a.or("padding", [0; N])?,
        ceil_mode: a.or("ceil_mode", false)?,
        count_include_pad: a.or("count_include_pad", true)?,
        divisor_override: if N == 2 { a.opt("divisor_override")? } else { None },
    };
    a.done(avg_pool(name, &x, kernel, options))
}

pub(crate) fn samples() -> Vec<Sample> {
    let with = |stride, padding, ceil_mode, count_include_pad| AvgPoolOptions {
        stride: Some(stride),
        padding,
        ceil_mode,
        count_include_pad,
        divisor_override: None,
    };
    vec![
        sample("F.avg_pool2d(x0, 2)", [normal(0, &[2, 3, 4, 6])], |x| x[0].avg_pool2d(2, Default::default())),
        sample("F.avg_pool2d(x0, 3, 1, 1)", [normal(1, &[1, 2, 5, 21])], move |x| {
            x[0].avg_pool2d(3, with([1, 1], [1, 1], false, true))
        }),
        sample("F.avg_pool2d(x0, (3, 2), (2, 3), (1, 0), True, False)", [normal(2, &[2, 7, 9])], move |x| {
            x[0].avg_pool2d((3, 2), with([2, 3], [1, 0], true, false))
        }),
        sample("F.avg_pool2d(x0, 3, 2, 1, True)", [normal(3, &[1, 6, 6])], move |x| {
            x[0].avg_pool2d(3, with([2, 2], [1, 1], true, true))
        }),
        sample("F.avg_pool2d(x0.mT, 2, 1, divisor_override=-3)", [normal(4, &[1, 5, 4])], |x| {
            let options =
                AvgPoolOptions { stride: Some([1, 1]), divisor_override: Some(-3), ..Default::default() };
            x[0].transpose(-1, -2).avg_pool2d(2, options)
        }),
        sample("F.avg_pool1d(x0, 3, 2, 1, True, False)", [normal(5, &[2, 2, 8])], |x| {
            let options = AvgPoolOptions {
                stride: Some([2]),
                padding: [1],
                ceil_mode: true,
                count_include_pad: false,
                ..Default::default()
            };
            x[0].avg_pool1d(3, options)
        }),
        sample("F.avg_pool1d(x0, 4)", [normal(6, &[3, 9])], |x| x[0].avg_pool1d(4, Default::default())),
        sample("F.avg_pool2d(x0 - 8, 2, 1)", [integers(7, 17, &[2, 4, 6])], move |x| {
            (&x[0] - 8).avg_pool2d(2, with([1, 1], [0, 0], false, true))
        }),
        sample("F.avg_pool2d(x0, 2)", [normal(8, &[0, 2, 4, 4])], |x| x[0].avg_pool2d(2, Default::default())),
    ]
}
