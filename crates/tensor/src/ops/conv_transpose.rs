//! Transposed convolution: conv_transpose1d, conv_transpose2d.

use super::conv::product::{Convolution, Part, check, convolve, pair};
use crate::door::{Args, Calls, FromValue};
use crate::op::unwrap;
use crate::testing::{Sample, normal, sample};
use crate::{Error, Result, Tensor};
use flambeau_kernels::conv;

/// Options of a transposed convolution over N spatial dimensions, with PyTorch's defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvTransposeOptions<const N: usize> {
    /// The step from window to window of the output; 1 by default.
    pub stride: [usize; N],
    /// How much is cut off the output on either side; 0 by default.
    pub padding: [usize; N],
    /// How much the output is longer at its end, less than stride or dilation; 0 by default. Several sizes of output
    /// belong to one size of input if the stride is above 1; this chooses.
    pub output_padding: [usize; N],
    /// Groups of channels, each convolved by itself; 1 by default.
    pub groups: usize,
    /// The distance of a window's positions; 1 by default.
    pub dilation: [usize; N],
}

impl<const N: usize> Default for ConvTransposeOptions<N> {
    fn default() -> Self {
        ConvTransposeOptions {
            stride: [1; N],
            padding: [0; N],
            output_padding: [0; N],
            groups: 1,
            dilation: [1; N],
        }
    }
}

/// Options of [`Tensor::conv_transpose1d`].
pub type ConvTranspose1dOptions = ConvTransposeOptions<1>;
/// Options of [`Tensor::conv_transpose2d`].
pub type ConvTranspose2dOptions = ConvTransposeOptions<2>;

#[track_caller]
fn conv_transpose<const N: usize>(
    op: &'static str,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvTransposeOptions<N>,
) -> Tensor {
    let shape = unwrap(geometry(op, input, weight, bias, options));
    convolve::<N>(Convolution { name: op, part: Part::Input, shape, relu: false }, input, weight, bias)
}

/// Of the convolution whose transpose it is: its input is our output.
fn geometry<const N: usize>(
    op: &'static str,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvTransposeOptions<N>,
) -> Result<conv::Shape> {
    let ConvTransposeOptions { stride, padding, output_padding, groups, dilation } = *options;
    let [batch, inputs, outputs] = check::<N>(op, true, groups, input, weight, bias)?;
    let (windows, kernel) = (&input.shape()[input.ndim() - N..], &weight.shape()[2..]);
    let mut image = [0; N];
    for d in 0..N {
        let (k, s, dil, extra) = (kernel[d], stride[d], dilation[d], output_padding[d]);
        if k == 0 || s == 0 || dil == 0 {
            return Err(Error::op(
                op,
                format!("kernel size {k}, stride {s} and dilation {dil}; each must be at least 1"),
            ));
        }
        if extra >= s.max(dil) {
            return Err(Error::op(
                op,
                format!("output padding {extra} must be below the stride {s} or the dilation {dil}"),
            ));
        }
        let last = (windows[d] - 1).checked_mul(s).zip((k - 1).checked_mul(dil));
        let full = last.and_then(|(a, b)| a.checked_add(b)?.checked_add(1)?.checked_add(extra));
        let size = full.and_then(|full| full.checked_sub(padding[d])?.checked_sub(padding[d]));
        image[d] = size.ok_or_else(|| {
            Error::op(
                op,
                format!(
                    "input size {}, kernel size {k}, stride {s}, dilation {dil} and padding {} leave no output; give a \
                     smaller padding",
                    windows[d], padding[d]
                ),
            )
        })?;
    }
    Ok(conv::Shape {
        batch,
        groups,
        inputs,
        outputs,
        input: pair::<N>(|d| image[d], 1),
        output: pair::<N>(|d| windows[d], 1),
        kernel: pair::<N>(|d| kernel[d], 1),
        stride: pair::<N>(|d| stride[d], 1),
        dilation: pair::<N>(|d| dilation[d], 1),
        padding: pair::<N>(|d| padding[d], 0),
    })
}

