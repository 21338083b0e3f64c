//! Padding at the ends of dimensions.

use crate::autograd::{Context, Gradients};
use crate::door::Calls;
use crate::op::{Fresh, Op, Output, apply, ensure, unwrap};
use crate::resample::{Rule, along};
use crate::shape::Shape;
use crate::testing::{Sample, integers, normal, sample};
use crate::{Element, Error, Result, Tensor};
use flambeau_kernels::resample::Taps;
use flambeau_kernels::strided::{GRAIN, copy_into};
use flambeau_kernels::{dispatch_all, pool};
use smallvec::smallvec;

/// What [`Tensor::pad`] adds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum PadMode {
    /// A value, for any number of dimensions.
    Constant(f64),
    /// The elements mirrored at the outermost, which is not repeated: c b | a b c | b a.
    Reflect,
    /// The outermost element again and again: a a | a b c | c c.
    Replicate,
    /// The elements of the other end: b c | a b c | a b.
    Circular,
}

impl Default for PadMode {
    /// Zeros.
    fn default() -> Self {
        PadMode::Constant(0.0)
    }
}

/// `torch.constant_pad_nd`: so many positions before and after each dimension, fewer than none where negative.
struct ConstantPad {
    pads: Vec<(isize, isize)>,
    value: f64,
}

/// A dimension's size with padding, if it can be.
fn padded(size: usize, (before, after): (isize, isize)) -> Option<usize> {
    let cropped = size.checked_sub(before.min(0).unsigned_abs())?.checked_sub(after.min(0).unsigned_abs())?;
    cropped.checked_add(before.max(0).unsigned_abs())?.checked_add(after.max(0).unsigned_abs())
}

/// The size of dimension `dim` with padding.
fn size_with(x: &Tensor, dim: usize, pad: (isize, isize)) -> Result<usize> {
    padded(x.shape()[dim], pad).ok_or_else(|| {
        let (shape, (before, after)) = (x.shape(), pad);
        let why = format!(
            "{before} before and {after} after dimension {dim} of shape {shape:?}: negative padding crops, and not more \
             than there is"
        );
        Error::op("pad", why)
    })
}

/// Without the positions that negative padding crops.
#[track_caller]
fn crop(x: &Tensor, dim: usize, (before, after): (isize, isize)) -> Tensor {
    let (before, after) = (before.min(0), after.min(0));
    if (before, after) == (0, 0) {
        return x.clone();
    }
    let size = unwrap(size_with(x, dim, (before, after)));
    x.narrow(dim as isize, before.unsigned_abs(), size)
}

impl Op for ConstantPad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn output(&self, x: &[&Tensor]) -> Result<Output> {
        let sizes = self.pads.iter().enumerate().map(|(dim, &pad)| size_with(x[0], dim, pad));
        Ok(Output::New(sizes.collect::<Result<Shape>>()?, x[0].dtype()))
    }

    fn cpu(&self, x: &[&Tensor], out: &mut [Fresh]) {
        let core = self.pads.iter().enumerate().fold(x[0].clone(), |x, (dim, &pad)| crop(&x, dim, pad));
        let strides = out[0].shape().strides();
        let offset: usize =
            self.pads.iter().zip(strides.iter()).map(|(pad, step)| pad.0.max(0) as usize * step).sum();
        // Parts of the first dimension, if that is not padded itself, are tasks.
        let step = strides.first().map_or(1, |&step| step.max(1));
        let parts = self.pads.first().is_some_and(|pad| pad.0 <= 0 && pad.1 <= 0);
        dispatch_all!(x[0].dtype(), T => {
            let (view, value) = (core.view::<T>(), T::from_f64(self.value));
            let (from, sizes) = (view.strided(), core.shape());
            let out = out[0].slice::<T>();
            let grain = if parts { (GRAIN / step).max(1) * step } else { out.len() };
            pool::chunks_mut(out, grain, |start, out| {
                out.fill(value);
                if !sizes.contains(&0) {
                    let (mut src, mut shape) = (from, sizes.to_vec());
                    if parts {
                        src.offset += start / step * src.strides[0];
                        shape[0] = out.len() / step;
                    }
                    copy_into(src, &shape, out, offset, &strides);
                }
            });
        });
    }

    fn backward(&self, ctx: &Context<'_>) -> Gradients {
        let pads = self.pads.iter().map(|(before, after)| (-before, -after)).collect();
        smallvec![Some(apply(ConstantPad { pads, value: 0.0 }, &[ctx.grad()]))]
    }
}

