//! Windows of images as columns of a matrix, and back: im2col and col2im.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, unwrap};
use crate::shape::Shape;
use crate::testing::{Sample, normal, sample};
use crate::window::{Sizes, Slide};
use crate::{Error, Result, Tensor};
use flambeau_kernels::{conv, dispatch_all};
use smallvec::smallvec;

/// How windows slide over images, with PyTorch's defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnfoldOptions {
    /// The distance of a window's positions; 1 by default.
    pub dilation: [usize; 2],
    /// Zeros on either side of the image; 0 by default.
    pub padding: [usize; 2],
    /// The step from window to window; 1 by default.
    pub stride: [usize; 2],
}

impl Default for UnfoldOptions {
    fn default() -> Self {
        UnfoldOptions { dilation: [1, 1], padding: [0, 0], stride: [1, 1] }
    }
}

/// Either direction, between (N, C, H, W) and (N, C · KH · KW, L). Each is the other's gradient.
struct Im2col {
    back: bool,
    shape: conv::Shape,
}

impl Op for Im2col {
    fn name(&self) -> &'static str {
        if self.back { "fold" } else { "unfold" }
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let conv::Shape { batch, inputs, input: [h, w], .. } = self.shape;
        let images = || Shape::from([batch, inputs, h, w]);
        let matrix = || Shape::from([batch, self.rows(), self.windows()]);
        Ok(Output::New(if self.back { images() } else { matrix() }, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x = x[0].contiguous();
        dispatch_all!(x.dtype(), T => match self.back {
            true => conv::fold::<T>(&self.shape, &x.view::<T>(), out[0].slice()),
            false => conv::unfold::<T>(&self.shape, &x.view::<T>(), out[0].slice()),
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        smallvec![Some(apply(Im2col { back: !self.back, shape: self.shape }, &[ctx.grad()]))]
    }
}

impl Im2col {
    fn new(
        back: bool,
        [batch, channels]: [usize; 2],
        image: [usize; 2],
        kernel: [usize; 2],
        options: &UnfoldOptions,
    ) -> Result<Im2col> {
        let UnfoldOptions { dilation, padding, stride } = *options;
        let mut shape = conv::Shape {
            batch,
            groups: 1,
            inputs: channels,
            outputs: 1,
            input: image,
            output: [1, 1],
            kernel,
            stride,
            dilation,
            padding,
        };
        let op = Im2col { back, shape }.name();
        for d in 0..2 {
            let padding = [padding[d]; 2];
            let slide = Slide { kernel: kernel[d], stride: stride[d], dilation: dilation[d], padding };
            shape.output[d] = slide.count(op, image[d], false)?;
        }
        Ok(Im2col { back, shape })
    }

    /// The numbers of a window. Saturates, as memory for so many is then refused.
    fn rows(&self) -> usize {
        let conv::Shape { inputs, kernel: [h, w], .. } = self.shape;
        inputs.saturating_mul(h).saturating_mul(w)
    }

    fn windows(&self) -> usize {
        self.shape.output[0].saturating_mul(self.shape.output[1])
    }
}

fn unfold(x: &Tensor, kernel: [usize; 2], options: &UnfoldOptions) -> Result<Im2col> {
    match *x.shape() {
        [batch, channels, h, w] if channels > 0 && h > 0 && w > 0 => {
            Im2col::new(false, [batch, channels], [h, w], kernel, options)
        }
        _ => Err(Error::op(
            "unfold",
            format!(
                "input {:?}; it must be (batch, channels, height, width) or (channels, height, width), of which only \
                 the batch may be empty",
                x.shape()
            ),
        )),
    }
}

fn fold(x: &Tensor, image: [usize; 2], kernel: [usize; 2], options: &UnfoldOptions) -> Result<Im2col> {
    let taps = kernel[0].saturating_mul(kernel[1]).max(1);
    let &[batch, rows, columns] = x.shape() else {
        let shape = x.shape();
        return Err(Error::op(
            "fold",
            format!(
                "input {shape:?}; it must be (batch, channels · kernel, windows) or (channels · kernel, windows)"
            ),
        ));
    };
    let op = Im2col::new(true, [batch, rows / taps], image, kernel, options)?;
    if rows == 0 || op.rows() != rows || op.windows() != columns || image.contains(&0) {
        return Err(Error::op(
            "fold",
            format!(
                "input {:?} for images {image:?}; windows {kernel:?} need a multiple of {taps} rows, and there are {} · {} \
                 windows, one for each column",
                x.shape(),
                op.shape.output[0],
                op.shape.output[1]
            ),
        ));
    }
    Ok(op)
}

impl Tensor {
    /// The windows of images as columns (im2col), `torch.nn.functional.unfold`: column l holds window l, channel by
    /// channel, so that a convolution is the matrix product of its weight with them. ([`Tensor::unfold`] is the
    /// window along one dimension.)
    ///
    /// Shapes: (N, C, H, W) or (C, H, W) gives (N, C · KH · KW, L) or (C · KH · KW, L), where
    /// L = Π ⌊(size + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1.
    /// [`torch.nn.functional.unfold`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.unfold.html).
    ///
    /// # Panics
    /// If the shape is none of these, or a window does not fit.
    ///
    /// ```
    /// use flambeau_tensor::{Tensor, UnfoldOptions};
    /// let (x, weight) = (Tensor::randn([2, 3, 10, 12]), Tensor::randn([6, 3, 4, 5]));
    /// let columns = x.im2col((4, 5), UnfoldOptions::default());
    /// assert_eq!(columns.shape(), [2, 60, 56]);
    /// let y = weight.flatten(1, -1).matmul(&columns).reshape([2, 6, 7, 8]);
    /// assert!((y - x.conv2d(&weight, None, Default::default())).abs().max().item::<f32>() < 1e-4);
    /// ```
    #[track_caller]
    pub fn im2col(&self, kernel_size: impl Sizes<2>, options: UnfoldOptions) -> Tensor {
        let single = self.ndim() == 3;
        let x = if single { self.unsqueeze(0) } else { self.clone() };
        let y = apply(unwrap(unfold(&x, kernel_size.sizes(), &options)), &[&x]);
        if single { y.squeeze(0) } else { y }
    }

    /// Images from their windows (col2im), `torch.nn.functional.fold`: what [`im2col`](Tensor::im2col) put into a
    /// column goes back to its place, and adds up where windows overlap.
    ///
    /// Shapes: (N, C · KH · KW, L) or (C · KH · KW, L) gives (N, C, H, W) or (C, H, W), where (H, W) is `output_size`.
    /// [`torch.nn.functional.fold`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.fold.html).
    ///
    /// # Panics
    /// If rows and columns do not fit the windows of such an image.
    ///
    /// ```
    /// use flambeau_tensor::Tensor;
    /// let columns = Tensor::ones([1, 3, 3]).im2col(2, Default::default());
    /// let counts = columns.col2im(3, 2, Default::default());
    /// assert_eq!(counts.to_vec::<f32>(), [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]);
    /// ```
    #[track_caller]
    pub fn col2im(
        &self,
        output_size: impl Sizes<2>,
        kernel_size: impl Sizes<2>,
        options: UnfoldOptions,
    ) -> Tensor {
        let single = self.ndim() == 2;
        let x = if single { self.unsqueeze(0) } else { self.clone() };
        let y = apply(unwrap(fold(&x, output_size.sizes(), kernel_size.sizes(), &options)), &[&x]);
        if single { y.squeeze(0) } else { y }
    }
}

pub(crate) const CALLS: Calls = &[
    ("nn.functional.unfold", |a| {
        let (x, kernel): (Tensor, [usize; 2]) = (a.get("input")?, a.get("kernel_size")?);
        let (dilation, padding, stride) =
            (a.or("dilation", [1; 2])?, a.or("padding", [0; 2])?, a.or("stride", [1; 2])?);
        a.done(x.im2col(kernel, UnfoldOptions { dilation, padding, stride }))
    }),
    ("nn.functional.fold", |a| {
        let (x, size): (Tensor, [usize; 2]) = (a.get("input")?, a.get("output_size")?);
        let kernel: [usize; 2] = a.get("kernel_size")?;
        let (dilation, padding, stride) =
            (a.or("dilation", [1; 2])?, a.or("padding", [0; 2])?, a.or("stride", [1; 2])?);
        a.done(x.col2im(size, kernel, UnfoldOptions { dilation, padding, stride }))
    }),
];

pub(crate) fn samples() -> Vec<Sample> {
    let options = UnfoldOptions { dilation: [1, 2], padding: [1, 2], stride: [2, 1] };
    vec![
        sample("F.unfold(x0, 2)", [normal(0, &[2, 2, 3, 4])], |x| x[0].im2col(2, Default::default())),
        sample(
            "F.unfold(x0, (3, 2), dilation=(1, 2), padding=(1, 2), stride=(2, 1))",
            [normal(1, &[2, 4, 3])],
            move |x| x[0].im2col((3, 2), options),
        ),
        sample("F.unfold(x0.transpose(1, 2), 2)", [normal(2, &[1, 3, 2, 3])], |x| {
            x[0].transpose(1, 2).im2col(2, Default::default())
        }),
        sample("F.fold(x0, (3, 4), 2)", [normal(3, &[2, 8, 6])], |x| {
            x[0].col2im((3, 4), 2, Default::default())
        }),
        sample(
            "F.fold(x0, (4, 3), (3, 2), dilation=(1, 2), padding=(1, 2), stride=(2, 1))",
            [normal(4, &[6, 10])],
            move |x| x[0].col2im((4, 3), (3, 2), options),
        ),
        sample("F.unfold(x0, 2)", [normal(5, &[0, 2, 3, 3])], |x| x[0].im2col(2, Default::default())),
    ]
}
