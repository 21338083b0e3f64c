//! Convolution: conv1d, conv2d.

mod options;
pub(super) mod product;

pub use options::{Conv1dOptions, Conv2dOptions, ConvOptions, Padding};

use crate::door::{Args, Calls, FromValue};
use crate::op::unwrap;
use crate::testing::{Sample, normal, sample};
use crate::window::Slide;
use crate::{Error, Result, Tensor};
use flambeau_kernels::conv;
use product::{Convolution, Part, check, convolve, pair};

#[track_caller]
fn conv<const N: usize>(
    op: &'static str,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<N>,
    relu: bool,
) -> Tensor {
    let shape = unwrap(geometry(op, input, weight, bias, options));
    convolve::<N>(Convolution { name: op, part: Part::Output, shape, relu }, input, weight, bias)
}

fn geometry<const N: usize>(
    op: &'static str,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions<N>,
) -> Result<conv::Shape> {
    let ConvOptions { stride, padding, dilation, groups } = *options;
    let [batch, inputs, outputs] = check::<N>(op, false, groups, input, weight, bias)?;
    let (image, kernel) = (&input.shape()[input.ndim() - N..], &weight.shape()[2..]);
    if padding == Padding::Same && stride != [1; N] {
        return Err(Error::op(op, format!("padding 'same' with stride {stride:?}; it takes stride 1")));
    }
    let (mut output, mut before) = ([1; N], [0; N]);
    for d in 0..N {
        let sides = padding.sides(d, kernel[d], dilation[d]);
        let slide = Slide { kernel: kernel[d], stride: stride[d], dilation: dilation[d], padding: sides };
        (output[d], before[d]) = (slide.count(op, image[d], false)?, sides[0]);
    }
    Ok(conv::Shape {
        batch,
        groups,
        inputs,
        outputs,
        input: pair::<N>(|d| image[d], 1),
        output: pair::<N>(|d| output[d], 1),
        kernel: pair::<N>(|d| kernel[d], 1),
        stride: pair::<N>(|d| stride[d], 1),
        dilation: pair::<N>(|d| dilation[d], 1),
        padding: pair::<N>(|d| before[d], 0),
    })
}

impl Tensor {
    /// Convolution of signals: y\[b, o, l\] = bias\[o\] + Σ weight\[o, c, k\] · x\[b, c, l · stride + k · dilation − padding\],
    /// summed over the channels c of o's group and the positions k of the window. (As everywhere in deep learning,
    /// the window is not reversed.)
    ///
    /// Shapes: (N, C, L) or (C, L) with weight (O, C / groups, K) and bias (O) gives (N, O, L′) or (O, L′), where
    /// L′ = ⌊(L + 2 · padding − dilation · (K − 1) − 1) / stride⌋ + 1. Integers wrap.
    /// [`torch.nn.functional.conv1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html).
    ///
    /// # Panics
    /// If shapes or options do not fit each other, or the dtypes differ.
    ///
    /// ```
    /// use flambeau_tensor::{Conv1dOptions, Padding, tensor};
    /// let (x, difference) = (tensor![[[1.0, 4.0, 9.0, 16.0]]], tensor![[[-1.0, 1.0]]]);
    /// assert_eq!(x.conv1d(&difference, None, Default::default()).to_vec::<f32>(), [3.0, 5.0, 7.0]);
    /// let same = Conv1dOptions { padding: Padding::Same, ..Default::default() };
    /// assert_eq!(x.conv1d(&difference, None, same).to_vec::<f32>(), [3.0, 5.0, 7.0, -16.0]);
    /// ```
    #[track_caller]
    pub fn conv1d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv1dOptions) -> Tensor {
        conv("conv1d", self, weight, bias, &options, false)
    }

    /// Convolution of images: [`conv1d`](Tensor::conv1d) in two dimensions.
    ///
    /// Shapes: (N, C, H, W) or (C, H, W) with weight (O, C / groups, KH, KW) and bias (O) gives (N, O, H′, W′) or
    /// (O, H′, W′); each size as in `conv1d`.
    /// [`torch.nn.functional.conv2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html);
    /// LeCun et al. 1989, <https://doi.org/10.1162/neco.1989.1.4.541>; "A guide to convolution arithmetic",
    /// <https://arxiv.org/abs/1603.07285>.
    ///
    /// Kernels of 3×3 over 16 channels and more are computed in `f32` by Winograd's F(4×4, 3×3) (Lavin and Gray 2015,
    /// <https://arxiv.org/abs/1509.09308>), which is off by less than 2·10⁻⁵ of the largest element and, unlike PyTorch,
    /// lets a NaN or infinity reach the 4×4 outputs around it.
    ///
    /// # Panics
    /// If shapes or options do not fit each other, or the dtypes differ.
    ///
    /// ```
    /// use flambeau_tensor::{Conv2dOptions, Tensor};
    /// let (x, weight, bias) = (Tensor::randn([8, 3, 32, 32]), Tensor::randn([16, 3, 3, 5]), Tensor::zeros([16]));
    /// let options = Conv2dOptions { stride: [2, 2], padding: [1, 2].into(), ..Default::default() };
    /// assert_eq!(x.conv2d(&weight, Some(&bias), options).shape(), [8, 16, 16, 16]);
    /// ```
    #[track_caller]
    pub fn conv2d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv2dOptions) -> Tensor {
        conv("conv2d", self, weight, bias, &options, false)
    }

    /// `self.conv1d(weight, bias, options).relu()` in one pass.
    #[doc(hidden)]
    #[track_caller]
    pub fn conv1d_relu(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv1dOptions) -> Tensor {
        conv("conv1d", self, weight, bias, &options, true)
    }

    /// `self.conv2d(weight, bias, options).relu()` in one pass.
    #[doc(hidden)]
    #[track_caller]
    pub fn conv2d_relu(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv2dOptions) -> Tensor {
        conv("conv2d", self, weight, bias, &options, true)
    }
}