/// Output positions as copies of input positions, the first of which lies `before` positions after the output's.
#[derive(Clone, Copy)]
struct Copies {
    mode: PadMode,
    before: isize,
}

impl Rule for Copies {
    const NAME: &'static str = "pad";

    fn taps(self, inputs: usize, outputs: usize, _: bool) -> Taps {
        let (mut taps, n) = (Taps::new(inputs), inputs as isize);
        for i in 0..outputs as isize {
            let at = i - self.before;
            let from = match self.mode {
                PadMode::Circular => at.rem_euclid(n),
                PadMode::Reflect if at < 0 => -at,
                PadMode::Reflect if at >= n => 2 * (n - 1) - at,
                _ => at.clamp(0, n - 1),
            };
            taps.push([(from as usize, 1.0)]);
        }
        taps
    }
}

impl Tensor {
    /// Adds positions at the ends of the last dimensions: `pad` holds pairs (before, after), that of the last dimension
    /// first, so `[1, 2, 3, 4]` adds 1 column left, 2 right, 3 rows above and 4 below. Negative numbers crop. The modes
    /// other than `Constant` pad the last dimension of 2-D or 3-D inputs, the last two of 3-D or 4-D ones, or the last
    /// three of 4-D or 5-D ones.
    /// [`torch.nn.functional.pad`](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html).
    ///
    /// # Panics
    /// If the pairs do not fit the shape, more is cropped than there is, `Reflect` pads by as much as a dimension's size
    /// or `Circular` by more.
    ///
    /// ```
    /// use flambeau_tensor::{PadMode, tensor};
    /// let x = tensor![[1.0, 2.0, 3.0]];
    /// assert_eq!(x.pad(&[1, 1], PadMode::Constant(0.5)).to_vec::<f32>(), [0.5, 1.0, 2.0, 3.0, 0.5]);
    /// assert_eq!(x.pad(&[2, -1], PadMode::Reflect).to_vec::<f32>(), [3.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(x.pad(&[0, 2], PadMode::Circular).to_vec::<f32>(), [1.0, 2.0, 3.0, 1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn pad(&self, pad: &[isize], mode: PadMode) -> Tensor {
        let (shape, ndim, n) = (self.shape(), self.ndim(), pad.len() / 2);
        // Beyond this no size is, and no sum of two overflows.
        let limit = isize::MAX / 4;
        ensure!(
            pad.len().is_multiple_of(2) && n <= ndim && pad.iter().all(|p| (-limit..=limit).contains(p)),
            "pad",
            "{pad:?} for shape {shape:?}; give (before, after) for each of at most {ndim} dimensions, the last first"
        );
        let mut pads = vec![(0, 0); ndim];
        pads.iter_mut().rev().zip(pad.chunks_exact(2)).for_each(|(to, pair)| *to = (pair[0], pair[1]));
        if let PadMode::Constant(value) = mode {
            return apply(ConstantPad { pads, value }, &[self]);
        }
        ensure!(
            (1..=3).contains(&n) && (n + 1..=n + 2).contains(&ndim),
            "pad",
            "{pad:?} for shape {shape:?} with mode {mode:?}, which pads the last dimension of 2 or 3, the last 2 of 3 or \
             4, or the last 3 of 4 or 5; mode Constant pads any"
        );
        // A copy even where nothing is padded.
        let start = if pad.iter().all(|&p| p == 0) { self.copy() } else { self.clone() };
        (ndim - n..ndim)
            .filter(|&dim| pads[dim] != (0, 0))
            .fold(start, |x, dim| pad_dim(&x, dim, pads[dim], mode))
    }
}

#[track_caller]
fn pad_dim(x: &Tensor, dim: usize, pad: (isize, isize), mode: PadMode) -> Tensor {
    let (size, (mut before, after)) = (x.shape()[dim], pad);
    let outputs = match mode {
        // Here negative padding cuts what positive padding adds at the other end, too.
        PadMode::Reflect | PadMode::Replicate => {
            (size as isize).saturating_add(before + after).max(0) as usize
        }
        _ => unwrap(size_with(x, dim, pad)),
    };
    if outputs == 0 && mode == PadMode::Circular {
        return crop(x, dim, pad);
    }
    let most = match mode {
        PadMode::Reflect => size as isize - 1,
        PadMode::Circular => size as isize,
        _ => isize::MAX,
    };
    ensure!(
        size > 0 && outputs > 0 && before.max(after) <= most,
        "pad",
        "{before} before and {after} after dimension {dim} of shape {:?} with mode {mode:?}; sizes are at least 1, and \
         the padding is at most {most}",
        x.shape()
    );
    // Circular takes what is left after cropping for the circle.
    let x = if mode == PadMode::Circular { crop(x, dim, pad) } else { x.clone() };
    ensure!(x.shape()[dim] > 0, "pad", "{pad:?} crops all of dimension {dim}, and nothing is left to repeat");
    if mode == PadMode::Circular {
        before = before.max(0);
    }
    along(&x, dim, outputs, Copies { mode, before })
}