impl Tensor {
    /// Transposed convolution of signals, the gradient of [`conv1d`](Tensor::conv1d) with respect to its input: each
    /// number of the input adds a multiple of the window to the output, windows `stride` apart.
    ///
    /// Shapes: (N, C, L) or (C, L) with weight (C, O / groups, K) and bias (O) gives (N, O, L′) or (O, L′), where
    /// L′ = (L − 1) · stride − 2 · padding + dilation · (K − 1) + output_padding + 1. Integers wrap.
    /// [`torch.nn.functional.conv_transpose1d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html).
    ///
    /// # Panics
    /// If shapes or options do not fit each other, or the dtypes differ.
    ///
    /// ```
    /// use flambeau_tensor::{ConvTranspose1dOptions, tensor};
    /// let (x, weight) = (tensor![[[1.0, 2.0]]], tensor![[[1.0, 1.0, 0.5]]]);
    /// let options = ConvTranspose1dOptions { stride: [2], ..Default::default() };
    /// assert_eq!(x.conv_transpose1d(&weight, None, options).to_vec::<f32>(), [1.0, 1.0, 2.5, 2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn conv_transpose1d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: ConvTranspose1dOptions,
    ) -> Tensor {
        conv_transpose("conv_transpose1d", self, weight, bias, &options)
    }

    /// Transposed convolution of images: [`conv_transpose1d`](Tensor::conv_transpose1d) in two dimensions.
    ///
    /// Shapes: (N, C, H, W) or (C, H, W) with weight (C, O / groups, KH, KW) and bias (O) gives (N, O, H′, W′) or
    /// (O, H′, W′); each size as in `conv_transpose1d`.
    /// [`torch.nn.functional.conv_transpose2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html);
    /// Zeiler et al. 2010, <https://doi.org/10.1109/CVPR.2010.5539957>.
    ///
    /// # Panics
    /// If shapes or options do not fit each other, or the dtypes differ.
    ///
    /// ```
    /// use flambeau_tensor::{ConvTranspose2dOptions, Tensor};
    /// let (x, weight) = (Tensor::randn([8, 16, 14, 14]), Tensor::randn([16, 4, 3, 3]));
    /// let double = ConvTranspose2dOptions {
    ///     stride: [2, 2],
    ///     padding: [1, 1],
    ///     output_padding: [1, 1],
    ///     ..Default::default()
    /// };
    /// assert_eq!(x.conv_transpose2d(&weight, None, double).shape(), [8, 4, 28, 28]);
    /// ```
    #[track_caller]
    pub fn conv_transpose2d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: ConvTranspose2dOptions,
    ) -> Tensor {
        conv_transpose("conv_transpose2d", self, weight, bias, &options)
    }
}

fn call<const N: usize>(
    a: &mut Args<'_>,
    f: fn(&Tensor, &Tensor, Option<&Tensor>, ConvTransposeOptions<N>) -> Tensor,
) -> Result<Vec<Tensor>>
where
    [usize; N]: for<'a> FromValue<'a>,
{
    let (x, weight, bias): (Tensor, Tensor, Option<Tensor>) =
        (a.get("input")?, a.get("weight")?, a.opt("bias")?);
    let (stride, padding) = (a.or("stride", [1; N])?, a.or("padding", [0; N])?);
    let (output_padding, groups) = (a.or("output_padding", [0; N])?, a.or("groups", 1)?);
    let dilation = a.or("dilation", [1; N])?;
    let options = ConvTransposeOptions { stride, padding, output_padding, groups, dilation };
    a.done(f(&x, &weight, bias.as_ref(), options))
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.conv_transpose1d", |a| call(a, Tensor::conv_transpose1d)),
    ("nn.functional.conv_transpose2d", |a| call(a, Tensor::conv_transpose2d)),
];

pub(crate) fn samples() -> Vec<Sample> {
    let one =
        |options: ConvTranspose1dOptions| move |x: &[Tensor]| x[0].conv_transpose1d(&x[1], x.get(2), options);
    let two =
        |options: ConvTranspose2dOptions| move |x: &[Tensor]| x[0].conv_transpose2d(&x[1], x.get(2), options);
    let three = |x: &[usize], w: &[usize], outputs| [normal(0, x), normal(1, w), normal(2, &[outputs])];
    let couple = |x: &[usize], w: &[usize]| [normal(3, x), normal(4, w)];
    vec![
        sample("F.conv_transpose1d(x0, x1, x2)", three(&[2, 3, 4], &[3, 2, 3], 2), one(Default::default())),
        sample(
            "F.conv_transpose1d(x0, x1, stride=3, padding=1, output_padding=2, groups=2, dilation=2)",
            couple(&[4, 3], &[4, 1, 2]),
            one(ConvTranspose1dOptions {
                stride: [3],
                padding: [1],
                output_padding: [2],
                groups: 2,
                dilation: [2],
            }),
        ),
        sample(
            "F.conv_transpose2d(x0, x1, x2)",
            three(&[2, 2, 3, 2], &[2, 3, 3, 5], 3),
            two(Default::default()),
        ),
        sample(
            "F.conv_transpose2d(x0, x1, x2, stride=2, padding=(1, 0), output_padding=1)",
            three(&[2, 3, 2, 3], &[3, 2, 3, 2], 2),
            two(ConvTranspose2dOptions {
                stride: [2, 2],
                padding: [1, 0],
                output_padding: [1, 1],
                ..Default::default()
            }),
        ),
        sample(
            "F.conv_transpose2d(x0, x1, x2, groups=2, dilation=(2, 1), output_padding=(1, 0))",
            three(&[4, 2, 2], &[4, 3, 2, 2], 6),
            two(ConvTranspose2dOptions {
                groups: 2,
                dilation: [2, 1],
                output_padding: [1, 0],
                ..Default::default()
            }),
        ),
        sample(
            "F.conv_transpose2d(x0, x1, groups=3)",
            couple(&[2, 3, 3, 3], &[3, 1, 2, 2]),
            two(ConvTranspose2dOptions { groups: 3, ..Default::default() }),
        ),
        sample(
            "F.conv_transpose2d(x0.transpose(0, 1), x1, padding=1)",
            couple(&[5, 2, 1, 1], &[5, 1, 3, 3]),
            |x| {
                let options = ConvTranspose2dOptions { padding: [1, 1], ..Default::default() };
                x[0].transpose(0, 1).conv_transpose2d(&x[1], None, options)
            },
        ),
    ]
}
