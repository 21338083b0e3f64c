//! Maxima over windows: max_pool1d, max_pool2d.

use crate::autograd::{Context, Gradients, is_grad_enabled};
use crate::door::{Args, Calls};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply, try_apply, unwrap};
use crate::pooling::{MaxPoolOptions, Windows, check_not_empty, stride};
use crate::shape::Shape;
use crate::testing::{Sample, distinct, integers, sample};
use crate::{DType, Error, Result, Sizes, Tensor};
use flambeau_kernels::{dispatch_all, dispatch_float, pooling};
use smallvec::smallvec;

/// The largest element of each window. Where a gradient may follow, the places of the maxima are the first output:
/// a byte each if a window is small.
struct MaxPool {
    name: &'static str,
    windows: Windows,
    /// `U8`: the position within the window; `I64`: the place as PyTorch gives it.
    places: Option<DType>,
}

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        if x[0].dtype() == DType::Bool {
            return Err(Error::op(self.name, "of a tensor of torch.bool; convert it with to_dtype"));
        }
        let shape = self.windows.output(self.name, x[0])?;
        if self.windows.most(x[0].shape(), &shape) > u32::MAX as usize {
            return Err(Error::op(self.name, "a window has more than 2³² positions"));
        }
        Ok(match self.places {
            Some(places) => Output::Many(vec![(shape.clone(), places), (shape, x[0].dtype())]),
            None => Output::New(shape, x[0].dtype()),
        })
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        if out[0].shape().numel() == 0 {
            return;
        }
        let x = x[0].contiguous();
        let axes = self.windows.axes(x.shape(), out[0].shape());
        check_not_empty(self.name, &axes);
        dispatch_all!(x.dtype(), T => {
            let view = x.view::<T>();
            match out {
                [values] => {
                    let values = values.slice::<T>();
                    pooling::max(view.slice(), &axes, values, &mut vec![(); values.len()]);
                }
                [places, values] if self.places == Some(DType::U8) => {
                    pooling::max(view.slice(), &axes, values.slice(), places.slice::<u8>());
                }
                [places, values, ..] => pooling::max(view.slice(), &axes, values.slice(), places.slice::<i64>()),
                [] => unreachable!("one or two outputs"),
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::OUTPUT
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let Some(g) = ctx.grad_of(1) else { return smallvec![None] };
        let back = Scatter { windows: self.windows, input: ctx.input_shape(0).clone() };
        smallvec![Some(apply(back, &[g, &ctx.output().detach()]))]
    }
}

/// Zeros of the input's shape, with the first operand added at the places of the maxima.
struct Scatter {
    windows: Windows,
    input: Shape,
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "max_pool_backward"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(self.input.clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (g, places) = (x[0].contiguous(), x[1].contiguous());
        if g.numel() == 0 {
            // There may be any number of windows along the other dimension: nothing to list.
            dispatch_float!(g.dtype(), T => out[0].slice::<T>().fill(T::default()));
            return;
        }
        let axes = self.windows.axes(&self.input, g.shape());
        dispatch_float!(g.dtype(), T => {
            let (g, out) = (g.view::<T>(), out[0].slice());
            match places.dtype() {
                DType::U8 => pooling::scatter(g.slice(), places.view::<u8>().slice(), &axes, out),
                _ => pooling::scatter(g.slice(), places.view::<i64>().slice(), &axes, out),
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let back = Gather { windows: self.windows, input: self.input.clone() };
        smallvec![Some(apply(back, &[ctx.grad(), ctx.input(1)])), None]
    }
}

/// The elements of the first operand at the places of the maxima: the transpose of [`Scatter`].
struct Gather {
    windows: Windows,
    input: Shape,
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "max_pool_double_backward"
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=2
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        Ok(Output::New(x[1].shape_ref().clone(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let (x, places) = (x[0].contiguous(), x[1].contiguous());
        if places.numel() == 0 {
            return;
        }
        let axes = self.windows.axes(&self.input, places.shape());
        dispatch_float!(x.dtype(), T => {
            let (x, out) = (x.view::<T>(), out[0].slice());
            match places.dtype() {
                DType::U8 => pooling::gather(x.slice(), places.view::<u8>().slice(), &axes, out),
                _ => pooling::gather(x.slice(), places.view::<i64>().slice(), &axes, out),
            }
        });
    }

    fn saves(&self, _: Mask) -> Saves {
        Saves::inputs([1])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let back = Scatter { windows: self.windows, input: self.input.clone() };
        smallvec![Some(apply(back, &[ctx.grad(), ctx.input(1)])), None]
    }
}

/// The maxima alone.
#[track_caller]
pub(crate) fn values(name: &'static str, x: &Tensor, windows: Windows) -> Tensor {
    let places = (is_grad_enabled() && x.requires_grad()).then(|| {
        let small = windows.output(name, x).is_ok_and(|output| windows.most(x.shape(), &output) <= 256);
        if small { DType::U8 } else { DType::I64 }
    });
    apply(MaxPool { name, windows, places }, &[x])
}

/// The maxima and their places.
#[track_caller]
pub(crate) fn values_and_places(name: &'static str, x: &Tensor, windows: Windows) -> (Tensor, Tensor) {
    let outputs = unwrap(try_apply(MaxPool { name, windows, places: Some(DType::I64) }, &[x]));
    match &outputs[..] {
        [places, values] => (values.clone(), places.clone()),
        _ => unreachable!("two outputs"),
    }
}

fn windows<const N: usize>(kernel: [usize; N], options: MaxPoolOptions<N>) -> Windows {
    let MaxPoolOptions { stride, padding, dilation, ceil_mode } = options;
    Windows::sliding(kernel, stride, padding, dilation, ceil_mode)
}

impl Tensor {
    /// The largest element of each window that slides along the last dimension,
    /// yₒ = maxₖ x\[o · stride − padding + k · dilation\]. NaN is larger than all.
    ///
    /// Shapes: (N, C, L) or (C, L); of L become ⌊(L + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1, or
    /// ⌈…⌉ + 1 with `ceil_mode`, less a last window that starts in the padding.
    /// [`torch.nn.functional.max_pool1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html).
    ///
    /// # Panics
    /// If a window does not fit, the padding is more than half of one, a number is 0 that must not be, or of bools.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let x = tensor![[1.0, 3.0, 2.0, 0.0]];
    /// assert_eq!(x.max_pool1d(2, Default::default()).to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn max_pool1d(&self, kernel_size: usize, options: MaxPoolOptions<1>) -> Tensor {
        values("max_pool1d", self, windows([kernel_size], options))
    }

    /// [`max_pool1d`](Tensor::max_pool1d) and where the maxima are (`i64`), the first of equals.
    ///
    /// # Panics
    /// As `max_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (y, places) = tensor![[1.0, 3.0, 2.0, 0.0]].max_pool1d_with_indices(2, Default::default());
    /// assert_eq!((y.to_vec::<f32>(), places.to_vec::<i64>()), (vec![3.0, 2.0], vec![1, 2]));
    /// ```
    #[track_caller]
    pub fn max_pool1d_with_indices(
        &self,
        kernel_size: usize,
        options: MaxPoolOptions<1>,
    ) -> (Tensor, Tensor) {
        values_and_places("max_pool1d", self, windows([kernel_size], options))
    }

    /// The largest element of each window that slides over the last two dimensions; otherwise as
    /// [`max_pool1d`](Tensor::max_pool1d), for each dimension.
    ///
    /// Shapes: (N, C, H, W) or (C, H, W).
    /// [`torch.nn.functional.max_pool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html).
    ///
    /// # Panics
    /// As `max_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::{MaxPoolOptions, tensor};
    /// let x = tensor![[[1.0, 3.0, 2.0], [5.0, 0.0, 4.0]]];
    /// assert_eq!(x.max_pool2d(2, Default::default()).to_vec::<f32>(), [5.0]);
    /// let options = MaxPoolOptions { stride: Some([1, 1]), ..Default::default() };
    /// assert_eq!(x.max_pool2d((1, 2), options).to_vec::<f32>(), [3.0, 3.0, 5.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn max_pool2d(&self, kernel_size: impl Sizes<2>, options: MaxPoolOptions<2>) -> Tensor {
        values("max_pool2d", self, windows(kernel_size.sizes(), options))
    }

    /// [`max_pool2d`](Tensor::max_pool2d) and where the maxima are (`i64`): row · width + column, of the first of
    /// equals. [`max_unpool2d`](Tensor::max_unpool2d) puts them back.
    ///
    /// # Panics
    /// As `max_pool1d`.
    ///
    /// ```
    /// use flambeau_tensor::tensor;
    /// let (y, places) = tensor![[[1.0, 3.0], [5.0, 0.0]]].max_pool2d_with_indices(2, Default::default());
    /// assert_eq!((y.item::<f32>(), places.item::<i64>()), (5.0, 2));
    /// ```
    #[track_caller]
    pub fn max_pool2d_with_indices(
        &self,
        kernel_size: impl Sizes<2>,
        options: MaxPoolOptions<2>,
    ) -> (Tensor, Tensor) {
        values_and_places("max_pool2d", self, windows(kernel_size.sizes(), options))
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.max_pool1d", |a| call::<1>(a, "max_pool1d")),
    ("nn.functional.max_pool2d", |a| call::<2>(a, "max_pool2d")),
];

fn call<const N: usize>(a: &mut Args<'_>, name: &'static str) -> Result<Vec<Tensor>> {
    let (x, kernel): (Tensor, [usize; N]) = (a.get("input")?, a.get("kernel_size")?);
    let options = MaxPoolOptions {
        stride: stride(a)?,
        padding: a.or("padding", [0; N])?,
        dilation: a.or("dilation", [1; N])?,
        ceil_mode: a.or("ceil_mode", false)?,
    };
    if a.or("return_indices", false)? {
        return a.done(values_and_places(name, &x, windows(kernel, options)));
    }
    a.done(values(name, &x, windows(kernel, options)))
}

pub(crate) fn samples() -> Vec<Sample> {
    let low = || Tensor::full([1, 4, 4], f64::NEG_INFINITY);
    vec![
        sample("F.max_pool2d(x0, 2)", [distinct(0, &[2, 3, 4, 6])], |x| {
            x[0].max_pool2d(2, Default::default())
        }),
        sample("F.max_pool2d(x0, 2)", [distinct(1, &[1, 5, 37])], |x| x[0].max_pool2d(2, Default::default())),
        sample("F.max_pool2d(x0, 3, 1, 1)", [distinct(2, &[1, 2, 5, 6])], |x| {
            let options = MaxPoolOptions { stride: Some([1, 1]), padding: [1, 1], ..Default::default() };
            x[0].max_pool2d(3, options)
        }),
        sample(
            "F.max_pool2d(x0, (3, 2), (2, 3), (1, 0), (1, 2), ceil_mode=True, return_indices=True)",
            [distinct(3, &[2, 7, 8])],
            |x| {
                let options = MaxPoolOptions {
                    stride: Some([2, 3]),
                    padding: [1, 0],
                    dilation: [1, 2],
                    ceil_mode: true,
                };
                x[0].max_pool2d_with_indices((3, 2), options)
            },
        ),
        sample("F.max_pool2d(x0.transpose(1, 2), (1, 2), 1)", [distinct(4, &[2, 4, 3])], |x| {
            let options = MaxPoolOptions { stride: Some([1, 1]), ..Default::default() };
            x[0].transpose(1, 2).max_pool2d((1, 2), options)
        }),
        sample("F.max_pool2d(x0, 3, 2, ceil_mode=True)", [distinct(5, &[1, 2, 2])], |x| {
            let options = MaxPoolOptions { stride: Some([2, 2]), ceil_mode: true, ..Default::default() };
            x[0].max_pool2d(3, options)
        }),
        sample("F.max_pool2d(x0, 20, 1)", [distinct(6, &[1, 21, 20])], |x| {
            x[0].max_pool2d(20, MaxPoolOptions { stride: Some([1, 1]), ..Default::default() })
        }),
        sample("F.max_pool1d(x0, 3, 2, 1, 2, return_indices=True)", [distinct(7, &[2, 2, 40])], |x| {
            let options =
                MaxPoolOptions { stride: Some([2]), padding: [1], dilation: [2], ..Default::default() };
            x[0].max_pool1d_with_indices(3, options)
        }),
        sample("F.max_pool1d(x0, 3)", [distinct(8, &[2, 7])], |x| x[0].max_pool1d(3, Default::default())),
        sample("F.max_pool2d(x0, 2, return_indices=True)", [integers(9, 3, &[2, 4, 8])], |x| {
            x[0].max_pool2d_with_indices(2, Default::default())
        }),
        // Four of them become NaN.
        sample("F.max_pool2d(x0.sqrt(), 3, 1, return_indices=True)", [distinct(20, &[1, 6, 6])], |x| {
            let options = MaxPoolOptions { stride: Some([1, 1]), ..Default::default() };
            x[0].sqrt().max_pool2d_with_indices(3, options)
        })
        .not_smooth(),
        sample("F.max_pool2d(x0, 2, return_indices=True)", [low()], |x| {
            x[0].max_pool2d_with_indices(2, Default::default())
        })
        .not_smooth(),
        sample("F.max_pool2d(x0, 2)", [distinct(10, &[0, 2, 4, 4])], |x| {
            x[0].max_pool2d(2, Default::default())
        }),
    ]
}