pub(crate) const CALLS: Calls = &[("nn.functional.pad", |a| {
    let (x, pad): (Tensor, Vec<isize>) = (a.get("input")?, a.get("pad")?);
    let (name, value): (&str, Option<f64>) = (a.or("mode", "constant")?, a.opt("value")?);
    let mode = match name {
        "constant" => PadMode::Constant(value.unwrap_or(0.0)),
        "reflect" => PadMode::Reflect,
        "replicate" => PadMode::Replicate,
        "circular" => PadMode::Circular,
        _ => {
            let names = r#""constant", "reflect", "replicate" or "circular""#;
            return Err(Error::op("pad", format!("mode {name:?}; it is {names}")));
        }
    };
    if !matches!(mode, PadMode::Constant(_)) && value.is_some_and(|value| value != 0.0) {
        return Err(Error::op("pad", format!("a value with mode {name:?}; only \"constant\" has one")));
    }
    a.done(x.pad(&pad, mode))
})];

pub(crate) fn samples() -> Vec<Sample> {
    use PadMode::*;
    let case = |torch, shape: &[usize], pad: &'static [isize], mode| {
        sample(torch, [normal(shape.len() as u64, shape)], move |x| x[0].pad(pad, mode))
    };
    vec![
        case("F.pad(x0, (1, 2))", &[2, 3], &[1, 2], Constant(0.0)),
        case("F.pad(x0, (-1, 2, 3, 0), value=1.5)", &[2, 3, 4], &[-1, 2, 3, 0], Constant(1.5)),
        case("F.pad(x0, (0, -3))", &[2, 3], &[0, -3], Constant(0.0)),
        case("F.pad(x0, ())", &[], &[], Constant(0.0)),
        case("F.pad(x0, (1, 1), value=float('-inf'))", &[0], &[1, 1], Constant(f64::NEG_INFINITY)),
        sample("F.pad(x0.t(), (2, 1, -1, 1))", [normal(7, &[2, 3])], |x| {
            x[0].t().pad(&[2, 1, -1, 1], Constant(0.0))
        }),
        sample("F.pad(x0, (1, 0), value=-3)", [integers(8, 9, &[4])], |x| x[0].pad(&[1, 0], Constant(-3.0))),
        case("F.pad(x0, (2, 1), 'reflect')", &[2, 3], &[2, 1], Reflect),
        case("F.pad(x0, (-1, 3, 0, 2), 'reflect')", &[1, 2, 3, 4], &[-1, 3, 0, 2], Reflect),
        case("F.pad(x0, (1, 1, 1, 0, 0, 1), 'reflect')", &[1, 2, 2, 3], &[1, 1, 1, 0, 0, 1], Reflect),
        case("F.pad(x0, (4, 5), 'replicate')", &[1, 2, 3], &[4, 5], Replicate),
        case("F.pad(x0, (-1, 2, 3, -2), 'replicate')", &[2, 3, 4], &[-1, 2, 3, -2], Replicate),
        case("F.pad(x0, (1, 0, 0, 2, 1, 1), 'replicate')", &[1, 1, 2, 3, 2], &[1, 0, 0, 2, 1, 1], Replicate),
        case("F.pad(x0, (3, -2), 'replicate')", &[2, 1], &[3, -2], Replicate),
        case("F.pad(x0, (3, 2), 'circular')", &[2, 3], &[3, 2], Circular),
        case("F.pad(x0, (-1, 2, 1, 1), 'circular')", &[1, 2, 3, 5], &[-1, 2, 1, 1], Circular),
        case("F.pad(x0, (1, -1, 2, 0, 0, 1), 'circular')", &[1, 1, 2, 3, 4], &[1, -1, 2, 0, 0, 1], Circular),
        case("F.pad(x0, (0, 0), 'circular')", &[2, 3], &[0, 0], Circular),
    ]
}
