//! The op behind all convolutions and their gradients.

use crate::autograd::{Context, Gradients};
use crate::op::{Fresh, Mask, Op, Output, Saves, apply};
use crate::ops::relu::relu_gradient;
use crate::{DType, Error, Result, Tensor};
use flambeau_kernels::{conv, dispatch_all, dispatch_float};
use smallvec::SmallVec;

/// Which of the three products of a convolution y = x ⋆ w. Each is linear in two of x, w and y and gives the third, so
/// that the gradients of one are the other two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) enum Part {
    /// Of x and w, and perhaps a bias.
    Output,
    /// Of y and w, and perhaps a bias: a transposed convolution.
    Input,
    /// Of x and y.
    Weight,
}

/// One of the products, of images with two spatial dimensions.
pub(in crate::ops) struct Convolution {
    pub(in crate::ops) name: &'static str,
    pub(in crate::ops) part: Part,
    pub(in crate::ops) shape: conv::Shape,
    /// Whether `relu` follows, in the same pass; of an output alone.
    pub(in crate::ops) relu: bool,
}

impl Convolution {
    fn other(&self, part: Part, x: &Tensor, y: &Tensor) -> Tensor {
        apply(Convolution { name: "convolution_backward", part, shape: self.shape, relu: false }, &[x, y])
    }
}

impl Op for Convolution {
    fn name(&self) -> &'static str {
        self.name
    }

    fn arity(&self) -> std::ops::RangeInclusive<usize> {
        2..=3
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let conv::Shape { batch, groups, inputs, outputs, input, output, kernel, .. } = self.shape;
        let shape = match self.part {
            Part::Output => [batch, groups * outputs, output[0], output[1]],
            Part::Input => [batch, groups * inputs, input[0], input[1]],
            Part::Weight => [groups * outputs, inputs, kernel[0], kernel[1]],
        };
        Ok(Output::New(shape.into(), x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let x: SmallVec<[Tensor; 3]> = x.iter().map(|x| x.contiguous()).collect();
        if self.part == Part::Weight {
            // Only for a gradient.
            dispatch_float!(x[0].dtype(), T => {
                conv::weight_gradient(&self.shape, &x[0].view::<T>(), &x[1].view::<T>(), out[0].slice());
            });
            return;
        }
        dispatch_all!(x[0].dtype(), T => {
            let (a, b, bias) = (x[0].view::<T>(), x[1].view::<T>(), x.get(2).map(|bias| bias.view::<T>()));
            let (bias, out) = (bias.as_ref().map(|bias| bias.slice()), out[0].slice());
            if self.part == Part::Output {
                conv::forward(&self.shape, &a, &b, bias, self.relu, out);
            } else {
                conv::input_gradient(&self.shape, &a, &b, bias, out);
            }
        });
    }

    fn saves(&self, needs: Mask) -> Saves {
        let saves = if self.relu { Saves::OUTPUT } else { Saves::NONE };
        saves.input_if(needs.has(0), [1]).input_if(needs.has(1), [0])
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        // Once for both, where it is a view.
        let g = &if self.relu { relu_gradient(ctx.grad(), &ctx.output()) } else { ctx.grad().contiguous() };
        let gradient = |i| match (self.part, i) {
            (_, 2) => g.sum_dim([0, 2, 3], false),
            (Part::Output, 0) => self.other(Part::Input, g, ctx.input(1)),
            (Part::Output, _) => self.other(Part::Weight, ctx.input(0), g),
            (Part::Input, 0) => self.other(Part::Output, g, ctx.input(1)),
            (Part::Input, _) => self.other(Part::Weight, g, ctx.input(0)),
            (Part::Weight, 0) => self.other(Part::Input, ctx.input(1), g),
            (Part::Weight, _) => self.other(Part::Output, ctx.input(0), g),
        };
        (0..ctx.input_count()).map(|i| ctx.needs(i).then(|| gradient(i))).collect()
    }
}

/// What all convolutions over N dimensions ask of their operands. The weight is (y, x / groups, kernel…), the input
/// has x channels, or y if transposed. Gives batch, x / groups and y / groups.
pub(in crate::ops) fn check<const N: usize>(
    op: &'static str,
    transposed: bool,
    groups: usize,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<[usize; 3]> {
    let fail = |message: &str| {
        let bias = bias.map_or(String::new(), |bias| format!(", bias {:?}", bias.shape()));
        let (x, w) = (input.shape(), weight.shape());
        Err(Error::op(op, format!("input {x:?}, weight {w:?}{bias}, groups {groups}: {message}")))
    };
    let (x, w) = (input.shape(), weight.shape());
    if x.len() != N + 1 && x.len() != N + 2 {
        let sizes = ["length", "height, width"][usize::from(N > 1)];
        return fail(&format!(
            "the input must be (batch, channels, {sizes}) or (channels, {sizes}); use reshape"
        ));
    }
    if w.len() != N + 2 {
        return fail("the weight must have as many dimensions as a batched input");
    }
    if groups == 0 || w[0] == 0 || !w[0].is_multiple_of(groups) {
        return fail("the weight's first size must be a positive multiple of groups");
    }
    let (channels, fits) = (x[x.len() - N - 1], "the input's channels must be");
    if transposed && channels != w[0] {
        return fail(&format!("{fits} the weight's first size"));
    }
    if !transposed && Some(channels) != w[1].checked_mul(groups) {
        return fail(&format!("{fits} the weight's second size times groups"));
    }
    let outputs = if transposed { w[1].checked_mul(groups) } else { Some(w[0]) };
    if bias.is_some_and(|bias| bias.ndim() != 1 || Some(bias.numel()) != outputs) {
        return fail("the bias must have one number for each channel of the output");
    }
    if x[x.len() - N..].contains(&0) {
        return fail("the input has no pixels");
    }
    let dtypes: Vec<_> = [Some(input), Some(weight), bias].into_iter().flatten().map(Tensor::dtype).collect();
    if dtypes.contains(&DType::Bool) || dtypes.iter().any(|dtype| *dtype != dtypes[0]) {
        return Err(Error::op(
            op,
            format!("dtypes {dtypes:?}; all must be the same, and not bool: use to_dtype"),
        ));
    }
    let batch = if x.len() == N + 2 { x[0] } else { 1 };
    Ok([batch, w[1], w[0] / groups])
}

/// N numbers for two dimensions; a signal is an image of height 1.
pub(in crate::ops) fn pair<const N: usize>(numbers: impl Fn(usize) -> usize, height: usize) -> [usize; 2] {
    if N == 1 { [height, numbers(0)] } else { [numbers(0), numbers(1)] }
}

/// Runs a product of a convolution over N dimensions on a batch of images or a single one.
#[track_caller]
pub(in crate::ops) fn convolve<const N: usize>(
    op: Convolution,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Tensor {
    let single = input.ndim() == N + 1;
    let flat = |x: &Tensor| if N == 1 { x.unsqueeze(-2) } else { x.clone() };
    let x = flat(&if single { input.unsqueeze(0) } else { input.clone() });
    let weight = &flat(weight);
    let y = match bias {
        Some(bias) => apply(op, &[&x, weight, bias]),
        None => apply(op, &[&x, weight]),
    };
    let y = if N == 1 { y.squeeze(-2) } else { y };
    if single { y.squeeze(0) } else { y }
}