fn call<const N: usize>(
    a: &mut Args<'_>,
    f: fn(&Tensor, &Tensor, Option<&Tensor>, ConvOptions<N>) -> Tensor,
) -> Result<Vec<Tensor>>
where
    Padding<N>: for<'a> FromValue<'a>,
{
    let (x, weight, bias): (Tensor, Tensor, Option<Tensor>) =
        (a.get("input")?, a.get("weight")?, a.opt("bias")?);
    let (stride, padding) = (a.or("stride", [1; N])?, a.or("padding", Padding::default())?);
    let (dilation, groups) = (a.or("dilation", [1; N])?, a.or("groups", 1)?);
    a.done(f(&x, &weight, bias.as_ref(), ConvOptions { stride, padding, dilation, groups }))
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.conv1d", |a| call(a, Tensor::conv1d)),
    ("nn.functional.conv2d", |a| call(a, Tensor::conv2d)),
];

pub(crate) fn samples() -> Vec<Sample> {
    let one = |f: fn(&mut Conv1dOptions)| {
        let mut options = Conv1dOptions::default();
        f(&mut options);
        move |x: &[Tensor]| x[0].conv1d(&x[1], x.get(2), options)
    };
    let two = |f: fn(&mut Conv2dOptions)| {
        let mut options = Conv2dOptions::default();
        f(&mut options);
        move |x: &[Tensor]| x[0].conv2d(&x[1], x.get(2), options)
    };
    let three = |x: &[usize], w: &[usize]| [normal(0, x), normal(1, w), normal(2, &[w[0]])];
    let couple = |x: &[usize], w: &[usize]| [normal(3, x), normal(4, w)];
    vec![
        sample("F.conv1d(x0, x1, x2)", three(&[2, 3, 5], &[4, 3, 3]), one(|_| ())),
        sample(
            "F.conv1d(x0, x1, stride=2, padding=1, dilation=2, groups=2)",
            couple(&[2, 4, 7], &[4, 2, 2]),
            one(|o| {
                *o = Conv1dOptions { stride: [2], padding: 1.into(), dilation: [2], groups: 2 };
            }),
        ),
        sample(
            "F.conv1d(x0, x1, x2, padding='same')",
            three(&[2, 5], &[3, 2, 4]),
            one(|o| o.padding = Padding::Same),
        ),
        sample("F.conv2d(x0, x1, x2)", three(&[2, 2, 4, 5], &[3, 2, 2, 3]), two(|_| ())),
        sample(
            "F.conv2d(x0, x1, x2, stride=2, padding=(1, 2))",
            three(&[1, 3, 5, 4], &[2, 3, 3, 5]),
            two(|o| {
                (o.stride, o.padding) = ([2, 2], (1, 2).into());
            }),
        ),
        sample(
            "F.conv2d(x0, x1, padding='same', dilation=(1, 3))",
            couple(&[2, 4, 5], &[3, 2, 2, 4]),
            two(|o| {
                (o.padding, o.dilation) = (Padding::Same, [1, 3]);
            }),
        ),
        sample(
            "F.conv2d(x0, x1, x2, padding='valid', groups=2)",
            three(&[2, 4, 3, 3], &[4, 2, 2, 2]),
            two(|o| {
                (o.padding, o.groups) = (Padding::Valid, 2);
            }),
        ),
        sample(
            "F.conv2d(x0, x1, x2, groups=3, stride=(2, 1))",
            three(&[2, 3, 5, 4], &[6, 1, 3, 2]),
            two(|o| {
                (o.groups, o.stride) = (3, [2, 1]);
            }),
        ),
        sample(
            "F.conv2d(F.pad(x0, (1, 2, 0, 1)), x1)",
            couple(&[1, 2, 3, 3], &[3, 2, 3, 3]),
            two(|o| {
                o.padding = Padding::Sides([[0, 1], [1, 2]]);
            }),
        ),
        sample("F.conv2d(x0, x1, x2)", three(&[3, 3, 2, 4], &[5, 3, 1, 1]), two(|_| ())),
        sample(
            "F.conv2d(x0.transpose(1, 3), x1.transpose(2, 3))",
            couple(&[1, 4, 3, 3], &[2, 3, 2, 3]),
            |x| x[0].transpose(1, 3).conv2d(&x[1].transpose(2, 3), None, Default::default()),
        ),
        sample("F.conv2d(x0, x1, x2)", three(&[0, 3, 4, 4], &[2, 3, 2, 2]), two(|_| ())),
        sample("F.relu(F.conv2d(x0, x1, x2, padding=1))", three(&[2, 3, 4, 5], &[2, 3, 3, 3]), |x| {
            let options = Conv2dOptions { padding: 1.into(), ..Default::default() };
            x[0].conv2d_relu(&x[1], Some(&x[2]), options)
        }),
        sample("F.relu(F.conv1d(x0.mT, x1))", couple(&[2, 6, 3], &[4, 3, 2]), |x| {
            x[0].transpose(-1, -2).conv1d_relu(&x[1], None, Default::default())
        }),
    ]
}
