//! What the transforms have in common: checks, pixels, and a loop from one image's buffer to another's.

use flambeau_tensor::{DType, Element, Error, Tensor, raise};

/// Raises an error of the transform named first unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $op:expr, $($message:tt)+) => {
        if $condition {
        } else {
            flambeau_tensor::raise(flambeau_tensor::Error::op($op, format!($($message)+)));
        }
    };
}
pub(super) use ensure;

/// Runs an expression with `$T` bound to the pixels' type; [`image`] has refused others.
macro_rules! by_pixel {
    ($x:expr, $T:ident => $body:expr) => {
        match $x.dtype() {
            flambeau_tensor::DType::U8 => {
                type $T = u8;
                $body
            }
            _ => {
                type $T = f32;
                $body
            }
        }
    };
}
pub(super) use by_pixel;

/// A channel's value at one place.
pub(super) trait Pixel: Element {
    /// White.
    const MAX: f32;
    /// The value, rounded to the nearest (ties to even) where pixels are integers.
    fn rounded(value: f32) -> Self;
    /// The value, cut off where pixels are integers.
    fn truncated(value: f32) -> Self;
    /// The value, rounded down where pixels are integers.
    fn floored(value: f32) -> f32;
}

impl Pixel for u8 {
    const MAX: f32 = 255.0;
    #[inline(always)]
    fn rounded(value: f32) -> u8 {
        nearest(value) as u8
    }
    #[inline(always)]
    fn truncated(value: f32) -> u8 {
        value as u8
    }
    #[inline(always)]
    fn floored(value: f32) -> f32 {
        f32::from(value as u8)
    }
}

impl Pixel for f32 {
    const MAX: f32 = 1.0;
    #[inline(always)]
    fn rounded(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    fn truncated(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    fn floored(value: f32) -> f32 {
        value
    }
}

/// The nearest integer, ties to even, of a number below 2²² (others come back changed by less than a half at most): two
/// additions, where the processors that every program runs on have no instruction for it.
#[inline(always)]
pub(super) fn nearest(value: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (value + SHIFT) - SHIFT
}

/// The channels, height and width of an image that `op` is to work on.
#[track_caller]
pub(super) fn image(op: &'static str, x: &Tensor) -> [usize; 3] {
    let &[channels, height, width] = x.shape() else {
        raise(Error::op(
            op,
            format!(
                "a tensor of shape {:?} is no image; one has shape [C, H, W], a batch [N, C, H, W]",
                x.shape()
            ),
        ));
    };
    ensure!(
        matches!(x.dtype(), DType::U8 | DType::F32),
        op,
        "an image of {}; make it torch.uint8 (0 to 255) or torch.float32 (0 to 1) with to_dtype",
        x.dtype()
    );
    [channels, height, width]
}

/// An image of a shape and of `x`'s type, filled from `x`'s pixels by `fill`.
#[track_caller]
pub(super) fn made<T: Element>(x: &Tensor, shape: [usize; 3], fill: impl FnOnce(&[T], &mut [T])) -> Tensor {
    let out = Tensor::full(shape, T::default());
    let x = x.contiguous();
    fill(&x.view::<T>(), &mut out.slice_mut::<T>());
    out
}

/// A copy, changed in place by `change`.
#[track_caller]
pub(super) fn changed<T: Element>(x: &Tensor, change: impl FnOnce(&mut [T])) -> Tensor {
    let shape = image("transform", x);
    made(x, shape, |x: &[T], out| {
        out.copy_from_slice(x);
        change(out);
    })
}

/// The images of a batch, each transformed, as a batch.
#[track_caller]
pub(super) fn each(images: &Tensor, transform: impl FnMut(&Tensor) -> Tensor) -> Tensor {
    let n = images.shape()[0];
    ensure!(n > 0, "transform", "a batch of shape {:?} holds no image; leave it out", images.shape());
    let images: Vec<Tensor> = (0..n as isize).map(|i| images.select(0, i)).map(|x| x.detach()).collect();
    let images: Vec<Tensor> = images.iter().map(transform).collect();
    Tensor::stack(&images, 0)
}
